/** The seed's own vectors, the ones the specification adds, and its screen text. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOUR, SECOND } from "../core/units.ts";
import { seedEnforceLines, seedLearningLines, seedLineText } from "./seed-messages.ts";
import { roundHalfEven, type SeedChange, SeedProfile, type SeedState, SeedStateMachine } from "./seed-profile.ts";

const T0 = Date.UTC(2024, 0, 2, 10, 0, 0) * 1000;

/** A profile that has learned `baseline` in one bucket starting at T0. */
function learned(baseline: number, threshold_pct: number): SeedProfile {
  const profile = new SeedProfile({ threshold_pct });
  profile.observe(T0, baseline);
  profile.advance(T0 + 120 * SECOND);
  return profile;
}

/** Runs the next buckets with these counts and gives the state after each. */
function states(profile: SeedProfile, counts: readonly number[], from = 1): SeedState[] {
  return counts.map((count, index) => {
    const start = T0 + (from + index) * 120 * SECOND;
    if (count > 0) profile.observe(start + SECOND, count);
    profile.advance(start + 120 * SECOND);
    return profile.state;
  });
}

describe("golden vectors", () => {
  test("threshold 1 %, baseline 100", () => {
    const profile = learned(100, 1);
    expect(profile.baseline).toBe(100);
    expect(states(profile, [101])).toEqual(["enforce_normal"]);
    expect(profile.history).toHaveLength(0);
    expect(states(profile, [102], 2)).toEqual(["enforce_alert"]);
    expect(profile.history).toHaveLength(1);
    expect(states(profile, [103], 3)).toEqual(["enforce_alert"]);
    expect(profile.history.map((row) => row.hits)).toEqual([103, 102]);
    expect(states(profile, [99], 4)).toEqual(["enforce_dismiss"]);
    expect(profile.history).toHaveLength(2);
    expect(states(profile, [99], 5)).toEqual(["enforce_normal"]);
    expect(profile.history).toHaveLength(2);
  });

  test("exactly the threshold does not fire", () => {
    expect(states(learned(10, 10), [10, 11, 12])).toEqual(["enforce_normal", "enforce_normal", "enforce_alert"]);
    expect(states(learned(100, 10), [110, 111])).toEqual(["enforce_normal", "enforce_alert"]);
  });

  test("an alert can come straight out of the dismissal", () => {
    expect(states(learned(10, 10), [12, 10, 12])).toEqual(["enforce_alert", "enforce_dismiss", "enforce_alert"]);
  });

  test("no low side: silence is normal", () => {
    expect(states(learned(100, 10), [0, 0])).toEqual(["enforce_normal", "enforce_normal"]);
  });

  test("baseline 1: two requests are +100 %", () => {
    expect(states(learned(1, 10), [2])).toEqual(["enforce_alert"]);
  });

  test("learning with nothing restarts, for ever, and then learns", () => {
    const kinds: string[] = [];
    const profile = new SeedProfile({}, (change) => kinds.push(change.kind));
    profile.advance(T0);
    for (const bucket of [1, 2, 3]) profile.advance(T0 + bucket * 120 * SECOND);
    expect(kinds).toEqual(["restarted", "restarted", "restarted"]);
    expect(profile.attempts).toBe(4);
    profile.observe(T0 + 361 * SECOND, 40);
    profile.advance(T0 + 480 * SECOND);
    expect(profile.state).toBe("enforce_normal");
    expect(profile.baseline).toBe(40);
  });

  test("one request in a learning of two buckets rounds to zero and restarts", () => {
    const profile = new SeedProfile({ learning: 240 * SECOND });
    profile.observe(T0);
    profile.advance(T0 + 240 * SECOND);
    expect(profile.state).toBe("learn_baseline");
    expect(profile.baseline).toBe(0);
  });

  test("half rounds to even", () => {
    expect([0.5, 1.5, 2.5, 3.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 4, 2, 3]);
  });
});

describe("state table", () => {
  const all: SeedState[] = ["learn_baseline", "enforce_normal", "enforce_alert", "enforce_dismiss"];
  const allowed = new Set([
    "learn_baseline>enforce_normal",
    "learn_baseline>enforce_alert",
    "enforce_normal>enforce_alert",
    "enforce_alert>enforce_dismiss",
    "enforce_dismiss>enforce_alert",
    "enforce_dismiss>enforce_normal",
  ]);
  for (const from of all)
    for (const to of all.filter((state) => state !== from))
      test(`${from} to ${to} ${allowed.has(`${from}>${to}`) ? "passes" : "raises"}`, () => {
        const machine = new SeedStateMachine();
        machine.state = from;
        const go = () => machine.switchTo(to);
        if (allowed.has(`${from}>${to}`)) expect(go).not.toThrow();
        else expect(go).toThrow(/invalid alert state switch/);
      });
});

test("maximum and average duration", () => {
  const profile = learned(100, 10);
  states(profile, [200, 200, 100, 100, 200, 100]);
  expect(profile.durations()).toEqual({ count: 2, max: 240 * SECOND, mean: 180 * SECOND, open: null });
  states(profile, [100, 200, 200], 7);
  expect(profile.durations().open).toBe(120 * SECOND);
});

test("history ages out by the retention, oldest first", () => {
  const profile = learned(100, 10);
  states(profile, [200, 150]);
  const first = T0 + 240 * SECOND;
  profile.trim(first + 24 * HOUR);
  expect(profile.history.map((row) => row.hits)).toEqual([150, 200]);
  profile.trim(first + 24 * HOUR + 1);
  expect(profile.history.map((row) => row.hits)).toEqual([150]);
});

test("a jump of a year is walked in no time and says the same as small steps", () => {
  const jump = learned(100, 10);
  states(jump, [200]);
  const year = T0 + 365 * 24 * HOUR + 7 * SECOND;
  jump.advance(year);
  expect(jump.state).toBe("enforce_normal");
  const slow = learned(100, 10);
  states(slow, [200]);
  for (let now = T0 + 240 * SECOND; now <= year; now += 120 * SECOND) slow.advance(now);
  slow.advance(year);
  expect(jump.serialize()).toEqual(slow.serialize());
});

test("restored at any moment it goes on as if it had never stopped", () => {
  const bucket = fc.record({ requests: fc.nat(300), at_s: fc.nat(119) });
  fc.assert(
    fc.property(fc.array(bucket, { minLength: 2, maxLength: 12 }), fc.nat(11), (buckets, cut) => {
      const run = (restart: boolean) => {
        const changes: SeedChange[] = [];
        let profile = new SeedProfile({}, (change) => changes.push(change));
        profile.advance(T0);
        buckets.forEach(({ requests, at_s }, index) => {
          profile.observe(T0 + (index * 120 + at_s) * SECOND, requests);
          if (restart && index === cut)
            profile = SeedProfile.restore(JSON.parse(JSON.stringify(profile.serialize())), {}, (change) =>
              changes.push(change),
            );
        });
        return { changes, end: profile.serialize() };
      };
      expect(run(true)).toEqual(run(false));
    }),
  );
});

test("screen text, word for word", () => {
  const profile = new SeedProfile();
  profile.observe(T0, 3);
  profile.advance(T0 + 10 * SECOND);
  const utc = () => 0;
  const learning = seedLearningLines(profile, { count: profile.count, countdown_s: profile.countdown_s() });
  expect(learning.map(seedLineText)).toEqual([
    "<<<Learning mode>>>",
    "Collected 3 HTTP request in 10s",
    "Est. average rate: 36/120s",
    "110s counting down...",
  ]);
  expect(learning[0]).toEqual([{ text: "<<<Learning mode>>>", tint: "white on grey" }]);
  profile.advance(T0 + 120 * SECOND);
  profile.observe(T0 + 125 * SECOND, 5);
  expect(seedEnforceLines(profile, utc).map(seedLineText)).toEqual([
    "[INFO] Average baseline: 3/120s, Alert threshold: 10%, Current average: 5/120s, Next Alert check in 116s...",
    "",
    "<<<Alert History>>>",
  ]);
  profile.advance(T0 + 240 * SECOND);
  const active = seedEnforceLines(profile, utc);
  expect(active.slice(1).map(seedLineText)).toEqual([
    "",
    "<<<Active Alert>>>",
    "High traffic generated an alert - hits=5, triggered at 10:04:00 2024/01/02",
    "",
    "<<<Alert History>>>",
    "hits 5 at 10:04:00 2024/01/02",
  ]);
  expect(active[2]).toEqual([{ text: "<<<Active Alert>>>", tint: "red" }]);
  expect(active[5]).toEqual([{ text: "<<<Alert History>>>", tint: "yellow on grey" }]);
  profile.advance(T0 + 360 * SECOND);
  expect(seedEnforceLines(profile, () => 3_600).slice(2, 4)).toEqual([
    [{ text: "<<<Alert Dismissed>>>", tint: "green" }],
    ["High traffic generated an alert - hits=", { text: "5", tint: "yellow" }, ", triggered at 11:04:00 2024/01/02"],
  ]);
});

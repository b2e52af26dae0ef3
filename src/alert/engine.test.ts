/** The default profile, must-have by must-have: what fires, what stays quiet, what survives. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { poisson, random, run, START, STEP, STEPS_PER_DAY } from "../../test/support/alert-traffic.ts";
import { cpu_ms } from "../../test/support/duration.ts";
import { transaction } from "../../test/support/event.ts";
import type { AlertEvent } from "../core/event.ts";
import { Ledger } from "../core/ledger.ts";
import { DAY, HOUR, MINUTE, type Micros, SECOND } from "../core/units.ts";
import { AlertEngine } from "./engine.ts";
import { type AlertConfigInput, alertConfig } from "./schema.ts";
import { parseState } from "./state.ts";

/** Traffic of exactly this many requests a window, evenly. */
const even = (perWindow: number) => () => perWindow / 12;
const HOUR_STEPS = 360;
/** Learned and calm after an hour and a half. */
function calm(config: AlertConfigInput = {}, perWindow = 240, options = {}) {
  const simulation = run(config, options);
  simulation.steps(1.5 * HOUR_STEPS, even(perWindow));
  return simulation;
}
const states = (events: readonly AlertEvent[]) => events.map((event) => event.state);
const rule = (change: object = {}): AlertConfigInput => ({
  rules: [{ kind: "baseline", name: "requests", ...change }],
});

describe("a step", () => {
  test("of twice the traffic for less than two windows says nothing", () => {
    const simulation = calm();
    simulation.steps(12, even(480));
    simulation.steps(HOUR_STEPS, even(240));
    expect(simulation.events).toEqual([]);
  });

  test("that stays fires once, resolves once, and the record tells the whole story", () => {
    const simulation = calm();
    simulation.steps(60, even(480));
    simulation.steps(60, even(240));
    expect(states(simulation.events)).toEqual(["firing", "resolving", "resolved"]);
    const [firing, , resolved] = simulation.events;
    expect(new Set(simulation.events.map((event) => event.id)).size).toBe(1);
    expect(firing).toMatchObject({
      direction: "high",
      rule: "requests",
      window_s: 120,
      resolved_at: null,
      reopened: 0,
    });
    expect(firing.baseline).toMatchObject({ mode: "robust", m: 240, windows: 30 });
    expect(firing.value).toBeGreaterThan(firing.baseline?.up ?? 0);
    expect(resolved.peak).toBe(480);
    expect(resolved.summary).toMatch(/^RESOLVED requests after \d+ m( \d+ s)? \(peak 480, \d+ checks\)$/);
    expect(firing.summary).toMatch(
      /^HIGH requests: \d+ in 120 s, usual 240 \(\+\d+ %, limit \d+\) since \d\d:\d\d:\d\d$/,
    );
  });

  test("the severity rises while it fires and does not fall before the end", () => {
    const simulation = calm();
    simulation.steps(40, even(360));
    simulation.steps(30, even(900));
    simulation.steps(30, even(360));
    expect(simulation.events.map((event) => `${event.state} ${event.severity}`)).toEqual([
      "firing warning",
      "firing critical",
    ]);
    expect(simulation.engine.alerts()[0].event.severity).toBe("critical");
  });

  test("back within hysteresis but not clear keeps firing; out again is the same alert, reopened", () => {
    const simulation = calm();
    simulation.steps(40, even(480));
    simulation.steps(25, even(240));
    simulation.steps(40, even(480));
    simulation.steps(90, even(240));
    expect(states(simulation.events)).toEqual(["firing", "resolving", "firing", "resolving", "resolved"]);
    expect(new Set(simulation.events.map((event) => event.id)).size).toBe(1);
    expect(simulation.events.at(-1)?.reopened).toBe(1);
  });
});

describe("what incidents and drifts teach", () => {
  test("an hour's incident does not raise the baseline", () => {
    const simulation = calm();
    simulation.steps(HOUR_STEPS, even(1200));
    simulation.steps(HOUR_STEPS, even(240));
    expect(simulation.fired()).toHaveLength(1);
    expect(simulation.engine.status()[0].m).toBe(240);
  });

  test("a ramp of 5 % an hour drifts, and floods nobody", () => {
    const next = random(5);
    const simulation = run();
    simulation.steps(3 * HOUR_STEPS, () => poisson(1000 / 12, next));
    simulation.steps(12 * HOUR_STEPS, (step) =>
      poisson((1000 / 12) * 1.05 ** ((step - 3 * HOUR_STEPS) / HOUR_STEPS), next),
    );
    expect(simulation.fired().length).toBeLessThanOrEqual(1);
    expect(states(simulation.events)).toContain("drift");
    expect(simulation.events.filter((event) => event.state === "drift").length).toBeLessThanOrEqual(2);
  });

  test("the baseline follows no faster than the guard lets it", () => {
    const simulation = calm(rule({ mode: "robust", z: 1000, p: 1000 }));
    simulation.steps(2 * HOUR_STEPS, even(2400));
    const m = simulation.engine.status()[0].m as number;
    expect(m).toBeGreaterThan(240 * 1.07);
    expect(m).toBeLessThan(240 * 1.11);
  });

  test("frozen never moves; ewma moves slowly", () => {
    const frozen = calm(rule({ mode: "frozen" }));
    frozen.steps(6 * HOUR_STEPS, even(250));
    expect(frozen.engine.status()[0].m).toBe(240);
    const ewma = calm(rule({ mode: "ewma" }));
    ewma.steps(24 * HOUR_STEPS, even(250));
    expect(ewma.engine.status()[0].m).toBeCloseTo(245, 0);
  });
});

describe("nothing while learning", () => {
  test("restarts three times, then less often told; then learns what comes", () => {
    const notes: string[] = [];
    const simulation = run({}, { note: (note) => notes.push(note.text) });
    simulation.steps(3 * 61 + 5, even(0));
    expect(states(simulation.events)).toEqual(["restarted", "restarted", "restarted"]);
    expect(simulation.events.map((event) => event.annotations?.["attempt"])).toEqual(["2", "3", "4"]);
    expect(simulation.events[0].summary).toBe("Learning restarted (attempt 2): no requests seen in 600 s");
    simulation.steps(20 * HOUR_STEPS, even(0));
    const told = simulation.events.map((event) => Number(event.annotations?.["attempt"]));
    expect(told).toEqual([2, 3, 4, 8, 16, 32, 64]);
    simulation.steps(HOUR_STEPS + 60, even(240));
    expect(simulation.engine.status()[0]).toMatchObject({ state: "normal", m: 240 });
    expect(notes).toContain("Learned provisionally: usual 240 requests in 120 s");
    expect(notes).toContain("Learned: usual 240 requests in 120 s");
    expect(simulation.fired()).toEqual([]);
  });

  test("zero_baseline floor: a sudden start of traffic alerts", () => {
    const simulation = run(rule({ zero_baseline: "floor" }));
    simulation.steps(HOUR_STEPS, even(0));
    simulation.steps(60, even(240));
    expect(states(simulation.events)).toEqual(["firing"]);
    expect(simulation.events[0].delta_pct).toBeNull();
  });

  test("few requests are few, not none", () => {
    const simulation = run();
    simulation.steps(2 * HOUR_STEPS, (step) => (step % 30 === 0 ? 1 : 0));
    expect(simulation.events).toEqual([]);
    expect(simulation.engine.status()[0].state).toBe("normal");
  });
});

describe("the low side", () => {
  test("is off until a day is learned: traffic that stops says nothing", () => {
    const simulation = calm();
    simulation.steps(HOUR_STEPS, even(0));
    expect(simulation.events).toEqual([]);
  });

  test("alerts after a day, and resolves when traffic is back", () => {
    const simulation = run();
    simulation.steps(STEPS_PER_DAY + HOUR_STEPS, even(240));
    simulation.steps(60, even(0));
    simulation.steps(120, even(240));
    expect(simulation.events.map((event) => `${event.state} ${event.direction}`)).toEqual([
      "firing low",
      "resolving low",
      "resolved low",
    ]);
    expect(simulation.events[0].summary).toMatch(/^LOW requests: 0 in 120 s, usual 240 \(−100 %, limit 120\)/);
  });

  test("when on, it needs no day", () => {
    const simulation = calm(rule({ low_side: "on" }));
    simulation.steps(60, even(0));
    expect(states(simulation.events)).toEqual(["firing"]);
  });
});

describe("trust", () => {
  test("a drop that comes with 5 % loss is no low alert; once the loss is over it is", () => {
    const simulation = calm(rule({ low_side: "on" }));
    const lossy = (dropped: number) => (_: unknown, index: number) => {
      const time = simulation.time();
      simulation.engine.observeLedger({ packets: 950, dropped, bytes: 1e6, gapBytes: 0 }, time);
      simulation.steps(1, even(index < 0 ? 0 : 60));
    };
    Array.from({ length: 90 }).forEach(lossy(50));
    expect(simulation.events).toEqual([]);
    expect(simulation.engine.status()[0]).toMatchObject({ suspect: true, m: 240 });
    Array.from({ length: 60 }).forEach(lossy(0));
    expect(states(simulation.events)).toEqual(["firing"]);
  });

  test("a high alert stands under loss and says that the truth is higher", () => {
    const simulation = calm();
    for (let step = 0; step < 30; step++) {
      simulation.engine.observeLedger({ packets: 969, dropped: 31, bytes: 1e6, gapBytes: 0 }, simulation.time());
      simulation.steps(1, even(480));
    }
    expect(states(simulation.events)).toEqual(["firing"]);
    expect(simulation.events[0].quality).toMatchObject({ suspect: true, gap_bytes: 0 });
    expect(simulation.events[0].summary).toMatch(/capture lost 3\.1 % of the traffic, true value is higher$/);
  });

  test("missing bytes count as loss too", () => {
    const simulation = calm(rule({ low_side: "on" }));
    for (let step = 0; step < 60; step++) {
      simulation.engine.observeLedger({ packets: 100, dropped: 0, bytes: 1e6, gapBytes: 2e4 }, simulation.time());
      simulation.steps(1, even(60));
    }
    expect(simulation.events).toEqual([]);
  });

  test("a dead capture is its own alert, and no low alert", () => {
    const simulation = calm(rule({ low_side: "on" }), 240, { clock: "live" });
    simulation.engine.observeCapture("down", simulation.time(), "eth0 is down");
    simulation.steps(30, even(0));
    simulation.engine.observeCapture("up", simulation.time());
    simulation.steps(60, even(240));
    expect(simulation.events.map((event) => `${event.rule} ${event.state}`)).toEqual([
      "capture no-data",
      "capture resolved",
    ]);
    expect(simulation.events[0].summary).toContain("eth0 is down");
  });
});

describe("clocks", () => {
  test("ten minutes of sleep in mid-window: neither learned nor judged", () => {
    const simulation = calm(rule({ low_side: "on" }), 240, { clock: "live" });
    simulation.done += 60;
    simulation.engine.advance(simulation.time());
    expect(simulation.engine.status()[0].m).toBe(240);
    simulation.steps(HOUR_STEPS, even(240));
    expect(simulation.events).toEqual([]);
    expect(simulation.engine.status()[0].m).toBe(240);
  });

  test("a clock set back by an hour goes on from there", () => {
    const simulation = calm(rule({ low_side: "on" }), 240, { clock: "live" });
    simulation.done -= HOUR_STEPS;
    simulation.engine.advance(simulation.time());
    expect(simulation.engine.now).toBe(simulation.time());
    simulation.steps(HOUR_STEPS / 2, even(240));
    expect(simulation.events).toEqual([]);
    simulation.steps(60, even(480));
    expect(states(simulation.events)).toEqual(["firing"]);
    const firing = simulation.events[0];
    expect(Date.parse(firing.fired_at ?? "") - Date.parse(firing.active_at ?? "")).toBe(120_000);
  });

  test("a clock set back during an alert keeps its length right", () => {
    const simulation = calm({}, 240, { clock: "live" });
    simulation.steps(60, even(480));
    simulation.done -= HOUR_STEPS;
    simulation.engine.advance(simulation.time());
    simulation.steps(30, even(480));
    simulation.steps(60, even(240));
    expect(states(simulation.events)).toEqual(["firing", "resolving", "resolved"]);
    const resolved = simulation.events.at(-1) as AlertEvent;
    const length_s = (Date.parse(resolved.resolved_at ?? "") - Date.parse(resolved.active_at ?? "")) / 1000;
    expect(length_s).toBeGreaterThan(600);
    expect(length_s).toBeLessThan(1500);
  });

  test("a capture file with three idle hours: silence is silence, and nothing alerts when traffic is back", () => {
    const simulation = calm();
    simulation.done += 3 * HOUR_STEPS;
    simulation.engine.advance(simulation.time());
    simulation.steps(HOUR_STEPS, even(240));
    expect(simulation.events).toEqual([]);
  });

  test("a time stamp a thousand years ahead costs nothing", () => {
    const simulation = calm();
    const far = simulation.time() + 365_000 * DAY;
    const begin = cpu_ms();
    for (let year = 0; year < 1000; year++) simulation.engine.advance(far + year * 365 * DAY);
    expect(cpu_ms() - begin).toBeLessThan(1000);
    expect(simulation.events).toEqual([]);
  });

  test("hours of the week: a busy hour each day stops alerting after three days, across a change of daylight saving", () => {
    // local noon is three times as busy; the offset changes from 60 to 120 minutes after four days
    const change = START + 4 * DAY;
    const utcOffset = (time: Micros) => (time < change ? 60 : 120);
    const simulation = run({}, { utcOffset });
    const busy = (step: number) => {
      const time = START + step * STEP;
      return new Date((time + utcOffset(time) * MINUTE) / 1000).getUTCHours() === 12 ? 720 : 240;
    };
    simulation.steps(7 * STEPS_PER_DAY, (step) => busy(step) / 12);
    const days = simulation.fired().map((event) => Math.floor((event.time_us - START) / DAY));
    expect(days).toEqual([0, 1, 2]);
    // the same level at another hour still alerts
    simulation.steps(6 * HOUR_STEPS, even(240));
    simulation.steps(60, even(720));
    expect(simulation.fired()).toHaveLength(4);
  });
});

test("flapping is told once, then held back until an hour is quiet", () => {
  const simulation = calm(rule({ for: 0, keep_firing_for: 0 }));
  for (let round = 0; round < 8; round++) {
    simulation.steps(14, even(320));
    simulation.steps(14, even(240));
  }
  const count = (state: string) => simulation.events.filter((event) => event.state === state).length;
  expect(count("firing")).toBe(4);
  expect(count("flapping")).toBe(1);
  expect(states(simulation.events).at(-1)).toBe("flapping");
  simulation.steps(HOUR_STEPS + 20, even(240));
  expect(count("resolved")).toBe(5);
  expect(simulation.events.at(-1)).toMatchObject({ state: "resolved", summary: expect.stringContaining("flapping") });
  // the history still knows every one
  expect(simulation.engine.durations()).toMatchObject({ count: 8, open: 0 });
  simulation.steps(14, even(2400));
  expect(states(simulation.events).at(-1)).toBe("firing");
});

test("duration statistics", () => {
  const simulation = calm({ ...rule({ for: 0, keep_firing_for: 0 }), retention: "48h" });
  for (const length of [30, 60, 90]) {
    simulation.steps(length, even(720));
    simulation.steps(HOUR_STEPS, even(240));
  }
  const durations = simulation.engine.durations();
  expect(durations.count).toBe(3);
  expect(durations.open).toBe(0);
  const longest = simulation.engine.alerts()[0];
  expect(durations.longest_id).toBe(longest.event.id);
  expect(durations.max_s).toBe(((longest.resolved_us as number) - longest.active_us) / SECOND);
  expect(durations.mean_s).toBeCloseTo((durations.total_s as number) / 3);
  expect(durations.p50_s as number).toBeLessThan(durations.p95_s as number);
  expect(durations.mtba_s).toBeGreaterThan(3600);
  expect(durations.pct_time_in_alert).toBeGreaterThan(5);
  simulation.steps(10, even(720));
  expect(simulation.engine.durations()).toMatchObject({ count: 3, open: 1, max_s: durations.max_s });
  expect(simulation.engine.durations().mean_with_open_s).toBeLessThan(durations.mean_s as number);
  simulation.steps(5 * STEPS_PER_DAY, even(240));
  expect(simulation.engine.durations()).toMatchObject({ count: 0, max_s: null, mean_s: null });
});

describe("people", () => {
  test("acknowledged and silenced records are marked; relearn closes and begins again", () => {
    const simulation = calm({}, 240, { compile: () => (event: unknown) => (event as AlertEvent).rule === "requests" });
    simulation.steps(30, even(480));
    const id = simulation.events[0].id;
    expect(simulation.engine.acknowledge("a-nothing")).toBe(false);
    expect(simulation.engine.acknowledge(id, "on it")).toBe(true);
    simulation.engine.silence('rule == "requests"', HOUR);
    simulation.steps(14, even(240));
    expect(simulation.events.at(-1)?.labels).toMatchObject({ acknowledged: "true", silenced: expect.any(String) });
    expect(simulation.engine.alert(id)?.acknowledged?.comment).toBe("on it");
    expect(simulation.engine.relearn("nothing")).toBe(false);
    expect(simulation.engine.relearn("requests")).toBe(true);
    expect(simulation.events.at(-1)?.state).toBe("resolved");
    expect(simulation.engine.status()[0]).toMatchObject({ state: "learning", windows: 0 });
    simulation.steps(HOUR_STEPS * 2, even(480));
    expect(simulation.engine.status()[0]).toMatchObject({ state: "normal", m: 480 });
  });
});

describe("kill and restart", () => {
  const compile = () => () => true;
  const config = alertConfig({
    rules: [
      { kind: "baseline", name: "requests", low_side: "on" },
      { kind: "baseline", name: "by client", group_by: "client", group_limit: 2, mode: "ewma" },
      { kind: "baseline", name: "slow", series: "latency_p95", minimum_count: 3 },
      { kind: "threshold", name: "many", expr: "rate(requests[1m]) > 5", for: "30s" },
      { kind: "absence", name: "heartbeat", for: "60s" },
      { kind: "first-seen", name: "hosts", of: "host", learn: "5m" },
    ],
  });
  /** A random but repeatable story: steady, flood, silence, loss, other hosts and clients. */
  const story = (seed: number, steps: number) => {
    const next = random(seed);
    const phases = ["steady", "flood", "silence", "steady", "loss", "back"] as const;
    return Array.from({ length: steps }, (_, step) => {
      const phase = step < 75 ? "steady" : phases[Math.floor(step / 25) % phases.length];
      const requests = phase === "silence" ? 0 : phase === "flood" ? 60 : 15 + Math.floor(next() * 6);
      return { phase, requests, host: Math.floor(next() * 4), client: Math.floor(next() * 4), late: next() };
    });
  };
  const feed = (engine: AlertEngine, step: number, part: ReturnType<typeof story>[number]) => {
    const begin = START + step * STEP;
    if (part.phase === "loss") engine.observeLedger({ packets: 90, dropped: 10, bytes: 1e5, gapBytes: 0 }, begin);
    for (let index = 0; index < part.requests; index++)
      engine.observe(
        transaction({
          time_us: begin + Math.floor((index / part.requests) * STEP),
          id: `${step}.${index}`,
          flow: { client: { ip: `10.0.0.${(part.client + index) % 4}` } },
          request: { host: `host${step > 60 ? part.host : 0}.example` },
          latency_ms: { ttfb: 5 + part.late * 20, total: 6 + part.late * 20 },
          outcome: index % 50 === 49 ? "no-response" : "complete",
        }),
      );
    engine.advance(begin + STEP);
  };

  test("at any moment, in any state: the same records as if it had never stopped", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.uniqueArray(fc.nat(229), { minLength: 1, maxLength: 6 }), (seed, cuts) => {
        const parts = story(seed, 230);
        const tell = (restarts: readonly number[]) => {
          const events: AlertEvent[] = [];
          const make = () => new AlertEngine(config, { emit: (event) => events.push(event), compile });
          let engine = make();
          parts.forEach((part, step) => {
            feed(engine, step, part);
            if (!restarts.includes(step)) return;
            const saved = parseState(JSON.stringify(engine.serialize()));
            if (saved === null) throw new Error("state not read back");
            const now = engine.now as Micros;
            engine = make();
            expect(engine.restore(saved, now).relearned).toEqual([]);
          });
          return { events, state: engine.serialize() };
        };
        const whole = tell([]);
        expect(whole.events.length).toBeGreaterThan(5);
        expect(tell(cuts)).toEqual(whole);
      }),
      { numRuns: 12 },
    );
  });

  test("an open alert survives, and is resolved after the restart under the same id", () => {
    const before = calm();
    before.steps(40, even(480));
    const saved = before.engine.serialize();
    const events: AlertEvent[] = [];
    const engine = new AlertEngine(alertConfig(), { emit: (event) => events.push(event), clock: "live" });
    const back = before.time() + 5 * MINUTE;
    expect(engine.restore(saved, back)).toEqual({ resumed: ["requests"], relearned: [] });
    expect(engine.alerts()[0].event.state).toBe("firing");
    for (let step = 0; step < 60; step++) {
      engine.observeCount(back + step * STEP + SECOND, 20);
      engine.advance(back + (step + 1) * STEP);
    }
    expect(states(events)).toEqual(["resolving", "resolved"]);
    expect(events[1].id).toBe(before.events[0].id);
  });

  test("p, z, a and h change in place; scope, series and window learn anew, and close what was open", () => {
    const before = calm();
    before.steps(40, even(480));
    const restart = (input: AlertConfigInput, now = before.time()) => {
      const events: AlertEvent[] = [];
      const engine = new AlertEngine(alertConfig(input), { emit: (event) => events.push(event), compile });
      return { outcome: engine.restore(before.engine.serialize(), now), engine, events };
    };
    expect(restart(rule({ p: 0.3, z: 5, a: 50, h: 0.5 })).outcome.resumed).toEqual(["requests"]);
    for (const change of [{ scope: 'host == "a"' }, { series: "bytes_in" }, { window: "60s" }]) {
      const { outcome, events } = restart(rule(change));
      expect(outcome.relearned).toEqual(["requests"]);
      expect(states(events)).toEqual(["resolved"]);
    }
    const old = restart({}, before.time() + 8 * DAY);
    expect(old.outcome.relearned).toEqual(["requests"]);
    expect(old.engine.status()[0].windows).toBe(0);
  });

  test("a state that is no state is not used", () => {
    for (const text of ["", "{}", "[]", "null", '{"schema":1}', '{"schema":99,"rules":[]}'])
      expect(parseState(text)).toBeNull();
  });
});

test("two rules on one scope fire each on its own", () => {
  const simulation = calm({
    rules: [
      { kind: "baseline", name: "first" },
      { kind: "baseline", name: "second", for: "5m" },
    ],
  });
  simulation.steps(60, even(480));
  expect(simulation.fired().map((event) => event.rule)).toEqual(["first", "second"]);
  expect(new Set(simulation.fired().map((event) => event.id)).size).toBe(2);
});

test("two runs of the same traffic give the same records, ids and all", () => {
  const once = () => {
    const simulation = calm();
    simulation.steps(60, even(480));
    simulation.steps(90, even(240));
    return simulation.events;
  };
  expect(once()).toEqual(once());
});

test("full tables count what they gave up", () => {
  const ledger = new Ledger();
  const engine = new AlertEngine(
    alertConfig({ rules: [{ kind: "first-seen", name: "hosts", of: "host", memory: 10 }] }),
    {
      emit: () => {},
      ledger,
    },
  );
  for (let index = 0; index < 100; index++)
    engine.observe(transaction({ time_us: START + index * SECOND, request: { host: `h${index}` } }));
  expect(ledger.evicted.get("alert.first-seen.hosts")).toBe(98);
});

/** The counters under the windows: law 3, bounds, and what comes late. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { DAY, HOUR, MINUTE, type Micros, SECOND } from "../core/units.ts";
import { contributors, UsualKeys } from "./contributor.ts";
import { Coverage } from "./coverage.ts";
import { FirstSeenMemory } from "./first-seen-memory.ts";
import { HistogramRing } from "./histogram-ring.ts";
import { KeyCounters } from "./key-counters.ts";
import { LossDeltas } from "./loss-delta.ts";
import { SecondRing } from "./ring.ts";
import { nearestRank } from "./robust.ts";
import { Season } from "./season.ts";
import { TimelineRecorder, timelineLines } from "./timeline.ts";

/** Events of one window: second, value, client. */
const observed = fc.array(fc.tuple(fc.nat(119), fc.double({ min: 0.02, max: 1e6, noNaN: true }), fc.nat(5)), {
  maxLength: 80,
});

describe("law 3: what two count apart adds up to what one counts", () => {
  test("seconds, histograms, keys", () => {
    fc.assert(
      fc.property(observed, observed, (a, b) => {
        const count = (events: typeof a) => {
          const counters = {
            ring: new SecondRing(200),
            histogram: new HistogramRing(20),
            keys: new KeyCounters(["client"], 20),
          };
          for (const [second, value, client] of events) {
            counters.ring.add(second, Math.round(value));
            counters.histogram.add(Math.floor(second / 10), value);
            const event = transaction({ flow: { client: { ip: `10.0.0.${client}` } } });
            counters.keys.add(Math.floor(second / 10), counters.keys.keysOf(event), 1);
          }
          return counters;
        };
        const whole = count([...a, ...b]);
        const merged = count(a);
        const other = count(b);
        merged.ring.merge(other.ring);
        merged.histogram.merge(other.histogram);
        merged.keys.merge(other.keys);
        expect(merged.ring.serialize()).toEqual(whole.ring.serialize());
        expect(merged.histogram.serialize()).toEqual(whole.histogram.serialize());
        const sorted = (keys: KeyCounters) => [...keys.window(0, 12)[0]].sort();
        expect(sorted(merged.keys)).toEqual(sorted(whole.keys));
      }),
    );
  });
});

test("a ring sums what a plain list sums, and forgets what its size does not hold", () => {
  const added = fc.array(fc.tuple(fc.nat(300), fc.nat(9)), { maxLength: 100 });
  fc.assert(
    fc.property(added, fc.nat(300), fc.nat(60), (rows, from, length) => {
      const ring = new SecondRing(400);
      for (const [second, amount] of rows) ring.add(second, amount);
      const plain = rows
        .filter(([second]) => second >= from && second < from + length)
        .reduce((sum, [, amount]) => sum + amount, 0);
      expect(ring.sum(from, from + length)).toBe(plain);
    }),
  );
  const small = new SecondRing(10);
  small.add(5, 1);
  small.add(15, 1);
  expect(small.add(5, 1)).toBe(false);
  expect(small.sum(0, 20)).toBe(1);
});

test("a histogram's quantile is within 2 % of the exact one", () => {
  const values = fc.array(fc.double({ min: 0.02, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(values, fc.constantFrom(0.5, 0.9, 0.95, 0.99, 1), (all, share) => {
      const ring = new HistogramRing(2);
      for (const value of all) ring.add(1, value);
      const exact = nearestRank(all, share);
      expect(Math.abs((ring.quantile(share, 0, 2) as number) / exact - 1)).toBeLessThanOrEqual(0.02);
    }),
  );
  expect(new HistogramRing(2).quantile(0.5, 0, 2)).toBeNull();
});

describe("contributors", () => {
  const window = (rows: Record<string, number>) => [new Map(Object.entries(rows))];

  test("shares are of the excess; a tenth at least, three at most; strangers are marked", () => {
    const usual = new UsualKeys();
    for (let round = 0; round < 3; round++) usual.learn(window({ a: 100, b: 50, c: 10 }));
    const found = contributors(["section"], window({ a: 160, b: 40, c: 20, d: 30, e: 1, f: 25 }), usual, "high");
    expect(
      found.map(({ key, now, usual, share_of_excess, new: fresh }) => [key, now, usual, share_of_excess, fresh]),
    ).toEqual([
      ["a", 160, 100, 0.476, false],
      ["d", 30, 0, 0.238, true],
      ["f", 25, 0, 0.198, true],
    ]);
  });

  test("of a low alert: what is missing", () => {
    const usual = new UsualKeys();
    for (let round = 0; round < 3; round++) usual.learn(window({ a: 100, b: 50 }));
    const found = contributors(["section"], window({ a: 95, b: 0 }), usual, "low");
    expect(found.map((row) => row.key)).toEqual(["b"]);
  });

  test("bounded: a flood of keys is counted together and never named", () => {
    const keys = new KeyCounters(["path"], 20);
    for (let index = 0; index < 5000; index++)
      keys.add(1, keys.keysOf(transaction({ request: { path: `/${index}` } })), 1);
    const [counted] = keys.window(0, 12);
    expect(counted.size).toBeLessThanOrEqual(257);
    expect([...counted.values()].reduce((sum, amount) => sum + amount, 0)).toBe(5000);
    const usual = new UsualKeys();
    usual.learn(keys.window(0, 12));
    usual.learn(keys.window(0, 12));
    expect(usual.of(0).size).toBeLessThanOrEqual(512);
    expect(contributors(["path"], keys.window(0, 12), new UsualKeys(), "high")).toEqual([]);
  });

  test("keys such as __proto__ are keys", () => {
    const keys = new KeyCounters(["path"], 20);
    for (const path of ["__proto__", "constructor"]) keys.add(1, [path], 1);
    const again = new KeyCounters(["path"], 20);
    again.restore(JSON.parse(JSON.stringify(keys.serialize())));
    expect([...again.window(0, 5)[0]]).toEqual([
      ["__proto__", 1],
      ["constructor", 1],
    ]);
  });
});

test("coverage: the start, gaps and a capture that is down are not covered; idle time is", () => {
  const coverage = new Coverage();
  expect(coverage.share(0, 10)).toBe(0);
  coverage.begin(100);
  expect(coverage.share(90, 110)).toBe(0.5);
  coverage.gap(120, 130);
  expect(coverage.share(110, 150)).toBe(0.75);
  coverage.down(160);
  expect(coverage.share(150, 170)).toBe(0.5);
  coverage.up(165);
  expect(coverage.share(150, 170)).toBe(0.75);
});

test("ledger totals become deltas; a ledger that began anew counts from zero", () => {
  const deltas = new LossDeltas();
  const totals = (packets: number, kernelDropped: number) => ({
    packets,
    kernelDropped,
    bytes: packets * 100,
    gapBytes: 0,
  });
  expect(deltas.next(totals(100, 1))).toEqual({ packets: 100, dropped: 1, bytes: 10_000, gapBytes: 0 });
  expect(deltas.next(totals(150, 5))).toEqual({ packets: 50, dropped: 4, bytes: 5000, gapBytes: 0 });
  expect(deltas.next(totals(20, 2))).toEqual({ packets: 20, dropped: 2, bytes: 2000, gapBytes: 0 });
});

describe("seasons", () => {
  const monday = Date.UTC(2024, 0, 1) * 1000;
  const learn = (season: Season, from: Micros, value: number, offset = 0) => {
    for (let window = 1; window <= 30; window++) season.learn(value, value, from + window * 2 * MINUTE, offset);
  };

  test("a cell counts after three samples, of the day first, of the week later; one bad day among them changes nothing", () => {
    const season = new Season();
    const noon = (day: number) => monday + day * DAY + 12 * HOUR;
    for (const [day, value] of [
      [0, 100],
      [1, 9000],
      [2, 100],
    ] as const) {
      expect(season.cell(noon(day) + HOUR, 0)?.ready ?? false).toBe(false);
      learn(season, noon(day), value);
      learn(season, noon(day) + HOUR, 1);
    }
    expect(season.cell(noon(3) + HOUR, 0)).toMatchObject({ ready: true, m: 100 });
    expect(season.cell(noon(3) + 3 * HOUR, 0)).toBeNull();
    // three Mondays unlike the other days
    for (const week of [1, 2, 3])
      for (const day of [0, 1, 2]) {
        learn(season, noon(7 * week + day), day === 0 ? 500 : 100);
        learn(season, noon(7 * week + day) + HOUR, 1);
      }
    expect(season.cell(noon(28) + HOUR, 0)?.m).toBe(500);
    expect(season.cell(noon(29) + HOUR, 0)?.m).toBe(100);
  });

  test("local time decides the cell, whatever the offset was when it was learned", () => {
    const season = new Season();
    for (const day of [0, 1, 2]) {
      const offset = day < 2 ? 60 : 120;
      learn(season, monday + day * DAY + 12 * HOUR - offset * MINUTE, 700, offset);
      learn(season, monday + day * DAY + 13 * HOUR - offset * MINUTE, 1, offset);
    }
    expect(season.cell(monday + 3 * DAY + 13 * HOUR - 120 * MINUTE, 120)).toMatchObject({ ready: true, m: 700 });
  });
});

test("first-seen memory stays within its limit and keeps what came back", () => {
  const memory = new FirstSeenMemory(100);
  let forgot = 0;
  memory.see("known", () => forgot++);
  expect(memory.see("known", () => forgot++)).toBe(false);
  for (let index = 0; index < 10_000; index++) memory.see(`x${index}`, () => forgot++);
  expect(memory.size).toBeLessThanOrEqual(100);
  expect(forgot).toBe(10_000 - 20);
  expect(memory.see("known", () => {})).toBe(false);
});

test("a timeline of a year stays bounded and still shows a short alert", () => {
  const recorder = new TimelineRecorder();
  const steps = 100_000;
  for (let step = 0; step < steps; step++)
    recorder.add({
      ...{ time_us: step * 10 * SECOND, rule: "r", group: null, m: 1, up: 5, low: null, suspect: false },
      ...(step === 70_000 ? { value: 9, state: "firing" as const } : { value: 1, state: "normal" as const }),
    });
  const [timeline] = recorder.timelines();
  expect(timeline.points.length).toBeLessThan(8192);
  const [value, , state] = timelineLines(timeline, 80);
  expect(state.indexOf("!") - "state ".length).toBe(56);
  expect(value).toContain("█");
});

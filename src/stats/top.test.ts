import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Measure } from "./measure.ts";
import { METRICS, metricNamed, Top } from "./top.ts";

const options = (capacity: number) => ({ capacity, metric: "requests", latency: false }) as const;

function measured(requests: number, time = 1): Measure {
  return Object.assign(new Measure(), { requests, responses: 1, bytesIn: 100, bytesOut: 200, time });
}

test("exact up to the capacity", () => {
  const top = new Top(options(100));
  for (let round = 1; round <= 100; round++) for (let key = 1; key <= round; key++) top.add(`key ${key}`, measured(1));
  expect(top.entries.size).toBe(100);
  expect(top.floor).toBe(0);
  for (const [key, tally] of top.entries) expect(tally.requests).toBe(101 - Number(key.slice(4)));
});

/** Key 0 weighs much, key 1 half of it, …; a flood of keys that come once is among them. */
const stream = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.nat(5).map((key) => `big ${key}`) },
    { weight: 5, arbitrary: fc.nat(100_000).map((key) => `rare ${key}`) },
  ),
  { minLength: 1, maxLength: 400 },
);

test("above the capacity every true weight is within the stated error, merged in any way", () => {
  fc.assert(
    fc.property(
      fc.array(stream, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 2, max: 40 }),
      (parts, capacity) => {
        const truth = new Map<string, number>();
        const tops = parts.map((part) => {
          const top = new Top(options(capacity));
          for (const key of part) {
            truth.set(key, (truth.get(key) ?? 0) + 1);
            top.add(key, measured(1));
          }
          return top;
        });
        const merged = tops.reduce((into, from) => {
          into.merge(from);
          return into;
        });
        const all = parts.flat().length;
        expect(merged.entries.size).toBeLessThanOrEqual(capacity);
        expect(merged.total().requests).toBe(all);
        expect(merged.total().bytesOut).toBe(all * 200);
        const keep = Math.max(1, capacity >> 1);
        expect(merged.floor).toBeLessThanOrEqual(all / (keep + 1));
        for (const [key, count] of truth) {
          const tally = merged.entries.get(key);
          if (tally === undefined) expect(count).toBeLessThanOrEqual(merged.floor);
          else {
            expect(tally.requests).toBeLessThanOrEqual(count);
            expect(tally.requests + tally.missed).toBeGreaterThanOrEqual(count);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a heavy key survives a flood of keys that come once", () => {
  const top = new Top(options(100));
  for (let index = 0; index < 200_000; index++)
    top.add(index % 10 === 0 ? "heavy" : `once ${index}`, measured(1, index));
  const heavy = top.entries.get("heavy");
  expect(heavy?.requests).toBe(20_000);
  expect(heavy?.missed).toBe(0);
});

describe("bounded", () => {
  test("200,000 different long paths leave no more than the capacity, and little memory", () => {
    const top = new Top({ capacity: 1_000, metric: "requests", latency: true });
    const used = () => process.memoryUsage().heapUsed;
    const measure = Object.assign(measured(1), { latency_ms: 5 });
    const flood = (from: number, to: number) => {
      // each key is a piece of a much larger text, as a target is a piece of a head
      for (let index = from; index < to; index++) {
        const head = `GET /path/${index}/that/is/quite/long HTTP/1.1\r\n${"x".repeat(2_000)}`;
        top.add(head.slice(4, head.indexOf(" HTTP")), measure);
      }
    };
    flood(0, 20_000);
    const before = used();
    flood(20_000, 200_000);
    expect(top.entries.size).toBeLessThanOrEqual(1_000);
    expect(top.total().requests).toBe(200_000);
    // 1,000 kept heads of 2 kB would be 2 MB more each time; garbage not yet collected is allowed for
    expect(used() - before).toBeLessThan(60_000_000);
  });

  test("keys are copies: a kept key does not keep what it was cut from", () => {
    const top = new Top(options(10));
    for (const key of ["short", "a longer key of latin-1 é", "a key with 東京 in it", "\ud800 half a pair, long"]) {
      top.add(key, measured(1));
      top.add(key, measured(1));
      expect(top.entries.get(key)?.requests).toBe(2);
    }
  });
});

test("retention lets go of what was not seen since, and of its counts", () => {
  const top = new Top(options(10));
  top.add("old", measured(3, 100));
  top.add("new", measured(2, 200));
  top.add(null, measured(1, 100));
  top.retire(150);
  expect([...top.entries.keys()]).toEqual(["new"]);
  expect(top.total().requests).toBe(3);
});

test("the metric decides who stays", () => {
  const top = new Top({ capacity: 4, metric: "bytes-out", latency: false });
  const sized = (bytesOut: number) => Object.assign(new Measure(), { requests: 1, bytesOut });
  top.add("one large", sized(1_000_000));
  for (let round = 0; round < 20; round++) for (let key = 0; key < 10; key++) top.add(`many small ${key}`, sized(10));
  expect(top.entries.get("one large")?.bytesOut).toBe(1_000_000);
});

test("metrics by name", () => {
  for (const metric of METRICS) expect(metricNamed(metric)).toBe(metric);
  expect(metricNamed("latency")).toBe("latency-p95");
  expect(() => metricNamed("byts-in")).toThrow('there is no metric "byts-in"');
});

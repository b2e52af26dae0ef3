import fc from "fast-check";
import { expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { SECOND } from "../../core/units.ts";
import { LATENCY_ROW, latencySlot, quantiles } from "./latency.ts";
import { Series } from "./series.ts";

const START = 1_700_000_000 * SECOND;
const at = (time_us: number, status = 200) => transaction({ time_us, response: { status } });

test("a sliding series keeps the newest buckets, and empty seconds are zeros", () => {
  const series = new Series({ width: SECOND, capacity: 5, overflow: "slide" });
  for (let second = 0; second < 8; second++) if (second !== 6) series.add(at(START + second * SECOND));
  expect(series.start).toBe(START + 3 * SECOND);
  expect(series.end).toBe(START + 8 * SECOND);
  expect(series.between(START + 6 * SECOND, START + 7 * SECOND).requests).toBe(0);
  expect(series.between(START, START + 8 * SECOND).requests).toBe(4);
  series.add(at(START));
  expect(series.late).toBe(1);
});

test("a slot used again starts from zero", () => {
  const series = new Series({ width: SECOND, capacity: 3, overflow: "slide" });
  series.add(at(START));
  series.advance(START + 1_000_000 * SECOND);
  expect(series.between(series.start, series.end).requests).toBe(0);
  expect(series.end - series.start).toBe(3 * SECOND);
});

test("a coarsening series loses nothing, whatever the times and their order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4e15 }), { minLength: 1, maxLength: 60 }), (times) => {
      const series = new Series({ width: 1_000, capacity: 16, overflow: "coarsen" });
      for (const time of times) series.add(at(time, time % 2 === 0 ? 200 : 500));
      const all = series.between(series.start, series.end);
      expect(all.requests).toBe(times.length);
      expect(all.failed).toBe(times.filter((time) => time % 2 !== 0).length);
      expect(series.start).toBeLessThanOrEqual(Math.min(...times));
      expect(series.end).toBeGreaterThan(Math.max(...times));
      expect((series.end - series.start) / series.width).toBeLessThanOrEqual(16);
    }),
    { numRuns: 200 },
  );
});

test("classes, failures and octets are told apart", () => {
  const series = new Series({ width: SECOND, capacity: 4, overflow: "slide" });
  for (const status of [101, 204, 302, 404, 503, 999]) series.add(at(START, status));
  series.add(transaction({ time_us: START, response: null, outcome: "no-response" }));
  const slice = series.between(START, START + SECOND);
  // an unknown class is counted with none, not with a class it does not have
  expect(slice.classes).toEqual([2, 1, 1, 1, 1, 1]);
  expect(slice.failed).toBe(3);
  expect(slice.bytes_in).toBe(7 * 142);
});

test("a quantile is within four percent of the exact one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 90_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (values) => {
        const row = new Uint32Array(LATENCY_ROW);
        for (const value of values) row[latencySlot(value)]++;
        const sorted = values.toSorted((a, b) => a - b);
        for (const q of [0.5, 0.95, 0.99]) {
          const exact = sorted[Math.ceil(q * sorted.length) - 1];
          expect(Math.abs(quantiles(row, [q])[0]! - exact) / exact).toBeLessThan(0.04);
        }
      },
    ),
  );
  expect(quantiles(new Uint32Array(LATENCY_ROW), [0.5])).toEqual([null]);
  expect(latencySlot(Number.NaN)).toBe(0);
  expect(latencySlot(Number.POSITIVE_INFINITY)).toBe(LATENCY_ROW - 1);
});

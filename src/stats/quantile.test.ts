import fc from "fast-check";
import { expect, test } from "vitest";
import { Quantiles } from "./quantile.ts";

const SHARES = [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1];

function exact(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(values.length, Math.max(1, Math.ceil(q * values.length))) - 1];
}

const value = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 10_000_000 }).map((thousandths) => thousandths / 1_000),
  fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
  fc.constantFrom(0.99, 1, 1.01, 0.001),
);

function of(values: readonly number[]): Quantiles {
  const quantiles = new Quantiles();
  for (const one of values) quantiles.add(one);
  return quantiles;
}

test("every quantile is within 1 % of the exact one, count, ends and mean exact", () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
      const quantiles = of(values);
      for (const q of SHARES) {
        const truth = exact(values, q);
        expect(Math.abs(quantiles.at(q) - truth)).toBeLessThanOrEqual(truth * 0.0101 + 1e-6);
      }
      expect(quantiles.count).toBe(values.length);
      expect(quantiles.min).toBe(Math.min(...values));
      expect(quantiles.max).toBe(Math.max(...values));
      expect(Math.abs(quantiles.sum - values.reduce((a, b) => a + b, 0))).toBeLessThanOrEqual(values.length * 0.001);
    }),
    { numRuns: 300 },
  );
});

test("merged in any split and order: the same report, also through saving", () => {
  fc.assert(
    fc.property(fc.array(fc.array(value, { maxLength: 60 }), { minLength: 2, maxLength: 5 }), (parts) => {
      const whole = of(parts.flat());
      const merged = new Quantiles();
      for (const part of parts.toReversed()) merged.merge(Quantiles.load(JSON.parse(JSON.stringify(of(part).save()))));
      expect(merged.report()).toEqual(whole.report());
      expect(Quantiles.load(JSON.parse(JSON.stringify(merged.save()))).report()).toEqual(whole.report());
    }),
    { numRuns: 300 },
  );
});

test("values around one millisecond, in two shards on both sides of it, merge right", () => {
  // the library's own merge loses counts here when a bucket number is 0
  const low = of(Array.from({ length: 100 }, (_, index) => 0.2 + index / 1_000));
  const high = of(Array.from({ length: 100 }, (_, index) => 0.985 + index / 10_000));
  low.merge(high);
  expect(low.count).toBe(200);
  expect(low.at(0.99)).toBeGreaterThan(0.97);
  expect(low.at(0.25)).toBeLessThan(0.27);
});

test("what is no measurement is not counted, what is absurd is bounded", () => {
  const quantiles = of([-1, Number.NaN]);
  expect(quantiles.report()).toBeNull();
  expect(quantiles.at(0.5)).toBeNaN();
  const absurd = of(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? Number.POSITIVE_INFINITY : 1e-300)));
  expect(absurd.max).toBe(1e12);
  expect(absurd.save().buckets!.length).toBeLessThan(3_000);
});

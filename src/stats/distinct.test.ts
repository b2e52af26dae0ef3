import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Distinct, EXACT_KEYS, STANDARD_ERROR } from "./distinct.ts";

function of(keys: Iterable<string>): Distinct {
  const distinct = new Distinct();
  for (const key of keys) distinct.add(key);
  return distinct;
}

const addresses = (count: number, network = 10) =>
  Array.from({ length: count }, (_, index) => `${network}.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`);

test("exact up to the limit", () => {
  const distinct = of([...addresses(EXACT_KEYS), ...addresses(EXACT_KEYS)]);
  expect(distinct.report()).toEqual({ count: EXACT_KEYS, exact: true, error: 0 });
});

describe("above it, within four standard errors", () => {
  test.each([2_049, 3_000, 10_000, 50_000, 300_000])("%d clients", (count) => {
    const report = of(addresses(count)).report();
    expect(report.exact).toBe(false);
    expect(Math.abs(report.count - count)).toBeLessThan(4 * STANDARD_ERROR * count);
    expect(report.error).toBeGreaterThan(0);
  });

  test.each([
    ["IPv6", (index: number) => `2001:db8::${index.toString(16)}`],
    ["numbers", String],
    ["one letter apart", (index: number) => `${"x".repeat(index % 50)}${index}`],
  ])("%s", (_, make) => {
    const report = of(Array.from({ length: 40_000 }, (__, index) => make(index))).report();
    expect(Math.abs(report.count - 40_000)).toBeLessThan(4 * STANDARD_ERROR * 40_000);
  });
});

test("merging parts, small or large, is counting the whole", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 6_000 }), { minLength: 2, maxLength: 4 }),
      fc.nat(3_000),
      (sizes, shift) => {
        const parts = sizes.map((size, index) => addresses(size + index * shift).slice(index * shift));
        const merged = new Distinct();
        for (const part of parts) merged.merge(Distinct.load(JSON.parse(JSON.stringify(of(part).save()))));
        expect(merged.report()).toEqual(of(parts.flat()).report());
      },
    ),
    { numRuns: 20 },
  );
});

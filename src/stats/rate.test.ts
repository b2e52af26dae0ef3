import fc from "fast-check";
import { expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../core/units.ts";
import { Rates } from "./rate.ts";

/** A Monday, 00:00 UTC. */
const MONDAY = Date.parse("2026-01-05T00:00:00Z") * 1_000;

function of(times: readonly number[]): Rates {
  const rates = new Rates();
  for (const time of times) rates.add(time);
  return rates;
}

const requests = (rates: Rates, at?: number) =>
  Object.fromEntries(rates.report(at).spans.map((span) => [span.name, span.requests]));

test("ten a second for ten minutes", () => {
  const rates = of(Array.from({ length: 6_000 }, (_, index) => MONDAY + index * (SECOND / 10)));
  const report = rates.report(MONDAY + 10 * MINUTE);
  expect(requests(rates, MONDAY + 10 * MINUTE)).toEqual({
    now: 10,
    "10 s": 90,
    "2 min": 1_190,
    hour: 6_000,
    day: 6_000,
    week: 6_000,
    month: 6_000,
  });
  for (const span of report.spans) expect(span.per_s).toBeCloseTo(10, 5);
  expect(report.spans.map(({ covered_s }) => covered_s)).toEqual([1, 9, 119, 600, 600, 600, 600]);
  expect(rates.inLast(120, MONDAY + 10 * MINUTE)).toBe(1_200);
});

test("idle time counts: an hour later only the long spans hold it", () => {
  const rates = of([MONDAY, MONDAY + 1]);
  expect(requests(rates, MONDAY + 2 * HOUR)).toEqual({
    now: 0,
    "10 s": 0,
    "2 min": 0,
    hour: 0,
    day: 2,
    week: 2,
    month: 2,
  });
});

test("a series for a chart", () => {
  const rates = of([MONDAY, MONDAY + 1, MONDAY + 2 * SECOND, MONDAY + 70 * SECOND]);
  expect(rates.series("second", 4, MONDAY + 3 * SECOND)).toEqual([2, 0, 1, 0]);
  expect(rates.series("minute", 3)).toEqual([0, 3, 1]);
  expect(of([]).series("hour", 2, MONDAY)).toEqual([0, 0]);
});

test("the busiest hour, day, week and month", () => {
  const times = [
    ...Array.from({ length: 5 }, () => MONDAY + HOUR),
    ...Array.from({ length: 7 }, () => MONDAY + 3 * DAY + 5 * HOUR),
    ...Array.from({ length: 6 }, () => MONDAY + 9 * DAY),
  ];
  const peaks = Object.fromEntries(
    of(times)
      .report()
      .peaks.map((peak) => [peak.name, peak]),
  );
  expect(peaks.hour).toMatchObject({ requests: 7, start_us: MONDAY + 3 * DAY + 5 * HOUR });
  expect(peaks.day).toMatchObject({ requests: 7, start_us: MONDAY + 3 * DAY });
  expect(peaks.week).toMatchObject({ requests: 12, start_us: MONDAY });
  expect(peaks.month.requests).toBeGreaterThan(0);
});

test("order and split do not matter; saving keeps all", () => {
  const time = fc.oneof(fc.nat(300), fc.nat(90_000), fc.nat(90 * 86_400)).map((second) => MONDAY + second * SECOND);
  fc.assert(
    fc.property(fc.array(time, { maxLength: 40 }), fc.array(time, { maxLength: 40 }), (a, b) => {
      const whole = of([...a, ...b]);
      const merged = of(b.toReversed());
      merged.merge(Rates.load(JSON.parse(JSON.stringify(of(a).save()))));
      expect(merged.report()).toEqual(whole.report());
      expect(merged.total).toBe(a.length + b.length);
    }),
    { numRuns: 200 },
  );
});

test("absurd times neither throw nor hang", () => {
  const rates = of([0, -5, MONDAY, 1.8e19, 5]);
  expect(rates.total).toBe(5);
  expect(rates.report().spans.length).toBe(7);
  expect(of([]).report()).toEqual({ at_us: 0, total: 0, spans: [], peaks: [] });
});

import { expect, test } from "vitest";
import { DAY, HOUR, MILLISECOND, MINUTE, SECOND } from "../../core/units.ts";
import * as format from "./format.ts";

const UTC = { utcOffset_s: 0 };
const TIME = Date.parse("2026-01-31T14:02:10.123Z") * MILLISECOND + 456;

test("amounts, rates and sizes keep three digits", () => {
  expect([0, 7, 999, 1_234, 99_999, 123_456, 1_234_567, 5e9, 3e15].map(format.amount)).toEqual([
    ...["0", "7", "999", "1,234", "99,999", "123k", "1.23M", "5.00G", "3000T"],
  ]);
  expect([0, 0.01, 0.4, 9.94, 12.3, 1_500].map(format.rate)).toEqual(["0", "<0.1", "0.4", "9.9", "12", "1,500"]);
  expect([0, 0.2, 512, 999.6, 1_204, 12_040, 999_700, 1.5e9].map(format.size)).toEqual([
    ...["0 B", "<1 B", "512 B", "1.00 kB", "1.20 kB", "12.0 kB", "1.00 MB", "1.50 GB"],
  ]);
});

test("lengths of time from microseconds to days; unknown is a dash", () => {
  expect([0.004, 0.42, 12.34, 456, 1_234, 12_340, 125_000, null].map(format.milliseconds)).toEqual([
    ...["0.00 ms", "0.42 ms", "12.3 ms", "456 ms", "1.23 s", "12.3 s", "2 m 05 s", "–"],
  ]);
  expect([45 * SECOND, 380 * SECOND, 185 * MINUTE, 52 * HOUR].map(format.span)).toEqual([
    ...["45 s", "6 m 20 s", "3 h 05 m", "2 d 4 h"],
  ]);
  expect([751 * SECOND, 40 * HOUR, 9_000 * DAY].map(format.runtime)).toEqual(["0:12:31", "40:00:00", "9000 d 0 h"]);
  expect([250 * MILLISECOND, 2 * SECOND, 90 * SECOND, 2 * HOUR, 3 * DAY].map(format.stepText)).toEqual([
    ...["250 ms", "2 s", "1.5 m", "2 h", "3 d"],
  ]);
});

test("shares below a tenth of a percent are not nothing", () => {
  expect([0, 0.0004, 0.064, 0.5, 1].map(format.percent)).toEqual(["0.0 %", "<0.1 %", "6.4 %", "50 %", "100 %"]);
});

test("times in the viewer's zone, with as much as the axis needs", () => {
  expect(format.clock(TIME, UTC)).toBe("14:02:10");
  expect(format.clock(TIME, UTC, 6)).toBe("14:02:10.123456");
  expect(format.clock(TIME, { utcOffset_s: 5.5 * 3600 })).toBe("19:32:10");
  expect(format.dateAndClock(TIME, UTC)).toBe("2026-01-31 14:02:10");
  expect(format.axisTime(TIME, SECOND, UTC)).toBe("14:02:10.123");
  expect(format.axisTime(TIME, MINUTE, UTC)).toBe("14:02:10");
  expect(format.axisTime(TIME, 3 * HOUR, UTC)).toBe("01-31 14:02");
  expect(format.axisTime(TIME, 3 * DAY, UTC)).toBe("2026-01-31");
});

test("a time that no calendar has is not shown as one", () => {
  for (const time of [1e20, Number.NaN]) {
    expect(format.clock(time, UTC)).toBe("–");
    expect(format.dateAndClock(time, UTC)).toBe("–");
  }
  expect(format.clock(-1, UTC, 6)).toBe("23:59:59.999999");
});

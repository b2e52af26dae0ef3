import { afterEach, expect, test, vi } from "vitest";
import { interval_ms, later } from "./later.ts";

afterEach(() => void vi.useRealTimers());

test("a month is a month, and can be called off", () => {
  vi.useFakeTimers();
  const act = vi.fn();
  const day_ms = 86_400_000;
  later(30 * 86_400, act);
  const off = later(60 * 86_400, act);
  vi.advanceTimersByTime(29 * day_ms);
  expect(act).not.toHaveBeenCalled();
  vi.advanceTimersByTime(day_ms + 1);
  expect(act).toHaveBeenCalledTimes(1);
  off();
  vi.advanceTimersByTime(60 * day_ms);
  expect(act).toHaveBeenCalledTimes(1);
});

test("intervals stay within what a timer can", () => {
  expect([interval_ms(0, 0.1), interval_ms(2, 0.1), interval_ms(1e9, 0.1)]).toEqual([100, 2_000, 2 ** 31 - 1]);
});

import { describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { SECOND } from "../core/units.ts";
import { dimension } from "./dimension.ts";
import { ranking } from "./ranking.ts";
import { Windows } from "./window.ts";

const START = 1_700_000_040 * SECOND;
const at = (second: number, method = "GET") => transaction({ time_us: START + second * SECOND, request: { method } });
const minute = () => new Windows(ranking({ dimension: dimension("method") }), { span: 60 * SECOND, step: 10 * SECOND });
const count = (report: { total: { requests: number } }) => report.total.requests;

test("a sliding window holds the last span, step by step", () => {
  const windows = minute();
  for (let second = 0; second < 180; second++) windows.observe(at(second));
  expect(count(windows.report(START + 179 * SECOND))).toBe(60);
  expect(count(windows.report(START + 185 * SECOND))).toBe(50);
  expect(count(windows.report(START + 500 * SECOND))).toBe(0);
});

test("late events count where their step is still held, and are counted apart where not", () => {
  const windows = minute();
  windows.observe(at(300));
  windows.observe(at(250));
  windows.observe(at(100));
  expect(windows.late).toBe(1);
  expect(count(windows.report())).toBe(2);
});

describe("tumbling windows", () => {
  test("come once each, oldest first, and without the empty ones", () => {
    const windows = minute();
    const seen: [number, number][] = [];
    for (let second = 0; second < 400; second++) {
      if (second < 130 || second >= 300) windows.observe(at(second));
      for (const { start, report } of windows.closed(START + second * SECOND)) {
        seen.push([(start - START) / SECOND, count(report)]);
      }
    }
    expect(seen).toEqual([
      [0, 60],
      [60, 60],
      [120, 10],
      [300, 60],
    ]);
  });

  test("a jump of centuries takes no time", () => {
    const windows = minute();
    windows.observe(at(0));
    windows.observe(transaction({ time_us: 1.6e16 }));
    expect(windows.closed(1.7e16).length).toBe(1);
  });
});

/** The judge of what a guest printed can say no. */
import { beforeEach, expect, test, vi } from "vitest";
import { TARGETS, type Target } from "./list.ts";
import { Report } from "./report.ts";

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {});
});

const TARGET: Target = { ...TARGETS[0], tiers: ["B", "D"] };
const TALLY = { scenario: "x", right: 2, unknown: 0, wrong: 0, failed: 0, notes: [], seconds: 1 };
const tiers = (...working: string[]) => ({
  tiers: ["A", "B", "C", "D"].map((tier) => ({ tier, works: working.includes(tier), why: null })),
});

function good(...results: object[]): boolean {
  const report = new Report(TARGET);
  for (const result of results) report.take(result as Record<string, unknown>);
  report.finish();
  return report.good;
}

test("all as expected", () => {
  expect(good(tiers("B", "D"), { ...TALLY, tier: "B" }, { ...TALLY, tier: "D", unknown: 9 }, { done: true })).toBe(
    true,
  );
});

test.each([
  ["no end", []],
  ["a tier that does not run", [tiers("D"), { done: true }]],
  ["a tier that nobody expected", [tiers("A", "B", "D"), { done: true }]],
  ["a wrong answer, whatever the tier", [{ ...TALLY, tier: "D", wrong: 1 }, { done: true }]],
  ["an exact tier that does not know", [{ ...TALLY, tier: "B", unknown: 1 }, { done: true }]],
  ["a scenario that did not work out", [{ ...TALLY, tier: "D", failed: 1 }, { done: true }]],
  ["reports that were lost", [{ tier: "B", lost: 1 }, { done: true }]],
  ["a refusal that left no tier", [{ refusal: "x", attribution: { failed: "1" } }, { done: true }]],
])("not good: %s", (_, results) => {
  expect(good(...results)).toBe(false);
});

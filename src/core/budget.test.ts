import { expect, test } from "vitest";
import { Budget } from "./budget.ts";

test("what is taken is gone until it is given back, and refusals are told", () => {
  let refused = 0;
  const budget = new Budget(100, () => refused++);
  expect([budget.take(60), budget.take(41), budget.free, refused]).toEqual([true, false, 40, 1]);
  budget.give(60);
  expect([budget.take(100), budget.free]).toEqual([true, 0]);
});

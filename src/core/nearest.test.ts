import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const names = ["status", "section", "server", "path", "user-agent"];

test.each([
  ["staus", "status"],
  ["sttaus", "status"],
  ["SERVER", "server"],
  ["pth", "path"],
  ["user-agnet", "user-agent"],
  ["sectionn", "section"],
  ["zzz", null],
  ["", null],
  ["x".repeat(10_000), null],
])("%.20s → %s", (written, meant) => {
  expect(nearest(written, names)).toBe(meant);
});

test("long candidates cost nothing", () => {
  expect(nearest("y".repeat(100), ["y".repeat(101)])).toBeNull();
});

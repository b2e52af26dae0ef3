import fc from "fast-check";
import { expect, test } from "vitest";
import { cutTo, eachCell, isUnprintable, pad, textWidth } from "./width.ts";

function cells(text: string): [string, number][] {
  const found: [string, number][] = [];
  eachCell(text, (cell, width) => {
    found.push([cell, width]);
    return true;
  });
  return found;
}

test("widths of what is met in paths and headers", () => {
  expect(textWidth("plain")).toBe(5);
  expect(textWidth("検索")).toBe(4);
  expect(textWidth("한국")).toBe(4);
  expect(textWidth("ｆｕｌｌ")).toBe(8);
  expect(textWidth("e\u0301té")).toBe(3);
  expect(textWidth("😀")).toBe(2);
  expect(textWidth("╭─╮⣿▇")).toBe(5);
});

test("marks join the cell before them, and stacks of marks are cut", () => {
  expect(cells("e\u0301x")).toEqual([
    ["e\u0301", 1],
    ["x", 1],
  ]);
  expect(cells(`a${"\u0301".repeat(50)}`)).toEqual([[`a${"\u0301".repeat(3)}`, 1]]);
  expect(cells("\u0301a")).toEqual([
    ["\u25cc\u0301", 1],
    ["a", 1],
  ]);
});

test("joined emoji are drawn as their members, the same on every terminal", () => {
  expect(cells("👩‍👧")).toEqual([
    ["👩", 2],
    ["👧", 2],
  ]);
});

test("what a terminal could obey is never a cell", () => {
  for (const code of [0, 7, 8, 0x1b, 0x7f, 0x85, 0x9b, 0x9d, 0x200e, 0x202e, 0x2066, 0x2028, 0xd800, 0xfeff, 0xe0041]) {
    expect(isUnprintable(code), code.toString(16)).toBe(true);
  }
  expect(cells("\x1b[2J").map(([cell]) => cell)).toEqual(["\ufffd", "[", "2", "J"]);
});

test("pad gives exactly the columns asked for, whatever the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
      expect(textWidth(pad(text, columns))).toBe(columns);
      expect(textWidth(cutTo(text, columns))).toBeLessThanOrEqual(columns);
    }),
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualScreen } from "../../../test/support/virtual-screen.ts";
import { encodeFrame, safeCell } from "./encode.ts";
import { Frame } from "./frame.ts";
import { TONES } from "./style.ts";
import { type Colours, sgr, type Theme } from "./theme.ts";

const SIZE = { columns: 30, rows: 5 };
const theme = (colours: Colours = "truecolor"): Theme => ({ colours, unicode: true, synchronized: true });

/** Anything a view may put: text of any kind, anywhere, in any look. */
const putting = fc.record({
  x: fc.integer({ min: 0, max: 29 }),
  y: fc.integer({ min: 0, max: 4 }),
  text: fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("茶の検索", "e\u0301a", "👩‍👩‍👧", "│ab│", "⣿⣀"),
  ),
  look: fc.integer({ min: 0, max: TONES.length - 1 }),
});
const frames = fc.array(fc.array(putting, { maxLength: 8 }), { minLength: 1, maxLength: 5 });

function frameOf(puttings: readonly { x: number; y: number; text: string; look: number }[]): Frame {
  const frame = new Frame(SIZE);
  for (const { x, y, text, look } of puttings) frame.pane().put(x, y, text, look);
  return frame;
}

test("a screen that is sent every difference shows the frame, whatever was in it", () => {
  fc.assert(
    fc.property(frames, (sequence) => {
      const screen = new VirtualScreen(SIZE.columns, SIZE.rows);
      let previous: Frame | null = null;
      for (const puttings of sequence) {
        const next = frameOf(puttings);
        screen.write(encodeFrame(previous, next, theme()));
        expect(screen.cells).toEqual(next.cells);
        const looks = [...next.styles].map((look) => sgr(look, theme()).slice(2, -1));
        // a space without a look may keep the look it was erased with
        for (let at = 0; at < looks.length; at++) {
          if (next.cells[at] !== " ") expect(screen.looks[at]).toBe(looks[at]);
        }
        expect(screen.foreign).toEqual([]);
        previous = next;
      }
    }),
    { numRuns: 300 },
  );
});

test("nothing is sent when nothing changed, and little when little did", () => {
  const first = frameOf([{ x: 0, y: 0, text: "requests 123", look: 0 }]);
  const second = frameOf([{ x: 0, y: 0, text: "requests 124", look: 0 }]);
  expect(encodeFrame(first, first, theme())).toBe("");
  const sent = encodeFrame(first, second, { ...theme(), synchronized: false });
  expect(sent).toBe("\x1b[1;12H\x1b[0m4");
});

test("another size draws everything again", () => {
  const first = frameOf([{ x: 0, y: 0, text: "abc", look: 0 }]);
  const larger = new Frame({ columns: 40, rows: 6 });
  larger.pane().put(0, 0, "abc");
  expect(encodeFrame(first, larger, theme())).toContain("\x1b[2J");
});

test("the last gate lets no control through even when a cell holds one", () => {
  for (let code = 0; code < 0x3000; code++) {
    const cell = String.fromCodePoint(code);
    const frame = new Frame({ columns: 4, rows: 1 });
    frame.cells[1] = cell;
    const sent = encodeFrame(null, frame, { ...theme(), synchronized: false }).replaceAll(/\x1b\[[\d;]*[HJmD]/g, "");
    expect(sent, `U+${code.toString(16)}`).not.toMatch(
      /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/,
    );
  }
  expect(safeCell("\x1b[2J")).toBe("\ufffd");
  expect(safeCell("a".repeat(100))).toBe("\ufffd");
});

test("a terminal without Unicode gets ASCII of the same width", () => {
  const frame = new Frame({ columns: 12, rows: 1 });
  frame.pane().put(0, 0, "╭─茶⣿█…é▏");
  const sent = encodeFrame(null, frame, { colours: "none", unicode: false, synchronized: false });
  const shown = new VirtualScreen(12, 1);
  shown.write(sent);
  expect(shown.line(0)).toBe("+-??##~?|   ");
});

test("without colour, only attributes are sent", () => {
  for (const [index] of TONES.entries()) expect(sgr(index, theme("none"))).toMatch(/^\x1b\[0(;2)?m$/);
  expect(sgr(1, theme("16"))).toBe("\x1b[0;90m");
  expect(sgr(1, theme("256"))).toBe("\x1b[0;38;5;245m");
  // no colour is ever a background: the terminal's own stays, dark or light
  for (const [index] of TONES.entries()) expect(sgr(index, theme())).not.toMatch(/;4[0-9]|;48/);
});

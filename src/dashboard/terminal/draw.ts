/** What panels are drawn from: boxes with titles, filled graphs, line graphs and bars, in braille and block characters. */
import type { Pane } from "./frame.ts";
import { BOLD, type Style, style } from "./style.ts";
import { cutTo, textWidth } from "./width.ts";

const BORDER = style("muted");

/** A box around a pane with a title left and a note right in its upper edge. Returns the pane inside. */
export function box(pane: Pane, title: string, note = "", focused = false): Pane {
  const { width, height } = pane;
  if (width < 2 || height < 2) return pane.part(0, 0, width, height);
  const edge = focused ? style("accent") : BORDER;
  pane.put(0, 0, `╭${"─".repeat(width - 2)}╮`, edge);
  for (let row = 1; row < height - 1; row++) {
    pane.put(0, row, "│", edge);
    pane.put(width - 1, row, "│", edge);
  }
  pane.put(0, height - 1, `╰${"─".repeat(width - 2)}╯`, edge);
  // a long title leaves the note its place, but not more than half of the edge
  const head = cutTo(
    title,
    Math.max(0, width - 6) - (note === "" ? 0 : Math.min(textWidth(note) + 2, Math.floor(width / 2))),
  );
  pane.put(2, 0, ` ${head} `, style(focused ? "accent" : "plain", BOLD));
  const room = width - 8 - textWidth(head);
  if (note !== "" && room >= 4) pane.putRight(width - 2, 0, ` ${cutTo(note, room)} `, style("muted"));
  return pane.part(1, 1, width - 2, height - 2);
}

const LEFT_FILL = [0, 0x40, 0x44, 0x46, 0x47];
const RIGHT_FILL = [0, 0x80, 0xa0, 0xb0, 0xb8];
const LEFT_DOT = [0x40, 0x04, 0x02, 0x01];
const RIGHT_DOT = [0x80, 0x20, 0x10, 0x08];
const BRAILLE = 0x2800;

/** A value every half column; null draws nothing. */
export type Values = readonly (number | null)[];

/** Dots above the bottom for a value: one at least when there was anything. */
function dots(value: number | null | undefined, top: number, height: number): number {
  if (value === null || value === undefined || value <= 0 || top <= 0) return 0;
  return Math.max(1, Math.min(height, Math.round((value / top) * height)));
}

/** A filled graph: two values a column, from the pane's bottom up to `top`. `look` colours a row by its height. */
export function area(pane: Pane, values: Values, top: number, look: (column: number, share: number) => Style): void {
  const { width, height } = pane;
  for (let column = 0; column < width; column++) {
    const left = dots(values[2 * column], top, height * 4);
    const right = dots(values[2 * column + 1], top, height * 4);
    for (let row = 0; row < height; row++) {
      const below = (height - 1 - row) * 4;
      const bits =
        LEFT_FILL[Math.max(0, Math.min(4, left - below))] | RIGHT_FILL[Math.max(0, Math.min(4, right - below))];
      if (bits !== 0) {
        pane.put(column, row, String.fromCharCode(BRAILLE | bits), look(column, (height - row) / height));
      }
    }
  }
}

/** Several lines in one graph, the first drawn over the others. Zero is drawn at the bottom, null not at all. */
export function lines(
  pane: Pane,
  series: readonly { readonly values: Values; readonly look: Style }[],
  top: number,
): void {
  const { width, height } = pane;
  const bits = new Uint8Array(width * height);
  const looks = new Uint16Array(width * height);
  const dot = (index: number, level: number, look: Style) => {
    const cell = (height - 1 - (level >> 2)) * width + (index >> 1);
    bits[cell] |= (index & 1 ? RIGHT_DOT : LEFT_DOT)[level & 3];
    looks[cell] = look;
  };
  for (const { values, look } of [...series].reverse()) {
    let before: number | null = null;
    for (let index = 0; index < width * 2; index++) {
      const value = values[index];
      if (value === null || value === undefined) {
        before = null;
        continue;
      }
      const level = Math.max(0, dots(value, top, height * 4) - 1);
      // a steep line has no holes
      const from = before === null ? level : before < level ? before + 1 : before > level ? before - 1 : level;
      for (let step = Math.min(from, level); step <= Math.max(from, level); step++) dot(index, step, look);
      before = level;
    }
  }
  for (let cell = 0; cell < bits.length; cell++) {
    if (bits[cell] === 0) continue;
    pane.put(cell % width, Math.floor(cell / width), String.fromCharCode(BRAILLE | bits[cell]), looks[cell]);
  }
}

const LEVELS = " ▁▂▃▄▅▆▇█";

/** One row of small columns; null is a gap, anything above zero at least the smallest. */
export function sparkline(values: Values, top: number): string {
  return values
    .map((value) => {
      if (value === null || value <= 0 || top <= 0) return " ";
      return LEVELS[Math.max(1, Math.min(8, Math.round((value / top) * 8)))];
    })
    .join("");
}

/** A round number at or above a value, for the top of an axis: one digit and zeros. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 3, 4, 5, 6, 8]) if (value <= step * power * 1.0000001) return step * power;
  return 10 * power;
}

/** Largest of some values; 0 when there are none. */
export function largest(values: Values): number {
  let top = 0;
  for (const value of values) if (value !== null && value > top) top = value;
  return top;
}

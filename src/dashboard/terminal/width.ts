/**
 * How many columns text takes on a terminal, and text cut into what goes into one cell. Terminals disagree about
 * clusters (emoji joined by zero-width joiners, variation selectors), so each code point is placed by its own East
 * Asian width (Unicode UAX #11) and joiners are left out: what one terminal would draw as one family, all draw as its
 * members, and columns stay aligned everywhere.
 */
import { eastAsianWidth } from "get-east-asian-width";

/** Columns taken: marks join the cell before them and take none. */
export type CellWidth = 0 | 1 | 2;

/** More marks than this on one character are left out: stacks of marks draw over neighbouring rows. */
const MARKS_PER_CELL = 3;

const MARK = /^\p{M}$/u;
const UNPRINTABLE = /^[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]$/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** Stands for a character that must not reach the terminal as it is. */
export const REPLACEMENT = "\ufffd";

/** True when a terminal could take the code point as a command, or as a change of direction, or not show it at all. */
export function isUnprintable(codePoint: number): boolean {
  if (codePoint < 0x7f) return codePoint < 0x20;
  if (codePoint < 0xa0) return true;
  return UNPRINTABLE.test(String.fromCodePoint(codePoint)) || (codePoint >= 0xe0000 && codePoint <= 0xe0fff);
}

const known = new Map<number, CellWidth>();

function widthOf(codePoint: number): CellWidth {
  if (codePoint < 0x300) return 1;
  // box drawing, blocks and braille: what graphs are made of
  if (codePoint >= 0x2500 && codePoint <= 0x259f) return 1;
  if (codePoint >= 0x2800 && codePoint <= 0x28ff) return 1;
  let width = known.get(codePoint);
  if (width === undefined) {
    width = MARK.test(String.fromCodePoint(codePoint)) ? 0 : eastAsianWidth(codePoint);
    if (known.size > 4096) known.clear();
    known.set(codePoint, width);
  }
  return width;
}

/** Joiners and selectors: they only ask neighbours to be drawn another way. */
function isJoiner(codePoint: number): boolean {
  return codePoint === 0x200d || codePoint === 0x200c || (codePoint >= 0xfe00 && codePoint <= 0xfe0f);
}

/** Calls `place` for each cell of a text: what to draw and how many columns (1 or 2) it takes. Stop by returning false. */
export function eachCell(text: string, place: (cell: string, width: 1 | 2) => boolean): void {
  let cell = "";
  let width: 1 | 2 = 1;
  let marks = 0;
  for (const character of text) {
    const codePoint = character.codePointAt(0)!;
    if (isJoiner(codePoint)) continue;
    const shown = isUnprintable(codePoint) ? REPLACEMENT : character;
    const columns = widthOf(shown.codePointAt(0)!);
    if (columns === 0 && cell !== "") {
      if (++marks <= MARKS_PER_CELL) cell += shown;
      continue;
    }
    if (cell !== "" && !place(cell, width)) return;
    // a mark with nothing before it stands on a circle, as in printed tables
    cell = columns === 0 ? `\u25cc${shown}` : shown;
    width = columns === 2 ? 2 : 1;
    marks = 0;
  }
  if (cell !== "") place(cell, width);
}

/** Columns that a text takes. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let total = 0;
  eachCell(text, (_cell, width) => {
    total += width;
    return true;
  });
  return total;
}

/** The start of a text that fits in `columns`; `…` takes the last column when something is cut. */
export function cutTo(text: string, columns: number): string {
  if (columns <= 0) return "";
  if (textWidth(text) <= columns) return text;
  let result = "";
  let used = 0;
  eachCell(text, (cell, width) => {
    if (used + width > columns - 1) return false;
    result += cell;
    used += width;
    return true;
  });
  return `${result}…`;
}

/** The text in exactly `columns` columns: cut or filled with spaces. */
export function pad(text: string, columns: number, align: "left" | "right" = "left"): string {
  const cut = cutTo(text, columns);
  const space = " ".repeat(Math.max(0, columns - textWidth(cut)));
  return align === "left" ? cut + space : space + cut;
}

/**
 * Frames as what a terminal must be sent: only the cells that changed, in one string. The last gate before the
 * terminal: whatever a view put into a cell, only printable characters leave here, so that the only control sequences in
 * the output are the ones written in this folder.
 */
import type { Frame } from "./frame.ts";
import { sgr, type Theme } from "./theme.ts";
import { isUnprintable, REPLACEMENT } from "./width.ts";

/** Rewriting this many unchanged cells is shorter than moving over them. */
const SHORT_GAP = 4;

const BEGIN_SYNCHRONIZED = "\x1b[?2026h";
const END_SYNCHRONIZED = "\x1b[?2026l";

/** Boxes, lines, marks and graphs in ASCII. */
const ASCII: Readonly<Record<string, string>> = {
  "─": "-",
  "│": "|",
  "╭": "+",
  "╮": "+",
  "╰": "+",
  "╯": "+",
  "├": "+",
  "┤": "+",
  "┄": "-",
  "·": ".",
  "…": "~",
  "▲": "^",
  "▼": "v",
  "●": "*",
  "○": "o",
  "◆": "*",
  "✓": "=",
  "✗": "x",
  "▏": "|",
  "▌": "|",
  "→": ">",
  "←": "<",
  "↑": "^",
  "↓": "v",
  "≈": "~",
  "–": "-",
  "×": "x",
  "▸": ">",
  "▾": "v",
  "∞": "8",
  µ: "u",
};

/** The characters to draw `next` on a terminal that shows `previous` (null: anything). Empty when nothing changed. */
export function encodeFrame(previous: Frame | null, next: Frame, theme: Theme): string {
  const fits = previous !== null && previous.columns === next.columns && previous.rows === next.rows;
  const body = new Encoder(fits ? previous : null, next, theme).encode();
  if (body === "") return "";
  return theme.synchronized ? BEGIN_SYNCHRONIZED + body + END_SYNCHRONIZED : body;
}

class Encoder {
  private readonly previous: Frame | null;
  private readonly next: Frame;
  private readonly theme: Theme;
  private output = "";
  /** Cell the terminal's cursor is at; -1 when only the terminal knows. */
  private cursor = -1;
  private look = -1;

  constructor(previous: Frame | null, next: Frame, theme: Theme) {
    this.previous = previous;
    this.next = next;
    this.theme = theme;
  }

  encode(): string {
    if (this.previous === null) {
      this.output = "\x1b[0m\x1b[2J";
      this.look = 0;
    }
    for (let row = 0; row < this.next.rows; row++) this.encodeRow(row);
    if (this.look > 0) this.output += "\x1b[0m";
    return this.output;
  }

  private encodeRow(row: number): void {
    const { columns, cells } = this.next;
    const start = row * columns;
    for (let column = 0; column < columns; column++) {
      const at = start + column;
      if (cells[at] === "") continue;
      const wide = column + 1 < columns && cells[at + 1] === "";
      if (!this.changed(at) && !(wide && this.changed(at + 1))) continue;
      this.moveTo(at, row, column);
      this.write(at, wide);
    }
    // the terminal's idea of what follows the last column differs: never rely on it
    this.cursor = -1;
  }

  private changed(at: number): boolean {
    if (this.previous === null) return this.next.cells[at] !== " " || this.next.styles[at] !== 0;
    return this.next.cells[at] !== this.previous.cells[at] || this.next.styles[at] !== this.previous.styles[at];
  }

  private moveTo(at: number, row: number, column: number): void {
    if (this.cursor === at) return;
    if (this.cursor >= 0 && at > this.cursor && at - this.cursor <= SHORT_GAP && this.plainGap(this.cursor, at)) {
      while (this.cursor < at) this.write(this.cursor, false);
      return;
    }
    this.output += `\x1b[${row + 1};${column + 1}H`;
    this.cursor = at;
  }

  /** Whether the cells between can be written again as they are: one column each, for sure. */
  private plainGap(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (!isSure(this.next.cells[at])) return false;
    return true;
  }

  private write(at: number, wide: boolean): void {
    const look = this.next.styles[at];
    if (look !== this.look) {
      this.output += sgr(look, this.theme);
      this.look = look;
    }
    const cell = this.theme.unicode ? safeCell(this.next.cells[at]) : asciiCell(this.next.cells[at], wide);
    if (isSure(cell) && !wide) {
      this.output += cell;
      this.cursor = at + 1;
      return;
    }
    // Terminals differ on how wide some characters are: clear the place first, and let the next cell say where it is.
    this.output += wide && this.theme.unicode ? `  \x1b[2D${cell}` : cell;
    this.cursor = -1;
  }
}

/** Characters that every terminal draws one column wide. */
function isSure(cell: string): boolean {
  if (cell.length !== 1) return false;
  const code = cell.charCodeAt(0);
  if (code < 0x7f) return code >= 0x20;
  return (code >= 0xa1 && code < 0x300 && code !== 0xad) || (code >= 0x2500 && code <= 0x259f) || isBraille(code);
}

function isBraille(code: number): boolean {
  return code >= 0x2800 && code <= 0x28ff;
}

/** The cell's text when a terminal can only draw it; else a mark. Defence in depth: `Pane.put` has cleaned it before. */
export function safeCell(cell: string): string {
  if (isSure(cell)) return cell;
  // a cluster is one character and a few marks; anything longer did not come from `eachCell`
  if (cell.length > 8) return REPLACEMENT;
  for (const character of cell) if (isUnprintable(character.codePointAt(0)!)) return REPLACEMENT;
  return cell;
}

function asciiCell(cell: string, wide: boolean): string {
  const code = cell.charCodeAt(0);
  if (cell.length === 1 && code >= 0x20 && code < 0x7f) return cell;
  if (wide) return "??";
  const drawn = ASCII[cell];
  if (drawn !== undefined) return drawn;
  if (isBraille(code)) return brailleAsAscii(code - 0x2800);
  if (code >= 0x2580 && code <= 0x259f) return "#";
  return "?";
}

/** As dark as there are dots. */
function brailleAsAscii(dots: number): string {
  let count = 0;
  for (let rest = dots; rest !== 0; rest &= rest - 1) count++;
  return " ..::++##"[count];
}

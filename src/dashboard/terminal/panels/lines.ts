/** Pages of text over the screen: runs of styled text line by line, long ones wrapped, scrolled. */
import { printable } from "../../../core/printable.ts";
import { box } from "../draw.ts";
import type { Pane } from "../frame.ts";
import { type Style, style } from "../style.ts";
import { eachCell, pad, textWidth } from "../width.ts";

export type Line = readonly (readonly [text: string, look: Style])[];

/** Columns that names take before their values. */
const NAME = 14;

export function heading(text: string, look: Style): Line {
  return [[text, look]];
}

/** A name and what it is. */
export function pair(name: string, value: string, look: Style = 0): Line {
  return [
    [pad(name, NAME), style("muted")],
    [value, look],
  ];
}

/** Draws lines in a box, from line `scroll` on. Lines too long go on in the next row, indented. */
export function linesBox(pane: Pane, title: string, lines: readonly Line[], scroll: number): void {
  pane.clear();
  const rows = lines.flatMap((line) => wrapped(line, Math.max(8, pane.width - 4)));
  const last = Math.max(0, rows.length - (pane.height - 2));
  pane.frame.scrollLimit = last;
  const first = Math.min(scroll, last);
  const inside = box(pane, title, last === 0 ? "" : `${first + 1}–${first + pane.height - 2} of ${rows.length}`, true);
  const body = inside.part(1, 0, inside.width - 2, inside.height);
  for (let y = 0; y < body.height && first + y < rows.length; y++) body.runs(0, y, rows[first + y]);
}

/** Rows one line is wrapped into at most: a hostile field must not make a frame slow. */
const MOST_WRAPS = 200;

/** A line in rows of at most `columns`: broken at spaces where there are some, else anywhere. */
function wrapped(line: Line, columns: number): Line[] {
  if (line.reduce((sum, [text]) => sum + textWidth(printable(text)), 0) <= columns) return [line];
  const indent = line.length > 1 ? Math.min(textWidth(line[0][0]), Math.floor(columns / 2)) : 2;
  const rows: [string, Style][][] = [[]];
  let used = 0;
  const newRow = () => {
    rows.push([[" ".repeat(indent), 0]]);
    used = indent;
  };
  for (const [text, look] of line) {
    for (const word of printable(text).split(/(?<= )/)) {
      const width = textWidth(word.trimEnd());
      if (used + width > columns && width <= columns - indent) newRow();
      for (const piece of pieces(word, columns - used, columns - indent)) {
        if (rows.length > MOST_WRAPS) return rows;
        if (used + textWidth(piece.trimEnd()) > columns) newRow();
        const fitting = used + textWidth(piece) > columns ? piece.trimEnd() : piece;
        rows.at(-1)!.push([fitting, look]);
        used += textWidth(fitting);
      }
    }
  }
  return rows;
}

/** A word cut so that the first piece fits in `first` columns and the others in `next`. */
function pieces(word: string, first: number, next: number): string[] {
  if (textWidth(word.trimEnd()) <= first) return [word];
  const found: string[] = [];
  let piece = "";
  let used = 0;
  let room = Math.max(1, first);
  eachCell(word, (cell, width) => {
    if (used + width > room) {
      found.push(piece);
      piece = "";
      used = 0;
      room = Math.max(2, next);
    }
    piece += cell;
    used += width;
    return found.length <= MOST_WRAPS;
  });
  return [...found, piece];
}

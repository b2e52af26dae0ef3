/**
 * A screen full of cells, as data, and panes to draw on it. Everything a view shows goes through `Pane.put`, which cuts
 * at the pane's edges, places wide characters, and lets no control character through. Rows register what a click on
 * them means.
 */
import { printable } from "../../core/printable.ts";
import type { Action } from "../model/action.ts";
import { PLAIN, type Style } from "./style.ts";
import { cutTo, eachCell, textWidth } from "./width.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A click anywhere in this rectangle means `action`. */
export interface ClickTarget {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly action: Action;
}

/** No terminal in use is larger; a reported size beyond it is not believed. */
export const LARGEST: Size = { columns: 1000, rows: 400 };

function bounded(reported: number, largest: number): number {
  return Math.max(1, Math.min(largest, Math.floor(reported) || 1));
}

export class Frame {
  readonly columns: number;
  readonly rows: number;
  /** One drawn cluster a cell; the right half of a wide one is the empty string. */
  readonly cells: string[];
  readonly styles: Uint16Array;
  readonly clicks: ClickTarget[] = [];
  /** How far the page shown can be scrolled, in lines; the model is told, so that scrolling stops there. */
  scrollLimit = 0;

  constructor(size: Size) {
    this.columns = bounded(size.columns, LARGEST.columns);
    this.rows = bounded(size.rows, LARGEST.rows);
    this.cells = new Array<string>(this.columns * this.rows).fill(" ");
    this.styles = new Uint16Array(this.columns * this.rows);
  }

  pane(): Pane {
    return new Pane(this, 0, 0, this.columns, this.rows);
  }

  /** Sets one cell. A wide character at the last column, or over half of another, leaves no half behind. */
  set(x: number, y: number, cell: string, width: 1 | 2, look: Style): void {
    const at = y * this.columns + x;
    if (this.cells[at] === "" && x > 0) this.cells[at - 1] = " ";
    if (width === 1 || x + 1 >= this.columns) {
      this.erase(at, x);
      this.cells[at] = width === 1 ? cell : " ";
      this.styles[at] = look;
      return;
    }
    this.erase(at + 1, x + 1);
    this.cells[at] = cell;
    this.cells[at + 1] = "";
    this.styles[at] = this.styles[at + 1] = look;
  }

  /** The right half of a wide character that is about to lose its left half becomes a space. */
  private erase(at: number, x: number): void {
    if (x + 1 < this.columns && this.cells[at + 1] === "") this.cells[at + 1] = " ";
  }

  /** The frame as plain lines, without the spaces at their ends. */
  toText(): string {
    const lines: string[] = [];
    for (let row = 0; row < this.rows; row++) {
      lines.push(
        this.cells
          .slice(row * this.columns, (row + 1) * this.columns)
          .join("")
          .trimEnd(),
      );
    }
    return `${lines.join("\n")}\n`;
  }
}

/** A rectangle of a frame with its own coordinates. */
export class Pane {
  readonly frame: Frame;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;

  constructor(frame: Frame, x: number, y: number, width: number, height: number) {
    this.frame = frame;
    this.x = x;
    this.y = y;
    this.width = Math.max(0, Math.min(width, frame.columns - x));
    this.height = Math.max(0, Math.min(height, frame.rows - y));
  }

  /** A part of this pane. */
  part(x: number, y: number, width: number, height: number): Pane {
    return new Pane(
      this.frame,
      this.x + x,
      this.y + y,
      Math.min(width, this.width - x),
      Math.min(height, this.height - y),
    );
  }

  /**
   * Draws text from column `x` of row `y`, cut at `columns` (the pane's edge when not given) with `…`. Returns the
   * column behind it.
   */
  put(x: number, y: number, text: string, look: Style = PLAIN, columns = this.width - x): number {
    if (y < 0 || y >= this.height || x >= this.width) return x;
    const room = Math.min(columns, this.width - x);
    let column = x;
    eachCell(cutTo(printable(text), room), (cell, width) => {
      if (column >= 0) this.frame.set(this.x + column, this.y + y, cell, width, look);
      column += width;
      return column < this.width;
    });
    return column;
  }

  /** Draws text so that it ends at column `end` (exclusive). Returns the column it starts at. */
  putRight(end: number, y: number, text: string, look: Style = PLAIN): number {
    const safe = printable(text);
    const start = Math.max(0, end - textWidth(safe));
    this.put(start, y, safe, look, end - start);
    return start;
  }

  /** Draws runs of differently styled text one after the other. Returns the column behind them. */
  runs(x: number, y: number, runs: readonly (readonly [text: string, look: Style])[]): number {
    let column = x;
    for (const [text, look] of runs) column = this.put(column, y, text, look);
    return column;
  }

  /** Gives a whole row another look, keeping its text: for selections. */
  restyle(y: number, change: (look: Style) => Style): void {
    if (y < 0 || y >= this.height) return;
    const start = (this.y + y) * this.frame.columns + this.x;
    for (let at = start; at < start + this.width; at++) this.frame.styles[at] = change(this.frame.styles[at]);
  }

  /** Makes a rectangle of the pane answer to clicks. */
  onClick(y: number, action: Action, x = 0, width = this.width - x, height = 1): void {
    this.frame.clicks.push({ x: this.x + x, y: this.y + y, width, height, action });
  }

  clear(): void {
    for (let row = 0; row < this.height; row++) this.put(0, row, " ".repeat(this.width));
  }
}

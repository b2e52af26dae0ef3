/** A list with columns that come and go with the pane's width, a selected row, and rows that answer to clicks. */
import type { Action } from "../model/action.ts";
import type { Pane } from "./frame.ts";
import type { ViewContext } from "./panels/view-context.ts";
import { DIM, type Style, selectedLook, style } from "./style.ts";
import { pad } from "./width.ts";

export interface Column<Row> {
  readonly title: string;
  /** 0 takes what the others leave. */
  readonly width: number;
  /** Only shown in panes at least this wide. */
  readonly from: number;
  readonly right?: boolean;
  text(row: Row, context: ViewContext): string;
  look?(row: Row): Style;
}

export interface Table<Row> {
  readonly columns: readonly Column<Row>[];
  readonly length: number;
  at(index: number): Row | undefined;
  /** Index of the selected row. */
  readonly selected: number;
  readonly focused: boolean;
  click(index: number): Action;
  /** Whether titles stand above the rows; else where there is room for them. */
  readonly titled?: boolean;
  /** Rows that step back. */
  dimmed?(row: Row): boolean;
  /** A column's title with a mark of the order. */
  title?(column: Column<Row>): string;
}

const MUTED = style("muted");

export function drawTable<Row>(pane: Pane, table: Table<Row>, context: ViewContext): void {
  const columns = table.columns.filter((column) => pane.width >= column.from);
  const taken = columns.reduce((sum, column) => sum + column.width, 0);
  const rest = Math.max(4, pane.width - taken);
  const titled = table.titled ?? pane.height >= 5;
  const body = titled ? pane.part(0, 1, pane.width, pane.height - 1) : pane;
  const put = (on: Pane, y: number, text: (column: Column<Row>) => string, look: (column: Column<Row>) => Style) => {
    let x = 0;
    for (const column of columns) {
      const width = column.width || rest;
      // a space stands between columns whatever their text
      const gap = column === columns.at(-1) ? 0 : 1;
      on.put(x, y, pad(text(column), width - gap, column.right ? "right" : "left"), look(column));
      x += width;
    }
  };
  if (titled)
    put(
      pane,
      0,
      (column) => table.title?.(column) ?? column.title,
      () => MUTED,
    );
  const start = firstVisible(table.selected, table.length, body.height);
  for (let y = 0; y < body.height && start + y < table.length; y++) {
    const row = table.at(start + y);
    if (row === undefined) continue;
    const dim = table.dimmed?.(row) ? DIM : 0;
    put(
      body,
      y,
      (column) => column.text(row, context),
      (column) => (column.look?.(row) ?? 0) | dim,
    );
    body.onClick(y, table.click(start + y));
    if (start + y === table.selected && table.focused) body.restyle(y, selectedLook);
  }
}

/** First row shown so that the selected one is in sight, in the middle where the ends allow. */
export function firstVisible(selected: number, length: number, height: number): number {
  return Math.max(0, Math.min(length - height, selected - Math.floor(height / 2)));
}

/** Ranked values of a dimension: a small list for the overview, a full one for its own screen. */

import { bar } from "../../../stats/table.ts";
import { DIMENSIONS, type Dimension } from "../../model/dimension.ts";
import { shorten, type TopList, type TopRow } from "../../model/tops.ts";
import { box } from "../draw.ts";
import { amount, milliseconds, percent, size, UNKNOWN } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, REVERSE, type Style, selectedLook, statusTone, style } from "../style.ts";
import { firstVisible } from "../table.ts";
import { pad } from "../width.ts";
import type { ViewContext } from "./view-context.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  /** Only shown in panes at least this wide. */
  readonly from: number;
  text(row: TopRow, list: TopList): string;
  look?(row: TopRow): Style;
}

const octets = ({ tally }: TopRow) => tally.bytesIn + tally.bytesOut;

const COLUMNS: readonly Column[] = [
  { title: "requests", width: 9, from: 0, text: (row, list) => about(row, list) + amount(row.tally.requests) },
  { title: "share", width: 7, from: 36, text: (row, list) => shareText(row.tally.requests, list.total) },
  {
    title: "5xx",
    width: 7,
    from: 50,
    text: ({ tally }) => amount(tally.errors),
    look: ({ tally }) => style(tally.errors > 0 ? "bad" : "muted"),
  },
  { title: "p95", width: 10, from: 60, text: ({ tally }) => quantile(tally, 0.95) },
  { title: "bytes", width: 10, from: 70, text: (row) => size(octets(row)) },
  { title: "p50", width: 10, from: 100, text: ({ tally }) => quantile(tally, 0.5) },
  { title: "slowest", width: 10, from: 110, text: ({ tally }) => milliseconds(tally.latency?.max ?? null) },
  { title: "in", width: 10, from: 120, text: ({ tally }) => size(tally.bytesIn) },
  { title: "out", width: 10, from: 120, text: ({ tally }) => size(tally.bytesOut) },
  { title: "mean size", width: 11, from: 140, text: (row) => size(octets(row) / Math.max(1, row.tally.requests)) },
];

function shareText(part: number, total: number): string {
  return percent(total === 0 ? 0 : part / total);
}

function quantile({ latency }: TopRow["tally"], q: number): string {
  return latency === null || latency.count === 0 ? UNKNOWN : milliseconds(latency.at(q));
}

/** `≈` scaled up from a sample, `≥` a lower bound: a number that is not exact never looks as if it were. */
function about(row: TopRow, list: TopList): string {
  if (list.sampled) return "≈";
  return row.tally.missed > 0 ? "≥" : "";
}

export function topPanel(pane: Pane, context: ViewContext, focused: boolean): void {
  const { model } = context;
  const inside = box(pane, `Top ${model.dimension.title}`, note(context, pane.width), focused);
  pane.onClick(0, { type: "dimension", by: 1 });
  const tabs = inside.width >= 60;
  if (tabs) dimensionTabs(inside, context);
  const rest = inside.part(0, tabs ? 1 : 0, inside.width, inside.height - (tabs ? 1 : 0));
  topRows(rest, context, model.dimension, focused, true);
}

/** Another dimension's ranking beside the chosen one, to look at only. */
export function secondTopPanel(pane: Pane, context: ViewContext, index: number): void {
  const dimension = DIMENSIONS[index];
  const inside = box(pane, `Top ${dimension.title}`);
  pane.onClick(0, { type: "dimension-set", index }, 0, pane.width, pane.height);
  topRows(inside, context, dimension, false, false);
}

function note({ model }: ViewContext, width: number): string {
  const next = DIMENSIONS[(model.ui.dimension + 1) % DIMENSIONS.length];
  if (width < 62) return `Tab: ${next.title}`;
  return model.ui.filter === null && model.span === null ? "since start" : "of the exchanges held that fit";
}

/** As many tabs as fit, the chosen one among them. */
function dimensionTabs(pane: Pane, { model }: ViewContext): void {
  const widths = DIMENSIONS.map((dimension) => dimension.title.length + 2);
  let first = 0;
  const upTo = (from: number) => widths.slice(from, model.ui.dimension + 1).reduce((sum, width) => sum + width, 0);
  while (upTo(first) > pane.width - 2) first++;
  let x = first > 0 ? pane.put(0, 0, "‹", style("muted")) : 0;
  for (let index = first; index < DIMENSIONS.length; index++) {
    if (x + widths[index] > pane.width - 1) {
      pane.put(pane.width - 1, 0, "›", style("muted"));
      return;
    }
    const chosen = index === model.ui.dimension;
    const look = chosen ? style("accent", BOLD | REVERSE) : style("muted");
    const end = pane.put(x, 0, ` ${DIMENSIONS[index].title} `, look);
    pane.onClick(0, { type: "dimension-set", index }, x, end - x);
    x = end;
  }
}

function topRows(pane: Pane, context: ViewContext, dimension: Dimension, focused: boolean, chosen: boolean): void {
  const { model } = context;
  const columns = COLUMNS.filter((column) => pane.width >= column.from);
  const titled = pane.height >= 6;
  const body = titled ? pane.part(0, 1, pane.width, pane.height - 1) : pane;
  const list = model.topList(dimension, 2_000);
  const keyWidth = Math.max(4, pane.width - columns.reduce((sum, column) => sum + column.width, 0));
  if (titled) drawTitles(pane, columns, keyWidth, dimension.title);
  if (list.rows.length === 0) body.put(1, 0, empty(context, dimension), style("muted"));
  const selected = chosen
    ? Math.max(
        0,
        list.rows.findIndex((row) => row.key === model.ui.topKey),
      )
    : 0;
  const short = shorten(list, body.height);
  // at the top the rest stays in sight as one row; further down the list scrolls
  const scrolled = selected >= short.rows.length;
  const start = scrolled ? firstVisible(selected, list.rows.length, body.height) : 0;
  const rows = scrolled ? list.rows.slice(start, start + body.height) : short.rows;
  for (const [index, row] of rows.entries()) {
    drawRow(body, index, row, list, columns, keyWidth, dimension);
    if (chosen) body.onClick(index, { type: "select", row: row.key });
    if (focused && start + index === selected) body.restyle(index, selectedLook);
  }
  if (!scrolled && short.other !== null) {
    drawRow(body, rows.length, short.other, list, columns, keyWidth, dimension);
    body.restyle(rows.length, () => style("muted"));
  }
}

function drawTitles(pane: Pane, columns: readonly Column[], keyWidth: number, title: string): void {
  let x = pane.put(0, 0, pad(title.toLowerCase(), keyWidth), style("muted"));
  for (const column of columns) x = pane.put(x, 0, pad(column.title, column.width, "right"), style("muted"));
}

function drawRow(
  pane: Pane,
  y: number,
  row: TopRow,
  list: TopList,
  columns: readonly Column[],
  keyWidth: number,
  dimension: Dimension,
): void {
  const barWidth = keyWidth >= 38 ? Math.floor(keyWidth / 3) : 0;
  pane.put(0, y, pad(shownKey(row.key, dimension), keyWidth - barWidth), keyLook(row.key, dimension));
  if (barWidth > 0) {
    const most = list.rows[0]?.tally.requests ?? 0;
    pane.put(keyWidth - barWidth + 1, y, bar(most === 0 ? 0 : row.tally.requests / most, barWidth - 2), style("low"));
  }
  let x = keyWidth;
  for (const column of columns) {
    x = pane.put(x, y, pad(column.text(row, list), column.width, "right"), column.look?.(row) ?? 0);
  }
}

/** Every section begins with `http://`: the screen has better uses for seven columns. */
function shownKey(key: string, dimension: Dimension): string {
  return dimension.name === "section" && key.startsWith("http://") ? key.slice(7) : key;
}

function keyLook(key: string, dimension: Dimension): Style {
  return dimension.name === "status" && /^\d+$/.test(key) ? style(statusTone(Number(key)), BOLD) : 0;
}

function empty({ model }: ViewContext, dimension: Dimension): string {
  if (model.exchangesHeld === 0) return "no exchange seen yet";
  if (model.ui.filter !== null || model.span !== null) return "none of those held fits";
  return `no exchange has a ${dimension.title.toLowerCase()}`;
}

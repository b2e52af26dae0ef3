/** The time axis of the graphs: which series, from when, and how much time a column has. Columns stand at fixed times, so
 * that a graph moves by whole columns and does not shimmer. */
import { type Micros, SECOND } from "../../core/units.ts";
import type { Series, Slice } from "./series.ts";
import type { Ui } from "./ui.ts";

export interface Graph {
  readonly from: Micros;
  readonly step: Micros;
  readonly columns: number;
  /** Whether there is data at all, and up to when. */
  readonly end: Micros;
  slice(column: number): Slice;
  /** Half a column, for graphs with two dots a column: 0 and 1. */
  half(column: number, which: 0 | 1): Slice;
}

export interface GraphSource {
  readonly source: { readonly kind: "live" | "file" };
  readonly recent: Series;
  readonly whole: Series;
  readonly now: Micros;
  readonly ui: Ui;
}

/** Live: time per half column by zoom. The last level shows the whole run. */
const LIVE_HALF: readonly Micros[] = [SECOND, 2 * SECOND, 5 * SECOND];

export function graphOf(model: GraphSource, columns: number): Graph {
  const width = Math.max(1, columns);
  if (model.source.kind === "live" && model.ui.zoom < LIVE_HALF.length) {
    const half = LIVE_HALF[model.ui.zoom];
    // the running second is still filling up: the newest column ends before it
    const end = Math.floor(model.now / (2 * half)) * 2 * half;
    return graph(model.recent, end - width * 2 * half, half, width);
  }
  return wholeGraph(model, width);
}

/** All there is; zoomed in on the time cursor (or the end) by a factor of four a step for files. */
function wholeGraph(model: GraphSource, columns: number): Graph {
  const { whole } = model;
  const zoom = model.source.kind === "file" ? model.ui.zoom : 0;
  const length = Math.max(whole.width, whole.end - whole.start);
  const half = Math.max(1, Math.ceil(length / 4 ** zoom / whole.width / (2 * columns))) * whole.width;
  const step = 2 * half;
  const first = Math.floor(whole.start / step) * step;
  if (zoom === 0) return graph(whole, first, half, columns);
  const centre = model.ui.cursor ?? whole.end;
  const last = Math.ceil(whole.end / step) * step - columns * step;
  const from = Math.floor((centre - (columns / 2) * step) / step) * step;
  return graph(whole, Math.max(first, Math.min(last, from)), half, columns);
}

function graph(series: Series, from: Micros, half: Micros, columns: number): Graph {
  const between = (start: Micros, length: Micros) => series.between(start, start + length);
  return {
    from,
    step: 2 * half,
    columns,
    end: series.end,
    slice: (column) => between(from + column * 2 * half, 2 * half),
    half: (column, which) => between(from + (2 * column + which) * half, half),
  };
}

/** The cursor `by` columns on, within the data; null when there is none. A cursor not set starts at the newest column. */
export function moveCursor(model: GraphSource & { graph(columns: number): Graph }, by: number): Micros | null {
  const { whole, ui } = model;
  if (whole.empty) return null;
  const { step } = model.graph(ui.graphColumns);
  const align = (time: Micros) => Math.floor(time / step) * step;
  const last = align(whole.end - 1);
  const place = ui.cursor === null ? last + (by < 0 ? by + 1 : 0) * step : align(ui.cursor) + by * step;
  return Math.max(align(whole.start), Math.min(last, place));
}

/**
 * Requests per second over time: a filled graph on the learned band, with marks where alerts fired and ended, and the
 * time cursor. Exchanges of one column are averaged over its time; a band is what was usual then.
 */
import { HOUR, type Micros, SECOND } from "../../../core/units.ts";
import type { Graph } from "../../model/graph.ts";
import type { DashboardModel } from "../../model/model.ts";
import { area, box, largest, roundUp } from "../draw.ts";
import { axisTime, clock, dateAndClock, rate, span, stepText } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, REVERSE, type Style, style } from "../style.ts";
import type { ViewContext } from "./view-context.ts";

/** Columns left of a graph for its scale. */
export const SCALE = 6;

export function ratePanel(pane: Pane, context: ViewContext): void {
  const { model } = context;
  const graph = model.graph(pane.width - 2 - SCALE);
  const inside = box(pane, "Requests/s", note(model, graph));
  if (inside.width <= SCALE || inside.height < 2) return;
  const plot = inside.part(SCALE, 0, inside.width - SCALE, inside.height - 1);
  const values = halves(model, graph, (slice, length) => (slice.requests * SECOND) / length);
  const bands = Array.from({ length: graph.columns }, (_, column) => bandAt(model, graph.from + column * graph.step));
  // the band is seen where it is near; a wide one must not press the graph flat
  const highest = Math.max(largest(values), 1);
  const top = roundUp(Math.max(highest, Math.min(2 * highest, largest(bands.map((band) => band?.up ?? null)))));
  drawBand(plot, bands, top);
  const alerting = alertingColumns(model, graph);
  area(plot, values, top, (column, share) => barLook(alerting.has(column), share));
  scale(inside, top, plot.height);
  const axis = inside.part(SCALE, inside.height - 1, plot.width, 1);
  timeAxis(axis, graph, context, new Set(model.alerts.marks.map(({ time }) => columnOf(graph, time))));
  marks(axis, model, graph);
  cursorLine(plot, model, graph, context);
}

function note(model: DashboardModel, graph: Graph): string {
  const rule = model.alerts.rateRule;
  const step = `${stepText(graph.step)} a column`;
  if (rule?.state === "learning") {
    return rule.learning_left_s === null
      ? `learning · ${step}`
      : `learning, ${span(rule.learning_left_s * SECOND)} left · ${step}`;
  }
  const band = model.bands.at(model.now);
  if (band === null) return step;
  return `usual ${rate(band.low / band.window_s)}–${rate(band.up / band.window_s)} · ${step}`;
}

/** Values of the half columns; null outside the time that was watched. */
export function halves(
  model: DashboardModel,
  graph: Graph,
  value: (slice: ReturnType<Graph["half"]>, length: Micros) => number | null,
): (number | null)[] {
  const half = graph.step / 2;
  const start = model.startTime ?? Number.POSITIVE_INFINITY;
  const values: (number | null)[] = [];
  for (let index = 0; index < graph.columns * 2; index++) {
    const from = graph.from + index * half;
    const watched = from + half > start && from < model.now;
    values.push(watched ? value(graph.half(index >> 1, (index & 1) as 0 | 1), half) : null);
  }
  return values;
}

function bandAt(model: DashboardModel, time: Micros): { low: number; up: number } | null {
  const band = model.bands.at(time);
  return band === null ? null : { low: band.low / band.window_s, up: band.up / band.window_s };
}

/** The band behind the graph: its two edges as lines, dots between them. */
function drawBand(plot: Pane, bands: readonly ({ low: number; up: number } | null)[], top: number): void {
  const rowOf = (value: number) => plot.height - 1 - Math.min(plot.height - 1, Math.floor((value / top) * plot.height));
  for (const [column, band] of bands.entries()) {
    if (band === null) continue;
    const high = rowOf(band.up);
    const low = rowOf(band.low);
    for (let row = high; row <= low; row++) {
      const edge = (row === high && band.up <= top) || row === low;
      plot.put(column, row, edge ? "┄" : "·", style("muted"));
    }
  }
}

function barLook(alerting: boolean, share: number): Style {
  if (alerting) return style("bad");
  return style(share > 0.67 ? "high" : share > 0.34 ? "middle" : "low");
}

/** Numbers beside a graph: its top, its middle where there is room, and zero. */
export function scale(inside: Pane, top: number, height: number, text: (value: number) => string = rate): void {
  const look = style("muted");
  const put = (row: number, value: number) => inside.put(0, row, text(value).padStart(SCALE - 1), look, SCALE);
  put(0, top);
  if (height >= 5) put(Math.floor(height / 2), top / 2);
  if (height >= 2) put(height - 1, 0);
}

/** Longest label of an axis. */
const LABEL = 12;

/** Times under a graph, as many as fit, none where a mark stands. */
function timeAxis(row: Pane, graph: Graph, context: ViewContext, marked: ReadonlySet<number>): void {
  const every = Math.max(LABEL + 2, Math.floor(row.width / 8));
  row.put(0, 0, "─".repeat(row.width), style("muted"));
  for (let column = 0; column < row.width; column += every) {
    const label = axisTime(graph.from + column * graph.step, every * graph.step, context);
    if (column + label.length > row.width) return;
    const covered = Array.from(label, (_, offset) => column + offset);
    if (!covered.some((place) => marked.has(place))) row.put(column, 0, label, style("muted"));
  }
}

function columnOf(graph: Graph, time: Micros): number {
  return Math.floor((time - graph.from) / graph.step);
}

function marks(row: Pane, model: DashboardModel, graph: Graph): void {
  for (const { time, kind } of model.alerts.marks) {
    const column = columnOf(graph, time);
    if (column < 0 || column >= row.width) continue;
    row.put(column, 0, kind === "fired" ? "▲" : "▼", style(kind === "fired" ? "bad" : "good", BOLD));
  }
}

/** Columns in which some alert was firing. */
function alertingColumns(model: DashboardModel, graph: Graph): ReadonlySet<number> {
  const columns = new Set<number>();
  for (const record of model.alerts.list) {
    if (record.last.fired_at === null || record.last.rule !== (model.alerts.rateRule?.rule ?? record.last.rule))
      continue;
    const from = Math.max(0, columnOf(graph, record.start));
    const to = Math.min(graph.columns - 1, columnOf(graph, record.end ?? model.now));
    for (let column = from; column <= to; column++) columns.add(column);
  }
  return columns;
}

function cursorTime(time: Micros, step: Micros, context: ViewContext): string {
  return step >= HOUR ? dateAndClock(time, context) : clock(time, context, step < SECOND ? 3 : 0);
}

function cursorLine(plot: Pane, model: DashboardModel, graph: Graph, context: ViewContext): void {
  const { span: under } = model;
  if (under === null) return;
  const column = columnOf(graph, under.from);
  if (column < 0 || column >= plot.width) return;
  for (let row = 0; row < plot.height; row++) {
    plot.part(column, row, 1, 1).restyle(0, () => style("warn", REVERSE));
  }
  const text = ` ${cursorTime(under.from, graph.step, context)} `;
  plot.put(Math.max(0, Math.min(plot.width - text.length, column + 2)), 0, text, style("warn", BOLD | REVERSE));
}

/** Status classes and errors, latency quantiles, octets in and out: the small graphs beside the request rate. */
import { type Micros, SECOND } from "../../../core/units.ts";
import { bar } from "../../../stats/table.ts";
import type { Slice } from "../../model/series.ts";
import { area, box, largest, lines, roundUp, sparkline } from "../draw.ts";
import { amount, milliseconds, percent, rate, size, UNKNOWN } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, style, type Tone } from "../style.ts";
import { pad } from "../width.ts";
import { halves, SCALE, scale } from "./rate.ts";
import type { ViewContext } from "./view-context.ts";

/** Live numbers are of so many last seconds. */
const RECENT: Micros = 60 * SECOND;

/** What the numbers beside the graphs are of: the time cursor's column, the last minute, or the whole file. */
export function current(context: ViewContext): { slice: Slice; seconds: number; title: string } {
  const { model } = context;
  const { span } = model;
  if (span !== null) {
    return {
      slice: model.whole.between(span.from, span.to),
      seconds: (span.to - span.from) / SECOND,
      title: "at cursor",
    };
  }
  if (model.source.kind === "file") {
    const { whole } = model;
    const slice = whole.between(whole.start, whole.end);
    return { slice, seconds: Math.max(whole.width, whole.end - whole.start) / SECOND, title: "all" };
  }
  const end = Math.floor(model.now / SECOND) * SECOND;
  const start = Math.max(end - RECENT, Math.floor((model.startTime ?? end) / SECOND) * SECOND);
  return {
    slice: model.recent.between(start, end),
    seconds: Math.max(1, (end - start) / SECOND),
    title: end - start >= RECENT ? "last minute" : `last ${Math.max(1, (end - start) / SECOND)} s`,
  };
}

const CLASSES: readonly (readonly [index: number, label: string, tone: Tone])[] = [
  [2, "2xx", "good"],
  [3, "3xx", "info"],
  [4, "4xx", "warn"],
  [5, "5xx", "bad"],
  [0, "none", "bad"],
  [1, "1xx", "violet"],
];

export function statusPanel(pane: Pane, context: ViewContext): void {
  const { slice, seconds, title } = current(context);
  const failedShare = slice.requests === 0 ? 0 : slice.failed / slice.requests;
  const inside = box(pane, "Status", pane.width >= 40 ? `${title} · ${percent(failedShare)} failed` : title);
  let row = 0;
  for (const [index, label, tone] of CLASSES) {
    if (row >= inside.height) break;
    const count = slice.classes[index];
    if (index === 1 && count === 0) continue;
    const share = slice.requests === 0 ? 0 : count / slice.requests;
    const x = inside.put(0, row, pad(label, 5), style(count > 0 ? tone : "muted", count > 0 ? BOLD : 0));
    const numbers = `${rate(count / seconds)}/s`.padStart(8) + percent(share).padStart(8);
    const room = inside.width - x - numbers.length;
    inside.put(x, row, bar(share, Math.max(0, room)), style(tone));
    inside.putRight(inside.width, row, numbers, count > 0 ? 0 : style("muted"));
    row++;
  }
  if (row + 1 < inside.height) errorLine(inside.part(0, row + 1, inside.width, inside.height - row - 1), context);
}

/** Share of failed exchanges over time, where there is room for it. */
function errorLine(pane: Pane, context: ViewContext): void {
  const { model } = context;
  const graph = model.graph(Math.max(1, pane.width - SCALE));
  const values = halves(model, graph, (slice) => (slice.requests === 0 ? null : slice.failed / slice.requests));
  if (pane.height < 3) {
    const columns = Array.from({ length: graph.columns }, (_, index) => values[2 * index + 1] ?? values[2 * index]);
    pane.put(0, 0, "error", style("muted"));
    pane.put(SCALE, 0, sparkline(columns, Math.max(0.01, largest(columns))), style("bad"));
    return;
  }
  pane.put(0, 0, "share of failed exchanges", style("muted"));
  const plot = pane.part(SCALE, 1, pane.width - SCALE, pane.height - 1);
  const top = Math.min(1, roundUp(Math.max(0.01, largest(values))));
  scale(pane.part(0, 1, SCALE, plot.height), top, plot.height, (value) => `${+(value * 100).toFixed(1)}%`);
  lines(plot, [{ values, look: style("bad") }], top);
}

const QUANTILES = [
  { name: "p50", key: "p50_ms", tone: "good" },
  { name: "p95", key: "p95_ms", tone: "info" },
  { name: "p99", key: "p99_ms", tone: "violet" },
] as const;

export function latencyPanel(pane: Pane, context: ViewContext): void {
  const { slice, title } = current(context);
  const inside = box(pane, "Latency to first byte", title);
  const { model } = context;
  const labels = 16;
  const graph = model.graph(Math.max(1, inside.width - labels - (inside.height >= 5 ? SCALE : 0)));
  const values = QUANTILES.map(({ key }) => halves(model, graph, (part) => part[key]));
  for (const [row, { name, key, tone }] of QUANTILES.entries()) {
    inside.put(0, row, name, style(tone, BOLD));
    inside.put(4, row, milliseconds(slice[key]).padStart(10), slice[key] === null ? style("muted") : 0);
    if (inside.height >= 5) continue;
    const columns = Array.from(
      { length: graph.columns },
      (_, index) => values[row][2 * index + 1] ?? values[row][2 * index],
    );
    inside.put(labels, row, sparkline(columns, largest(columns)), style(tone));
  }
  if (inside.height < 5) return;
  const plot = inside.part(labels + SCALE, 0, inside.width - labels - SCALE, inside.height);
  const top = roundUp(Math.max(...values.map(largest)));
  scale(inside.part(labels, 0, SCALE, inside.height), top, inside.height, shortMilliseconds);
  lines(
    plot,
    QUANTILES.map(({ tone }, index) => ({ values: values[index], look: style(tone) })),
    top,
  );
}

function shortMilliseconds(value: number): string {
  return value >= 1_000 ? `${+(value / 1_000).toFixed(1)}s` : `${+value.toFixed(2)}ms`;
}

const DIRECTIONS = [
  { label: "in", key: "bytes_in", tone: "low" },
  { label: "out", key: "bytes_out", tone: "client" },
] as const;

export function bytesPanel(pane: Pane, context: ViewContext): void {
  const { model } = context;
  const { slice, seconds, title } = current(context);
  const inside = box(pane, "Bytes on the wire", title);
  const labels = 16;
  const graph = model.graph(Math.max(1, inside.width - labels));
  const each = Math.max(1, Math.floor(inside.height / 2));
  for (const [index, { label, key, tone }] of DIRECTIONS.entries()) {
    const y = index * each;
    if (y >= inside.height) break;
    const values = halves(model, graph, (part) => part[key]);
    inside.put(0, y, label, style(tone, BOLD));
    inside.put(4, y, `${size(slice[key] / seconds)}/s`.padStart(11));
    const columns = Array.from({ length: graph.columns }, (_, column) =>
      sum(values[2 * column], values[2 * column + 1]),
    );
    if (each >= 2)
      area(inside.part(labels, y, inside.width - labels, each), values, largest(values), () => style(tone));
    else inside.put(labels, y, sparkline(columns, largest(columns)), style(tone));
    if (each >= 3) inside.put(0, y + 1, `${size(slice[key])} in all`.padStart(15), style("muted"));
  }
  if (inside.height === 3) totals(inside, context);
}

/** The third line of a small panel: what went by in the whole run. */
function totals(inside: Pane, { model }: ViewContext): void {
  const { ledger } = model;
  const again = ledger.retransmittedPackets;
  inside.runs(0, 2, [
    ["all ", style("muted", BOLD)],
    [size(ledger.bytes).padStart(9), 0],
    [`   ${ledger.packets === 0 ? UNKNOWN : amount(ledger.packets)} packets`, style("muted")],
    [again > 0 ? `, ${amount(again)} sent again` : "", style("muted")],
  ]);
}

function sum(a: number | null, b: number | null): number | null {
  return a === null && b === null ? null : (a ?? 0) + (b ?? 0);
}

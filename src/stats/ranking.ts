/**
 * A ranking as a Statistic: a dimension, a metric and a bound make one; its report is plain data for tables, JSON and
 * dashboards. What is not among the rows is in `other`, what has no such key in `none`, and they add up to `total`.
 */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Statistic } from "../core/roles.ts";
import { formatTime, type Micros } from "../core/units.ts";
import { type Dimension, keyParts } from "./dimension.ts";
import { Measure, type Wire } from "./measure.ts";
import type { QuantileReport } from "./quantile.ts";
import { type Metric, metricOf, Tally, Top } from "./top.ts";

/** Keys a ranking keeps when nothing else is said: of 30 characters they take 3 MB, with latencies of each 40 MB. */
export const CAPACITY = 10_000;
export const MAX_TOP_HITS = 10;

export interface RankingOptions {
  readonly dimension: Dimension;
  readonly metric?: Metric;
  /** Rows in a report (`max_top_hits`). */
  readonly limit?: number;
  readonly capacity?: number;
  /** Latency quantiles of each key; as the metric wants when not given. */
  readonly latency?: boolean;
  readonly wire?: Wire;
}

export interface Counts {
  readonly requests: number;
  readonly responses: number;
  readonly errors: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly retransmitted_in: number;
  readonly retransmitted_out: number;
}

export interface RankingRow extends Counts {
  readonly rank: number;
  /** One for each column of the dimension. */
  readonly keys: readonly string[];
  /** Of the ranking's metric; null for a latency that was not measured. */
  readonly value: number | null;
  /** The true value (in the metric's unit, or requests for latencies) is at most this much more; 0 when exact. */
  readonly missed_at_most: number;
  readonly latency_ms: QuantileReport | null;
  readonly last_seen: string | null;
  readonly last_seen_us: Micros;
}

export interface RankingReport {
  readonly dimension: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly metric: Metric;
  readonly unit: "requests" | "connections";
  readonly rows: readonly RankingRow[];
  /** Keys that are kept, shown or not. */
  readonly keys: number;
  /** Some keys were given up: `keys` is less than there were, and a key not kept weighs at most `floor`. */
  readonly exact: boolean;
  readonly floor: number;
  /** Sums of what is not in the rows, of what has no such key, and of everything. */
  readonly other: Counts;
  readonly none: Counts;
  readonly total: Counts;
}

export type Ranking = Statistic<Top, RankingReport>;

const isLatency = (metric: Metric) => metric.startsWith("latency");

export function ranking(options: RankingOptions): Ranking {
  const { dimension, metric = "requests", limit = MAX_TOP_HITS, capacity = CAPACITY, wire } = options;
  const topOptions = { capacity, metric, latency: options.latency ?? isLatency(metric) };
  const measure = new Measure();
  return {
    name: `top ${dimension.name}`,
    unit: isLatency(metric) ? "milliseconds" : /bytes|retransmitted/.test(metric) ? "bytes" : metric,
    title: `Top ${metric} by ${dimension.title}`,
    create: () => new Top(topOptions),
    observe(state: Top, event: TransactionEvent | TlsEvent) {
      const key = dimension.key(event);
      if (counts(dimension, event) && key !== undefined) state.add(key, measure.of(event, wire));
    },
    merge: (into, from) => into.merge(from),
    report: (state) => rankingReport(state, dimension, metric, limit),
  };
}

/** TLS connections carry the octets of the requests inside them: only dimensions about TLS count them. */
export function counts(dimension: Dimension, event: TransactionEvent | TlsEvent): boolean {
  return (event.type === "tls") === (dimension.unit === "connections");
}

export function rankingReport(
  top: Top,
  dimension: Pick<Dimension, "name" | "title" | "columns" | "unit">,
  metric: Metric,
  limit: number,
): RankingReport {
  const values = [...top.entries].map(([key, tally]) => ({ key, tally, value: metricOf(tally, metric) }));
  values.sort((a, b) => ordered(b.value, a.value) || b.tally.lastSeen - a.tally.lastSeen || (a.key < b.key ? -1 : 1));
  const shown = values.slice(0, limit);
  const other = new Tally();
  const total = top.total();
  other.addCounters(total);
  other.addCounters(top.none, -1);
  for (const { tally } of shown) other.addCounters(tally, -1);
  return {
    dimension: dimension.name,
    title: dimension.title,
    columns: dimension.columns,
    metric,
    unit: dimension.unit,
    rows: shown.map(({ key, tally, value }, index) => ({
      rank: index + 1,
      keys: keyParts(key, dimension),
      value: Number.isNaN(value) ? null : value,
      ...countsOf(tally),
      missed_at_most: tally.missed,
      latency_ms: tally.latency?.report() ?? null,
      last_seen: tally.lastSeen < 0 ? null : formatTime(tally.lastSeen),
      last_seen_us: tally.lastSeen,
    })),
    keys: top.entries.size,
    exact: top.floor === 0,
    floor: top.floor,
    other: countsOf(other),
    none: countsOf(top.none),
    total: countsOf(total),
  };
}

/** Numbers in order, with what is not known below all. */
function ordered(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1;
  return Number.isNaN(b) ? 1 : a - b;
}

function countsOf(tally: Tally): Counts {
  return {
    requests: tally.requests,
    responses: tally.responses,
    errors: tally.errors,
    bytes_in: tally.bytesIn,
    bytes_out: tally.bytesOut,
    retransmitted_in: tally.retransmittedIn,
    retransmitted_out: tally.retransmittedOut,
  };
}

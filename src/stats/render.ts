/** Rankings and byte counts as tables, CSV and JSON: data in, lines out. Captured text comes out neutralised. */
import { printableJson } from "../core/printable.ts";
import type { BytesReport } from "./bytes.ts";
import type { Counts, RankingReport, RankingRow } from "./ranking.ts";
import {
  type Cell,
  type Column,
  csvLines,
  formatBytes,
  formatMilliseconds,
  shownKey,
  tableLines,
  threeDigits,
} from "./table.ts";
import type { Metric } from "./top.ts";

const right = (title: string): Column => ({ title, align: "right" });

/** Longest key in a table, in columns of the terminal. */
const KEY_WIDTH = 60;

type Shown = readonly [title: string, of: (row: Counts & Partial<RankingRow>) => Cell];

const REQUESTS: Shown = ["REQUESTS", (row) => row.requests];
const ERRORS: Shown = ["ERRORS", (row) => row.errors];
const IN: Shown = ["IN", (row) => formatBytes(row.bytes_in)];
const OUT: Shown = ["OUT", (row) => formatBytes(row.bytes_out)];
const latency = (title: string, of: "mean" | "p50" | "p90" | "p95" | "p99" | "max"): Shown => [
  title,
  (row) => formatMilliseconds(row.latency_ms?.[of] ?? null),
];

function shownColumns(report: RankingReport): Shown[] {
  const { metric } = report;
  if (!addsUp(metric)) {
    return [
      REQUESTS,
      latency("MEAN", "mean"),
      latency("P50", "p50"),
      latency("P90", "p90"),
      latency("P95", "p95"),
      latency("P99", "p99"),
      latency("MAX", "max"),
    ];
  }
  if (metric === "retransmitted") {
    return [
      REQUESTS,
      ["SENT AGAIN IN", (row) => formatBytes(row.retransmitted_in)],
      ["SENT AGAIN OUT", (row) => formatBytes(row.retransmitted_out)],
    ];
  }
  return [REQUESTS, ERRORS, IN, OUT];
}

/** Latencies do not. */
function addsUp(metric: Metric): boolean {
  return !metric.startsWith("latency");
}

/** What a metric has of a sum; null for latencies. */
export function countOf(counts: Counts, metric: Metric): number | null {
  if (!addsUp(metric)) return null;
  if (metric === "bytes") return counts.bytes_in + counts.bytes_out;
  if (metric === "bytes-in") return counts.bytes_in;
  if (metric === "bytes-out") return counts.bytes_out;
  if (metric === "retransmitted") return counts.retransmitted_in + counts.retransmitted_out;
  return counts[metric as "requests" | "responses" | "errors"];
}

/** `earshot top` as a table: rows, `(other)`, `(none)`, the total, and a line that says what is not exact. */
export function rankingTable(report: RankingReport): string[] {
  const shown = shownColumns(report);
  const keyColumns = report.columns.map((title) => ({ title: title.toUpperCase(), most: KEY_WIDTH }));
  const columns: Column[] = [
    right("#"),
    ...keyColumns,
    ...shown.map(([title]) => right(named(title, report))),
    ...(addsUp(report.metric) ? [right("SHARE")] : []),
  ];
  const sum = countOf(report.total, report.metric) ?? 0;
  const share = (counts: Counts): Cell =>
    sum === 0 ? null : `${threeDigits(((countOf(counts, report.metric) ?? 0) * 100) / sum)} %`;
  const line = (rank: Cell, keys: readonly Cell[], counts: Counts): Cell[] => [
    rank,
    ...report.columns.map((_, index) => keys[index] ?? ""),
    ...shown.map(([, of]) => of(counts)),
    share(counts),
  ];
  const rows = report.rows.map((row) => line(row.rank, shownKeys(row.keys), row));
  if (isAnything(report.other)) rows.push(line("", ["(other)"], report.other));
  if (isAnything(report.none)) rows.push(line("", ["(none)"], report.none));
  rows.push(line("", ["total"], report.total));
  return [...tableLines(columns, rows), ...notExact(report)];
}

/** The key of one part must not be blank. */
function shownKeys(keys: readonly string[]): readonly string[] {
  return keys.length === 1 ? [shownKey(keys)] : keys;
}

function named(title: string, report: RankingReport): string {
  return title === "REQUESTS" ? report.unit.toUpperCase() : title;
}

function isAnything(counts: Counts): boolean {
  return counts.requests + counts.responses + counts.bytes_in + counts.bytes_out > 0;
}

function notExact(report: RankingReport): string[] {
  if (report.exact) return [];
  const unit = report.metric.startsWith("bytes") || report.metric === "retransmitted" ? "bytes" : report.unit;
  const most = Math.max(...report.rows.map((row) => row.missed_at_most), 0);
  return [
    `More keys than are kept (${report.keys}): a row may lack up to ${most} ${unit}; a key not kept has at most ${report.floor}.`,
  ];
}

const json = (value: object) => printableJson(JSON.stringify(value));

/** One object a line: each row, then `other`, `none` and `total` in one. `more` goes into each (the time of a report). */
export function rankingJson(report: RankingReport, more: object = {}): string[] {
  const { rows, ...rest } = report;
  const shared = { ...more, dimension: report.dimension, metric: report.metric };
  return [
    ...rows.map((row) => json({ type: "top", ...shared, ...row })),
    json({ type: "top-summary", ...more, ...rest }),
  ];
}

const COUNT_TITLES = [
  "requests",
  "responses",
  "errors",
  "bytes_in",
  "bytes_out",
  "retransmitted_in",
  "retransmitted_out",
] as const;

export function rankingCsv(report: RankingReport): string[] {
  const quantiles = ["mean", "p50", "p90", "p95", "p99", "max"] as const;
  const titles = [
    "rank",
    ...report.columns,
    ...COUNT_TITLES,
    ...quantiles.map((name) => `latency_${name}_ms`),
    "missed_at_most",
    "last_seen",
  ];
  const rows = report.rows.map((row) => [
    row.rank,
    ...row.keys,
    ...COUNT_TITLES.map((name) => row[name]),
    ...quantiles.map((name) => row.latency_ms?.[name] ?? null),
    row.missed_at_most,
    row.last_seen,
  ]);
  return csvLines(titles, rows);
}

const BYTES_TITLES = [
  "requests",
  "responses",
  "bytes_in",
  "bytes_out",
  "retransmitted_in",
  "retransmitted_out",
] as const;

/** `earshot bytes` as a table, with exact octets. */
export function bytesTable(report: BytesReport): string[] {
  const columns: Column[] = [
    ...report.columns.map((title) => ({ title: title.toUpperCase(), most: KEY_WIDTH })),
    ...["REQUESTS", "REPLIES", "BYTES IN", "BYTES OUT", "SENT AGAIN IN", "SENT AGAIN OUT"].map(right),
  ];
  const line = (keys: readonly string[], counts: BytesReport["total"]): Cell[] => [
    ...report.columns.map((_, index) => keys[index] ?? ""),
    ...BYTES_TITLES.map((name) => counts[name]),
  ];
  const rows = [...report.rows.map((row) => line(row.keys, row)), line(["total"], report.total)];
  const most = Math.max(...report.rows.map((row) => row.missed_at_most), 0);
  const note = report.exact
    ? []
    : [`More keys than are kept: a row may lack up to ${most} bytes; the rest is in _other.`];
  return [...tableLines(columns, rows), ...note];
}

/** As `rankingJson`. */
export function bytesJson(report: BytesReport, more: object = {}): string[] {
  const { rows, ...rest } = report;
  return [
    ...rows.map((row) => json({ type: "bytes", ...more, by: report.by, wire: report.wire, ...row })),
    json({ type: "bytes-summary", ...more, ...rest }),
  ];
}

export function bytesCsv(report: BytesReport): string[] {
  const titles = [...report.columns, ...BYTES_TITLES, "missed_at_most"];
  const rows = report.rows.map((row) => [
    ...report.columns.map((_, index) => row.keys[index] ?? ""),
    ...BYTES_TITLES.map((name) => row[name]),
    row.missed_at_most,
  ]);
  return csvLines(titles, rows);
}

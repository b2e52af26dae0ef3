/** `earshot stats`: the overview as a page of text with aligned columns and bars. Data in, lines out. */
import { printableJson } from "../core/printable.ts";
import { formatTime } from "../core/units.ts";
import type { OverviewReport } from "./overview.ts";
import type { QuantileReport } from "./quantile.ts";
import type { RankingReport } from "./ranking.ts";
import {
  bar,
  formatBytes,
  formatMilliseconds,
  formatRate,
  lineText,
  pad,
  shownKey,
  tableLines,
  threeDigits,
} from "./table.ts";

export interface StatsReportOptions {
  /** Bars of block characters; `#` where the terminal has no Unicode. */
  readonly unicode?: boolean;
  /** Columns of the terminal. */
  readonly width?: number;
}

const BAR = 12;

/** The overview as one JSON object on one line. */
export function statsJson(report: OverviewReport): string {
  return printableJson(JSON.stringify({ type: "stats", ...report }));
}

export function statsReport(report: OverviewReport, options: StatsReportOptions = {}): string[] {
  const { unicode = true, width = 100 } = options;
  if (report.totals.transactions + report.totals.tls_connections === 0) return ["No HTTP exchange was seen."];
  const rankings = Object.values(report.top).filter(({ rows }) => rows.length > 0);
  return [
    ...heading(report),
    "",
    ...traffic(report),
    "",
    ...rates(report),
    "",
    ...quantiles(report),
    ...rankings.flatMap((ranking) => ["", ...rankingBars(ranking, unicode, width)]),
  ];
}

function heading({ from, to, totals, clients }: OverviewReport): string[] {
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const about = clients.exact ? count(clients.count, "client") : `about ${clients.count} clients (±${clients.error})`;
  const tls = totals.tls_connections === 0 ? "" : `, ${count(totals.tls_connections, "TLS connection")}`;
  return [
    `${count(totals.requests, "request")}, ${count(totals.responses, "response")}, ${about}${tls}`,
    ...(from === null ? [] : [`${from} to ${to}`]),
  ];
}

function traffic({ totals }: OverviewReport): string[] {
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join("   ") || "-";
  const bytes = (once: number, again: number) =>
    `${formatBytes(once)}${again > 0 ? ` (and ${formatBytes(again)} sent again)` : ""}`;
  const rows: [string, string][] = [
    ["Responses", counts(totals.classes)],
    ["Outcomes", counts(totals.outcomes)],
    ["In", bytes(totals.bytes_in, totals.retransmitted_in)],
    ["Out", bytes(totals.bytes_out, totals.retransmitted_out)],
  ];
  if (totals.gap_bytes > 0) rows.push(["Not seen", formatBytes(totals.gap_bytes)]);
  const codes = Object.keys(totals.anomalies).length;
  if (codes > 0) rows.push(["Anomalies", lineText(counts(totals.anomalies), 400)]);
  return rows.map(([name, text]) => `${pad(name, 10)} ${text}`);
}

function rates({ rates: { spans, peaks } }: OverviewReport): string[] {
  const number = { align: "right" } as const;
  const rows = spans.map((span) => {
    const peak = peaks.find(({ name }) => name === span.name);
    const busiest = peak === undefined ? "" : `${peak.requests} from ${formatTime(peak.start_us).slice(0, 16)}Z`;
    return [span.name, span.requests, formatRate(span.per_s), busiest];
  });
  return tableLines(
    [{ title: "LAST" }, { title: "REQUESTS", ...number }, { title: "RATE", ...number }, { title: "BUSIEST" }],
    rows,
  );
}

function quantiles({ latency_ms, size_bytes }: OverviewReport): string[] {
  const titles = ["P50", "P90", "P95", "P99", "MAX"] as const;
  const row = (name: string, report: QuantileReport | null, format: (value: number) => string | null) => [
    name,
    ...(["p50", "p90", "p95", "p99", "max"] as const).map((of) => (report === null ? null : format(report[of]))),
  ];
  return tableLines(
    [{ title: "" }, ...titles.map((title) => ({ title, align: "right" as const }))],
    [
      row("Response time", latency_ms.total, formatMilliseconds),
      row("First byte", latency_ms.ttfb, formatMilliseconds),
      row("Request size", size_bytes.request, (value) => formatBytes(Math.round(value))),
      row("Response size", size_bytes.response, (value) => formatBytes(Math.round(value))),
    ],
  );
}

/** A ranking with a bar for each row's share. */
export function rankingBars(report: RankingReport, unicode = true, width = 100): string[] {
  const total = report.total.requests || 1;
  const withLatency = report.rows.some((row) => row.latency_ms !== null);
  const right = { align: "right" } as const;
  const columns = [
    { title: report.title.toUpperCase(), most: Math.max(16, width - 64) },
    { title: report.unit.toUpperCase(), ...right },
    { title: "SHARE", ...right },
    { title: "" },
    { title: "ERRORS", ...right },
    { title: "IN", ...right },
    { title: "OUT", ...right },
    ...(withLatency ? [{ title: "P95", ...right }] : []),
  ];
  const line = (key: string, counts: RankingReport["total"], p95: number | null) => [
    key,
    counts.requests,
    `${threeDigits((counts.requests * 100) / total)} %`,
    pad(bar(counts.requests / total, BAR, unicode), BAR),
    counts.errors,
    formatBytes(counts.bytes_in),
    formatBytes(counts.bytes_out),
    ...(withLatency ? [formatMilliseconds(p95)] : []),
  ];
  const rows = report.rows.map((row) => line(shownKey(row.keys), row, row.latency_ms?.p95 ?? null));
  if (report.other.requests > 0) rows.push(line("(other)", report.other, null));
  if (report.none.requests > 0) rows.push(line("(none)", report.none, null));
  return tableLines(columns, rows);
}

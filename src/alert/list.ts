/** Alerts as `alerts list` and `alerts show` print them. Takes what the history keeps; gives lines, safe to print. */
import { printable } from "../core/printable.ts";
import { formatTime, type Micros } from "../core/units.ts";
import type { KeptAlert } from "./history.ts";
import { lengthText } from "./messages.ts";
import type { Silence } from "./silence.ts";

const HEADINGS = ["id", "state", "severity", "rule", "since", "for", "summary"];

/** One line an alert under headings; a sentence when there is none. */
export function alertListLines(alerts: readonly KeptAlert[], now: Micros): string[] {
  if (alerts.length === 0) return ["No alerts."];
  const rows = alerts.map(({ event, active_us, resolved_us, acknowledged }) => [
    event.id,
    acknowledged === null || resolved_us !== null ? event.state : `${event.state} (acknowledged)`,
    event.severity,
    event.group === null ? event.rule : `${event.rule} ${event.group}`,
    formatTime(active_us).slice(0, 19).concat("Z"),
    lengthText((resolved_us ?? now) - active_us),
    event.summary,
  ]);
  const table = [HEADINGS, ...rows].map((row) => row.map(printable));
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
}

/** Everything that is known of one alert. */
export function alertShowLines({ event, active_us, resolved_us, acknowledged }: KeptAlert, now: Micros): string[] {
  const { baseline, quality } = event;
  const rows: [string, string | number | null][] = [
    ["id", event.id],
    ["rule", event.rule],
    ["scope", event.scope],
    ["group", event.group],
    ["state", `${event.state}${event.direction === null ? "" : ` ${event.direction}`}, ${event.severity}`],
    ["active since", formatTime(active_us)],
    ["fired", event.fired_at],
    ["last breach", event.last_breach_at],
    ["resolved", event.resolved_at],
    ["length", lengthText((resolved_us ?? now) - active_us)],
    ["value", event.value],
    ["peak", event.peak],
    [
      "usual",
      baseline === null ? null : `${baseline.m} (spread ${baseline.s}, ${baseline.mode}, ${baseline.windows} windows)`,
    ],
    ["limits", baseline === null ? null : `${baseline.low} to ${baseline.up}`],
    ["reopened", event.reopened === 0 ? null : event.reopened],
    ["checks", event.evaluations],
    ["capture lost", quality.suspect ? `${quality.dropped} packets, ${quality.gap_bytes} octets` : null],
    ["examples", event.samples.length === 0 ? null : event.samples.join(", ")],
    [
      "acknowledged",
      acknowledged === null ? null : `${formatTime(acknowledged.time_us)} ${acknowledged.comment ?? ""}`.trim(),
    ],
  ];
  const told = rows.filter((row): row is [string, string | number] => row[1] !== null);
  const from = event.contributors.map(
    (row) =>
      `  ${Math.round(row.share_of_excess * 100)} %  ${row.dimension}  ${row.key}: ${row.now}, usual ${row.usual}${row.new ? ", new" : ""}`,
  );
  const lines = [event.summary, "", ...told.map(([name, value]) => `${name.padEnd(13)} ${value}`)];
  return [...lines, ...(from.length === 0 ? [] : ["", "where it comes from:", ...from])].map(printable);
}

export function silenceLines(silences: readonly Silence[], now: Micros): string[] {
  if (silences.length === 0) return ["No silences."];
  return silences.map(({ id, filter, until_us, comment }) =>
    printable(`${id}  ${filter}  for another ${lengthText(until_us - now)}${comment === null ? "" : `  ${comment}`}`),
  );
}

/** What a run saw and what it missed, for people: the completeness ledger in a few lines. */
import type { Ledger } from "../core/ledger.ts";
import { printable } from "../core/printable.ts";

export interface SummaryOptions {
  /** Wall-clock seconds of a live run, or of the capture. */
  readonly duration_s: number | null;
  /** How processes were found: `A (…)`; empty to leave out. */
  readonly attribution: string;
}

/** `12,345`; not by toLocaleString, whose tables take longer to load than a small capture to read. */
function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

const plural = (value: number, word: string) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

/** `90s`, `250ms`: a length of time in seconds, short. */
function seconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 120 ? `${value.toFixed(1)} s` : `${(value / 60).toFixed(1)} min`;
}

export function summaryLines(ledger: Ledger, options: SummaryOptions): string[] {
  const time = options.duration_s === null ? "" : ` in ${seconds(options.duration_s)}`;
  const lines = [
    `${plural(ledger.packets, "packet")}${time}, ${plural(ledger.flows, "flow")} (${count(ledger.httpFlows)} with HTTP), ` +
      `${plural(ledger.transactions, "exchange")}: ${count(ledger.complete)} complete, ${count(ledger.noResponse)} without response, ` +
      `${count(ledger.aborted)} aborted, ${count(ledger.withGap)} with a gap`,
  ];
  if (ledger.tlsConnections > 0) lines[0] += `; ${plural(ledger.tlsConnections, "TLS connection")}`;
  if (options.attribution !== "") lines.push(`processes: ${options.attribution}`);
  lines.push(`completeness: ${completeness(ledger)}`);
  if (ledger.anomalies.size > 0) lines.push(`anomalies: ${byCount(ledger.anomalies)}`);
  if (ledger.evicted.size > 0) lines.push(`given up at a limit: ${byCount(ledger.evicted)}`);
  if (ledger.sinkDropped.size > 0) lines.push(`lost by outputs: ${byCount(ledger.sinkDropped)}`);
  if (ledger.pluginFailures.size > 0) {
    lines.push(`plug-ins switched off after an error: ${[...ledger.pluginFailures.keys()].map(printable).join(", ")}`);
  }
  if (ledger.internalErrors > 0) {
    lines.push(
      `errors of earshot itself: ${count(ledger.internalErrors)} (a bug: please report it; EARSHOT_DEBUG=1 shows where)`,
    );
  }
  return lines;
}

/** What is known to be missing; says so when nothing is. */
function completeness(ledger: Ledger): string {
  const missing = [
    lost(ledger.kernelDropped, "dropped by the kernel"),
    ledger.gaps > 0 ? `${plural(ledger.gaps, "gap")} of ${count(ledger.gapBytes)} bytes` : "",
    lost(ledger.packetsCut, "cut by the snap length"),
    lost(ledger.malformedPackets, "malformed"),
    some(ledger.fragmentsLost, "fragment", "lost"),
    some(ledger.requestsUnmatched, "request", "without response"),
    some(ledger.responsesUnmatched, "response", "without request"),
    some(ledger.flowsMidstream, "flow", "joined late"),
    some(ledger.ownersLost, "owner event", "lost"),
    some(ledger.truncated, "row", "truncated"),
  ].filter((part) => part !== "");
  const extra = [
    lost(ledger.copies, ledger.copies === 1 ? "copy seen and not counted" : "copies seen and not counted"),
    ledger.retransmittedPackets > 0 ? `${count(ledger.retransmittedPackets)} retransmitted` : "",
  ].filter((part) => part !== "");
  const found = missing.length === 0 ? "nothing known to be missing" : missing.join(", ");
  return extra.length === 0 ? found : `${found} (${extra.join(", ")})`;
}

function lost(value: number, what: string): string {
  return value === 0 ? "" : `${count(value)} ${what}`;
}

/** `1 flow joined late`, `2 flows joined late`. */
function some(value: number, word: string, what: string): string {
  return value === 0 ? "" : `${plural(value, word)} ${what}`;
}

function byCount(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 12)
    .map(([code, number]) => `${printable(code)} ${count(number)}`)
    .join(", ");
}

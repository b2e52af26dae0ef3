/** What Tracee's events have no place for, under one key of its own (`--tracee-extra`). */
import { array, type Entry, object } from "./json-text.ts";
import type { TraceeMessage } from "./message.ts";

export const EARSHOT_KEY = "earshot";

/** A JSON object: same names and meanings as in earshot's own JSON (docs/events.md). */
export function extra(message: TraceeMessage, quote: (text: string) => string): string {
  const { transaction, kind } = message;
  const half = kind === "request" ? transaction.request : transaction.response;
  const entries: Entry[] = [
    ["id", quote(transaction.id)],
    ["flow", String(transaction.flow.id)],
    ["depth", String(transaction.depth)],
    ["outcome", quote(transaction.outcome)],
  ];
  if (kind === "request" && transaction.request !== null) {
    entries.push(["target", quote(transaction.request.target)]);
    entries.push(["query", transaction.request.query === null ? "null" : quote(transaction.request.query)]);
  } else {
    entries.push(["ttfb_ms", String(transaction.latency_ms.ttfb)], ["total_ms", String(transaction.latency_ms.total)]);
  }
  entries.push(["body_bytes", String(half?.body_bytes ?? 0)]);
  const trailers = half?.trailers ?? [];
  entries.push(["trailers", array(trailers.map(([name, value]) => array([quote(name), quote(value)])))]);
  entries.push(["anomalies", array(transaction.anomalies.map(quote))]);
  return object(entries);
}

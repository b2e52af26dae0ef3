/** Events for tests: a plain exchange, with what the test cares about changed. */
import type { TransactionEvent } from "../../src/core/event.ts";
import { formatTime, type Micros } from "../../src/core/units.ts";

type Deep<T> = T extends readonly unknown[] ? T : T extends object ? { [K in keyof T]?: Deep<T[K]> } : T;

const START: Micros = 1_700_000_000_000_000;

const plain: TransactionEvent = {
  type: "transaction",
  time: formatTime(START),
  time_us: START,
  id: "1.1",
  flow: {
    id: 1,
    client: { ip: "10.0.0.7", port: 40_000 },
    server: { ip: "10.0.0.1", port: 80 },
    interface: "eth0",
    vlan: null,
    encapsulation: null,
  },
  depth: 1,
  http: { version: "1.1", upgrade: null },
  request: {
    method: "GET",
    target: "/shop/item?id=7",
    host: "www.example.com",
    path: "/shop/item",
    query: "id=7",
    fields: [
      ["Host", "www.example.com"],
      ["User-Agent", "curl/8.0"],
    ],
    header_bytes: 90,
    body_bytes: 0,
    content_type: null,
    user_agent: "curl/8.0",
  },
  response: {
    status: 200,
    reason: "OK",
    fields: [
      ["Content-Type", "text/html"],
      ["Content-Length", "500"],
    ],
    header_bytes: 80,
    body_bytes: 500,
    content_type: "text/html",
  },
  outcome: "complete",
  latency_ms: { ttfb: 2, total: 3, upload: 0, think: 2 },
  bytes: { in: 142, out: 632, in_retransmitted: 0, out_retransmitted: 0, in_first_packet: 142, out_first_packet: 632 },
  process: { client: null, server: null },
  kernel_ms: null,
  quality: { midstream: false, gap_bytes: 0, truncated: false },
  anomalies: [],
};

function merge(base: unknown, change: unknown): unknown {
  if (change === undefined) return base;
  if (base === null || change === null || typeof base !== "object" || typeof change !== "object") return change;
  if (Array.isArray(change) || Array.isArray(base)) return change;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) result[key] = merge(result[key], value);
  return result;
}

/** A transaction as `-o json` prints it; `time_us` given alone also sets `time`. */
export function transaction(change: Deep<TransactionEvent> = {}): TransactionEvent {
  const event = merge(plain, change) as TransactionEvent;
  return change.time_us === undefined ? event : { ...event, time: formatTime(event.time_us) };
}

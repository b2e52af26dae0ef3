/** Events for tests of plug-ins: a plain exchange with what the test cares about changed, and a mixed list. */
import type { TlsEvent, TransactionEvent } from "../../core/event.ts";
import { formatTime, type Micros, SECOND } from "../../core/units.ts";

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
export function sampleTransaction(change: Deep<TransactionEvent> = {}): TransactionEvent {
  const event = merge(plain, change) as TransactionEvent;
  return change.time_us === undefined ? event : { ...event, time: formatTime(event.time_us) };
}

export function sampleTls(change: Deep<TlsEvent> = {}): TlsEvent {
  const { time, time_us, id, flow, process, quality } = plain;
  const base: TlsEvent = {
    ...{ type: "tls", time, time_us, id, process, quality },
    flow: { ...flow, server: { ...flow.server, port: 443 } },
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    server_name: "www.example.com",
    alpn_offered: ["h2", "http/1.1"],
    alpn: "h2",
    ja3: null,
    ja3s: null,
    ja4: null,
    certificates: [],
    resumed: false,
    outcome: "established",
    alert: null,
    handshake_ms: 12.5,
    duration_ms: 300,
    bytes: { in: 2_000, out: 9_000, in_retransmitted: 0, out_retransmitted: 0 },
    anomalies: [],
  };
  return merge(base, change) as TlsEvent;
}

/** Numbers that look random and are the same every time. */
export function numbers(seed: number): (below: number) => number {
  let state = (seed | 1) >>> 0;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}

const HOSTS = ["www.example.com", "api.example.com", null, "EXAMPLE.com:8080", "\x1b[2Jevil", "é.example"];
const STATUSES = [200, 200, 204, 301, 404, 500, 503, 999];
const AGENTS = ["curl/8.0", null, "Mozilla/5.0 (X11; Linux x86_64; rv:1) Gecko/20100101 Firefox/120.0", ""];

/** Exchanges of every kind: halves that were not seen, unknown lengths of time, odd texts, TLS connections. */
export function sampleEvents(count = 200, seed = 1): (TransactionEvent | TlsEvent)[] {
  const random = numbers(seed);
  return Array.from({ length: count }, (_, index) => sampleEvent(index, random));
}

function sampleEvent(index: number, random: (below: number) => number): TransactionEvent | TlsEvent {
  const time_us = START + index * SECOND + random(900_000);
  const flow = { client: { ip: `10.0.0.${random(9)}`, port: 1_024 + random(60_000) }, id: 1 + random(50) };
  if (random(12) === 0) return sampleTls({ time_us, time: formatTime(time_us), flow });
  const path = `/${["shop", "api", "a b", "%2e", "x".repeat(300)][random(5)]}/${random(20)}`;
  const query = random(3) === 0 ? null : `s=${random(5)}&t=`;
  const event = sampleTransaction({
    time_us,
    flow,
    request: {
      method: ["GET", "POST", "PUT", "M-SEARCH"][random(4)],
      host: HOSTS[random(HOSTS.length)],
      path,
      query,
      target: query === null ? path : `${path}?${query}`,
      user_agent: AGENTS[random(AGENTS.length)],
      body_bytes: random(5_000),
    },
    response: { status: STATUSES[random(STATUSES.length)], body_bytes: random(100_000) },
    latency_ms: { total: random(5) === 0 ? null : random(3_000) / 8, ttfb: random(5) === 0 ? null : random(900) / 8 },
    bytes: { in: random(5_000), out: random(100_000) },
  });
  const half = random(10);
  if (half === 0) return { ...event, response: null, outcome: "no-response" };
  return half === 1 ? { ...event, request: null } : event;
}

/** Events of which every text and address is one never seen before: what a hostile client sends. */
export function distinctEvents(count: number, from = 0): TransactionEvent[] {
  return Array.from({ length: count }, (_, offset) => distinctEvent(from + offset));
}

function distinctEvent(number: number): TransactionEvent {
  const name = `n${number.toString(36)}`;
  const path = `/${name}/${name}`;
  return sampleTransaction({
    time_us: START + number * 1_000,
    id: `${number}.1`,
    flow: { id: number, client: { ip: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}` } },
    request: {
      host: `${name}.example`,
      path,
      query: `q=${name}`,
      target: `${path}?q=${name}`,
      user_agent: `agent/${name}`,
      fields: [
        ["Host", `${name}.example`],
        ["X-Name", name],
      ],
    },
    latency_ms: { total: (number % 1_000) / 8 },
  });
}

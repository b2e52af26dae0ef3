/**
 * One message of a transaction with the context Tracee gives it: who sent what to whom, from whose point of view. Tracee
 * hangs on the tasks of its host; here the client's process is taken when it is known, else the server's. With neither
 * the context is empty and the direction 0, as nothing is known.
 */
import type { Endpoint, TransactionEvent } from "../../core/event.ts";
import type { ProcessInfo } from "../../core/process.ts";
import type { Micros } from "../../core/units.ts";
import { type GoMessage, goRequest, goResponse } from "./go-http.ts";

export const EVENT_IDS = {
  net_packet_http: 2009,
  net_packet_http_request: 2010,
  net_packet_http_response: 2011,
} as const;
export type EventName = keyof typeof EVENT_IDS;
export const EVENT_NAMES = Object.keys(EVENT_IDS) as EventName[];

/** trace.PacketMetadata. */
export const UNKNOWN_DIRECTION = 0;
export const INGRESS = 1;
export const EGRESS = 2;
export const DIRECTION_NAMES = ["", "ingress", "egress"] as const;

export interface TraceeMessage {
  readonly kind: "request" | "response";
  readonly transaction: TransactionEvent;
  readonly time_us: Micros;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** Of the first packet; as in Tracee the total length for IPv4 and the payload length for IPv6. */
  readonly packet_len: number;
  readonly direction: 0 | 1 | 2;
  readonly process: ProcessInfo | null;
  readonly http: GoMessage;
}

const IPV6_HEADER_BYTES = 40;

function packetLength(ip: string, firstPacketBytes: number): number {
  return ip.includes(":") ? Math.max(0, firstPacketBytes - IPV6_HEADER_BYTES) : firstPacketBytes;
}

/** The request and the response, as far as they were seen. */
export function messagesOf(event: TransactionEvent): TraceeMessage[] {
  const { client, server } = event.flow;
  const { version } = event.http;
  const isClient = event.process.client !== null;
  const process = event.process.client ?? event.process.server;
  const direction = (outgoing: boolean) => (process === null ? UNKNOWN_DIRECTION : outgoing ? EGRESS : INGRESS);
  const messages: TraceeMessage[] = [];
  if (event.request !== null) {
    messages.push({
      kind: "request",
      transaction: event,
      time_us: event.time_us,
      source: client,
      destination: server,
      packet_len: packetLength(client.ip, event.bytes.in_first_packet),
      direction: direction(isClient),
      process,
      http: goRequest(event.request, version),
    });
  }
  if (event.response !== null) {
    messages.push({
      kind: "response",
      transaction: event,
      time_us: event.time_us + Math.round((event.latency_ms.ttfb ?? 0) * 1000),
      source: server,
      destination: client,
      packet_len: packetLength(client.ip, event.bytes.out_first_packet),
      direction: direction(!isClient),
      process,
      http: goResponse(event.response, version),
    });
  }
  return messages;
}

/** The events Tracee has for a message. */
export function eventNames(message: TraceeMessage): readonly EventName[] {
  return message.kind === "request"
    ? ["net_packet_http", "net_packet_http_request"]
    : ["net_packet_http", "net_packet_http_response"];
}

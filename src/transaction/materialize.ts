/** Makes plain events of exchanges: what statistics, filters, plug-ins and dashboards read (core/event.ts). */
import type { Body, Fields, RequestInfo, ResponseInfo, TransactionEvent } from "../core/event.ts";
import { type Exchange, OUTCOMES } from "../core/exchange.ts";
import { CONNECT_METHOD } from "../core/http.ts";
import type { KeptHead, KeptResponse } from "../core/kept-head.ts";
import { memory } from "../core/memory.ts";
import { splitTarget } from "../core/request-target.ts";
import { formatTime, MILLISECOND, type Micros, NEVER } from "../core/units.ts";
import { bodyOf, type RedactBody } from "./body.ts";

const NO_ANOMALIES: readonly string[] = [];
const NO_FIELDS: Fields = [];

export class Materializer {
  private readonly redactBody: RedactBody;
  /** Texts that repeat: a look-up is cheaper than keeping a copy a row, and saves memory in whoever keeps rows. */
  private readonly interned = new Map<string, string>();

  constructor(redactBody: RedactBody) {
    this.redactBody = redactBody;
  }

  event(exchange: Exchange): TransactionEvent {
    const flow = exchange.flow;
    const time = exchange.requestSeen ? exchange.requestStart : exchange.responseStart;
    return {
      type: "transaction",
      time: formatTime(time),
      time_us: time,
      id: `${flow.id}.${exchange.depth}`,
      flow: flow.info,
      depth: exchange.depth,
      http: { version: versionText(exchange.version), upgrade: exchange.upgrade === "" ? null : exchange.upgrade },
      request: exchange.requestSeen ? this.request(exchange) : null,
      response: exchange.responseSeen ? this.response(exchange) : null,
      outcome: OUTCOMES[exchange.outcome],
      latency_ms: latencyOf(exchange),
      bytes: {
        in: exchange.wireIn,
        out: exchange.wireOut,
        in_retransmitted: exchange.retransmittedIn,
        out_retransmitted: exchange.retransmittedOut,
        in_first_packet: exchange.firstPacketIn,
        out_first_packet: exchange.firstPacketOut,
      },
      process: { client: flow.clientProcess, server: flow.serverProcess },
      kernel_ms: kernelOf(exchange),
      quality: { midstream: exchange.midstream, gap_bytes: exchange.gapBytes, truncated: exchange.truncated },
      anomalies: exchange.anomalies?.slice() ?? NO_ANOMALIES,
    };
  }

  /** The kept beginning of a body; null when none was kept. */
  body(exchange: Exchange, request: boolean): Body | null {
    const sample = request ? exchange.requestBody : exchange.responseBody;
    const octets = request ? exchange.requestBodyBytes : exchange.responseBodyBytes;
    return sample === null || octets === 0 ? null : bodyOf(sample, this.redactBody);
  }

  private request(exchange: Exchange): RequestInfo {
    const head = exchange.request;
    const kept = head.offset >= 0;
    const parts = splitTarget(
      memory,
      head.targetStart,
      kept ? head.targetEnd : head.targetStart,
      exchange.method === CONNECT_METHOD,
    );
    const path = kept && parts.pathStart >= 0 ? this.text(parts.pathStart, parts.pathEnd) : null;
    const query = kept && parts.queryStart >= 0 ? text(memory, parts.queryStart, parts.queryEnd) : null;
    const fields = fieldsOf(head);
    return withExtras(
      {
        method: kept ? this.text(head.methodStart, head.methodEnd) : "",
        target: kept ? this.text(head.targetStart, head.targetEnd) : "",
        host: kept && head.hostStart >= 0 ? this.text(head.hostStart, head.hostEnd) : null,
        path,
        query,
        get fields() {
          return fields();
        },
        header_bytes: head.wireLength,
        body_bytes: exchange.requestBodyBytes,
        content_type: this.contentType(head),
        user_agent: kept && head.userAgentStart >= 0 ? this.text(head.userAgentStart, head.userAgentEnd) : null,
      },
      exchange.requestTrailers,
      this.body(exchange, true),
    );
  }

  private response(exchange: Exchange): ResponseInfo {
    const head: KeptResponse = exchange.response;
    const kept = head.offset >= 0;
    const fields = fieldsOf(head);
    return withExtras(
      {
        status: head.status,
        reason: kept ? this.text(head.reasonStart, head.reasonEnd) : "",
        get fields() {
          return fields();
        },
        header_bytes: head.wireLength,
        body_bytes: exchange.responseBodyBytes,
        content_type: this.contentType(head),
      },
      exchange.responseTrailers,
      this.body(exchange, false),
    );
  }

  private contentType(head: KeptHead): string | null {
    if (head.offset < 0 || head.contentTypeStart < 0) return null;
    return this.text(head.contentTypeStart, head.contentTypeEnd);
  }

  private text(start: number, end: number): string {
    const value = text(memory, start, end);
    const known = this.interned.get(value);
    if (known !== undefined) return known;
    if (this.interned.size >= 4096) this.interned.clear();
    if (value.length <= 256) this.interned.set(value, value);
    return value;
  }
}

/**
 * Reads field lines when asked: most readers never look, and splitting them costs more than all the rest. It holds a
 * copy, since the exchange is only lent.
 */
function fieldsOf(head: KeptHead): () => Fields {
  if (head.offset < 0) return () => NO_FIELDS;
  const copy = memory.slice(head.fieldsStart, head.fieldsEnd);
  let parsed: Fields | null = null;
  return () => {
    parsed ??= JSON.parse(`[${Buffer.from(copy.buffer).toString("utf8")}]`) as Fields;
    return parsed;
  };
}

function withExtras<T extends object>(info: T, trailers: string | null, body: Body | null): T {
  if (trailers === null && body === null) return info;
  return {
    ...info,
    ...(trailers === null ? {} : { trailers: JSON.parse(`[${trailers}]`) as Fields }),
    ...(body === null ? {} : { body }),
  };
}

/** Text of JSON string contents. */
function text(bytes: Uint8Array, start: number, end: number): string {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
  return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/** `1.1`; HTTP/2 and later have no minor version. */
export function versionText(version: number): string {
  if (version >= 20 && version % 10 === 0) return String(version / 10);
  return `${Math.floor(version / 10)}.${version % 10}`;
}

/** Milliseconds; null when an end was not seen. */
export function span(from: Micros, to: Micros): number | null {
  return from === NEVER || to === NEVER || to < from ? null : (to - from) / MILLISECOND;
}

function latencyOf(exchange: Exchange): TransactionEvent["latency_ms"] {
  const answered = exchange.requestSeen && exchange.responseSeen;
  return {
    ttfb: answered ? span(exchange.requestStart, exchange.responseStart) : null,
    total: answered && exchange.responseComplete ? span(exchange.requestStart, exchange.responseEnd) : null,
    upload: exchange.requestSeen && exchange.requestComplete ? span(exchange.requestStart, exchange.requestEnd) : null,
    think: answered && exchange.requestComplete ? span(exchange.requestEnd, exchange.responseStart) : null,
  };
}

export function kernelOf(exchange: Exchange): TransactionEvent["kernel_ms"] {
  const { kernelRequestWait, kernelProcess, kernelResponseWait } = exchange;
  if (kernelRequestWait < 0 && kernelProcess < 0 && kernelResponseWait < 0) return null;
  const milliseconds = (time: Micros) => (time < 0 ? null : time / MILLISECOND);
  return {
    request_wait: milliseconds(kernelRequestWait),
    process: milliseconds(kernelProcess),
    response_wait: milliseconds(kernelResponseWait),
  };
}

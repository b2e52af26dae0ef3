/**
 * The events earshot gives out: exactly what `-o json` prints, one object a line (docs/events.md). Plain readonly data,
 * safe to keep and to clone. Statistics, filters, sinks, plug-ins and dashboards all read these.
 */
import type { ProcessInfo } from "./process.ts";
import type { Micros } from "./units.ts";

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

export interface FlowInfo {
  /** Number of the flow in this run, from 1. */
  readonly id: number;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly interface: string | null;
  /** Outermost VLAN id. */
  readonly vlan: number | null;
  /** Encapsulation the flow came in, outermost first, e.g. `vlan:7/vxlan:42`; null for none. */
  readonly encapsulation: string | null;
}

/** Field lines in wire order, names as sent; values are decoded as UTF-8 where valid, else as latin-1. */
export type Fields = readonly (readonly [name: string, value: string])[];

export interface Body {
  /** First bytes of the decoded body as text (UTF-8), or base64 when they are not text. Redacted. */
  readonly text: string;
  readonly encoding: "utf-8" | "base64";
  /** More body followed than was kept. */
  readonly truncated: boolean;
}

export interface RequestInfo {
  readonly method: string;
  /** Request target as sent (RFC 9112 section 3.2), redacted. */
  readonly target: string;
  /** Authority: of an absolute or authority-form target, else the Host field; null when neither was sent. */
  readonly host: string | null;
  /** Path without query; `*` for the asterisk form; null for the authority form. */
  readonly path: string | null;
  /** Without the question mark; null when there is none. */
  readonly query: string | null;
  readonly fields: Fields;
  readonly trailers?: Fields;
  readonly header_bytes: number;
  /** Content octets as transferred, without chunk framing (RFC 9112 section 7.1). */
  readonly body_bytes: number;
  readonly content_type: string | null;
  readonly user_agent: string | null;
  readonly body?: Body;
}

export interface ResponseInfo {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly trailers?: Fields;
  readonly header_bytes: number;
  readonly body_bytes: number;
  readonly content_type: string | null;
  readonly body?: Body;
}

/**
 * complete: both halves were seen to their end. no-response: the flow ended, or the request grew too old, with no
 * response seen. aborted: the flow ended inside one half. gap: bytes are missing where they matter, or the pairing is
 * not certain.
 */
export type Outcome = "complete" | "no-response" | "aborted" | "gap";

export interface TransactionEvent {
  readonly type: "transaction";
  /** Start of the request (of the response when the request was not seen), RFC 3339, six digits. */
  readonly time: string;
  /** The same as microseconds since the Unix epoch. */
  readonly time_us: Micros;
  readonly id: string;
  readonly flow: FlowInfo;
  /** Place in the flow, from 1. */
  readonly depth: number;
  readonly http: {
    /** `0.9`, `1.0`, `1.1`, `2`, `3`, or what was sent. */
    readonly version: string;
    /** Protocol the flow switched to (`websocket`, `h2c`, `connect`), null for none. */
    readonly upgrade: string | null;
  };
  /** null when that half was not seen; never both. */
  readonly request: RequestInfo | null;
  readonly response: ResponseInfo | null;
  readonly outcome: Outcome;
  /** Milliseconds with fraction; null where an end was not seen. */
  readonly latency_ms: {
    /** First request byte to first byte of the final response. */
    readonly ttfb: number | null;
    /** First request byte to last response byte. */
    readonly total: number | null;
    /** First to last request byte. */
    readonly upload: number | null;
    /** Last request byte to first byte of the final response; null when the response came first. */
    readonly think: number | null;
  };
  /** IP octets of the packets that carried the message, each once; what was sent again is apart. in = request. */
  readonly bytes: {
    readonly in: number;
    readonly out: number;
    readonly in_retransmitted: number;
    readonly out_retransmitted: number;
    /** Octets of the first packet of each message: what seed-style accounting counts. */
    readonly in_first_packet: number;
    readonly out_first_packet: number;
  };
  readonly process: { readonly client: ProcessInfo | null; readonly server: ProcessInfo | null };
  /** Time in the server's kernel and process, where the kernel tells (milliseconds); null elsewhere. */
  readonly kernel_ms: {
    readonly request_wait: number | null;
    readonly process: number | null;
    readonly response_wait: number | null;
  } | null;
  readonly quality: {
    /** The flow was joined after its start: earlier exchanges may be missing. */
    readonly midstream: boolean;
    /** Octets of this exchange that were on the wire and not seen. */
    readonly gap_bytes: number;
    /** A limit or the snap length cut this exchange. */
    readonly truncated: boolean;
  };
  /** Stable codes of what was wrong on the wire, e.g. `http1.content-length-conflict` (docs/anomalies.md). */
  readonly anomalies: readonly string[];
  /** Set by enrichers and detectors: `country`, `route`, … */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface TlsCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly not_before: string;
  readonly not_after: string;
  readonly serial: string;
  readonly names: readonly string[];
  readonly sha256: string;
}

/** One TLS connection: what its handshake and sizes tell without a key. */
export interface TlsEvent {
  readonly type: "tls";
  /** First byte of the ClientHello. */
  readonly time: string;
  readonly time_us: Micros;
  readonly id: string;
  readonly flow: FlowInfo;
  /** IANA names: `TLSv1.3`, …; null when the server's answer was not seen. */
  readonly version: string | null;
  readonly cipher: string | null;
  readonly server_name: string | null;
  readonly alpn_offered: readonly string[];
  readonly alpn: string | null;
  readonly ja3: string | null;
  readonly ja3s: string | null;
  readonly ja4: string | null;
  readonly certificates: readonly TlsCertificate[];
  readonly resumed: boolean | null;
  readonly outcome: "established" | "failed" | "incomplete" | "gap";
  readonly alert: string | null;
  /** ClientHello to the last Finished, as far as the wire shows it (milliseconds); null when not seen (docs/tls.md). */
  readonly handshake_ms: number | null;
  readonly duration_ms: number;
  readonly bytes: {
    readonly in: number;
    readonly out: number;
    readonly in_retransmitted: number;
    readonly out_retransmitted: number;
  };
  readonly process: { readonly client: ProcessInfo | null; readonly server: ProcessInfo | null };
  readonly quality: { readonly midstream: boolean; readonly gap_bytes: number; readonly truncated: boolean };
  readonly anomalies: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

/** One transition of an alert (see src/alert): the record of the alert specification. */
export interface AlertEvent {
  readonly type: "alert";
  readonly time: string;
  readonly time_us: Micros;
  readonly id: string;
  readonly rule: string;
  readonly scope: string | null;
  /** Set for grouped rules: the group's key. */
  readonly group: string | null;
  readonly state:
    | "pending"
    | "firing"
    | "resolving"
    | "resolved"
    | "restarted"
    | "drift"
    | "flapping"
    | "no-data"
    | "first-seen";
  readonly direction: "high" | "low" | null;
  readonly severity: "info" | "warning" | "critical";
  /** One line for a person. */
  readonly summary: string;
  readonly active_at: string | null;
  readonly fired_at: string | null;
  readonly last_breach_at: string | null;
  readonly resolved_at: string | null;
  readonly window_s: number;
  readonly value: number | null;
  readonly peak: number | null;
  readonly baseline: {
    readonly mode: string;
    readonly m: number;
    readonly s: number;
    readonly up: number;
    readonly low: number;
    readonly age_s: number;
    readonly windows: number;
  } | null;
  readonly delta_pct: number | null;
  readonly score: number | null;
  readonly contributors: readonly {
    readonly dimension: string;
    readonly key: string;
    readonly now: number;
    readonly usual: number;
    readonly share_of_excess: number;
    readonly new: boolean;
  }[];
  /** Ids of transactions that show it. */
  readonly samples: readonly string[];
  readonly quality: {
    readonly dropped: number;
    readonly gap_bytes: number;
    readonly unmatched: number;
    readonly suspect: boolean;
  };
  readonly reopened: number;
  readonly evaluations: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type EarshotEvent = TransactionEvent | TlsEvent | AlertEvent;

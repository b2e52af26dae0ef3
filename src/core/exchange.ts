/**
 * An exchange while it is being built and handed out: the hot-path form of a transaction. Numbers, and redacted JSON
 * text in an arena; pooled, and lent to listeners for the length of a call. `transaction/materialize.ts` makes a
 * TransactionEvent of it for whoever wants plain data; the JSON sink writes straight from the text.
 */
import type { Arena } from "./arena.ts";
import type { Flow } from "./flow.ts";
import type { Micros } from "./units.ts";

/**
 * One message's head as kept: JSON string contents (escaped, without quotes) and ready `["name","value"],…` text in
 * the arena. All offsets are into the arena; -1 stands for absent.
 */
export class KeptHead {
  /** Block in the arena, -1 for none; `kept` octets of it are used. */
  offset = -1;
  kept = 0;
  /** Field lines: `["Host","a"],["Accept","b"]`, without the outer brackets. */
  fieldsStart = 0;
  fieldsEnd = 0;
  contentTypeStart = -1;
  contentTypeEnd = -1;
  /** Octets of the head on the wire, line ends and blank line included. */
  wireLength = 0;
}

export class KeptRequest extends KeptHead {
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  hostStart = -1;
  hostEnd = -1;
  /** Parts of the target: see splitTarget. A query goes to the target's end. */
  pathStart = -1;
  pathEnd = -1;
  queryStart = -1;
  userAgentStart = -1;
  userAgentEnd = -1;
}

export class KeptResponse extends KeptHead {
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
}

export const COMPLETE = 0;
export const NO_RESPONSE = 1;
export const ABORTED = 2;
export const GAP = 3;
export const OUTCOMES = ["complete", "no-response", "aborted", "gap"] as const;

/** A time or length of time that was not seen. */
export const NEVER: Micros = -1;

export class Exchange {
  readonly arena: Arena;
  flow: Flow = null as unknown as Flow;
  depth = 0;
  /** HTTP version times ten: 9, 10, 11, 20, 30; the response's when there was no request. */
  version = 11;
  requestSeen = false;
  responseSeen = false;
  /** Method of the request as framing needs it. */
  method: 0 | 1 | 2 = 0;
  readonly request = new KeptRequest();
  readonly response = new KeptResponse();
  requestStart: Micros = 0.5;
  requestEnd: Micros = 0.5;
  responseStart: Micros = 0.5;
  responseEnd: Micros = 0.5;
  requestComplete = false;
  responseComplete = false;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  wireIn = 0;
  wireOut = 0;
  retransmittedIn = 0;
  retransmittedOut = 0;
  firstPacketIn = 0;
  firstPacketOut = 0;
  gapBytes = 0;
  midstream = false;
  truncated = false;
  /** The pairing of request and response is not certain. */
  uncertain = false;
  outcome = COMPLETE;
  /** Empty string for none. */
  upgrade = "";
  /** Null for nearly every exchange. */
  anomalies: string[] | null = null;
  requestBody: BodySample | null = null;
  responseBody: BodySample | null = null;
  /** Trailer field lines as JSON text, null for none. */
  requestTrailers: string | null = null;
  responseTrailers: string | null = null;
  /** Microseconds by the kernel's clock; NEVER when not known. */
  kernelRequestWait: Micros = NEVER;
  kernelProcess: Micros = NEVER;
  kernelResponseWait: Micros = NEVER;
  /** For pairing: acknowledgment in the request's first packet, sequence number of the response's first byte. */
  requestAcknowledgment = 0;
  requestAcknowledges = true;
  responseSequence = 0;
  /** Next exchange of the same flow, oldest first; next free one in the pool. */
  next: Exchange | null = null;

  constructor(arena: Arena) {
    this.arena = arena;
  }
}

/** First octets of a body, kept only when asked for (`--max-body-size`). */
export interface BodySample {
  readonly bytes: Uint8Array;
  length: number;
  /** More came than was kept. */
  cut: boolean;
  /** Content-Encoding and Content-Type as sent, lower case; empty for none. */
  readonly contentEncoding: string;
  readonly contentType: string;
}

/** Takes finished exchanges, lent. */
export interface ExchangeListener {
  exchange(exchange: Exchange): void;
}

/**
 * An exchange while it is being built and handed out: the hot-path form of a transaction. Numbers and redacted bytes,
 * pooled, lent to listeners for the length of a call. `transaction/materialize.ts` makes a TransactionEvent of it for
 * whoever wants plain data; the JSON sink writes straight from the bytes.
 */
import type { Flow } from "./flow.ts";
import type { Micros } from "./units.ts";

/** One message's head as kept: bytes `[0, length)` of `bytes` are the start line and field lines, redacted. */
export class KeptHead {
  bytes: Uint8Array = EMPTY;
  length = 0;
  /** End of the start line, without its line end. */
  startLineEnd = 0;
  /** First field line. */
  fieldsStart = 0;
  /** Value ranges of the fields that get their own place in the event; -1 when absent. */
  hostStart = -1;
  hostEnd = -1;
  contentTypeStart = -1;
  contentTypeEnd = -1;
  userAgentStart = -1;
  userAgentEnd = -1;
  /** Octets of the head on the wire, line ends and blank line included. */
  wireLength = 0;
}

export const EMPTY = new Uint8Array(0);

/** Requests: where the parts of the start line are. Responses: status, and where the reason is. */
export class KeptRequest extends KeptHead {
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
}

export class KeptResponse extends KeptHead {
  status = 0;
  reasonStart = 0;
}

export const COMPLETE = 0;
export const NO_RESPONSE = 1;
export const ABORTED = 2;
export const GAP = 3;
export const OUTCOMES = ["complete", "no-response", "aborted", "gap"] as const;

/** Time not seen. */
export const NEVER: Micros = -1;

export class Exchange {
  flow: Flow = null as unknown as Flow;
  depth = 0;
  stream = 0;
  /** HTTP version times ten: 9, 10, 11, 20, 30; the response's when there was no request. */
  version = 11;
  requestSeen = false;
  responseSeen = false;
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
  requestBody: Uint8Array | null = null;
  responseBody: Uint8Array | null = null;
  requestBodyCut = false;
  responseBodyCut = false;
  requestTrailers: Uint8Array | null = null;
  responseTrailers: Uint8Array | null = null;
  /** Microseconds by the kernel's clock; NEVER when not known. */
  kernelRequestWait: Micros = -0.5;
  kernelProcess: Micros = -0.5;
  kernelResponseWait: Micros = -0.5;
  /** Sequence numbers for pairing: acknowledgment in the request's first packet, first byte of the response. */
  requestAcknowledgment = 0;
  requestSequence = 0;
  requestEndSequence = 0;
  responseSequence = 0;
  /** Next exchange of the same flow, oldest first. */
  next: Exchange | null = null;
}

/** Takes finished exchanges, lent. */
export interface ExchangeListener {
  exchange(exchange: Exchange): void;
}

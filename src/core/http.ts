/**
 * What every HTTP version tells about the messages of a flow, and what stands behind it to make exchanges of them. A
 * head is lent: one object, filled again for each message.
 */
import type { CloseReason, Flow } from "./flow.ts";
import type { RestRecord } from "./rest.ts";
import type { Micros } from "./units.ts";

/** Field lines kept of one head; more are counted and the exchange is marked truncated. */
export const MAX_FIELDS = 256;

/** Method of the request that a response answers, as far as framing needs it (RFC 9112 section 6.3). */
export const ANY_METHOD = 0;
export const HEAD_METHOD = 1;
export const CONNECT_METHOD = 2;
/** There is no request to this response. */
export const NO_REQUEST = 3;
export type AnsweredMethod = 0 | 1 | 2 | 3;

/** Numbers per field line in `MessageHead.fields`. */
export const FIELD_STRIDE = 4;

/** A message head as found in the stream. Offsets are into `bytes`; -1 stands for absent. */
export class MessageHead {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  /** Behind the blank line. */
  end = 0;
  isRequest = true;
  /** HTTP version times ten: 9 (no version sent), 10, 11; others as sent. */
  version = 11;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** nameStart, nameEnd, valueStart, valueEnd of each field line, in wire order. */
  readonly fields: Int32Array;
  /** `bytes` is the thread's memory and `fields` the kernel's table, just filled: the kernel can render this head. */
  inKernel = false;
  fieldCount = 0;
  fieldsLeftOut = 0;
  /** Index into `fields` lines; -1 when absent. */
  host = -1;
  contentType = -1;
  userAgent = -1;
  upgrade = -1;
  contentEncoding = -1;
  /** Stable anomaly codes, in the order found, each once. */
  readonly anomalies: string[] = [];
  /** Sequence number of the first byte, acknowledgment number of the packet that carried it, when that was. */
  sequence = 0;
  acknowledgment = 0;
  acknowledges = true;
  time: Micros = 0.5;
  /** IP length of the packet with the first byte. */
  ipLength = 0;
  /** A limit cut the head. */
  truncated = false;

  constructor(fields: Int32Array = new Int32Array(MAX_FIELDS * FIELD_STRIDE)) {
    this.fields = fields;
  }

  anomaly(code: string): void {
    if (!this.anomalies.includes(code)) this.anomalies.push(code);
  }
}

/**
 * Makes exchanges of one flow's messages: pairing, timing, bytes. Calls come in the order of the stream. The overhead
 * that the packets of a direction had (`FlowHalf.overheadBytes`) is charged with whatever comes next of it.
 */
export interface ExchangeBuilder {
  requestHead(flow: Flow, head: MessageHead): void;
  /** Content octets `bytes[start, end)`. */
  requestBody(flow: Flow, bytes: Uint8Array, start: number, end: number): void;
  requestEnd(flow: Flow, complete: boolean): void;
  /** A 1xx response other than 101. */
  informational(flow: Flow, head: MessageHead): void;
  /** Which request does this response answer? Asked before `responseHead`, since its framing depends on it. */
  answers(flow: Flow, head: MessageHead): AnsweredMethod;
  responseHead(flow: Flow, head: MessageHead): void;
  responseBody(flow: Flow, bytes: Uint8Array, start: number, end: number): void;
  /** The response just being read ends this protocol on the flow. */
  upgraded(flow: Flow, protocol: string): void;
  responseEnd(flow: Flow, complete: boolean): void;
  /** Field lines behind a chunked body. */
  trailers(flow: Flow, request: boolean, head: MessageHead): void;
  /** Octets of a direction that are no content: chunk framing, trailers, skipped cruft. */
  framing(flow: Flow, request: boolean, octets: number): void;
  anomaly(flow: Flow, request: boolean, code: string): void;
  /** Octets of a direction are missing; `inBody` when only content was lost and the message's end is still known. */
  gap(flow: Flow, request: boolean, missedBytes: number, inBody: boolean): void;
  retransmitted(flow: Flow, request: boolean, octets: number): void;
  close(flow: Flow, reason: CloseReason): void;
  /** See FlowParser; false when there is more to know than numbers. */
  rest?(record: RestRecord): boolean;
  rested?(): void;
}

/** How to treat the value of a field: copy it. */
export const PLAIN_FIELD = 0;
/** Copy it, unless it holds one of `HeadRedactor.tellingOctets`: then it goes through `redactField`. */
export const SEARCHED_FIELD = 1;
/** It goes through `redactField`. */
export const SENSITIVE_FIELD = 2;
/** So does it with these, but the kernel may do it by itself: all of the value is a secret, */
export const SECRET_FIELD = 3;
/** or it is in one of these grammars. Those from URL_FIELD on are copied when they hold no telling octet. */
export const COOKIE_FIELD = 4;
export const SET_COOKIE_FIELD = 5;
export const URL_FIELD = 6;
export const LINK_FIELD = 7;
export const FREE_FIELD = 8;
export type FieldCare = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/**
 * Hides secrets in a head while it is copied into its kept form: the one place where wire bytes become ours. All
 * return the new end offset in `into`, which has room for `maxGrowth` more than what is copied.
 */
export interface HeadRedactor {
  /** Depends on nothing but the name, in any case of its letters; remembered by whoever asks. */
  fieldCare(from: Uint8Array, nameStart: number, nameEnd: number): FieldCare;
  /** Octets below 128. */
  readonly tellingOctets: Uint8Array;
  /** From now on it also tells the kernel what it says of names (field-care.ts), or no longer. */
  shareNames?(share: boolean): void;
  isSensitiveField(from: Uint8Array, nameStart: number, nameEnd: number): boolean;
  redactField(
    from: Uint8Array,
    nameStart: number,
    nameEnd: number,
    valueStart: number,
    valueEnd: number,
    into: Uint8Array,
    at: number,
  ): number;
  redactTarget(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number;
  maxGrowth(length: number): number;
}

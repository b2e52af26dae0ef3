/** Where a message's body ends: the numbered steps of RFC 9112 section 6.3, plus a note of what two readers could read differently. */
import { type AnsweredMethod, CONNECT_METHOD, FIELD_STRIDE, HEAD_METHOD } from "../../core/http.ts";
import type { Head } from "./head.ts";
import { isToken, lower, SPACE, TAB } from "./octets.ts";

export const NO_BODY = 0;
/** `Framing.length` octets follow. */
export const LENGTH = 1;
export const CHUNKED = 2;
/** Until the sender ends the flow. */
export const UNTIL_CLOSE = 3;
/** The flow is no longer HTTP. */
export const TUNNEL = 4;

export interface Framing {
  kind: 0 | 1 | 2 | 3 | 4;
  length: number;
}

const CHUNKED_CODING = lower("chunked");
const IDENTITY = lower("identity");
const CODINGS = ["gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"].map(lower);

/** One object for all: read before the next call. */
const framing: Framing = { kind: NO_BODY, length: 0 };

function is(kind: Framing["kind"], length = 0): Framing {
  framing.kind = kind;
  framing.length = length;
  return framing;
}

export function requestFraming(head: Head): Framing {
  if (head.version === 9) return is(NO_BODY);
  const chunked = transferEncoding(head);
  const length = contentLength(head);
  if (chunked === CHUNKED) return is(CHUNKED); // 4
  // 4.: a request whose final coding is not chunked has no length; servers answer 400. What is read is the other field.
  if (chunked === OTHER) head.anomaly("http1.chunked-not-final");
  if (length === INVALID) return is(NO_BODY); // 5
  return length === ABSENT ? is(NO_BODY) : lengthOf(length); // 6, 7
}

/** `method` is that of the request answered. */
export function responseFraming(head: Head, method: AnsweredMethod): Framing {
  const status = head.status;
  if (status === 101) return is(TUNNEL);
  if (method === HEAD_METHOD || (status >= 100 && status < 200) || status === 204 || status === 304) {
    bodylessNotes(head);
    return is(NO_BODY); // 1
  }
  if (method === CONNECT_METHOD && status >= 200 && status < 300) return is(TUNNEL); // 2
  const chunked = transferEncoding(head);
  const length = contentLength(head);
  if (chunked === CHUNKED) return is(CHUNKED); // 4
  if (chunked === OTHER) return is(UNTIL_CLOSE); // 4
  if (length >= 0) return lengthOf(length); // 5, 6
  return is(UNTIL_CLOSE); // 8
}

function lengthOf(length: number): Framing {
  return length === 0 ? is(NO_BODY) : is(LENGTH, length);
}

/** A 204 or 1xx with framing fields: some readers would wait for a body (section 6.3, 1). */
function bodylessNotes(head: Head): void {
  if (head.status === 304 || head.status >= 400 || head.status === 0) return;
  if (head.status === 204 || head.status < 200) {
    if (head.transferEncodingCount > 0) head.anomaly("http1.framing-on-bodyless-status");
    const length = head.contentLengthCount > 0 ? contentLength(head) : ABSENT;
    if (length > 0) head.anomaly("http1.framing-on-bodyless-status");
  }
}

const ABSENT = -1;
const INVALID = -2;
const OTHER = 1;
const NONE = 0;

/** CHUNKED when the final transfer coding is chunked, OTHER for other codings, NONE without the field. */
function transferEncoding(head: Head): number {
  if (head.transferEncodingCount === 0) return NONE;
  let chunkedAt = -1;
  let count = 0;
  for (let i = 0; i < head.transferEncodingCount; i++) {
    const at = head.transferEncodings[i] * FIELD_STRIDE;
    let start = head.fields[at + 2];
    const end = head.fields[at + 3];
    while (start < end) {
      let comma = start;
      while (comma < end && head.bytes[comma] !== 44) comma++;
      const [from, to] = trim(head.bytes, start, comma);
      start = comma + 1;
      if (from === to) continue;
      if (isToken(head.bytes, from, to, CHUNKED_CODING)) {
        if (chunkedAt >= 0) head.anomaly("http1.chunked-twice");
        chunkedAt = count;
      } else if (isToken(head.bytes, from, to, IDENTITY)) {
        head.anomaly("http1.transfer-encoding-unknown");
        count--;
      } else if (!CODINGS.some((coding) => isToken(head.bytes, from, to, coding)))
        head.anomaly("http1.transfer-encoding-unknown");
      count++;
    }
  }
  if (head.transferEncodingCount > 1) head.anomaly("http1.transfer-encoding-duplicate");
  if (head.version < 11) head.anomaly("http1.transfer-encoding-in-1.0");
  if (head.contentLengthCount > 0) head.anomaly("http1.content-length-with-transfer-encoding");
  if (chunkedAt >= 0 && chunkedAt === count - 1) return CHUNKED;
  if (chunkedAt >= 0) head.anomaly("http1.chunked-not-final");
  return count > 0 ? OTHER : NONE;
}

/** Value of Content-Length, ABSENT or INVALID. Repeated equal values count once (section 6.3, 5). */
function contentLength(head: Head): number {
  let value = ABSENT;
  for (let i = 0; i < head.contentLengthCount; i++) {
    const at = head.contentLengths[i] * FIELD_STRIDE;
    let start = head.fields[at + 2];
    const end = head.fields[at + 3];
    do {
      let comma = start;
      while (comma < end && head.bytes[comma] !== 44) comma++;
      const next = digits(head, start, comma);
      start = comma + 1;
      if (next === INVALID) {
        head.anomaly("http1.content-length-invalid");
        return INVALID;
      }
      if (value !== ABSENT) {
        if (value !== next) {
          head.anomaly("http1.content-length-conflict");
          return value;
        }
        head.anomaly("http1.content-length-duplicate");
      }
      value = next;
    } while (start <= end);
  }
  return value;
}

function digits(head: Head, start: number, end: number): number {
  const [from, to] = trim(head.bytes, start, end);
  if (from === to) return INVALID;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = head.bytes[i] - 48;
    if (digit < 0 || digit > 9) return INVALID;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return INVALID;
  }
  return value;
}

function trim(bytes: Uint8Array, start: number, end: number): [number, number] {
  while (start < end && (bytes[start] === SPACE || bytes[start] === TAB)) start++;
  while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  return [start, end];
}

const CLOSE = lower("close");
const KEEP_ALIVE = lower("keep-alive");

/** Does the connection go on after this message (RFC 9112 section 9.3)? */
export function keepsAlive(head: Head): boolean {
  let keep = head.version >= 11;
  for (let i = 0; i < head.connectionCount; i++) {
    const at = head.connections[i] * FIELD_STRIDE;
    let start = head.fields[at + 2];
    const end = head.fields[at + 3];
    while (start < end) {
      let comma = start;
      while (comma < end && head.bytes[comma] !== 44) comma++;
      const [from, to] = trim(head.bytes, start, comma);
      if (isToken(head.bytes, from, to, CLOSE)) return false;
      if (isToken(head.bytes, from, to, KEEP_ALIVE)) keep = true;
      start = comma + 1;
    }
  }
  return keep;
}

/**
 * Which octets begin TLS? A record header and the first octets of a hello (RFC 8446 sections 4 and 5.1), or the hello of
 * SSL 2.0's form (RFC 5246 appendix E.2). Eleven octets decide; nearly always the first one says no.
 */
import type { Detection } from "../../core/protocol.ts";

export const CHANGE_CIPHER_SPEC = 20;
export const ALERT = 21;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;
export const HEARTBEAT = 24;

export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;

export const RECORD_HEADER = 5;
/** Most octets of a record's content: 2^14, and what compression and encryption may add (RFC 5246 section 6.2.3). */
export const MAX_RECORD = 16_384 + 2_048;
/** Octets that decide. */
const ENOUGH = 11;
/** Type and major version of a handshake record. */
const RECORD_START = Buffer.of(HANDSHAKE, 3);
/** A hello without session id, extensions, and with one cipher. */
const SHORTEST_HELLO = 38;

export function isHello(bytes: Uint8Array, start: number, end: number): Detection {
  const first = bytes[start];
  if (first === HANDSHAKE) return isRecordHello(bytes, start, end);
  if (first >= 0x80) return isSsl2Hello(bytes, start, end);
  return "no";
}

function isRecordHello(bytes: Uint8Array, start: number, end: number): Detection {
  const seen = Math.min(end - start, ENOUGH);
  const length = seen >= 5 ? bytes[start + 3] * 256 + bytes[start + 4] : 0;
  if (seen >= 2 && bytes[start + 1] !== 3) return "no";
  if (seen >= 3 && bytes[start + 2] > 4) return "no";
  if (seen >= 4 && bytes[start + 3] > MAX_RECORD >>> 8) return "no";
  if (seen >= 5 && (length === 0 || length > MAX_RECORD)) return "no";
  const type = seen >= 6 ? bytes[start + 5] : CLIENT_HELLO;
  if (type !== CLIENT_HELLO && type !== SERVER_HELLO) return "no";
  // a hello may be cut into records of any size: only what is in the first one can be looked at
  if (seen >= 7 && length >= 2 && bytes[start + 6] !== 0) return "no";
  if (seen >= 9 && length >= 4 && bytes[start + 7] * 256 + bytes[start + 8] < SHORTEST_HELLO) return "no";
  if (seen >= 10 && length >= 5 && !isHelloVersion(type, bytes[start + 9])) return "no";
  return seen >= Math.min(ENOUGH, RECORD_HEADER + length) && seen >= 6 ? "yes" : "need-more";
}

/** Servers of TLS 1.3 drafts and experiments answered with numbers of their own. */
function isHelloVersion(type: number, major: number): boolean {
  return major === 3 || (type === SERVER_HELLO && (major === 0x7f || major === 0x7e || major === 0xfb));
}

/** Header of two octets, type 1, version, three lengths that must fill the message exactly. */
function isSsl2Hello(bytes: Uint8Array, start: number, end: number): Detection {
  const seen = Math.min(end - start, ENOUGH);
  const pair = (at: number) => bytes[start + at] * 256 + bytes[start + at + 1];
  if (seen >= 3 && bytes[start + 2] !== CLIENT_HELLO) return "no";
  if (seen >= 4 && bytes[start + 3] !== 3 && bytes[start + 3] !== 0) return "no";
  if (seen >= 5 && (bytes[start + 3] === 3 ? bytes[start + 4] > 4 : bytes[start + 4] !== 2)) return "no";
  if (seen < ENOUGH) return "need-more";
  const [ciphers, session, challenge] = [pair(5), pair(7), pair(9)];
  if (ciphers === 0 || ciphers % 3 !== 0 || session > 32 || challenge < 16 || challenge > 32) return "no";
  return (pair(0) & 0x7fff) === 9 + ciphers + session + challenge ? "yes" : "no";
}

/**
 * The first certain ClientHello inside other octets, or -1: for STARTTLS and its kin (RFC 3207, 2595, 4217, 6120…) and
 * for what follows a proxy's handshake. All eleven octets must be there, in one record.
 */
export function findClientHello(bytes: Uint8Array, start: number, end: number): number {
  // searched natively: flows that were joined late are searched to their end
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  for (let at = view.indexOf(RECORD_START); at >= 0 && at + ENOUGH <= view.length; ) {
    const length = view[at + 3] * 256 + view[at + 4];
    const whole = view[at + 5] === CLIENT_HELLO && length >= ENOUGH - RECORD_HEADER;
    if (whole && isRecordHello(view, at, view.length) === "yes") return start + at;
    at = view.indexOf(RECORD_START, at + 1);
  }
  return -1;
}

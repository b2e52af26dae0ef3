/**
 * Tells whether octets begin with, or hold, the start line of an HTTP/1 message. Strict enough that other protocols
 * are not taken for HTTP, on any port and with any method: a request line must be whole and end in an HTTP version
 * (or be HTTP/0.9's `GET /…`), a status line must have its version and code.
 */
import type { Detection } from "../../core/protocol.ts";
import { isHttpSlash } from "./head.ts";
import { COLON, CR, isToken, LF, latin1, lower, SPACE, TAB, TOKEN } from "./octets.ts";

/** A request line longer than this is not waited for. Common servers allow 8 kB (RFC 9112 section 3). */
export const MAX_START_LINE = 65_536;
const MAX_METHOD = 32;
const LONGEST_FIELD_NAME = 256;

const HTTP = lower("http");
const HOST = lower("host");

/** `HTTP/x` (or SHOUTcast's `ICY`) and the first digit of a status code. `need-more` while the octets there fit. */
export function isStatusLine(bytes: Uint8Array, start: number, end: number): Detection {
  if (bytes[start] === ICY[0] && start < end) return isIcyLine(bytes, start, end);
  for (let i = 0; i < 5; i++) {
    if (start + i >= end) return "need-more";
    const octet = i < 4 ? bytes[start + i] | 32 : bytes[start + i];
    if (octet !== (i < 4 ? HTTP[i] : 47)) return "no";
  }
  // version: some characters without blank, then blanks, then three digits
  let at = start + 5;
  while (at < end && at < start + 16 && bytes[at] > SPACE && bytes[at] < 127) at++;
  if (at === end) return "need-more";
  if (at === start + 5 || (bytes[at] !== SPACE && bytes[at] !== TAB)) return "no";
  while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++;
  if (at >= end) return "need-more";
  return bytes[at] >= 48 && bytes[at] <= 57 ? "yes" : "no";
}

const ICY = Uint8Array.from("ICY ", (char) => char.charCodeAt(0));

/** `ICY 200`: SHOUTcast servers answer GET so, and send a stream (no RFC tells; players take it for HTTP/1.0). */
function isIcyLine(bytes: Uint8Array, start: number, end: number): Detection {
  for (let i = 0; i < 7; i++) {
    if (start + i >= end) return "need-more";
    const octet = bytes[start + i];
    if (i < 4 ? octet !== ICY[i] : !isDigit(octet)) return "no";
  }
  return "yes";
}

/**
 * A whole request line with an HTTP version, or `GET /…` without one when `allowHttp09`; or a target without a version,
 * when a field line follows (`Host`, behind a method that nobody registered or that stands alone): what servers answer with 400.
 */
export function isRequestLine(bytes: Uint8Array, start: number, end: number, allowHttp09: boolean): Detection {
  let at = start;
  while (at < end && at - start <= MAX_METHOD && TOKEN[bytes[at]] === 1) at++;
  if (at === end) return "need-more";
  if (bytes[at] === CR || bytes[at] === LF) return isMethodAlone(bytes, start, at, end);
  if (at === start || (bytes[at] !== SPACE && bytes[at] !== TAB)) return "no";
  const methodEnd = at;
  if (isHttpSlash(bytes, start) && methodEnd - start >= 5) return "no";
  let lineFeed = at;
  while (lineFeed < end && bytes[lineFeed] !== LF) lineFeed++;
  if (lineFeed === end) return end - start < MAX_START_LINE ? "need-more" : "no";
  let lineEnd = lineFeed;
  while (lineEnd > at && (bytes[lineEnd - 1] === CR || bytes[lineEnd - 1] === SPACE || bytes[lineEnd - 1] === TAB))
    lineEnd--;
  let word = lineEnd;
  while (word > methodEnd && bytes[word - 1] > SPACE) word--;
  if (lineEnd - word >= 6 && isHttpSlash(bytes, word) && word > methodEnd + 1)
    return isHttp2Preface(bytes, start, methodEnd) ? "no" : "yes";
  if (allowHttp09 && isHttp09(bytes, start, methodEnd, lineEnd)) return "yes";
  if (!isVersionless(bytes, methodEnd, lineEnd)) return "no";
  const known = METHODS.has(latin1(bytes, start, methodEnd));
  // the end of a request line that was cut in its target looks like an unknown method and a word
  if (!known && bytes[methodEnd + 1] !== 47) return "no";
  return isFieldLine(bytes, lineFeed + 1, end, known);
}

/** A method, a space, one word; or more words, with an HTTP version among them. */
function isVersionless(bytes: Uint8Array, methodEnd: number, lineEnd: number): boolean {
  if (bytes[methodEnd] !== SPACE || lineEnd - methodEnd < 2) return false;
  let blank = false;
  let version = false;
  for (let at = methodEnd + 1; at < lineEnd; at++) {
    if (bytes[at] < SPACE || bytes[at] >= 127) return false;
    if (bytes[at] !== SPACE) continue;
    blank = true;
    version ||= at + 6 < lineEnd && isHttpSlash(bytes, at + 1);
  }
  return !blank || version;
}

/** A registered method, the end of the line, and `Host:`. STOMP has a command CONNECT, with such a line behind it. */
function isMethodAlone(bytes: Uint8Array, start: number, methodEnd: number, end: number): Detection {
  const method = latin1(bytes, start, methodEnd);
  if (!METHODS.has(method) || method === "CONNECT") return "no";
  const lineFeed = bytes[methodEnd] === CR ? methodEnd + 1 : methodEnd;
  if (lineFeed >= end) return "need-more";
  return bytes[lineFeed] === LF ? isFieldLine(bytes, lineFeed + 1, end, false) : "no";
}

/** `name:`, or `Host:` only. */
function isFieldLine(bytes: Uint8Array, start: number, end: number, anyName: boolean): Detection {
  let at = start;
  while (at < end && TOKEN[bytes[at]] === 1) at++;
  if (at === end) return end - start < LONGEST_FIELD_NAME ? "need-more" : "no";
  return at > start && bytes[at] === COLON && (anyName || isToken(bytes, start, at, HOST)) ? "yes" : "no";
}

/** RFC 1945 section 5: `GET SP Request-URI CRLF`, the whole request. */
function isHttp09(bytes: Uint8Array, start: number, methodEnd: number, lineEnd: number): boolean {
  if (methodEnd - start !== 3 || bytes[start] !== 71 || bytes[start + 1] !== 69 || bytes[start + 2] !== 84)
    return false;
  if (bytes[methodEnd + 1] !== 47) return false;
  for (let at = methodEnd + 1; at < lineEnd; at++) if (bytes[at] <= SPACE || bytes[at] >= 127) return false;
  return true;
}

/** `PRI * HTTP/2.0` opens HTTP/2 (RFC 9113 section 3.4); it is no request. */
function isHttp2Preface(bytes: Uint8Array, start: number, methodEnd: number): boolean {
  return (
    methodEnd - start === 3 &&
    bytes[start] === 80 &&
    bytes[start + 1] === 82 &&
    bytes[start + 2] === 73 &&
    bytes[methodEnd + 1] === 42
  );
}

/** Kinds of head that `findHead` looks for. */
export const REQUESTS = 1;
export const RESPONSES = 2;

/**
 * Looks for the first start line anywhere in whole lines: after a gap, in a flow joined late, behind a proxy's own
 * handshake. Gives its offset, or -1. Octets before it on the same line are allowed: a body need not end in a line end.
 */
export function findHead(bytes: Uint8Array, start: number, end: number, kinds: number): number {
  for (let line = start; line < end; ) {
    let lineFeed = line;
    let slash = -1;
    while (lineFeed < end && bytes[lineFeed] !== LF) {
      if (bytes[lineFeed] === 47 && lineFeed - 4 >= line && isHttpSlash(bytes, lineFeed - 4)) {
        const at = lineFeed - 4;
        if (
          kinds & RESPONSES &&
          isStatusLine(bytes, at, end) === "yes" &&
          strictVersion(bytes, at) &&
          at + 12 <= end &&
          isDigit(bytes[at + 11])
        )
          return at;
        slash = at;
      }
      lineFeed++;
    }
    if (lineFeed === end) return -1;
    if (slash >= 0 && kinds & REQUESTS) {
      const at = requestStart(bytes, line, slash, lineFeed + 1);
      if (at >= 0) return at;
    }
    line = lineFeed + 1;
  }
  return -1;
}

function isDigit(octet: number): boolean {
  return octet >= 48 && octet <= 57;
}

/** `HTTP/1.0` or `HTTP/1.1` exactly: searching is stricter than reading on. */
function strictVersion(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === 72 && bytes[at + 5] === 49 && bytes[at + 6] === 46 && (bytes[at + 7] === 48 || bytes[at + 7] === 49)
  );
}

/** Where the request line that ends in `HTTP/1.x` begins: the method before the target. */
function requestStart(bytes: Uint8Array, line: number, slash: number, lineEnd: number): number {
  if (!strictVersion(bytes, slash) || bytes[slash - 1] !== SPACE || slash + 8 > lineEnd) return -1;
  let at = slash - 1;
  while (at > line && bytes[at - 1] > SPACE) at--; // target
  if (at === slash - 1 || at - 1 < line || bytes[at - 1] !== SPACE) return -1;
  let method = at - 1;
  while (method > line && isMethodOctet(bytes[method - 1])) method--;
  method = knownMethod(bytes, method, at - 1);
  return at - 1 - method >= 3 && isRequestLine(bytes, method, lineEnd, false) === "yes" ? method : -1;
}

/** Capital letters, and what stands between them: `M-SEARCH`, `RPC_IN_DATA`. */
function isMethodOctet(octet: number): boolean {
  return (octet >= 65 && octet <= 90) || octet === 45 || octet === 95;
}

/** Octets before the method may be capital letters by chance (port 80 of a SOCKS reply is a `P`): known names decide. */
function knownMethod(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at <= end - 3; at++) if (METHODS.has(latin1(bytes, at, end))) return at;
  return start;
}

/** Registered methods (IANA HTTP Method Registry), and those of UPnP. */
const METHODS = new Set(
  (
    "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH " +
    "REPORT ACL BIND UNBIND REBIND CHECKIN CHECKOUT UNCHECKOUT LABEL LINK UNLINK MERGE MKACTIVITY MKCALENDAR " +
    "MKREDIRECTREF MKWORKSPACE ORDERPATCH UPDATE UPDATEREDIRECTREF VERSION-CONTROL BASELINE-CONTROL M-SEARCH NOTIFY " +
    "SUBSCRIBE UNSUBSCRIBE"
  ).split(" "),
);

/**
 * Copies a URL, a request target, or text with such in it (RFC 3986), and hides on the way: values of sensitive
 * parameters in query, fragment and path (`;jsessionid=…`), userinfo, and JSON Web Tokens. A URL inside a parameter is
 * looked into too, as it is and percent-encoded once. One pass; what holds none of the telling characters is just copied.
 */
import { redactByKernel } from "../core/head-kernel.ts";
import { URL_FIELD } from "../core/http.ts";
import { memory } from "../core/memory.ts";
import { copyBytes, type Marker, markEnd } from "./mark.ts";
import type { NameCache } from "./name-cache.ts";
import { SECRET } from "./name-kinds.ts";

/** How far a sensitive value reaches, and where a name may begin, depends on what is read. */
export const TARGET = 0;
/** A Link field: URLs end at `>`. */
export const LINKS = 1;
/** A value of unknown grammar: names begin at words, values end at punctuation. */
export const FREE = 2;
export type UrlMode = typeof TARGET | typeof LINKS | typeof FREE;

const AMPERSAND = 0x26;
const QUESTION = 0x3f;
const SEMICOLON = 0x3b;
const HASH = 0x23;
const EQUALS = 0x3d;
const COMMA = 0x2c;
const BRACE = 0x7d;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const COLON = 0x3a;
const AT = 0x40;
const PERCENT = 0x25;
const QUOTE = 0x22;
const GREATER = 0x3e;
/** Third letter of `eyJ`, how a JSON object begins in base64url; rarer than the other two. */
const LETTER_J = 0x4a;

function byteSet(...bytes: readonly number[]): Uint8Array {
  const set = new Uint8Array(256);
  for (const byte of bytes) set[byte] = 1;
  return set;
}

const textBytes = (text: string) => [...Buffer.from(text, "latin1")];

/** No secret can be found in a target without one of these. */
export const TELLING_OCTETS: Uint8Array = Uint8Array.from(textBytes('?@;#%J="'));
const TELLING = byteSet(...TELLING_OCTETS);
const PAIR_OPENERS = byteSet(QUESTION, AMPERSAND, SEMICOLON, HASH);
/** What writeCarefully looks at; all other bytes stand for themselves. */
const SPECIAL = byteSet(...textBytes('%J:"=?&;#>/'));
const AUTHORITY_ENDS = byteSet(SLASH, QUESTION, HASH);
const FREE_AUTHORITY_ENDS = byteSet(...textBytes("/?#&, \t\r\n<>\"'"));
const PATH_PARAMETER_ENDS = byteSet(SLASH, QUESTION, SEMICOLON, HASH);
const FREE_VALUE_ENDS = byteSet(...textBytes("&,; \t\r\n\"'<>"));
const FREE_WORD_BREAKS = byteSet(...textBytes(", \t\r\n\"'<>{(["));
const FREE_SPECIAL = SPECIAL.map((special, byte) => special | FREE_WORD_BREAKS[byte]);
const TOKEN_BYTES = byteSet(...textBytes("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"));
/** Shortest first part that is taken for a JSON Web Token: a header needs more. */
const TOKEN_HEAD_BYTES = 12;

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The byte at `at`, percent-decoded where `%` and two hex digits stand there: its width is then 3. */
function decodedAt(from: Uint8Array, at: number, end: number): number {
  const byte = from[at];
  if (byte !== PERCENT || at + 2 >= end) return byte;
  const high = hexDigit(from[at + 1]);
  const low = hexDigit(from[at + 2]);
  return high < 0 || low < 0 ? byte : ENCODED | (high << 4) | low;
}
const ENCODED = 0x100;

const widthAt = (from: Uint8Array, at: number, end: number) => (decodedAt(from, at, end) >= ENCODED ? 3 : 1);
/** A blank as it is, as `+`, and as `%20`. */
const BLANKS = [0x20, 0x2b, ENCODED | 0x20];

/** End of the JSON Web Token (RFC 7519) that begins with `eyJ` at `start`, also a cut one; -1 when it is none. */
export function tokenEnd(from: Uint8Array, start: number, end: number): number {
  if (from[start] !== 0x65 || from[start + 1] !== 0x79 || from[start + 2] !== LETTER_J) return -1;
  let at = start + 3;
  while (at < end && TOKEN_BYTES[from[at]] !== 0) at++;
  if (at - start < TOKEN_HEAD_BYTES) return -1;
  if (at === end) return at;
  if (from[at] !== 0x2e) return -1;
  // three parts when signed, five when encrypted (RFC 7516)
  for (let part = 0; part < 4 && at < end && from[at] === 0x2e; part++) {
    at++;
    while (at < end && TOKEN_BYTES[from[at]] !== 0) at++;
  }
  return at;
}

export class UrlRedactor {
  private readonly parameters: NameCache;
  private readonly marker: Marker;
  // of the URL being read
  private inPath = true;
  private pairStart = -1;
  private pairEncoded = false;
  private resumeAt = 0;
  /** The last string in quotes, as JSON in a parameter has: `[stringStart, stringEnd)`, and where its quote ended. */
  private stringStart = 0;
  private stringEnd = 0;
  private quoteEnd = -1;

  constructor(parameters: NameCache, marker: Marker) {
    this.parameters = parameters;
    this.marker = marker;
  }

  /** Copies `from[start, end)` to `into[at, …)`, redacted. Returns the new end in `into`. */
  write(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number, mode: UrlMode): number {
    let write = at;
    for (let read = start; read < end; read++) {
      const byte = from[read];
      if (TELLING[byte] !== 0) return this.writeTelling(from, start, end, into, at, mode);
      into[write++] = byte;
    }
    return write;
  }

  /** By the kernel where it can. */
  private writeTelling(
    from: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    mode: UrlMode,
  ): number {
    if (from === memory && into === memory && this.parameters.isShared && !this.marker.hashes) {
      const written = redactByKernel(mode + URL_FIELD, start, end, at);
      if (written >= 0) return written;
    }
    return this.writeCarefully(from, start, end, into, at, mode);
  }

  private writeCarefully(
    f: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    mode: UrlMode,
  ): number {
    this.inPath = mode !== FREE;
    this.pairStart = mode === FREE ? start : -1;
    this.pairEncoded = false;
    this.quoteEnd = -1;
    let read = start;
    if (mode === TARGET && f[start] !== SLASH) {
      at = this.writeUserinfo(f, start, end, into, at, mode);
      read = this.resumeAt;
    }
    const special = mode === FREE ? FREE_SPECIAL : SPECIAL;
    while (read < end) {
      const plain = f[read];
      if (special[plain] === 0) {
        into[at++] = plain;
        read++;
        continue;
      }
      const decoded = decodedAt(f, read, end);
      const encoded = decoded >= ENCODED;
      const byte = decoded & 0xff;
      const next = read + (encoded ? 3 : 1);
      if (byte === LETTER_J && !encoded && read - 2 >= start) {
        const tokenStart = read - 2;
        const finish = tokenEnd(f, tokenStart, end);
        if (finish > 0 && isTokenStart(f, tokenStart, start)) {
          at = this.marker.write(f, tokenStart, finish, into, at - 2);
          read = finish;
          continue;
        }
      }
      at = copyBytes(f, read, next, into, at);
      if (byte === COLON && read === this.quoteEnd && this.endsSecretKey(f)) {
        at = this.writeJsonValue(f, next, end, into, at);
        read = this.resumeAt;
        continue;
      }
      if (byte === QUOTE) {
        this.stringStart = this.quoteEnd;
        this.stringEnd = read;
        this.quoteEnd = next;
      }
      if (byte === EQUALS && this.pairStart >= 0) {
        if (this.parameters.kindOf(f, this.pairStart, read) === SECRET) {
          at = this.writeValue(f, next, end, into, at, mode);
          read = this.resumeAt;
          this.pairStart = -1;
          continue;
        }
        this.pairStart = mode === FREE ? next : -1;
      } else if (PAIR_OPENERS[byte] !== 0 || (mode === FREE && FREE_WORD_BREAKS[byte] !== 0)) {
        this.pairStart = next;
        this.pairEncoded = encoded;
        if (!encoded && (byte === QUESTION || byte === HASH)) this.inPath = false;
      } else if (byte === GREATER && mode === LINKS) {
        this.inPath = true;
      } else if (byte === SLASH) {
        if (this.inPath) {
          // a segment may be a pair too: /reset/token=abc
          this.pairStart = next;
          this.pairEncoded = encoded;
        }
        const second = next < end ? decodedAt(f, next, end) : 0;
        if ((second & 0xff) === SLASH) {
          const authority = next + (second >= ENCODED ? 3 : 1);
          at = copyBytes(f, next, authority, into, at);
          at = this.writeUserinfo(f, authority, end, into, at, mode);
          read = this.resumeAt;
          continue;
        }
      }
      read = next;
    }
    return at;
  }

  /** Copies or hides the userinfo of the authority that begins at `start` (RFC 3986 section 3.2.1), if it has one. */
  private writeUserinfo(
    from: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    mode: UrlMode,
  ): number {
    const ends = mode === FREE ? FREE_AUTHORITY_ENDS : AUTHORITY_ENDS;
    let last = -1;
    let colon = -1;
    let marked = markEnd(from, start, end);
    for (let read = marked > 0 ? marked : start; read < end; ) {
      const decoded = decodedAt(from, read, end);
      const byte = decoded & 0xff;
      if (byte === AT) last = read;
      else if (byte === COLON && colon < 0 && last < 0) {
        colon = read + (decoded >= ENCODED ? 3 : 1);
        marked = markEnd(from, colon, end);
        if (marked > 0) {
          read = marked;
          continue;
        }
      } else if (ends[byte] !== 0 || (byte === AMPERSAND && !this.inPath) || (byte === GREATER && mode === LINKS))
        break;
      read += decoded >= ENCODED ? 3 : 1;
    }
    this.resumeAt = start;
    if (last < 0) return at;
    this.resumeAt = last;
    // without a colon the name itself is the key, as in https://<token>@host/
    const secret = colon < 0 ? start : colon;
    at = copyBytes(from, start, secret, into, at);
    return this.marker.write(from, secret, last, into, at);
  }

  /** Hides the value that begins at `start`. */
  private writeValue(f: Uint8Array, start: number, end: number, into: Uint8Array, at: number, mode: UrlMode): number {
    if (mode === FREE && f[start] === QUOTE) {
      const close = f.indexOf(QUOTE, start + 1);
      into[at++] = QUOTE;
      this.resumeAt = close < 0 || close >= end ? end : close;
      return this.marker.write(f, start + 1, this.resumeAt, into, at);
    }
    let read = Math.max(start, markEnd(f, start, end));
    while (read < end && !this.endsValue(f, read, end, mode)) read++;
    this.resumeAt = read;
    return this.marker.write(f, start, read, into, at);
  }

  private endsSecretKey(from: Uint8Array): boolean {
    return this.stringStart >= 0 && this.parameters.kindOf(from, this.stringStart, this.stringEnd) === SECRET;
  }

  /** Hides a JSON value in a parameter, as in GraphQL's `variables={"password":"…"}`, percent-encoded or not. */
  private writeJsonValue(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    let valueStart = start;
    while (valueStart < end && BLANKS.includes(decodedAt(from, valueStart, end)))
      valueStart += widthAt(from, valueStart, end);
    const isQuoted = valueStart < end && (decodedAt(from, valueStart, end) & 0xff) === QUOTE;
    if (isQuoted) valueStart += widthAt(from, valueStart, end);
    at = copyBytes(from, start, valueStart, into, at);
    let read = Math.max(valueStart, markEnd(from, valueStart, end));
    for (let escaped = false; read < end; read += widthAt(from, read, end)) {
      const decoded = decodedAt(from, read, end);
      const byte = decoded & 0xff;
      if (decoded === AMPERSAND) break;
      if (isQuoted ? byte === QUOTE && !escaped : byte === COMMA || byte === BRACE) break;
      escaped = byte === BACKSLASH && !escaped;
    }
    this.resumeAt = read;
    return this.marker.write(from, valueStart, read, into, at);
  }

  /** A value is hidden up to the first byte that ends it for every reader: rather too much than too little. */
  private endsValue(from: Uint8Array, at: number, end: number, mode: UrlMode): boolean {
    const byte = from[at];
    if (mode === FREE) return FREE_VALUE_ENDS[byte] !== 0;
    if (byte === GREATER && mode === LINKS) return true;
    if (this.inPath && !this.pairEncoded) return PATH_PARAMETER_ENDS[byte] !== 0;
    if (byte === AMPERSAND) return true;
    return this.pairEncoded && decodedAt(from, at, end) === (ENCODED | AMPERSAND);
  }
}

/** Only at the start of a word, or behind an escape (`%22eyJ…`): so each word is looked at once. */
function isTokenStart(from: Uint8Array, at: number, start: number): boolean {
  return at === start || TOKEN_BYTES[from[at - 1]] === 0 || (at - 3 >= start && from[at - 3] === PERCENT);
}

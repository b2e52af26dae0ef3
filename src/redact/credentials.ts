/**
 * Copies the fields that carry credentials and keeps their shape: `Bearer <redacted:32>`, `sid=<redacted:32>; theme=
 * <redacted:4>`, `sid=<redacted:32>; Path=/; HttpOnly`. Grammar: RFC 9110 section 11, RFC 6265 sections 4.1 and 4.2.
 */
import { findOctet } from "../core/head-kernel.ts";
import { ATTRIBUTE_NAMES_AT, COOKIE_NAMES_AT, memory } from "../core/memory.ts";
import { copyBytes, type Marker, markEnd } from "./mark.ts";
import { NameCache } from "./name-cache.ts";
import { PLAIN, SECRET } from "./name-kinds.ts";

const SPACE = 0x20;
const TAB = 0x09;
const EQUALS = 0x3d;
const SEMICOLON = 0x3b;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isSpace = (byte: number) => byte === SPACE || byte === TAB;

/** Schemes of the IANA registry and of wide use. Another first word may itself be the secret, and is hidden. */
const SCHEMES = new Set(
  (
    "basic bearer digest dpop gnap hoba mutual negotiate oauth privatetoken scram-sha-1 scram-sha-256 vapid ntlm token " +
    "apikey api-key jwt aws aws4-hmac-sha256 aws4-ecdsa-p256-sha256 hawk mac signature sharedkey sharedkeylite " +
    "googlelogin splunk bot key kerberos concealed"
  ).split(" "),
);
/** Schemes whose credentials are a list of `name=value`; of every other scheme all is hidden. */
const LIST_SCHEMES = new Set("digest oauth aws4-hmac-sha256 aws4-ecdsa-p256-sha256 hawk mac signature".split(" "));
/** Parameters that say how, and not who or with what: RFC 7616, RFC 6750 section 3, AWS Signature Version 4. */
const SHOWN_PARAMETERS = new Set(
  (
    "realm qop algorithm stale charset domain scope error error_description error_uri nc userhash signedheaders " +
    "headers oauth_signature_method oauth_version max_age"
  ).split(" "),
);
/** Attributes of Set-Cookie; what else stands there may be a piece of a value with a semicolon in it. */
const COOKIE_ATTRIBUTES = new Set(
  "expires max-age domain path secure httponly samesite partitioned priority version comment".split(" "),
);
const LONGEST_WORD = 64;

function word(from: Uint8Array, start: number, end: number): string {
  return end - start > LONGEST_WORD ? "" : Buffer.from(from.subarray(start, end)).toString("latin1").toLowerCase();
}

function skipSpace(from: Uint8Array, at: number, end: number): number {
  while (at < end && isSpace(from[at])) at++;
  return at;
}

function indexOf(from: Uint8Array, byte: number, start: number, end: number): number {
  if (from === memory && findOctet !== undefined) return findOctet(byte, start, end);
  for (let at = start; at < end; at++) if (from[at] === byte) return at;
  return end;
}

export class CredentialRedactor {
  private readonly cookies: NameCache;
  private readonly marker: Marker;
  private readonly attributes = new NameCache((name) =>
    COOKIE_ATTRIBUTES.has(name.trim().toLowerCase()) ? PLAIN : SECRET,
  );

  constructor(cookies: NameCache, marker: Marker) {
    this.cookies = cookies;
    this.marker = marker;
  }

  /** See HeadRedactor of core/http.ts. */
  shareNames(share: boolean): void {
    this.cookies.shareIn(share ? COOKIE_NAMES_AT : -1);
    this.attributes.shareIn(share ? ATTRIBUTE_NAMES_AT : -1);
  }

  /** Authorization and its kin. Returns the new end in `into`, as all of these. */
  authorization(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    if (markEnd(from, start, end) === end) return copyBytes(from, start, end, into, at);
    let schemeEnd = start;
    while (schemeEnd < end && !isSpace(from[schemeEnd]) && from[schemeEnd] !== COMMA) schemeEnd++;
    const scheme = word(from, start, schemeEnd);
    const rest = skipSpace(from, schemeEnd, end);
    // a challenge may be the scheme alone: `WWW-Authenticate: Negotiate`
    if (!SCHEMES.has(scheme)) return this.parameters(from, start, end, into, at, true);
    at = copyBytes(from, start, rest, into, at);
    if (rest === end) return at;
    return this.parameters(from, rest, end, into, at, !LIST_SCHEMES.has(scheme));
  }

  /**
   * `name="value", name=value, …`. With `strict` the list must begin with a parameter that is shown (a challenge does:
   * `Basic realm="…"`), else all of it is one secret.
   */
  private parameters(f: Uint8Array, start: number, end: number, into: Uint8Array, at: number, strict: boolean): number {
    const firstEquals = indexOf(f, EQUALS, start, end);
    const isList = firstEquals < end && (!strict || SHOWN_PARAMETERS.has(word(f, start, firstEquals)));
    if (!isList) return this.marker.write(f, start, end, into, at);
    let read = start;
    while (read < end) {
      const itemStart = skipSpace(f, read, end);
      at = copyBytes(f, read, itemStart, into, at);
      const itemEnd = endOfItem(f, itemStart, end);
      at = this.parameter(f, itemStart, itemEnd, into, at);
      read = itemEnd;
      if (read < end) into[at++] = f[read++];
    }
    return at;
  }

  private parameter(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    const equals = indexOf(from, EQUALS, start, end);
    if (equals === end || markEnd(from, start, end) === end) return this.marker.write(from, start, end, into, at);
    const name = word(from, start, equals);
    if (SHOWN_PARAMETERS.has(name)) return copyBytes(from, start, end, into, at);
    // a name that is no word is more likely the middle of a secret
    if (!/^[a-z0-9_-]{1,32}$/.test(name)) return this.marker.write(from, start, end, into, at);
    at = copyBytes(from, start, equals + 1, into, at);
    if (from[equals + 1] !== QUOTE || end - equals < 3) return this.marker.write(from, equals + 1, end, into, at);
    into[at++] = QUOTE;
    const closed = from[end - 1] === QUOTE;
    at = this.marker.write(from, equals + 2, closed ? end - 1 : end, into, at);
    if (closed) into[at++] = QUOTE;
    return at;
  }

  /** `name=value; name=value`: the names stay. */
  cookie(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    let read = start;
    while (read < end) {
      const pairStart = skipSpace(from, read, end);
      at = copyBytes(from, read, pairStart, into, at);
      const pairEnd = indexOf(from, SEMICOLON, pairStart, end);
      at = this.cookiePair(from, pairStart, pairEnd, into, at);
      read = pairEnd;
      if (read < end) into[at++] = from[read++];
    }
    return at;
  }

  private cookiePair(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    const equals = indexOf(from, EQUALS, start, end);
    if (equals === end || markEnd(from, start, end) === end) return this.marker.write(from, start, end, into, at);
    if (this.cookies.kindOf(from, start, equals) === PLAIN) return copyBytes(from, start, end, into, at);
    at = copyBytes(from, start, equals + 1, into, at);
    return this.marker.write(from, equals + 1, end, into, at);
  }

  /** The first pair, then attributes. */
  setCookie(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    let read = indexOf(from, SEMICOLON, start, end);
    at = this.cookiePair(from, start, read, into, at);
    while (read < end) {
      into[at++] = from[read++];
      const attributeStart = skipSpace(from, read, end);
      at = copyBytes(from, read, attributeStart, into, at);
      read = indexOf(from, SEMICOLON, attributeStart, end);
      const nameEnd = indexOf(from, EQUALS, attributeStart, read);
      const isKnown = nameEnd > attributeStart && this.attributes.kindOf(from, attributeStart, nameEnd) === PLAIN;
      if (isKnown) at = copyBytes(from, attributeStart, read, into, at);
      else at = this.marker.write(from, attributeStart, read, into, at);
    }
    return at;
  }

  /** Short items are names of protocols; a long one is a token that was put among them. */
  protocolList(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    let read = start;
    while (read < end) {
      const itemStart = skipSpace(from, read, end);
      at = copyBytes(from, read, itemStart, into, at);
      read = indexOf(from, COMMA, itemStart, end);
      if (read - itemStart <= LONGEST_PROTOCOL) at = copyBytes(from, itemStart, read, into, at);
      else at = this.marker.write(from, itemStart, read, into, at);
      if (read < end) into[at++] = from[read++];
    }
    return at;
  }
}

/** The longest registered subprotocol name has 34 characters; with a token behind it, it is longer. */
const LONGEST_PROTOCOL = 36;

/** The next comma outside quotes. */
function endOfItem(from: Uint8Array, start: number, end: number): number {
  let quoted = false;
  for (let at = start; at < end; at++) {
    const byte = from[at];
    if (byte === QUOTE) quoted = !quoted;
    else if (byte === BACKSLASH && quoted) at++;
    else if (byte === COMMA && !quoted) return at;
  }
  return end;
}

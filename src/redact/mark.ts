/**
 * The mark that stands where a secret was: `<redacted:32>`, 32 being the secret's length in octets, or with a key
 * `<redacted:32:hash=ab12cd34>`. Text that already is a mark stays as it is, so that redacting twice changes nothing.
 */
import { crypto } from "../core/on-demand.ts";

const OPENING = Uint8Array.from(Buffer.from("<redacted:"));
const HASH = Uint8Array.from(Buffer.from(":hash="));
const HASH_DIGITS = 8;
/**
 * Shorter secrets get no hash: they tell no sessions apart, there are few enough to try them all should the key become
 * known, and a head full of them would grow several times more.
 */
const HASHED_SECRET_MIN_BYTES = 8;
/** The mark of a secret of one octet, `<redacted:1>`: what makes text grow most. */
export const SHORTEST_MARK_BYTES = OPENING.length + 2;

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
const isHexDigit = (byte: number) => isDigit(byte) || (byte >= 0x61 && byte <= 0x66);

function startsWith(from: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start < text.length) return false;
  for (let index = 0; index < text.length; index++) if (from[start + index] !== text[index]) return false;
  return true;
}

/** End of the mark that begins at `start`, or -1. */
export function markEnd(from: Uint8Array, start: number, end: number): number {
  if (from[start] !== OPENING[0] || !startsWith(from, start, end, OPENING)) return -1;
  let at = start + OPENING.length;
  const digits = at;
  while (at < end && at - digits < 10 && isDigit(from[at])) at++;
  if (at === digits) return -1;
  if (startsWith(from, at, end, HASH)) {
    at += HASH.length;
    const hash = at;
    while (at < end && at - hash < HASH_DIGITS && isHexDigit(from[at])) at++;
    if (at - hash !== HASH_DIGITS) return -1;
  }
  return at < end && from[at] === 0x3e ? at + 1 : -1;
}

/** Copies bytes; short ranges without making a view. What has no room in `into` is left out. Returns the new end in `into`. */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  if (end - start > 96 && at + end - start <= into.length) {
    if (from === into) into.copyWithin(at, start, end);
    else into.set(from.subarray(start, end), at);
    return at + end - start;
  }
  while (start < end) into[at++] = from[start++];
  return at;
}

/** Writes marks. */
export class Marker {
  private readonly key: string | null;

  constructor(key: string | null) {
    this.key = key;
  }

  /** True when marks tell equal secrets. */
  get hashes(): boolean {
    return this.key !== null;
  }

  /** Writes the mark for the secret `from[start, end)`; nothing for an empty one. Returns the new end in `into`. */
  write(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
    if (start >= end || markEnd(from, start, end) === end) return copyBytes(from, start, end, into, at);
    // the secret may lie where the mark goes (a copy in place), so its hash is taken first
    const hash = this.key === null ? null : this.hash(from.subarray(start, end));
    at = copyBytes(OPENING, 0, OPENING.length, into, at);
    at = writeDecimal(end - start, into, at);
    if (hash !== null) {
      at = copyBytes(HASH, 0, HASH.length, into, at);
      for (let index = 0; index < HASH_DIGITS; index++) into[at++] = hash.charCodeAt(index);
    }
    into[at++] = 0x3e;
    return at;
  }

  /** The mark for a secret given as text. */
  text(secret: string): string {
    if (secret === "") return "";
    const bytes = Buffer.from(secret);
    if (markEnd(bytes, 0, bytes.length) === bytes.length) return secret;
    const hash = this.hash(bytes);
    return `<redacted:${bytes.length}${hash === null ? "" : `:hash=${hash}`}>`;
  }

  private hash(secret: Uint8Array): string | null {
    if (this.key === null || secret.length < HASHED_SECRET_MIN_BYTES) return null;
    return crypto().createHmac("sha256", this.key).update(secret).digest("hex").slice(0, HASH_DIGITS);
  }
}

function writeDecimal(value: number, into: Uint8Array, at: number): number {
  let scale = 1;
  while (scale * 10 <= value) scale *= 10;
  for (; scale >= 1; scale = Math.floor(scale / 10)) into[at++] = 0x30 + (Math.floor(value / scale) % 10);
  return at;
}

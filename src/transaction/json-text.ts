/**
 * Octets from the wire as the contents of a JSON string, four at a time where they are plain. What the kernel leaves, or
 * all where there is none; both give the same (keep.test.ts).
 */
import { memory, memoryView } from "../core/memory.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;

/** Writes them at `at` in the thread's memory; gives the new end. `view` is of the same octets as `from`. */
export function escapeHere(from: Uint8Array, view: DataView, start: number, end: number, at: number): number {
  const out = memory;
  const outView = memoryView;
  const lastWord = Math.min(end, from.length - 3) - 3;
  let next = start;
  for (;;) {
    while (next < lastWord) {
      const word = view.getInt32(next, true);
      const quotes = word ^ 0x22222222;
      const slashes = word ^ 0x5c5c5c5c;
      // any octet below 0x20, above 0x7f, quote or backslash?
      const odd = (word - 0x20202020) | word | ((quotes - 0x01010101) & ~quotes) | ((slashes - 0x01010101) & ~slashes);
      if ((odd & 0x80808080) !== 0) break;
      outView.setInt32(at, word, true);
      next += 4;
      at += 4;
    }
    const stop = next < lastWord ? next + 4 : end;
    while (next < stop) {
      const octet = from[next];
      if (octet >= 128) return escapeText(from, start, end, at - writtenSince(from, start, next));
      next++;
      if (octet >= SPACE && octet !== QUOTE && octet !== BACKSLASH) out[at++] = octet;
      else if (octet === QUOTE || octet === BACKSLASH) {
        out[at++] = BACKSLASH;
        out[at++] = octet;
      } else if (octet === 13 && (from[next] === 10 || from[next] === SPACE) && next < end) {
        // obs-fold: line end and white space stand for one space (RFC 9112 section 5.2)
        next = skipFold(from, next, end);
        out[at++] = SPACE;
      } else at = writeUnicode(out, octet, at);
    }
    if (next >= end) return at;
  }
}

/** Octets that `escapeHere` has written for `from[start, next)`: to start over in the careful way. */
function writtenSince(from: Uint8Array, start: number, next: number): number {
  let written = 0;
  for (let i = start; i < next; ) {
    const octet = from[i++];
    if (octet === QUOTE || octet === BACKSLASH) written += 2;
    else if (octet >= SPACE) written++;
    else if (octet === 13 && (from[i] === 10 || from[i] === SPACE) && i < next) {
      i = skipFold(from, i, next);
      written++;
    } else written += 6;
  }
  return written;
}

/** Text beyond ASCII, off the hot path: UTF-8 where it is valid, else each octet as a latin-1 character. */
function escapeText(from: Uint8Array, start: number, end: number, at: number): number {
  const octets = Buffer.from(from.buffer, from.byteOffset + start, end - start);
  let text = octets.toString("utf8");
  if (text.includes("\ufffd") && !Buffer.from(text, "utf8").equals(octets)) text = octets.toString("latin1");
  text = text.replace(/\r\n?[ \t]+/g, " ");
  const json = JSON.stringify(text).slice(1, -1).replace(LINE_BREAKING, escapeCharacter);
  return at + Buffer.from(memory.buffer, at).write(json, "utf8");
}

function skipFold(from: Uint8Array, start: number, end: number): number {
  let next = start;
  while (next < end && from[next] <= SPACE) next++;
  return next;
}

/** Control characters and line separators beyond ASCII: valid in JSON, but they break lines and steer terminals. */
const LINE_BREAKING = /[\u007f-\u009f\u2028\u2029]/g;

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const HEX = "0123456789abcdef";

function writeUnicode(out: Uint8Array, octet: number, at: number): number {
  out[at] = BACKSLASH;
  out[at + 1] = 117;
  out[at + 2] = 48;
  out[at + 3] = 48;
  out[at + 4] = HEX.charCodeAt(octet >> 4);
  out[at + 5] = HEX.charCodeAt(octet & 15);
  return at + 6;
}

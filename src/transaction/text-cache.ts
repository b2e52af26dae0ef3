/**
 * Texts of the thread's memory as strings. Most heads say what the last ones said: a text that was made once is found
 * again by its octets, which costs less than making it, and nothing for the garbage collector. Takes the place of JSON
 * string contents (escaped, without quotes); gives the string. Bounded: a table of fixed size, in which a new text
 * takes the place of another with the same hash; long texts are made each time.
 */
import { formatAddress } from "../core/address.ts";
import { memory, memoryView } from "../core/memory.ts";

const SLOTS = 2_048;
/** Octets of the longest text kept; a multiple of four. */
const LONGEST = 256;
const WORDS = LONGEST / 4;
/** Masks for the last word of a text: how many octets of it belong to it. */
const TAIL = [-1, 0xff, 0xffff, 0xffffff] as const;

const octets = Buffer.from(memory.buffer);

export class TextCache {
  /** The octets of each slot's text, padded with zeros. */
  private readonly words = new Int32Array(SLOTS * WORDS);
  private readonly lengths = new Int32Array(SLOTS).fill(-1);
  private readonly texts: string[] = new Array(SLOTS).fill("");

  /** The text `[start, end)` of the thread's memory. */
  text(start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST || length <= 0) return length <= 0 ? "" : textOf(start, end);
    const slot = slotOf(start, length);
    if (this.lengths[slot] === length && this.holds(slot, start, length)) return this.texts[slot];
    return this.make(slot, start, end);
  }

  private holds(slot: number, start: number, length: number): boolean {
    const { words } = this;
    let at = slot * WORDS;
    const whole = start + (length & ~3);
    for (let from = start; from < whole; from += 4, at++)
      if (words[at] !== memoryView.getInt32(from, true)) return false;
    return (length & 3) === 0 || words[at] === lastWord(whole, length);
  }

  private make(slot: number, start: number, end: number): string {
    const length = end - start;
    const made = textOf(start, end);
    let at = slot * WORDS;
    const whole = start + (length & ~3);
    for (let from = start; from < whole; from += 4) this.words[at++] = memoryView.getInt32(from, true);
    if ((length & 3) !== 0) this.words[at] = lastWord(whole, length);
    this.lengths[slot] = length;
    this.texts[slot] = made;
    return made;
  }
}

const ADDRESS_SLOTS = 1_024;

/** The same for addresses, by their words. */
export class AddressCache {
  private readonly words = new Int32Array(ADDRESS_SLOTS * 4);
  private readonly texts: string[] = new Array(ADDRESS_SLOTS).fill("");

  text(word0: number, word1: number, word2: number, word3: number): string {
    const hash = Math.imul(Math.imul(word0 ^ word1, 0x5bd1e995) ^ word2 ^ word3, 0x5bd1e995);
    const slot = (hash ^ (hash >>> 15)) & (ADDRESS_SLOTS - 1);
    const { words } = this;
    const at = slot * 4;
    const known = words[at] === word0 && words[at + 1] === word1 && words[at + 2] === word2 && words[at + 3] === word3;
    if (known && this.texts[slot] !== "") return this.texts[slot];
    words[at] = word0;
    words[at + 1] = word1;
    words[at + 2] = word2;
    words[at + 3] = word3;
    this.texts[slot] = formatAddress(word0, word1, word2, word3);
    return this.texts[slot];
  }
}

function slotOf(start: number, length: number): number {
  let hash = length;
  const whole = start + (length & ~3);
  for (let from = start; from < whole; from += 4) hash = Math.imul(hash ^ memoryView.getInt32(from, true), 0x5bd1e995);
  if ((length & 3) !== 0) hash = Math.imul(hash ^ lastWord(whole, length), 0x5bd1e995);
  // a product's low bits know only of the low bits of its factors
  return (hash ^ (hash >>> 15) ^ (hash >>> 23)) & (SLOTS - 1);
}

/** Kept text is followed by room for a whole word. */
function lastWord(at: number, length: number): number {
  return memoryView.getInt32(at, true) & TAIL[length & 3];
}

/** Text of JSON string contents. */
function textOf(start: number, end: number): string {
  const raw = octets.toString("utf8", start, end);
  return raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
}

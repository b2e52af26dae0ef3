/**
 * Remembers what NameRules said of a name, found by the name's bytes without making a string: heads repeat the same few
 * names. A fixed table in which a new name takes the place of an older one, so that hostile names cost time in
 * proportion to their length and never memory.
 */
import { PLAIN, SECRET } from "./name-kinds.ts";
import { NAME_MAX_BYTES } from "./names.ts";

/** A page uses some 60 names of fields, parameters and cookies; 1,024 places keep clashes rare in 48 KiB. */
const SLOTS = 1024;
const WIDTH = 48;

export class NameCache {
  private readonly lengths = new Uint8Array(SLOTS);
  private readonly kinds = new Uint8Array(SLOTS);
  private readonly names = new Uint8Array(SLOTS * WIDTH);
  private readonly decide: (name: string) => number;

  constructor(decide: (name: string) => number) {
    this.decide = decide;
  }

  /** Kind of the name `from[start, end)`, as sent. */
  kindOf(from: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length <= 0) return PLAIN;
    if (length > WIDTH) return length > NAME_MAX_BYTES ? SECRET : this.decide(latin1(from, start, end));
    const slot = (length * 7 + from[start] * 31 + from[end - 1] * 61 + from[start + (length >> 1)] * 131) & (SLOTS - 1);
    const base = slot * WIDTH;
    if (this.lengths[slot] === length) {
      let index = 0;
      while (index < length && this.names[base + index] === from[start + index]) index++;
      if (index === length) return this.kinds[slot];
    }
    const kind = this.decide(latin1(from, start, end));
    for (let index = 0; index < length; index++) this.names[base + index] = from[start + index];
    this.lengths[slot] = length;
    this.kinds[slot] = kind;
    return kind;
  }
}

function latin1(from: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let index = start; index < end; index++) text += String.fromCharCode(from[index]);
  return text;
}

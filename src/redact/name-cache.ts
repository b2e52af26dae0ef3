/**
 * Remembers what NameRules said of a name, found by the name's bytes without making a string: heads repeat the same few
 * names. A fixed table in which a new name takes the place of an older one, so that hostile names cost time in
 * proportion to their length and never memory.
 */
import { rememberName } from "../core/field-care.ts";
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
  /** The kernel's table of the same names, -1 when that is somebody else's. */
  private shared = -1;

  constructor(decide: (name: string) => number) {
    this.decide = decide;
  }

  /** From now on the kernel's table at this address has what this one has; -1 for no longer. */
  shareIn(table: number): void {
    this.shared = table;
    // what was known before is asked again, and told there
    this.lengths.fill(0);
  }

  /** True while the kernel knows these names. */
  get isShared(): boolean {
    return this.shared >= 0;
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
    if (this.shared >= 0) rememberName(this.shared, from, start, end, kind);
    return kind;
  }
}

function latin1(from: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let index = start; index < end; index++) text += String.fromCharCode(from[index]);
  return text;
}

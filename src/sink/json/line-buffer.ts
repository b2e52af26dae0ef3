/** A buffer of octets that lines are written into, handed to a writer when it is full enough. */
import type { Arena } from "../../core/arena.ts";
import { memoryView } from "../../core/memory.ts";

/** A constant text as words: copied four octets at a time. */
export interface Text {
  readonly length: number;
  readonly words: Int32Array;
}

export function text(value: string): Text {
  const octets = new Uint8Array((value.length + 3) & ~3);
  for (let i = 0; i < value.length; i++) octets[i] = value.charCodeAt(i);
  return { length: value.length, words: new Int32Array(octets.buffer) };
}

/** Takes full buffers: octets `[0, length)` of `bytes`, lent. */
export type Flush = (bytes: Uint8Array, length: number) => void;

const FLUSH_AT = 1 << 18;

export class LineBuffer {
  private octets = new Uint8Array(FLUSH_AT * 2);
  private view = new DataView(this.octets.buffer);
  private length = 0;
  private readonly onFull: Flush;
  lines = 0;

  constructor(onFull: Flush) {
    this.onFull = onFull;
  }

  /** Makes room for a line of at most `size` octets; longer parts make room for themselves. */
  begin(size: number): void {
    this.room(size);
  }

  end(): void {
    this.lines++;
    if (this.length >= FLUSH_AT) this.flush();
  }

  flush(): void {
    if (this.length > 0) this.onFull(this.octets, this.length);
    this.length = 0;
  }

  private room(size: number): void {
    if (this.length + size + 8 <= this.octets.length) return;
    let larger = this.octets.length * 2;
    while (larger < this.length + size + 8) larger *= 2;
    const octets = new Uint8Array(larger);
    octets.set(this.octets.subarray(0, this.length));
    this.octets = octets;
    this.view = new DataView(octets.buffer);
  }

  put(constant: Text): void {
    const view = this.view;
    const words = constant.words;
    let at = this.length;
    for (let i = 0; i < words.length; i++, at += 4) view.setInt32(at, words[i], true);
    this.length += constant.length;
  }

  octet(value: number): void {
    this.octets[this.length++] = value;
  }

  bytes(from: Uint8Array): void {
    const octets = this.octets;
    let at = this.length;
    for (let i = 0; i < from.length; i++) octets[at++] = from[i];
    this.length = at;
  }

  /** Copies `[start, end)` of the arena; both sides have room for the rest of the last word. */
  arena(_arena: Arena, start: number, end: number): void {
    const from = memoryView;
    const view = this.view;
    let to = this.length;
    for (let at = start; at < end; at += 4, to += 4) view.setInt32(to, from.getInt32(at, true), true);
    this.length += end - start;
  }

  /** Any text, off the hot path. */
  text(value: string): void {
    this.room(value.length * 3);
    this.length += Buffer.from(this.octets.buffer).write(value, this.length, "utf8");
  }

  /** A whole number, not negative. */
  number(value: number): void {
    if (value > 0x7fffffff) {
      this.largeNumber(value);
      return;
    }
    const octets = this.octets;
    let rest = value | 0;
    let at = this.length + digits(rest);
    this.length = at;
    do {
      const next = (rest / 10) | 0;
      octets[--at] = 48 + rest - next * 10;
      rest = next;
    } while (rest > 0);
  }

  private largeNumber(value: number): void {
    const high = Math.floor(value / 1e9);
    this.number(high);
    const low = value - high * 1e9;
    let at = this.length + 9;
    this.length = at;
    let rest = low | 0;
    for (let i = 0; i < 9; i++) {
      const next = (rest / 10) | 0;
      this.octets[--at] = 48 + rest - next * 10;
      rest = next;
    }
  }

  sixDigits(value: number): void {
    let rest = value | 0;
    let at = this.length + 6;
    this.length = at;
    for (let i = 0; i < 6; i++) {
      const next = (rest / 10) | 0;
      this.octets[--at] = 48 + rest - next * 10;
      rest = next;
    }
  }

  /** `value / 1000` as JSON writes it: `12.5`, `0.007`, `3`. */
  thousandths(value: number): void {
    const whole = Math.floor(value / 1000);
    this.number(whole);
    let rest = value - whole * 1000;
    if (rest === 0) return;
    this.octets[this.length++] = 46;
    for (let unit = 100; rest > 0; unit /= 10) {
      const digit = Math.floor(rest / unit);
      this.octets[this.length++] = 48 + digit;
      rest -= digit * unit;
    }
  }
}

function digits(value: number): number {
  if (value < 100_000) return value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : value < 10_000 ? 4 : 5;
  return value < 1_000_000 ? 6 : value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : value < 1_000_000_000 ? 9 : 10;
}

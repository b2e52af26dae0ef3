/** A buffer of octets that lines are written into, handed to a writer when it is full enough. */
import { copyOctets } from "../../core/head-kernel.ts";
import { lendLines, memory, memoryView } from "../../core/memory.ts";

/** A constant text as words: copied four octets at a time. */
export interface Text {
  readonly length: number;
  readonly words: Int32Array;
}

export function text(value: string): Text {
  const encoded = new TextEncoder().encode(value);
  const octets = new Uint8Array((encoded.length + 3) & ~3);
  octets.set(encoded);
  return { length: encoded.length, words: new Int32Array(octets.buffer) };
}

/** Takes full buffers: octets `[0, length)` of `bytes`, lent. */
export type Flush = (bytes: Uint8Array, length: number) => void;

const FLUSH_AT = 1 << 18;
/** Numbers and constants behind the last piece of any length. */
const REST_OF_LINE = 1_024;
/** Shorter pieces are copied faster in words than by a call. */
const NATIVE_COPY = 64;

export class LineBuffer {
  /** In the thread's memory when that is free, so that kept heads can be copied natively. */
  private octets: Uint8Array<ArrayBuffer> = lendLines() ?? new Uint8Array(FLUSH_AT * 2);
  private view = new DataView(this.octets.buffer, this.octets.byteOffset, this.octets.length);
  /** Address of `octets` in the thread's memory, -1 when it is elsewhere. */
  private address = this.octets.buffer === memory.buffer ? this.octets.byteOffset : -1;
  private length = 0;
  private readonly onFull: Flush;
  lines = 0;

  constructor(onFull: Flush) {
    this.onFull = onFull;
  }

  /**
   * Makes room for a line of at most `size` octets; longer parts make room for themselves. Gives the line's address in
   * the thread's memory, where the kernel may write it; -1 when it is elsewhere.
   */
  begin(size: number): number {
    this.room(size);
    return this.address < 0 ? -1 : this.address + this.length;
  }

  /** So many octets of the line were written in place. */
  written(octets: number): void {
    this.length += octets;
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
    this.address = -1;
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

  /** Copies `[start, end)` of the thread's memory; both sides have room for the rest of the last word. */
  kept(start: number, end: number): void {
    const length = end - start;
    if (this.address >= 0 && length >= NATIVE_COPY) copyOctets(this.address + this.length, start, length);
    else {
      const from = memoryView;
      const view = this.view;
      let to = this.length;
      for (let at = start; at < end; at += 4, to += 4) view.setInt32(to, from.getInt32(at, true), true);
    }
    this.length += length;
  }

  /** Text of ASCII characters, some dozens at most. */
  ascii(value: string): void {
    const octets = this.octets;
    let at = this.length;
    for (let i = 0; i < value.length; i++) octets[at++] = value.charCodeAt(i);
    this.length = at;
  }

  /** Any text, off the hot path. */
  text(value: string): void {
    this.room(value.length * 3);
    const { octets } = this;
    this.length += Buffer.from(octets.buffer, octets.byteOffset, octets.length).write(value, this.length, "utf8");
  }

  /** Octets made before, however many; leaves room for the rest of a line. */
  made(octets: Uint8Array): void {
    this.room(octets.length + REST_OF_LINE);
    this.octets.set(octets, this.length);
    this.length += octets.length;
  }

  /** A whole number. */
  number(value: number): void {
    if (value > 0x7fffffff || value < 0) {
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
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      // only a broken or hostile capture has such times
      this.text(JSON.stringify(value));
      return;
    }
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

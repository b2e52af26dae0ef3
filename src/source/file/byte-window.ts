/**
 * The one reusable buffer between a file or pipe and the format that reads it. Bytes enter at `end`, are consumed at
 * `start`, and what is left of a record that straddles two reads is moved to the front, so that a record always lies in
 * one piece and a packet can be lent without a copy. It lies in the thread's memory (core/memory.ts) when that is free, so
 * that heads can be read where they are.
 */
import { lendWindow, returnWindow } from "../../core/memory.ts";

/** Records larger than this are damage, not data: the largest pcapng block that is read, and three pcap records. */
export const MAXIMUM_WINDOW_BYTES = 4 << 20;

const NOTHING = new Uint8Array(0);

export class ByteWindow {
  bytes: Uint8Array;
  view: DataView;
  /** First byte not consumed. */
  start = 0;
  /** End of what was read. */
  end = 0;
  /** Place of `bytes[0]` in the (decompressed) file. */
  base = 0;
  /** Nothing more will come. */
  final = false;
  /** How many bytes from `start` the reader needs before it can go on. */
  wanted = 0;

  constructor(size: number) {
    this.bytes = lendWindow(size) ?? new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  /** Nothing of it will be read any more. */
  close(): void {
    returnWindow(this.bytes);
    this.start = this.end = 0;
    this.bytes = NOTHING;
    this.view = new DataView(NOTHING.buffer);
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Place in the file of a place in `bytes`. */
  offset(at: number): number {
    return this.base + at;
  }

  /** Moves the rest to the front and grows when the wanted record does not fit. Afterwards there is room at `end`. */
  makeRoom(): void {
    const rest = this.end - this.start;
    const needed = Math.min(this.wanted, MAXIMUM_WINDOW_BYTES);
    if (needed > this.bytes.length || rest === this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed + 65536, this.bytes.length * 2));
      larger.set(this.bytes.subarray(this.start, this.end));
      returnWindow(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    } else if (this.start > 0) {
      this.bytes.copyWithin(0, this.start, this.end);
    }
    this.base += this.start;
    this.start = 0;
    this.end = rest;
  }

  /** Takes as much of a chunk as fits from `from` on; gives the number of bytes taken. */
  take(chunk: Uint8Array, from: number): number {
    this.makeRoom();
    const count = Math.min(chunk.length - from, this.bytes.length - this.end);
    this.bytes.set(chunk.subarray(from, from + count), this.end);
    this.end += count;
    return count;
  }
}

/** Octets of one direction that wait for more: the beginning of a head or of trailers, or the line being searched. */

import type { Budget } from "../../core/budget.ts";
import type { Flow } from "../../core/flow.ts";
import { octetsDiffer } from "../../core/overlap.ts";
import type { Micros } from "../../core/units.ts";
import { CR, LF } from "./octets.ts";

const FIRST_SIZE = 1024;

export class Waiting {
  bytes: Uint8Array = NONE;
  length = 0;
  /** A whole line is among them. */
  hasLine = false;
  /** The octets appended last ended the first line or the head. */
  lineEnded = false;
  /** There was no memory for more. */
  refused = false;
  private readonly budget: Budget;
  /** Of the first octet: when it came, where it is in the stream, what its packet acknowledged. */
  time: Micros = 0.5;
  sequence = 0;
  acknowledgment = 0;
  acknowledges = true;
  ipLength = 0;

  constructor(budget: Budget) {
    this.budget = budget;
  }

  begin(flow: Flow, sequence: number): void {
    this.clear();
    this.time = flow.now;
    this.sequence = sequence;
    this.acknowledgment = flow.dataAcknowledgment;
    this.acknowledges = flow.dataAcknowledges;
    this.ipLength = flow.dataIpLength;
  }

  /** Gives the memory back: flows are many, heads that come in pieces few. It stays as it is until another begins. */
  clear(): void {
    if (this.bytes.length > 0) {
      this.budget.give(this.bytes.length);
      keepForNext(this.bytes);
    }
    this.bytes = NONE;
    this.length = 0;
    this.hasLine = this.refused = false;
  }

  /** Without memory for them, all octets are forgotten, these too. */
  append(from: Uint8Array, start: number, end: number): void {
    if (!this.appendPiece(from, start, end)) this.clear();
  }

  /**
   * Appends all of a piece that belongs to a head which is as it should be, its first line included; false, and nothing
   * is changed, when there is no memory for it or `limit` octets are reached.
   */
  appendPlain(from: Uint8Array, start: number, end: number, limit: number): boolean {
    if (this.length + end - start >= limit || !this.appendPiece(from, start, end)) return false;
    this.hasLine = true;
    return true;
  }

  private appendPiece(from: Uint8Array, start: number, end: number): boolean {
    if (!this.reserve(end - start)) return false;
    this.bytes.set(from.subarray(start, end), this.length);
    this.length += end - start;
    return true;
  }

  /**
   * Appends up to and with the end of the first line or a blank line, `limit` octets in all; gives where it stopped.
   * Looks at each octet once, so that a head in single octets costs no more than one in a piece.
   */
  appendHead(from: Uint8Array, start: number, end: number, limit: number): number {
    const stop = this.stopOf(start, end, limit);
    this.lineEnded = false;
    const bytes = this.bytes;
    let length = this.length;
    let at = start;
    while (at < stop) {
      const octet = from[at++];
      bytes[length++] = octet;
      if (octet !== LF) continue;
      this.lineEnded = !this.hasLine || endsBlank(bytes, length);
      this.hasLine = true;
      if (this.lineEnded) break;
    }
    this.length = length;
    return at;
  }

  /** Appends field lines up to and with a blank line, which may be the first. */
  appendTrailers(from: Uint8Array, start: number, end: number, limit: number): number {
    const stop = this.stopOf(start, end, limit);
    let at = start;
    while (at < stop) {
      this.bytes[this.length++] = from[at++];
      if (from[at - 1] === LF && this.endsWithBlankLine) break;
    }
    return at;
  }

  get endsWithBlankLine(): boolean {
    const { bytes, length } = this;
    if (length === 0 || bytes[length - 1] !== LF) return false;
    return length === 1 || (length === 2 && bytes[0] === CR) || endsBlank(bytes, length);
  }

  /** Are these octets, the first with this sequence number, others than those that wait at their place? */
  differs(bytes: Uint8Array, start: number, end: number, sequence: number): boolean {
    return octetsDiffer(this.bytes, this.length, this.sequence, bytes, start, end, sequence);
  }

  /** Forgets all before `offset`. */
  drop(offset: number): void {
    this.bytes.copyWithin(0, offset, this.length);
    this.length -= offset;
    this.sequence = (this.sequence + offset) | 0;
  }

  /** No more can be appended: `limit` is reached, or memory. */
  full(limit: number): boolean {
    return this.length >= limit || this.refused;
  }

  private stopOf(start: number, end: number, limit: number): number {
    const stop = Math.min(end, start + limit - this.length);
    return this.reserve(stop - start) ? stop : Math.min(stop, start + this.bytes.length - this.length);
  }

  private reserve(more: number): boolean {
    const need = this.length + more;
    if (this.bytes.length >= need) return true;
    let size = Math.max(this.bytes.length, FIRST_SIZE);
    while (size < need) size *= 2;
    if (!this.budget.take(size - this.bytes.length)) {
      this.refused = true;
      return false;
    }
    const larger = free.get(size)?.pop() ?? new Uint8Array(size);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    return true;
  }
}

const NONE = new Uint8Array(0);

/** Memory for the next heads in pieces, by size: making it new costs more than reading a head. */
const free = new Map<number, Uint8Array[]>([
  [FIRST_SIZE, []],
  [2 * FIRST_SIZE, []],
]);
const MAX_FREE = 64;

function keepForNext(bytes: Uint8Array): void {
  const list = free.get(bytes.length);
  if (list !== undefined && list.length < MAX_FREE) list.push(bytes);
}

function endsBlank(bytes: Uint8Array, length: number): boolean {
  const before = length - 2;
  if (before >= 0 && bytes[before] === LF) return true;
  return before >= 1 && bytes[before] === CR && bytes[before - 1] === LF;
}

/**
 * Segments that wait for octets before them, or for what they acknowledge. Their octets lie in the thread's memory, where
 * heads can be read in place, and both the blocks and the objects are used again: a lossy capture of many connections
 * holds and lets go of hundreds of thousands.
 */
import { Arena } from "../core/arena.ts";
import type { FlowHalf, HeldSegment } from "../core/flow.ts";
import { copyOctets } from "../core/head-kernel.ts";
import { memory } from "../core/memory.ts";
import { octetsDiffer } from "../core/overlap.ts";
import { ACK, type Packet } from "../core/packet.ts";
import type { Micros } from "../core/units.ts";

/** Memory of a held segment beside its octets. */
const HELD_OVERHEAD_BYTES = 320;
/** Objects kept for segments to come. */
const MAX_FREE = 4_096;

export class HeldSegments {
  /** Memory that all take. */
  total = 0;
  private readonly arena: Arena;
  private readonly free: HeldSegment[] = [];

  /** `octets`: of the thread's memory, at most. What finds no room there gets memory of its own. */
  constructor(octets: number) {
    this.arena = new Arena(octets);
  }

  /** Keeps the packet's payload from `start` on as the half's held segment number `at`. */
  keep(
    half: FlowHalf,
    at: number,
    packet: Packet,
    sequence: number,
    start: number,
    cut: number,
    ipLength: number,
  ): void {
    const segment = this.free.pop() ?? blank();
    segment.sequence = sequence;
    segment.acknowledgment = packet.acknowledgment;
    segment.acknowledges = (packet.flags & ACK) !== 0;
    segment.length = packet.payloadEnd - start;
    segment.cut = cut;
    segment.time = packet.time;
    segment.ipLength = ipLength;
    this.keepOctets(segment, packet, start);
    if (half.held.length === 0 || segment.time < half.heldSince) half.heldSince = segment.time;
    if (at === half.held.length) half.held.push(segment);
    else half.held.splice(at, 0, segment);
    half.heldBytes += segment.length + HELD_OVERHEAD_BYTES;
    this.total += segment.length + HELD_OVERHEAD_BYTES;
  }

  private keepOctets(segment: HeldSegment, packet: Packet, start: number): void {
    const { bytes, payloadEnd } = packet;
    segment.start = this.arena.take(segment.length);
    if (segment.start < 0) {
      segment.bytes = bytes.slice(start, payloadEnd);
      segment.start = 0;
      return;
    }
    segment.bytes = memory;
    if (bytes.buffer === memory.buffer) copyOctets(segment.start, bytes.byteOffset + start, segment.length);
    else memory.set(bytes.subarray(start, payloadEnd), segment.start);
  }

  /** Takes the half's first held segment out; to be given back when its octets are used up. */
  takeFirst(half: FlowHalf): HeldSegment {
    const segment = half.held.shift()!;
    half.heldBytes -= segment.length + HELD_OVERHEAD_BYTES;
    this.total -= segment.length + HELD_OVERHEAD_BYTES;
    return segment;
  }

  /** Its octets are not needed any more. */
  release(segment: HeldSegment): void {
    if (segment.bytes === memory) this.arena.release(segment.start, segment.length);
    segment.bytes = memory;
    if (this.free.length < MAX_FREE) this.free.push(segment);
  }

  /** Forgets all that the half holds. */
  drop(half: FlowHalf): void {
    while (half.held.length > 0) this.release(this.takeFirst(half));
  }
}

function blank(): HeldSegment {
  return {
    sequence: 0,
    acknowledgment: 0,
    acknowledges: false,
    bytes: memory,
    start: 0,
    length: 0,
    cut: 0,
    time: 0.5,
    ipLength: 0,
  };
}

/** Has the packet other octets than the held segment, where both have some? */
export function differFromHeld(held: HeldSegment | null, packet: Packet, sequence: number): boolean {
  if (held === null) return false;
  const { bytes, payloadStart, payloadEnd } = packet;
  if (payloadEnd - payloadStart === 1) return false;
  return octetsDiffer(held.bytes, held.length, held.sequence, bytes, payloadStart, payloadEnd, sequence, held.start);
}

/** When the one that waits longest came. */
export function oldestTime({ held }: FlowHalf): Micros {
  let oldest = Number.POSITIVE_INFINITY;
  for (const { time } of held) if (time < oldest) oldest = time;
  return oldest;
}

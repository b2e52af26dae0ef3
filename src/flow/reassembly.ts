/**
 * Puts the segments of a flow in order: each octet of each direction reaches the parser once, and octets that the
 * capture missed reach it as a gap (RFC 9293 section 3.4 for sequence numbers; all comparisons are modulo 2^32).
 *
 * Two rules make pairing right under loss. A segment waits, in *both* directions, until everything it acknowledges
 * was seen: so a request never overtakes the response that caused it. And a hole is only called a gap when nothing can
 * fill it any more: its receiver acknowledged it (so the capture lost it) and the reordering of a capture is over, or
 * waiting for it reached a limit.
 */
import type { Flow, FlowHalf, HalfIndex, HeldSegment } from "../core/flow.ts";
import type { Ledger } from "../core/ledger.ts";
import { ACK, type Packet } from "../core/packet.ts";
import { MILLISECOND, type Micros } from "../core/units.ts";
import { differFromHeld, HeldSegments, oldestTime } from "./held-segments.ts";

export interface ReassemblyLimits {
  /** How long a segment waits for octets that their receiver already has: the reordering inside a capture. */
  readonly reorderWait: Micros;
  /** How long a segment waits for octets that may still be retransmitted (RFC 6298: a timeout is at least 200 ms). */
  readonly retransmitWait: Micros;
  /** Segments held for one direction, and octets of memory that they take. */
  readonly heldSegments: number;
  readonly heldBytes: number;
  /** The same for all flows together. */
  readonly totalHeldBytes: number;
}

export const REASSEMBLY_LIMITS: ReassemblyLimits = {
  reorderWait: 30 * MILLISECOND,
  retransmitWait: 1_500 * MILLISECOND,
  // what is in flight behind a lost segment: 6 MB of full ones (0.5 Gbit/s at 100 ms)
  heldSegments: 4_096,
  heldBytes: 8 << 20,
  totalHeldBytes: 48 << 20,
};

/** Octets behind which a sequence number is taken for nonsense: no window is this large (RFC 7323 section 2.3). */
const MAX_WINDOW = 1 << 30;

/** Octets that a flow joined late may have lost before its first segment of a direction; more is another story. */
const LARGEST_FIRST_HOLE = 1 << 20;

export class Reassembler {
  /** Flows that hold segments. */
  readonly waiting = new Set<Flow>();
  private readonly held: HeldSegments;
  private readonly ledger: Ledger;
  private readonly limits: ReassemblyLimits;

  constructor(ledger: Ledger, limits: ReassemblyLimits = REASSEMBLY_LIMITS) {
    this.ledger = ledger;
    this.limits = limits;
    this.held = new HeldSegments(limits.totalHeldBytes);
  }

  /** A segment with payload. `sequence` is that of its first payload octet. */
  segment(flow: Flow, from: HalfIndex, packet: Packet, sequence: number): void {
    const half = flow.halves[from];
    const other = flow.halves[1 - from];
    const length = packet.payloadEnd - packet.payloadStart;
    if (!half.known) {
      half.known = true;
      half.next = firstExpected(half, sequence);
    }
    const ahead = (sequence - half.next) | 0;
    const acknowledges = (packet.flags & ACK) !== 0;
    if (ahead > 0 || (acknowledges && other.known && ((packet.acknowledgment - other.next) | 0) > 0)) {
      if (ahead + length + packet.payloadCut <= 0) this.repeated(flow, from, packet);
      else this.hold(flow, from, packet, sequence);
    } else if (ahead + length + packet.payloadCut <= 0) {
      this.repeated(flow, from, packet);
    } else {
      flow.now = packet.time;
      flow.dataAcknowledgment = packet.acknowledgment;
      flow.dataAcknowledges = acknowledges;
      flow.dataIpLength = packet.ipLength;
      this.deliver(
        flow,
        from,
        packet.bytes,
        packet.payloadStart,
        packet.payloadEnd,
        packet.payloadCut,
        sequence,
        packet.ipLength,
      );
      half.lastIpId = packet.ipId;
      half.lastSequence = sequence;
    }
    if (half.held.length > 0 || other.held.length > 0) this.settle(flow, packet.time);
  }

  /** An acknowledgment without payload, of a flow that holds segments: holes may now be known to be lost. */
  acknowledged(flow: Flow, from: HalfIndex, acknowledgment: number, now: Micros): void {
    const other = flow.halves[1 - from];
    if (!other.known) return;
    if (!other.ackSeen || ((acknowledgment - other.acked) | 0) > 0) {
      other.ackSeen = true;
      other.acked = acknowledgment;
    }
    this.settle(flow, now);
  }

  /** Hands new octets to the parser; what came before is cut off. */
  private deliver(
    flow: Flow,
    from: HalfIndex,
    bytes: Uint8Array,
    start: number,
    end: number,
    cut: number,
    sequence: number,
    ipLength: number,
  ): void {
    const half = flow.halves[from];
    const behind = (half.next - sequence) | 0;
    const fresh = start + behind;
    half.wireBytes += ipLength - behind;
    half.overheadBytes += ipLength - behind - Math.max(0, end - fresh);
    if (behind > 0) {
      this.compareRead(flow, from, bytes, start, Math.min(fresh, end), sequence);
      this.overlapped(flow, from, behind);
    }
    half.next = (sequence + (end - start) + cut) | 0;
    flow.dataSequence = (half.next - cut - (end - fresh)) | 0;
    if (fresh < end) {
      if (half.urgent === null) flow.parser?.data(flow, from, bytes, fresh, end);
      else this.dataInBand(flow, from, bytes, fresh, end);
    }
    if (cut > 0) this.missed(flow, from, fresh < end ? cut : cut - (fresh - end));
    this.checkFinished(flow, from);
  }

  /** The first `octets` of a segment with something new were seen before: those that came first hold. */
  private overlapped(flow: Flow, from: HalfIndex, octets: number): void {
    flow.halves[from].retransmittedBytes += octets;
    this.ledger.retransmittedBytes += octets;
    flow.parser?.retransmitted?.(flow, from, octets);
  }

  /** Octets that were delivered before: do they differ? A keep-alive's one octet may be any (RFC 9293 section 3.8.4). */
  private compareRead(
    flow: Flow,
    from: HalfIndex,
    bytes: Uint8Array,
    start: number,
    end: number,
    sequence: number,
  ): void {
    const half = flow.halves[from];
    if (end - start === 1 || half.outOfBand) return;
    if (flow.parser?.differs?.(from, bytes, start, end, sequence)) this.conflict(half, sequence, end - start);
  }

  private conflict(half: FlowHalf, sequence: number, length: number): void {
    half.conflict = true;
    half.conflictStart = sequence;
    half.conflictEnd = (sequence + length) | 0;
    this.ledger.anomaly("tcp.overlap-conflict");
  }

  /** Delivers without the octets that their receiver reads out of band. */
  private dataInBand(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    const half = flow.halves[from];
    const sequence = flow.dataSequence;
    let at = start;
    half.urgent = half.urgent!.filter((urgent) => {
      const place = start + ((urgent - sequence) | 0);
      if (place >= end) return true;
      if (place < at) return false;
      if (place > at) this.dataAt(flow, from, bytes, at, place, sequence + (at - start));
      half.overheadBytes++;
      half.outOfBand = true;
      at = place + 1;
      return false;
    });
    if (half.urgent.length === 0) half.urgent = null;
    if (at < end) this.dataAt(flow, from, bytes, at, end, sequence + (at - start));
  }

  private dataAt(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number, sequence: number): void {
    flow.dataSequence = sequence | 0;
    flow.parser?.data(flow, from, bytes, start, end);
  }

  private missed(flow: Flow, from: HalfIndex, octets: number): void {
    this.ledger.gaps++;
    this.ledger.gapBytes += octets;
    flow.halves[from].gapBytes += octets;
    flow.parser?.gap(flow, from, octets);
  }

  /** A FIN was seen earlier: have its direction's octets all arrived? The FIN itself takes one sequence number. */
  checkFinished(flow: Flow, from: HalfIndex): void {
    const half = flow.halves[from];
    if (!half.finSeen || half.finished || half.next !== half.finSequence) return;
    half.finished = true;
    half.next = (half.next + 1) | 0;
    flow.parser?.finished?.(flow, from);
  }

  /** A FIN behind octets that were not seen yet waits like data: they come late, or become a gap. */
  finWaits(flow: Flow, from: HalfIndex, packet: Packet, finSequence: number): void {
    const half = flow.halves[from];
    const hole = (finSequence - half.next) | 0;
    if (hole <= 0 || hole > MAX_WINDOW) return;
    const last = half.held.at(-1);
    if (last === undefined || ((finSequence - last.sequence - last.length - last.cut) | 0) > 0)
      this.keep(half, flow, half.held.length, packet, finSequence, packet.payloadEnd, 0, 0);
    this.settle(flow, packet.time);
  }

  /** Nothing new in it: the same packet seen on a second interface or direction, or sent again by its host. */
  private repeated(flow: Flow, from: HalfIndex, packet: Packet): void {
    const half = flow.halves[from];
    const sameDatagram = packet.ipId !== 0 && packet.ipId === half.lastIpId && packet.sequence === half.lastSequence;
    if (packet.interfaceId !== flow.interfaceId || packet.direction !== half.direction || sameDatagram) {
      this.ledger.copies++;
      return;
    }
    const sequence = (packet.sequence + ((packet.flags >> 1) & 1)) | 0;
    this.compareRead(flow, from, packet.bytes, packet.payloadStart, packet.payloadEnd, sequence);
    this.ledger.retransmittedPackets++;
    this.ledger.retransmittedBytes += packet.ipLength;
    half.retransmittedBytes += packet.ipLength;
    flow.parser?.retransmitted?.(flow, from, packet.ipLength);
  }

  private hold(flow: Flow, from: HalfIndex, packet: Packet, sequence: number): void {
    const half = flow.halves[from];
    if (((sequence - half.next) | 0) > MAX_WINDOW) {
      this.ledger.anomaly("tcp.sequence-out-of-window");
      return;
    }
    const held = half.held;
    const length = packet.payloadEnd - packet.payloadStart;
    let at = held.length;
    while (at > 0 && ((held[at - 1].sequence - sequence) | 0) > 0) at--;
    const before = at > 0 ? held[at - 1] : null;
    if (differFromHeld(before, packet, sequence) || differFromHeld(held[at] ?? null, packet, sequence))
      this.conflict(half, sequence, length);
    if (before !== null && before.sequence === sequence && before.length >= length) {
      this.repeated(flow, from, packet);
      return;
    }
    this.keep(half, flow, at, packet, sequence, packet.payloadStart, packet.payloadCut, packet.ipLength);
  }

  private keep(
    half: FlowHalf,
    flow: Flow,
    at: number,
    packet: Packet,
    sequence: number,
    start: number,
    cut: number,
    ipLength: number,
  ): void {
    this.held.keep(half, at, packet, sequence, start, cut, ipLength);
    this.waiting.add(flow);
  }

  /** The flow is given up: what it holds is forgotten. */
  drop(flow: Flow): void {
    this.held.drop(flow.halves[0]);
    this.held.drop(flow.halves[1]);
    this.waiting.delete(flow);
  }

  /** Delivers what can be delivered, then gives up on holes that will not be filled. */
  settle(flow: Flow, now: Micros): void {
    this.drain(flow);
    while (flow.halves[0].held.length > 0 || flow.halves[1].held.length > 0) {
      if (!this.mustGiveUp(flow, now)) break;
      this.giveUpOldest(flow);
      this.drain(flow);
    }
    if (flow.halves[0].held.length === 0 && flow.halves[1].held.length === 0) this.waiting.delete(flow);
  }

  /** The flow ends: everything held is delivered, with gaps before it. */
  flush(flow: Flow): void {
    this.drain(flow);
    while (flow.halves[0].held.length > 0 || flow.halves[1].held.length > 0) {
      this.giveUpOldest(flow);
      this.drain(flow);
    }
    this.waiting.delete(flow);
  }

  private mustGiveUp(flow: Flow, now: Micros): boolean {
    if (this.held.total > this.limits.totalHeldBytes) {
      this.ledger.evict("flow.held-segments");
      return true;
    }
    for (let side = 0; side < 2; side++) {
      const half = flow.halves[side];
      if (half.held.length === 0) continue;
      if (half.held.length > this.limits.heldSegments || half.heldBytes > this.limits.heldBytes) return true;
      const waited = now - half.heldSince;
      if (waited > this.limits.retransmitWait) return true;
      if (waited > this.limits.reorderWait && this.lostByCapture(flow, side as HalfIndex)) return true;
    }
    return false;
  }

  /** Is the first held segment waiting for octets that their receiver has acknowledged? */
  private lostByCapture(flow: Flow, from: HalfIndex): boolean {
    const half = flow.halves[from];
    const other = flow.halves[1 - from];
    const first = half.held[0];
    if (((first.sequence - half.next) | 0) > 0) {
      // a hole of this direction: the other end has it when it acknowledged beyond our position, held or seen
      if (half.ackSeen && ((half.acked - half.next) | 0) > 0) return true;
      for (const segment of other.held)
        if (segment.acknowledges && ((segment.acknowledgment - half.next) | 0) > 0) return true;
      // without a single acknowledgment (one direction captured) nobody can tell: keep to the longer wait
      return false;
    }
    // it is in order, and acknowledges octets of the other direction that were not seen
    return true;
  }

  /** Delivers held segments as long as any direction can go on. */
  private drain(flow: Flow): void {
    let progress = true;
    while (progress) {
      progress = false;
      for (let side = 0; side < 2; side++) {
        const half = flow.halves[side];
        const other = flow.halves[1 - side];
        const before = half.held.length;
        while (half.held.length > 0) {
          const segment = half.held[0];
          if (((segment.sequence - half.next) | 0) > 0) break;
          if (segment.acknowledges && other.known && ((segment.acknowledgment - other.next) | 0) > 0) break;
          progress = true;
          this.deliverFirst(flow, side as HalfIndex);
        }
        if (half.held.length < before) half.heldSince = oldestTime(half);
      }
    }
  }

  /** The first held segment of a direction goes on. */
  private deliverFirst(flow: Flow, from: HalfIndex): void {
    const segment = this.held.takeFirst(flow.halves[from]);
    try {
      this.deliverHeld(flow, from, segment);
    } finally {
      this.held.release(segment);
    }
  }

  private deliverHeld(flow: Flow, from: HalfIndex, segment: HeldSegment): void {
    const half = flow.halves[from];
    if (segment.length + segment.cut === 0) {
      // it stood for a FIN
      this.checkFinished(flow, from);
      return;
    }
    const end = (segment.sequence + segment.length + segment.cut) | 0;
    if (((end - half.next) | 0) <= 0) {
      this.ledger.retransmittedPackets++;
      this.ledger.retransmittedBytes += segment.ipLength;
      half.retransmittedBytes += segment.ipLength;
      flow.parser?.retransmitted?.(flow, from, segment.ipLength);
      return;
    }
    flow.now = segment.time;
    flow.dataAcknowledgment = segment.acknowledgment;
    flow.dataAcknowledges = segment.acknowledges;
    flow.dataIpLength = segment.ipLength;
    const { bytes, start, length } = segment;
    this.deliver(flow, from, bytes, start, start + length, segment.cut, segment.sequence, segment.ipLength);
  }

  /** The segment that waits longest goes on: the hole before it, or the octets it acknowledges, become a gap. */
  private giveUpOldest(flow: Flow): void {
    const first = flow.halves[0].held[0];
    const second = flow.halves[1].held[0];
    const side: HalfIndex = second === undefined || (first !== undefined && first.time <= second.time) ? 0 : 1;
    const half = flow.halves[side];
    const other = flow.halves[1 - side];
    const segment = half.held[0];
    flow.now = segment.time;
    const hole = (segment.sequence - half.next) | 0;
    if (hole > 0) {
      half.next = segment.sequence;
      this.missed(flow, side, hole);
      return;
    }
    // what it acknowledges was not seen; what of it is held comes first
    let target = segment.acknowledgment;
    const otherFirst = other.held[0];
    if (
      otherFirst !== undefined &&
      ((otherFirst.sequence - other.next) | 0) > 0 &&
      ((otherFirst.sequence - target) | 0) < 0
    ) {
      target = otherFirst.sequence;
    }
    const lost = (target - other.next) | 0;
    if (lost <= 0) {
      // the other direction waits for this one: let it go on
      this.forceFirst(flow, side);
      return;
    }
    other.next = target;
    this.missed(flow, (1 - side) as HalfIndex, lost);
    this.checkFinished(flow, (1 - side) as HalfIndex);
  }

  /** Both directions wait for each other (impossible acknowledgments): break the tie. */
  private forceFirst(flow: Flow, side: HalfIndex): void {
    const half = flow.halves[side];
    if (half.held.length === 0) return;
    this.deliverFirst(flow, side);
    if (half.held.length > 0) half.heldSince = oldestTime(half);
  }
}

/** In a flow joined late: what its receiver waited for when it was first heard, where that is a little before. */
export function firstExpected(half: FlowHalf, sequence: number): number {
  const hole = (sequence - half.firstAcked) | 0;
  return half.ackSeen && hole > 0 && hole < LARGEST_FIRST_HOLE ? half.firstAcked : sequence;
}

/** What a segment's header tells about its connection (RFC 9293): handshakes, acknowledgments, urgent octets. */
import type { Flow, FlowHalf, HalfIndex } from "../core/flow.ts";
import { ACK, type Packet } from "../core/packet.ts";

/** In a TCP header; and how many octets of one direction may be out of band at a time. */
const URGENT_POINTER = 18;
const MAX_URGENT = 16;

/**
 * The octet before the urgent pointer goes beside the stream: that is how hosts read it by default (RFC 6093 section
 * 2.1), and some hide a target from a monitor with it. True when one was noted.
 */
export function noteUrgent(half: FlowHalf, packet: Packet, sequence: number): boolean {
  const at = packet.transportStart + URGENT_POINTER;
  const pointer = (packet.bytes[at] << 8) | packet.bytes[at + 1];
  const place = (sequence + pointer - 1) | 0;
  if (pointer === 0 || (half.known && ((place - half.next) | 0) < 0)) return false;
  half.urgent ??= [];
  if (half.urgent.includes(place) || half.urgent.length >= MAX_URGENT) return false;
  half.urgent.push(place);
  half.urgent.sort((a, b) => (a - b) | 0);
  return true;
}

/** A SYN; `next` is the number of the octet behind it. */
export function noteHandshake(flow: Flow, from: HalfIndex, packet: Packet, next: number): void {
  const half = flow.halves[from];
  if (!half.known) {
    half.known = true;
    half.next = next;
  }
  if (!half.initialKnown) {
    half.initialKnown = true;
    half.initial = next;
  }
  flow.handshakeSeen = true;
  const answer = (packet.flags & ACK) !== 0;
  if (flow.clientHalf === 2) flow.setClient(answer ? ((1 - from) as HalfIndex) : from);
  const other = flow.halves[1 - from];
  if (answer && !other.known) {
    other.known = true;
    other.next = packet.acknowledgment;
  }
}

/** What one half's sender acknowledges of the other half. */
export function noteAcknowledgment(flow: Flow, from: HalfIndex, acknowledgment: number): void {
  const other = flow.halves[1 - from];
  if (!other.ackSeen || ((acknowledgment - other.acked) | 0) > 0) {
    if (!other.ackSeen) other.firstAcked = acknowledgment;
    other.ackSeen = true;
    other.acked = acknowledgment;
  }
}

/** Does this SYN begin a new connection on the addresses of an old one? A repeated SYN does not. */
export function beginsAnew(flow: Flow, from: HalfIndex, packet: Packet): boolean {
  if (packet.flags & ACK) return false;
  const half = flow.halves[from];
  return half.known && (half.initialKnown ? half.initial : half.next) !== ((packet.sequence + 1) | 0);
}

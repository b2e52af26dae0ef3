/** Which flow a packet belongs to: hashing and comparing its addresses, ports and wrapping. */
import type { Flow, FlowHalf } from "../core/flow.ts";
import { ACK, type Packet } from "../core/packet.ts";

/** Unknown to whoever sends packets, who could otherwise make all his flows share one chain. Changes no output. */
const SEED = Math.floor(Math.random() * 0x1_0000_0000) | 0;

/** The same for both directions of a flow: a sum over its two ends. */
export function hashOf(packet: Packet): number {
  let source = packet.source3;
  let destination = packet.destination3;
  if (packet.family === 6) {
    source ^= wide(packet.source0, packet.source1, packet.source2);
    destination ^= wide(packet.destination0, packet.destination1, packet.destination2);
  }
  const sum = (end(source, packet.sourcePort) + end(destination, packet.destinationPort)) | 0;
  return sum ^ (sum >>> 15);
}

function wide(word0: number, word1: number, word2: number): number {
  const mixed = Math.imul(word0 ^ SEED, 0x27d4eb2f) ^ Math.imul(word1 + SEED, 0x165667b1);
  return Math.imul(mixed ^ (mixed >>> 13) ^ word2, 0x2545f491);
}

function end(address: number, port: number): number {
  let mixed = Math.imul(address ^ SEED, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ port, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

export function isForward(flow: Flow, packet: Packet): boolean {
  return (
    flow.sourcePort === packet.sourcePort &&
    flow.destinationPort === packet.destinationPort &&
    flow.source3 === packet.source3 &&
    flow.destination3 === packet.destination3 &&
    flow.source2 === packet.source2 &&
    flow.destination2 === packet.destination2 &&
    flow.source1 === packet.source1 &&
    flow.destination1 === packet.destination1 &&
    flow.source0 === packet.source0 &&
    flow.destination0 === packet.destination0
  );
}

/** Room for what is in flight when the answer of a differently tagged direction is matched by its acknowledgment. */
const ADOPTION_WINDOW = 1 << 20;

/**
 * The first packet of the other direction, tagged otherwise (a VLAN a direction): it belongs here when it acknowledges
 * what this flow sent. Nothing but the acknowledgment could tell it from a flow of equal addresses in another VLAN.
 */
export function adopts(flow: Flow, packet: Packet): boolean {
  const [forward, reverse] = flow.halves;
  if (flow.copy || reverse.known || !forward.known || (packet.flags & ACK) === 0) return false;
  const distance = (packet.acknowledgment - forward.next) | 0;
  if (distance > 0 || distance < -ADOPTION_WINDOW) return false;
  flow.reverseScope = packet.scope;
  return true;
}

export function isReverse(flow: Flow, packet: Packet): boolean {
  return (
    flow.sourcePort === packet.destinationPort &&
    flow.destinationPort === packet.sourcePort &&
    flow.source3 === packet.destination3 &&
    flow.destination3 === packet.source3 &&
    flow.source2 === packet.destination2 &&
    flow.destination2 === packet.source2 &&
    flow.source1 === packet.destination1 &&
    flow.destination1 === packet.source1 &&
    flow.source0 === packet.destination0 &&
    flow.destination0 === packet.source0
  );
}

/** Are this packet's octets the newest that were delivered? */
export function isNewest(half: FlowHalf, packet: Packet): boolean {
  return half.known && half.wireBytes > 0 && half.lastSequence === packet.sequence;
}

/**
 * Which part of a direction's octets belongs to its TLS connection: all of them, or what comes behind a CONNECT, a
 * STARTTLS or a proxy's handshake. Takes the flow's counters when TLS begins, gives differences.
 */
import type { Flow, HalfIndex } from "../../core/flow.ts";

/** IPv4 and TCP headers without options: no packet has smaller ones. */
const SMALLEST_HEADERS = 40;

export class Share {
  private readonly half: HalfIndex;
  private wireBefore: number;
  private retransmittedBefore = 0;
  private gapBefore = 0;
  /** IP length of the packet in which TLS was found. */
  private readonly packetBytes: number;

  constructor(flow: Flow, half: HalfIndex) {
    this.half = half;
    this.packetBytes = flow.dataIpLength;
    this.wireBefore = flow.halves[half].wireBytes;
  }

  /** The first `length` octets of TLS in this direction are being delivered. */
  begin(flow: Flow, length: number): void {
    const counters = flow.halves[this.half];
    // octets that had been kept came in packets before this one; those packets' headers were not charged to anything yet
    const inOnePacket = length <= Math.max(this.packetBytes, flow.dataIpLength) - SMALLEST_HEADERS;
    const own = inOnePacket ? flow.dataIpLength : length + counters.overheadBytes;
    this.wireBefore = Math.max(0, counters.wireBytes - own);
    if (this.wireBefore > 0) {
      this.retransmittedBefore = counters.retransmittedBytes;
      this.gapBefore = counters.gapBytes;
    }
  }

  /** IP octets of packets with data, each once. */
  wireBytes(flow: Flow): number {
    return flow.halves[this.half].wireBytes - this.wireBefore;
  }

  retransmittedBytes(flow: Flow): number {
    return flow.halves[this.half].retransmittedBytes - this.retransmittedBefore;
  }

  gapBytes(flow: Flow): number {
    return flow.halves[this.half].gapBytes - this.gapBefore;
  }
}

/**
 * Which part of a direction's octets belongs to its TLS connection: all of them, or what comes behind a CONNECT, a
 * STARTTLS or a proxy's handshake. Takes the flow's counters when TLS begins, gives differences.
 */
import type { Flow, HalfIndex } from "../../core/flow.ts";
import type { Micros } from "../../core/units.ts";

/** IPv4 and TCP headers without options: no packet has smaller ones. */
const SMALLEST_HEADERS = 40;

export class Share {
  private readonly half: HalfIndex;
  private wireBefore: number;
  private retransmittedBefore = 0;
  private gapBefore = 0;
  /** The packet in which TLS was found, where it was found in this direction. */
  private readonly found: { readonly time: Micros; readonly sequence: number; readonly ipLength: number } | null;
  /** Time of the packet with the first octet; 0.5 before there was one. */
  start: Micros = 0.5;

  /** `foundHere`: it was in this direction, and in the packet just being delivered, that TLS was recognised. */
  constructor(flow: Flow, half: HalfIndex, foundHere: boolean) {
    this.half = half;
    this.wireBefore = flow.halves[half].wireBytes;
    this.found = foundHere ? { time: flow.now, sequence: flow.dataSequence, ipLength: flow.dataIpLength } : null;
  }

  /** The first octets of TLS in this direction are being delivered. */
  begin(flow: Flow): void {
    const counters = flow.halves[this.half];
    const { found } = this;
    // octets may have waited for enough to decide, with what another protocol said before them: `flow` then speaks of
    // the first packet of those that waited, but TLS may have begun in the one that decided
    const ahead = found === null ? 0 : (flow.dataSequence - found.sequence) | 0;
    this.start = found !== null && ahead >= 0 ? found.time : flow.now;
    const payload = (counters.next - flow.dataSequence) | 0;
    let own: number;
    if (found !== null && ahead >= 0) own = found.ipLength - ahead;
    else if (payload + SMALLEST_HEADERS <= flow.dataIpLength) own = flow.dataIpLength;
    else own = payload + counters.overheadBytes;
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

/** A flow: one TCP connection as seen on the wire. One object per live flow, used again when the flow is gone. */
import { formatAddress } from "./address.ts";
import type { FlowInfo } from "./event.ts";
import type { ProcessInfo } from "./process.ts";
import type { FlowParser } from "./protocol.ts";
import type { Micros } from "./units.ts";

/** The two directions of a flow: 0 is the one of the first packet seen, whoever sent it. */
export type HalfIndex = 0 | 1;
export const UNKNOWN_HALF = 2;

/** Why a flow ended. `end`: the capture ended. */
export type CloseReason = "fin" | "rst" | "idle" | "evicted" | "end" | "replaced";

/** A segment that waits for bytes before it, or for what it acknowledges. */
export interface HeldSegment {
  sequence: number;
  acknowledgment: number;
  /** It had an acknowledgment at all. */
  acknowledges: boolean;
  /** Its octets are `bytes[start, start + length)`. */
  bytes: Uint8Array;
  start: number;
  length: number;
  /** Payload bytes cut by the snap length behind `length`. */
  cut: number;
  time: Micros;
  ipLength: number;
}

/** One direction of a flow. */
export class FlowHalf {
  /** Next sequence number expected, valid once `known`. */
  next = 0;
  /** Sequence number of the first octet, by the handshake; valid when `initialKnown`. */
  initial = 0;
  initialKnown = false;
  known = false;
  finished = false;
  /** Sequence number just behind the FIN's data, valid when `finSeen`. */
  finSequence = 0;
  finSeen = false;
  readonly held: HeldSegment[] = [];
  /** Memory they take, and when the oldest of them came; valid while there are any. */
  heldBytes = 0;
  heldSince: Micros = 0.5;
  /** IP and TCP header octets of packets whose data was delivered and not yet charged to a message. */
  overheadBytes = 0;
  retransmittedBytes = 0;
  /** IP octets of data-carrying packets, each once, and of retransmissions: for connection rows. */
  wireBytes = 0;
  gapBytes = 0;
  /** Highest acknowledgment by the receiver of this direction, valid when `ackSeen`. */
  acked = 0;
  /** The first such acknowledgment. */
  firstAcked = 0;
  ackSeen = false;
  /** Capture direction of this half's first data, -1 before it: a copy on the way back differs. */
  direction = -1;
  /** Sequence numbers of octets that were sent out of band and are still to come; null for nearly every flow. */
  urgent: number[] | null = null;
  /** Such octets were taken out: places in the stream and in what is kept of it differ. */
  outOfBand = false;
  /** Octets of `[conflictStart, conflictEnd)` came twice and differed, before they were read: their reader tells. */
  conflict = false;
  conflictStart = 0;
  conflictEnd = 0;
  /** IPv4 identification and sequence number of the newest segment delivered: tells a copy of it. */
  lastIpId = -1;
  lastSequence = 0;
}

export class Flow {
  id = 0;
  live = false;
  /** The packets of another flow, seen once more in another wrapping on another interface: counted, not read. */
  copy = false;
  /** It ended by a reset. */
  wasReset = false;
  /** When a reset came that octets before it are still waited for; -1 for none. */
  resetTime: Micros = -1;
  /** Addresses and ports of half 0's sender (source) and receiver, as in Packet. */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Encapsulation of half 0's packets and of half 1's: taps may tag each direction differently. */
  scope = 0;
  reverseScope = 0;
  vlan = -1;
  interfaceId = 0;
  readonly halves: readonly [FlowHalf, FlowHalf] = [new FlowHalf(), new FlowHalf()];
  /** Which half the client sends; UNKNOWN_HALF until a handshake or the protocol tells. */
  clientHalf: HalfIndex | 2 = UNKNOWN_HALF;
  /** The SYN was seen: nothing of this flow came before the capture. */
  handshakeSeen = false;
  /** Exchanges begun on this flow, whichever parser read them (a tunnel has one of its own). */
  exchanges = 0;
  startTime: Micros = 0.5;
  /** Time of the newest packet. */
  lastTime: Micros = 0.5;
  /** Time of the packet whose data is being delivered. */
  now: Micros = 0.5;
  /** Sequence number of the first byte being delivered, and acknowledgment number of the packet that carried it. */
  dataSequence = 0;
  dataAcknowledgment = 0;
  /** That packet had an acknowledgment (a SYN with data has none). */
  dataAcknowledges = true;
  /** IP length of the packet whose data is being delivered. */
  dataIpLength = 0;
  parser: FlowParser | null = null;
  /** Next in the flow table's chain; the table's own. */
  chain: Flow | null = null;
  /** Neighbours in the order of last use; the table's own. */
  older: Flow | null = null;
  newer: Flow | null = null;
  hash = 0;
  /** Owners of the two ends, filled by an enricher; null while not known. */
  clientProcess: ProcessInfo | null = null;
  serverProcess: ProcessInfo | null = null;
  /** What the attribution enricher remembers of this flow; its own. */
  owners: object | null = null;
  /** Raised whenever an owner changes, so that cached renderings know. */
  ownerVersion = 0;
  /** Names from the source and decoder, looked up once. */
  interfaceName: string | null = null;
  encapsulation: string | null = null;
  /** Rendering of `info`, made on first use. */
  private cachedInfo: FlowInfo | null = null;
  private cachedClient = -1;

  /** Addresses, client first. When nobody told who the client is, the sender of the first packet stands for it. */
  get info(): FlowInfo {
    if (this.cachedInfo === null || this.cachedClient !== this.clientHalf) {
      const source = {
        ip: formatAddress(this.source0, this.source1, this.source2, this.source3),
        port: this.sourcePort,
      };
      const destination = {
        ip: formatAddress(this.destination0, this.destination1, this.destination2, this.destination3),
        port: this.destinationPort,
      };
      const swapped = this.clientHalf === 1;
      this.cachedInfo = {
        id: this.id,
        client: swapped ? destination : source,
        server: swapped ? source : destination,
        interface: this.interfaceName,
        vlan: this.vlan < 0 ? null : this.vlan,
        encapsulation: this.encapsulation,
      };
      this.cachedClient = this.clientHalf;
    }
    return this.cachedInfo;
  }

  /** The protocol found out who the client is. */
  setClient(half: HalfIndex): void {
    if (this.clientHalf === half) return;
    this.clientHalf = half;
  }

  /** Forgets everything derived from the former life of this object. */
  reset(): void {
    for (const half of this.halves) {
      half.next = half.finSequence = half.overheadBytes = half.retransmittedBytes = 0;
      half.heldBytes = half.gapBytes = half.wireBytes = 0;
      half.known =
        half.initialKnown =
        half.finished =
        half.finSeen =
        half.ackSeen =
        half.conflict =
        half.outOfBand =
          false;
      half.urgent = null;
      half.acked = half.lastSequence = 0;
      half.direction = half.lastIpId = -1;
      if (half.held.length > 0) half.held.length = 0;
    }
    this.clientHalf = UNKNOWN_HALF;
    this.handshakeSeen = this.wasReset = this.copy = false;
    this.resetTime = -1;
    this.exchanges = 0;
    this.parser = this.chain = this.older = this.newer = null;
    this.clientProcess = this.serverProcess = null;
    this.owners = null;
    this.ownerVersion = 0;
    this.interfaceName = this.encapsulation = this.cachedInfo = null;
    this.cachedClient = -1;
  }
}

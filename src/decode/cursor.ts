/**
 * The place where decoding of one packet is: which bytes are left, and what the layers walked through so far said. One
 * cursor serves all packets. Every layer is a function that takes the cursor, moves it behind its own header and gives
 * the layer that follows, so that the walk is a loop with a limit and not a recursion.
 */
import type { Ledger } from "../core/ledger.ts";
import { Packet } from "../core/packet.ts";
import type { Micros } from "../core/units.ts";
import { KIND, type Kind, NO_ID, PathTable } from "./paths.ts";

/** What comes next at the cursor. DONE: nothing, and the packet is accounted for. */
export const DONE = 0;
export const ETHERNET = 1;
/** An EtherType in `cursor.type`. */
export const ETHERTYPE = 2;
export const LLC = 3;
/** IP of the version that the first four bits tell. */
export const IP = 4;
export const IPV4 = 5;
export const IPV6 = 6;
/** An IANA protocol number, or IPv6 extension header, in `cursor.type`. */
export const IP_PROTOCOL = 7;
export const PPP = 8;
export const MPLS = 9;
export const WLAN = 10;
export const GRE = 11;
export const PPPOE = 12;
export const CISCO_HDLC = 13;
export const NSH = 14;
/** A TCP segment or UDP datagram is in `cursor.packet`: the walk is at its goal. */
export const SEGMENT = 15;

/** Transparent Ethernet bridging. */
export const BRIDGED_ETHERNET = 0x6558;
export type Layer = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;

export interface CursorOptions {
  readonly scopeByVlan: boolean;
  readonly scopeByTunnel: boolean;
  readonly pathLimit: number;
  readonly verifyChecksums: boolean;
}

export class Cursor {
  readonly ledger: Ledger;
  readonly packet = new Packet();
  readonly scopes: PathTable;
  readonly encapsulations: PathTable;
  readonly options: CursorOptions;
  bytes: Uint8Array = new Uint8Array(0);
  /** The current layer is `bytes[at, end)`. */
  at = 0;
  end = 0;
  /** Bytes of the current layer that were on the wire behind `end` and not captured. */
  cut = 0;
  /** The packet was shortened inside its wrapping (ERSPAN's T bit, NFLOG), so that only its own headers tell its length. */
  mirrorCuts = false;
  /** EtherType or protocol number of what is at the cursor. */
  type = 0;
  /** Rest of an aggregate (802.11 A-MSDU), decoded after the frame at the cursor. */
  readonly rest = { bytes: this.bytes, at: 0, end: 0, scope: 0, encapsulation: 0, vlan: -1 };
  hasRest = false;
  time: Micros = 0.5;
  interfaceId = 0;
  scope = 0;
  encapsulation = 0;
  vlan = -1;
  ipLength = 0;
  ipId = 0;

  constructor(ledger: Ledger, options: CursorOptions) {
    this.ledger = ledger;
    this.options = options;
    this.scopes = new PathTable(ledger, "decode.scopes", options.pathLimit);
    this.encapsulations = new PathTable(ledger, "decode.encapsulations", options.pathLimit);
  }

  u16(at: number): number {
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** Signed. */
  i32(at: number): number {
    const { bytes } = this;
    return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }

  /** Whether fewer than `count` bytes were captured from the cursor on. */
  lacks(count: number): boolean {
    return this.at + count > this.end;
  }

  /**
   * A header says that its layer has `length` bytes from the cursor on: what follows is padding and goes. What the outer
   * layers left room for is the upper limit: a header that claims more lies, or was made so by a device that counts
   * padding (both are in real captures). Gives the length that holds.
   */
  limit(length: number): number {
    const stated = this.at + length;
    const available = this.end + this.cut;
    if (stated <= this.end) {
      this.end = stated;
      this.cut = 0;
    } else if (stated <= available || this.mirrorCuts) {
      this.cut = stated - this.end;
    } else {
      this.ledger.anomaly("decode.length-beyond-frame");
      return available - this.at;
    }
    return length;
  }

  /** Notes one encapsulation that says nothing about address spaces, or whose id is another one in each direction. */
  wrap(kind: Kind): void {
    this.encapsulation = this.encapsulations.child(this.encapsulation, kind, NO_ID);
  }

  /** Notes an encapsulation whose id names an address space of its own: equal addresses in two of them are two hosts. */
  isolate(kind: Kind, id: number): void {
    this.encapsulation = this.encapsulations.child(this.encapsulation, kind, id);
    const counts = kind === KIND.vlan || kind === KIND.isl ? this.options.scopeByVlan : this.options.scopeByTunnel;
    if (counts) this.scope = this.scopes.child(this.scope, kind, id);
  }

  /** A VLAN tag. Id 0 is a priority tag and names no VLAN (IEEE 802.1Q 9.6). */
  tag(id: number, kind: typeof KIND.vlan | typeof KIND.isl = KIND.vlan): void {
    if (id === 0) return;
    if (this.vlan < 0) this.vlan = id;
    this.isolate(kind, id);
  }

  /** Keeps `bytes[at, end)` and the path so far, to come back to. */
  keepRest(bytes: Uint8Array, at: number, end: number): void {
    const { rest } = this;
    this.hasRest = true;
    rest.bytes = bytes;
    rest.at = at;
    rest.end = end;
    rest.scope = this.scope;
    rest.encapsulation = this.encapsulation;
    rest.vlan = this.vlan;
  }

  takeRest(): void {
    const { rest } = this;
    this.hasRest = false;
    this.bytes = rest.bytes;
    this.at = rest.at;
    this.end = rest.end;
    this.cut = 0;
    this.scope = rest.scope;
    this.encapsulation = rest.encapsulation;
    this.vlan = rest.vlan;
  }

  /** Moves on by `count` bytes to `layer`, whose number is `type` where it needs one. */
  next(count: number, layer: Layer, type = 0): Layer {
    this.at += count;
    this.type = type;
    return layer;
  }

  /** Ends the walk: not TCP or UDP. */
  other(): Layer {
    this.ledger.otherPackets++;
    return DONE;
  }

  /** Ends the walk: a header that no receiver could read. */
  malformed(code: string): Layer {
    this.ledger.malformedPackets++;
    this.ledger.anomaly(code);
    return DONE;
  }

  /** Ends the walk: the bytes end inside a header. When the snap length did that, the wire is not to blame. */
  short(code: string): Layer {
    return this.malformed(this.cut > 0 ? "decode.header-not-captured" : code);
  }
}

/**
 * Decoding: takes raw packets of any supported link type, gives TCP segments and UDP datagrams, out of whatever tunnels
 * and tags they come in (docs/decoding.md). The packet given out is one object, filled again for each; its bytes are
 * those of the raw packet, or a reassembled datagram. What gives no segment is counted in the ledger: `otherPackets`,
 * `malformedPackets` with an anomaly code, or `fragments` while it waits for the rest.
 */
import type { Ledger } from "../core/ledger.ts";
import type { CaptureInterface, Packet, PacketHandler, PacketListener, RawPacket } from "../core/packet.ts";
import type { Micros } from "../core/units.ts";
import { CHECKSUM_BAD, transportChecksum } from "./checksum.ts";
import { Cursor, DONE, type Layer, SEGMENT } from "./cursor.ts";
import { FRAGMENT_LIMITS, type FragmentLimits, FragmentTable } from "./fragment.ts";
import { step } from "./layers.ts";
import { link } from "./link.ts";
import { plainSegment } from "./plain.ts";
import { nextOfAggregate } from "./wlan.ts";

export interface DecoderOptions {
  /** Checks IPv4, TCP and UDP checksums and counts bad ones in the ledger; never drops. Costs time: it reads every octet. */
  readonly verifyChecksums?: boolean;
  /** Whether equal addresses in two VLANs are two flows; true when absent. Off for taps that tag only one direction. */
  readonly scopeByVlan?: boolean;
  /** The same for VXLAN and Geneve networks, GRE keys and their kin; true when absent. */
  readonly scopeByTunnel?: boolean;
  readonly fragments?: Partial<FragmentLimits>;
  /** Encapsulation paths told apart at most. */
  readonly pathLimit?: number;
  /** False sends every packet through the general walk; tests hold both against each other. */
  readonly plainPath?: boolean;
}

/** Headers in one packet at most; real stacks of VLAN, MPLS, tunnel and extension headers stay below 20. */
const MAX_LAYERS = 32;

/** A damaged record may claim any length; Linux makes no larger packet than 512 KiB (GSO_MAX_SIZE). */
const LARGEST_CUT = 1 << 20;

export class Decoder implements PacketHandler {
  private readonly ledger: Ledger;
  private readonly listener: PacketListener;
  private readonly verifyChecksums: boolean;
  private readonly plainPath: boolean;
  private readonly fragments: FragmentTable;
  private readonly cursor: Cursor;
  private readonly lent: Packet;

  constructor(ledger: Ledger, listener: PacketListener, options: DecoderOptions = {}) {
    this.ledger = ledger;
    this.listener = listener;
    this.verifyChecksums = options.verifyChecksums ?? false;
    // the straight path checks nothing
    this.plainPath = (options.plainPath ?? true) && !this.verifyChecksums;
    this.fragments = new FragmentTable(ledger, { ...FRAGMENT_LIMITS, ...options.fragments });
    this.cursor = new Cursor(ledger, {
      scopeByVlan: options.scopeByVlan ?? true,
      scopeByTunnel: options.scopeByTunnel ?? true,
      pathLimit: options.pathLimit ?? 8192,
      verifyChecksums: this.verifyChecksums,
    });
    this.lent = this.cursor.packet;
  }

  /** Nothing to prepare: every raw packet names its link type. */
  interfaceOpened(_info: CaptureInterface): void {}

  packet(raw: RawPacket): void {
    const { lent } = this;
    lent.time = raw.time;
    lent.interfaceId = raw.interfaceId;
    lent.direction = raw.direction;
    lent.comment = raw.comment;
    if (this.plainPath && raw.vlanTag < 0 && plainSegment(raw, lent)) this.deliver();
    else this.walk(raw);
  }

  /** Text of `Packet.scope`: the elements that make an address space of its own, `vlan:7/vxlan:42`; null for 0. */
  scopeName(scope: number): string | null {
    return this.cursor.scopes.name(scope);
  }

  /** Text of `Packet.encapsulation`: everything the packet was wrapped in, `vlan:7/mpls/gre`; null for 0. */
  encapsulationName(encapsulation: number): string | null {
    return this.cursor.encapsulations.name(encapsulation);
  }

  /** Capture time reached `now`: gives up fragments that waited too long. With Infinity, at the end, all of them. */
  advance(now: Micros): void {
    this.fragments.advance(now);
  }

  private walk(raw: RawPacket): void {
    const { cursor } = this;
    cursor.bytes = raw.bytes;
    cursor.at = raw.start;
    cursor.end = raw.end;
    cursor.cut = Math.min(Math.max(0, raw.wireLength - (raw.end - raw.start)), LARGEST_CUT);
    cursor.mirrorCuts = false;
    cursor.time = raw.time;
    cursor.interfaceId = raw.interfaceId;
    cursor.hasRest = false;
    cursor.scope = cursor.encapsulation = 0;
    cursor.vlan = -1;
    if (raw.vlanTag >= 0) cursor.tag(raw.vlanTag & 0xfff);
    this.follow(link(cursor, raw.linkType));
    // the other frames of an 802.11 aggregate; each takes at least 14 octets of it
    while (cursor.hasRest) this.follow(nextOfAggregate(cursor));
  }

  /** Walks from layer to layer down to a segment, or to where nothing can be read. */
  private follow(layer: Layer): void {
    const { cursor } = this;
    for (let depth = 0; depth < MAX_LAYERS; depth++) {
      if (layer === DONE) return;
      if (layer === SEGMENT) {
        this.deliver();
        return;
      }
      layer = step(cursor, layer, this.fragments);
    }
    cursor.malformed("decode.too-many-layers");
  }

  private deliver(): void {
    if (this.verifyChecksums && transportChecksum(this.lent) === CHECKSUM_BAD) this.ledger.badChecksums++;
    this.listener.packet(this.lent);
  }
}

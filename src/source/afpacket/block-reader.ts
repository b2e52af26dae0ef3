/**
 * Reads packets out of a ring of TPACKET_V3 blocks, in place: this is the hot path of live capture. Takes the ring's
 * memory, fills one lent RawPacket per packet and hands it on. Layout: linux/if_packet.h (tpacket_block_desc,
 * tpacket3_hdr, sockaddr_ll), little-endian.
 */
import { type Direction, INCOMING, OUTGOING, type PacketHandler, RawPacket } from "../../core/packet.ts";
import { SECOND } from "../../core/units.ts";
import type { InterfaceTable } from "./interface-table.ts";
import { BLOCK_BYTES } from "./packet-socket.ts";

/** Words of a block's header. */
const STATUS = 2;
const PACKET_COUNT = 3;
const FIRST_PACKET = 4;
/** The block is ours to read. */
const BLOCK_READY = 1;

/** The kernel took the VLAN tag out of the packet and put it into the header. */
const VLAN_VALID = 0x10;
const PACKET_OUTGOING = 4;

const LINKTYPE_RAW = 101;
const LINKTYPE_SLL = 113;
const SLL_BYTES = 16;
const EMPTY = new Uint8Array(0);

export class BlockReader {
  /** Time of the newest packet handed over; 0 before the first. */
  newest = 0;
  packets = 0;
  private readonly raw = new RawPacket();
  private readonly bytes: Uint8Array;
  private readonly u32: Uint32Array;
  private readonly i32: Int32Array;
  private readonly blocks: number;
  private readonly interfaces: InterfaceTable;
  private readonly handler: PacketHandler;
  private current = 0;
  private stopped = false;

  constructor(memory: ArrayBuffer, interfaces: InterfaceTable, handler: PacketHandler) {
    this.bytes = new Uint8Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.blocks = memory.byteLength / BLOCK_BYTES;
    this.interfaces = interfaces;
    this.handler = handler;
    this.raw.bytes = this.bytes;
  }

  /** Hands over what is ready, at most `limit` blocks. Gives the number of blocks; fewer than `limit`: ring empty. */
  drain(limit: number): number {
    let done = 0;
    while (done < limit && !this.stopped) {
      const block = this.current * BLOCK_BYTES;
      const status = (block >>> 2) + STATUS;
      if ((Atomics.load(this.i32, status) & BLOCK_READY) === 0) break;
      try {
        this.readBlock(block);
      } finally {
        // also when a handler threw: the block must go back, or the ring stays blocked here
        Atomics.store(this.i32, status, 0);
        this.current = this.current + 1 === this.blocks ? 0 : this.current + 1;
      }
      done++;
    }
    return done;
  }

  /** Hands over nothing more, also within the block being read. */
  stop(): void {
    this.stopped = true;
  }

  /** Lets go of the ring: the lent packet may outlive it. */
  release(): void {
    this.stopped = true;
    this.raw.bytes = EMPTY;
    this.raw.start = this.raw.end = 0;
  }

  private readBlock(block: number): void {
    const { u32, raw, handler, interfaces } = this;
    const header = block >>> 2;
    let offset = block + u32[header + FIRST_PACKET];
    for (let left = u32[header + PACKET_COUNT]; left > 0 && !this.stopped; left--) {
      const at = offset >>> 2;
      const index = u32[at + 13];
      const kind = u32[at + 14];
      if (index !== interfaces.lastIndex) interfaces.use(index, kind & 0xffff, handler);
      raw.time = u32[at + 1] * SECOND + ((u32[at + 2] / 1000) | 0);
      const offsets = u32[at + 6];
      raw.start = offset + (offsets & 0xffff);
      raw.end = raw.start + u32[at + 3];
      raw.wireLength = u32[at + 4];
      raw.vlanTag = (u32[at + 5] & VLAN_VALID) !== 0 ? u32[at + 8] & 0xffff : -1;
      raw.interfaceId = interfaces.lastId;
      raw.direction = (((kind >>> 16) & 0xff) === PACKET_OUTGOING ? OUTGOING : INCOMING) as Direction;
      raw.linkType = interfaces.lastLinkType;
      if (raw.linkType === LINKTYPE_RAW) this.fromNetworkHeader(offset, offset + (offsets >>> 16));
      this.packets++;
      this.newest = raw.time;
      handler.packet(raw);
      offset += u32[at];
    }
  }

  /**
   * Packets without an Ethernet header begin with whatever their device likes: they are handed over from the network
   * header on. What is not IP there gets the header of LINKTYPE_LINUX_SLL, which names the protocol; the kernel leaves
   * at least 16 octets free in front.
   */
  private fromNetworkHeader(offset: number, network: number): void {
    const { raw, bytes } = this;
    const skipped = network - raw.start;
    raw.start = Math.min(network, raw.end);
    raw.wireLength -= skipped;
    const protocol = (bytes[offset + 50] << 8) | bytes[offset + 51];
    if (protocol === 0x0800 || protocol === 0x86dd) return;
    const start = raw.start - SLL_BYTES;
    // packet type, hardware type, address length (none), address, protocol: all big-endian
    bytes.fill(0, start, raw.start);
    bytes[start + 1] = bytes[offset + 58];
    bytes[start + 2] = bytes[offset + 57];
    bytes[start + 3] = bytes[offset + 56];
    bytes[start + 14] = protocol >>> 8;
    bytes[start + 15] = protocol & 0xff;
    raw.start = start;
    raw.wireLength += SLL_BYTES;
    raw.linkType = LINKTYPE_SLL;
  }
}

/**
 * A packet socket with its ring of blocks shared with the kernel (packet(7), TPACKET_V3). Takes settings, gives memory
 * to read in place; knows the options and the order of opening and closing, nothing about packets.
 */
import { encodeProgram, type Program } from "./bpf-assembler.ts";
import { captureTrouble } from "./errors.ts";
import { nothing } from "./filter-program.ts";
import { type Native, native } from "./native.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 3;

const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_FANOUT = 18;
const TPACKET_V3 = 2;
const PACKET_MR_PROMISC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Blocks of at least 1 MiB: smaller ones cut the 64 KB packets that segmentation offload makes. */
export const BLOCK_BYTES = 1 << 20;
/** Only the unit of the kernel's arithmetic for V3: packets are packed behind each other. */
const FRAME_BYTES = 2048;

export interface SocketSettings {
  /** Kernel index of the one interface to hear, 0 for all. */
  readonly interfaceIndex: number;
  /** Blocks of BLOCK_BYTES. */
  readonly blocks: number;
  /** A block that is not full is handed over after this time. */
  readonly blockTimeout_ms: number;
  readonly filter: Program;
  /** Interfaces to make promiscuous while the socket lives. */
  readonly promiscuous: readonly number[];
  /** Value of PACKET_FANOUT, see fanout.ts. */
  readonly fanout: number | null;
}

export interface SocketStatistics {
  /** Packets that passed the filter, dropped ones included. */
  packets: number;
  /** Packets that found the ring full. */
  drops: number;
  /** How often the ring became full. */
  freezes: number;
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

export class PacketSocket {
  /** -1 once closed. */
  fd = -1;
  /** The ring as memory; detached, so of length 0, once closed. */
  memory: ArrayBuffer = new ArrayBuffer(0);
  private address: number | bigint | null = null;
  private readonly bytes: number;
  private readonly c: Native;
  private readonly counters = new Uint32Array(3);
  private readonly length = new Uint32Array(1);

  /** Throws Trouble when the machine does not allow it; nothing stays open then. */
  constructor(settings: SocketSettings) {
    this.c = native();
    this.bytes = settings.blocks * BLOCK_BYTES;
    try {
      this.open(settings);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private open(settings: SocketSettings): void {
    // protocol 0: nothing is received before bind, so no packet slips past the filter
    this.fd = this.c.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (this.fd < 0) throw captureTrouble("socket", this.c.errno());
    this.set(PACKET_VERSION, words(TPACKET_V3), "PACKET_VERSION");
    const frames = (BLOCK_BYTES / FRAME_BYTES) * settings.blocks;
    this.set(
      PACKET_RX_RING,
      words(BLOCK_BYTES, settings.blocks, FRAME_BYTES, frames, settings.blockTimeout_ms, 0, 0),
      "PACKET_RX_RING",
    );
    this.map();
    // a member joins its group only after bind: until then it must not hear what the others hear
    this.attachFilter(settings.fanout === null ? settings.filter : nothing());
    this.bind(settings.interfaceIndex);
    for (const index of settings.promiscuous) this.promiscuous(index);
    if (settings.fanout !== null) {
      this.set(PACKET_FANOUT, words(settings.fanout), "PACKET_FANOUT");
      this.attachFilter(settings.filter);
    }
  }

  private map(): void {
    const address = this.c.mmap(0, this.bytes, PROT_READ_WRITE, MAP_SHARED, this.fd, 0);
    if (Number(address) === -1) throw captureTrouble("mmap", this.c.errno());
    this.address = address;
    this.memory = this.c.view(address, this.bytes);
  }

  private set(option: number, value: Uint8Array, what: string): void {
    if (this.c.setsockopt(this.fd, SOL_PACKET, option, value, value.byteLength) < 0) {
      throw captureTrouble(what, this.c.errno());
    }
  }

  /** Hears another interface from now on. */
  bind(interfaceIndex: number): void {
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL, false);
    view.setInt32(4, interfaceIndex, true);
    if (this.c.bind(this.fd, address, address.length) < 0) throw captureTrouble("bind", this.c.errno());
  }

  /** Counted by the kernel and undone when the socket closes. */
  promiscuous(interfaceIndex: number): void {
    const membership = new Uint8Array(16);
    const view = new DataView(membership.buffer);
    view.setInt32(0, interfaceIndex, true);
    view.setUint16(4, PACKET_MR_PROMISC, true);
    this.set(PACKET_ADD_MEMBERSHIP, membership, "PACKET_ADD_MEMBERSHIP");
  }

  /** Replaces the filter; the kernel swaps it between two packets. */
  attachFilter(program: Program): void {
    const code = encodeProgram(program);
    // struct sock_fprog: count, padding, pointer
    const descriptor = new Uint8Array(16);
    const view = new DataView(descriptor.buffer);
    view.setUint16(0, program.length, true);
    view.setBigUint64(8, this.c.addressOf(code), true);
    if (this.c.setsockopt(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, descriptor, descriptor.length) < 0) {
      throw captureTrouble("SO_ATTACH_FILTER", this.c.errno());
    }
  }

  /** Adds what was counted since the last call: the kernel starts anew at each reading. */
  addStatistics(to: SocketStatistics): void {
    if (this.fd < 0) return;
    this.length[0] = this.counters.byteLength;
    if (this.c.getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, this.counters, this.length) < 0) return;
    to.packets += this.counters[0];
    to.drops += this.counters[1];
    to.freezes += this.counters[2];
  }

  /** The number of the fanout group that the kernel gave. */
  fanoutId(): number {
    this.length[0] = 4;
    if (this.c.getsockopt(this.fd, SOL_PACKET, PACKET_FANOUT, this.counters, this.length) < 0) {
      throw captureTrouble("PACKET_FANOUT", this.c.errno());
    }
    return this.counters[0] & 0xffff;
  }

  /** Takes the pending error off the socket: one that stays would keep waking the event loop. */
  clearError(): void {
    this.length[0] = 4;
    this.c.getsockopt(this.fd, SOL_SOCKET, SO_ERROR, this.counters, this.length);
  }

  /** Idempotent. The event loop must not watch `fd` any more. */
  close(): void {
    if (this.fd >= 0) this.c.close(this.fd);
    this.fd = -1;
    // whoever still holds bytes of the ring now holds none: touching unmapped memory would end the process
    if (this.memory.byteLength > 0) this.memory.transfer();
    if (this.address !== null) this.c.munmap(this.address, this.bytes);
    this.address = null;
  }
}

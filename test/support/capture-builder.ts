/**
 * Builds capture files for tests, byte by byte and independent of the reader and the writer in src. Also the door to
 * the packet and conversation builders.
 */
import type { Direction } from "../../src/core/packet.ts";
import type { Micros } from "../../src/core/units.ts";
import { bytesOf, concat } from "./packet-builder.ts";

export * from "./conversation.ts";
export * from "./packet-builder.ts";

export interface BuiltPacket {
  readonly time: Micros;
  /** Below the microsecond, 0 to 999; only files of nanosecond resolution keep it. */
  readonly nanoseconds?: number;
  readonly bytes: Uint8Array;
  /** The number of captured bytes when absent. */
  readonly wireLength?: number;
  readonly interfaceId?: number;
  readonly direction?: Direction;
  readonly comment?: string;
}

export interface PcapOptions {
  readonly nanoseconds?: boolean;
  readonly bigEndian?: boolean;
  readonly linkType?: number;
  readonly snapLength_bytes?: number;
  /** The Kuznetzov form (magic a1b2cd34): 8 more bytes a packet. */
  readonly modified?: boolean;
}

/** A classic pcap file. */
export function pcapFile(packets: readonly BuiltPacket[], options: PcapOptions = {}): Uint8Array {
  const number = numbers(options.bigEndian);
  const magic = options.modified ? 0xa1b2cd34 : options.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
  const header = concat(
    number.u32(magic),
    number.u16(2, 4),
    number.u32(0, 0, options.snapLength_bytes ?? 262144, options.linkType ?? 1),
  );
  const records = packets.map((packet) => {
    const microseconds = packet.time % 1e6;
    const fraction = options.nanoseconds ? microseconds * 1000 + (packet.nanoseconds ?? 0) : microseconds;
    return concat(
      number.u32(Math.floor(packet.time / 1e6), fraction),
      number.u32(packet.bytes.length, packet.wireLength ?? packet.bytes.length),
      options.modified ? new Uint8Array(8) : "",
      packet.bytes,
    );
  });
  return concat(header, ...records);
}

export interface PcapngInterfaceOptions {
  readonly linkType?: number;
  readonly name?: string;
  readonly description?: string;
  /** if_tsresol byte: 6 is microseconds (also when absent), 9 nanoseconds, 0x80 | n is 2^-n seconds. */
  readonly resolution?: number;
  /** if_tsoffset in seconds. */
  readonly offset_s?: number;
  readonly snapLength_bytes?: number;
}

export interface PcapngOptions {
  readonly bigEndian?: boolean;
  readonly interfaces?: readonly PcapngInterfaceOptions[];
  /** SSLKEYLOGFILE text, in a Decryption Secrets Block before the packets. */
  readonly secrets?: string;
}

/** One section of a pcapng file with Enhanced Packet Blocks; join several for several sections. */
export function pcapngFile(packets: readonly BuiltPacket[], options: PcapngOptions = {}): Uint8Array {
  const build = new PcapngBuilder(options.bigEndian);
  const interfaces = options.interfaces ?? [{}];
  return concat(
    build.sectionHeader(),
    ...interfaces.map((one) => build.interfaceDescription(one)),
    options.secrets === undefined ? "" : build.secrets(options.secrets),
    ...packets.map((packet) => build.enhancedPacket(packet, interfaces[packet.interfaceId ?? 0])),
  );
}

/** Single blocks of a pcapng file, for tests that need odd ones. */
export class PcapngBuilder {
  readonly number: ReturnType<typeof numbers>;

  constructor(bigEndian = false) {
    this.number = numbers(bigEndian);
  }

  /** Any block; the body is padded to 4 bytes and both lengths are right unless `length` lies. */
  block(type: number, body: Uint8Array, length = 12 + Math.ceil(body.length / 4) * 4, trailer = length): Uint8Array {
    return concat(this.number.u32(type, length), padded4(body), this.number.u32(trailer));
  }

  option(code: number, value: string | Uint8Array): Uint8Array {
    const bytes = bytesOf(value);
    return concat(this.number.u16(code, bytes.length), padded4(bytes));
  }

  sectionHeader(...options: readonly Uint8Array[]): Uint8Array {
    const { u16, u32 } = this.number;
    const body = concat(u32(0x1a2b3c4d), u16(1, 0), u32(0xffffffff, 0xffffffff), this.options(options));
    return this.block(0x0a0d0d0a, body);
  }

  interfaceDescription(one: PcapngInterfaceOptions = {}): Uint8Array {
    const { u16, u32, u64 } = this.number;
    const options = [];
    if (one.name !== undefined) options.push(this.option(2, one.name));
    if (one.description !== undefined) options.push(this.option(3, one.description));
    if (one.resolution !== undefined) options.push(this.option(9, Uint8Array.of(one.resolution)));
    if (one.offset_s !== undefined) options.push(this.option(14, u64(BigInt(one.offset_s))));
    return this.block(1, concat(u16(one.linkType ?? 1, 0), u32(one.snapLength_bytes ?? 262144), this.options(options)));
  }

  enhancedPacket(packet: BuiltPacket, one: PcapngInterfaceOptions = {}): Uint8Array {
    const { u32 } = this.number;
    const options = [];
    if (packet.comment !== undefined) options.push(this.option(1, packet.comment));
    if (packet.direction !== undefined) options.push(this.option(2, u32(packet.direction)));
    const fixed = concat(
      u32(packet.interfaceId ?? 0),
      this.timestamp(packet, one),
      u32(packet.bytes.length, packet.wireLength ?? packet.bytes.length),
    );
    return this.block(6, concat(fixed, padded4(packet.bytes), this.options(options)));
  }

  /** Simple Packet Block: no time, first interface. */
  simplePacket(bytes: Uint8Array, wireLength = bytes.length): Uint8Array {
    return this.block(3, concat(this.number.u32(wireLength), bytes));
  }

  /** The obsolete Packet Block. */
  obsoletePacket(packet: BuiltPacket, dropped = 0xffff): Uint8Array {
    const { u16, u32 } = this.number;
    const lengths = u32(packet.bytes.length, packet.wireLength ?? packet.bytes.length);
    const body = concat(u16(packet.interfaceId ?? 0, dropped), this.timestamp(packet, {}), lengths);
    return this.block(2, concat(body, packet.bytes));
  }

  interfaceStatistics(interfaceId: number, received: number, dropped: number): Uint8Array {
    const { u32, u64 } = this.number;
    const options = [this.option(4, u64(BigInt(received))), this.option(5, u64(BigInt(dropped)))];
    return this.block(5, concat(u32(interfaceId, 0, 0), this.options(options)));
  }

  /** Decryption Secrets Block with a TLS key log. */
  secrets(keyLog: string): Uint8Array {
    const text = bytesOf(keyLog);
    return this.block(10, concat(this.number.u32(0x544c534b, text.length), text));
  }

  private options(options: readonly Uint8Array[]): Uint8Array {
    return options.length === 0 ? new Uint8Array(0) : concat(...options, this.number.u16(0, 0));
  }

  /** High word, then low word, in units of the interface. */
  private timestamp(packet: BuiltPacket, one: PcapngInterfaceOptions): Uint8Array {
    const resolution = one.resolution ?? 6;
    const unitsPerSecond = resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
    const time_ns =
      BigInt(packet.time) * 1000n + BigInt(packet.nanoseconds ?? 0) - BigInt(one.offset_s ?? 0) * 10n ** 9n;
    const units = (time_ns * unitsPerSecond) / 10n ** 9n;
    return this.number.u32(Number((units >> 32n) & 0xffffffffn), Number(units & 0xffffffffn));
  }
}

function padded4(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));
}

/** Writers of integers in one byte order. */
function numbers(bigEndian = false) {
  const write = (size: number, set: (view: DataView, at: number, i: number) => void, count: number) => {
    const bytes = new Uint8Array(size * count);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) set(view, i * size, i);
    return bytes;
  };
  return {
    u16: (...v: readonly number[]) => write(2, (view, at, i) => view.setUint16(at, v[i], !bigEndian), v.length),
    u32: (...v: readonly number[]) => write(4, (view, at, i) => view.setUint32(at, v[i], !bigEndian), v.length),
    u64: (...v: readonly bigint[]) =>
      write(8, (view, at, i) => view.setBigUint64(at, BigInt.asUintN(64, v[i]), !bigEndian), v.length),
  };
}

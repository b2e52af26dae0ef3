/** Runs classic BPF programs as the kernel does, so that filters can be tested without a socket. */
import type { Program } from "../../src/source/afpacket/bpf-assembler.ts";

/** A packet with what the kernel knows about it. */
export interface FilteredPacket {
  readonly bytes: Uint8Array;
  /** Place of the network header in `bytes`. */
  readonly network?: number;
  readonly protocol?: number;
  readonly packetType?: number;
  readonly interfaceIndex?: number;
  readonly hardwareType?: number;
}

const NETWORK_HEADER = 0xfff00000;
const FACTS = 0xfffff000;

/** The number of octets that the program keeps, 0 when it drops the packet. */
export function runFilter(program: Program, packet: FilteredPacket): number {
  const { bytes } = packet;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memory = new Map<number, number>();
  let a = 0;
  let x = 0;
  const facts: Record<number, number> = {
    0: packet.protocol ?? 0,
    4: packet.packetType ?? 0,
    8: packet.interfaceIndex ?? 1,
    28: packet.hardwareType ?? 1,
  };
  /** undefined where the kernel ends the program, which drops the packet. */
  const load = (place: number, size: number): number | undefined => {
    place >>>= 0;
    if (place >= FACTS) {
      if (facts[place - FACTS] === undefined) throw new Error(`no fact ${place - FACTS} in this interpreter`);
      return facts[place - FACTS];
    }
    if (place >= NETWORK_HEADER) place = place - NETWORK_HEADER + (packet.network ?? 0);
    if (place + size > bytes.length) return undefined;
    return size === 4 ? view.getUint32(place) : size === 2 ? view.getUint16(place) : view.getUint8(place);
  };
  const sizes: Record<number, number> = { 32: 4, 40: 2, 48: 1, 64: 4, 72: 2, 80: 1 };
  for (let at = 0; at < program.length; at++) {
    const { code, jt, jf, k } = program[at];
    const jumps: Record<number, () => boolean> = {
      21: () => a === k,
      37: () => a > k,
      53: () => a >= k,
      69: () => (a & k) !== 0,
    };
    if (sizes[code] !== undefined) {
      const value = load(code >= 0x40 ? x + k : k, sizes[code]);
      if (value === undefined) return 0;
      a = value;
    } else if (code === 0xb1) {
      const value = load(k, 1);
      if (value === undefined) return 0;
      x = (value & 15) << 2;
    } else if (jumps[code]) at += jumps[code]() ? jt : jf;
    else if (code === 0x05) at += k;
    else if (code === 0x06) return k;
    else if (code === 0x01) x = k;
    else if (code === 0x02) memory.set(k, a);
    else if (code === 0x60) {
      if (!memory.has(k)) throw new Error(`M[${k}] is read before it is written: the kernel refuses that`);
      a = memory.get(k)!;
    } else if (code === 0x04) a = (a + k) >>> 0;
    else if (code === 0x0c) a = (a + x) >>> 0;
    else if (code === 0x54) a = (a & k) >>> 0;
    else if (code === 0x64) a = (a << k) >>> 0;
    else if (code === 0x07) x = a;
    else if (code === 0x87) a = x;
    else throw new Error(`operation ${code.toString(16)} is not in this interpreter`);
  }
  throw new Error("the program ran out without an answer: the kernel refuses that");
}

/**
 * An assembler for classic BPF, the filter language that a Linux socket runs in the kernel (filter.rst of the kernel's
 * documentation). Takes operations with named jump targets, gives instructions; also puts finished programs together.
 */

/** One instruction: operation, jumps when true and false (instructions to skip), operand. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export type Program = readonly Instruction[];

/** The kernel's BPF_MAXINSNS. */
export const MAX_INSTRUCTIONS = 4096;

/** Operation codes: A is the accumulator, X the index register, M the scratch memory. */
export const LOAD_WORD = 0x20;
export const LOAD_HALF = 0x28;
export const LOAD_BYTE = 0x30;
export const LOAD_WORD_AT_X = 0x40;
export const LOAD_HALF_AT_X = 0x48;
export const LOAD_BYTE_AT_X = 0x50;
export const LOAD_MEMORY = 0x60;
export const LOAD_X = 0x01;
export const LOAD_X_HEADER_LENGTH = 0xb1;
export const STORE_MEMORY = 0x02;
export const ADD = 0x04;
export const ADD_X = 0x0c;
export const AND = 0x54;
export const SHIFT_LEFT = 0x64;
export const A_TO_X = 0x07;
export const X_TO_A = 0x87;
export const JUMP = 0x05;
export const JUMP_EQUAL = 0x15;
export const JUMP_GREATER = 0x25;
export const JUMP_GREATER_EQUAL = 0x35;
export const JUMP_ANY_BIT = 0x45;
export const RETURN = 0x06;

/** Load offsets from here on are facts about the packet instead of its bytes (SKF_AD_OFF). */
const FACTS = 0xfffff000;
export const FACT_PROTOCOL = FACTS;
export const FACT_PACKET_TYPE = FACTS + 4;
export const FACT_INTERFACE = FACTS + 8;
export const FACT_HARDWARE_TYPE = FACTS + 28;
/** Load offsets from here on count from the network header (SKF_NET_OFF). */
export const NETWORK_HEADER = 0xfff00000;

interface Operation {
  readonly code: number;
  readonly k: number;
  /** Targets of a conditional jump; of an unconditional one `whenTrue` only. */
  readonly whenTrue?: string;
  readonly whenFalse?: string;
}

/** Collects operations, then gives the program. `NEXT` as a target means the operation that follows. */
export const NEXT = "";

export class Assembler {
  private readonly operations: Operation[] = [];
  private readonly labels = new Map<string, number>();

  /** Any operation that does not jump. */
  add(code: number, k = 0): this {
    this.operations.push({ code, k });
    return this;
  }

  /** Names the place of the next operation. */
  label(name: string): this {
    this.labels.set(name, this.operations.length);
    return this;
  }

  jump(target: string): this {
    this.operations.push({ code: JUMP, k: 0, whenTrue: target });
    return this;
  }

  /** Compares A with `k` and goes on at one of two labels. */
  when(code: number, k: number, whenTrue: string, whenFalse: string = NEXT): this {
    this.operations.push({ code, k, whenTrue, whenFalse });
    return this;
  }

  /** Ends: keeps the first `octets` of the packet, 0 drops it. */
  give(octets: number): this {
    return this.add(RETURN, octets);
  }

  program(): Instruction[] {
    const long = new Set<number>();
    // a conditional jump reaches 255 instructions: those that do not reach become two jumps, which moves others, so
    // until nothing changes; each round makes at least one longer, so this ends
    for (;;) {
      const places = this.places(long);
      const before = long.size;
      this.operations.forEach((operation, index) => {
        if (operation.whenFalse === undefined || long.has(index)) return;
        const reach = Math.max(
          this.distance(operation.whenTrue!, index, places),
          this.distance(operation.whenFalse, index, places),
        );
        if (reach > 255) long.add(index);
      });
      if (long.size === before) return this.emit(places, long);
    }
  }

  private places(long: ReadonlySet<number>): number[] {
    const places: number[] = [];
    let place = 0;
    this.operations.forEach((_, index) => {
      places.push(place);
      place += long.has(index) ? 3 : 1;
    });
    places.push(place);
    return places;
  }

  /** Instructions to skip from the (first) instruction of operation `from`. */
  private distance(target: string, from: number, places: readonly number[]): number {
    const index = target === NEXT ? from + 1 : this.labels.get(target);
    if (index === undefined) throw new Error(`filter program jumps to ${target}, which is not there`);
    const distance = places[index] - places[from] - 1;
    if (distance < 0) throw new Error(`filter program jumps back to ${target}`);
    return distance;
  }

  private emit(places: readonly number[], long: ReadonlySet<number>): Instruction[] {
    return this.operations.flatMap(({ code, k, whenTrue, whenFalse }, index) => {
      if (whenTrue === undefined) return [{ code, jt: 0, jf: 0, k }];
      const jt = this.distance(whenTrue, index, places);
      if (whenFalse === undefined) return [{ code, jt: 0, jf: 0, k: jt }];
      const jf = this.distance(whenFalse, index, places);
      if (!long.has(index)) return [{ code, jt, jf, k }];
      return [
        { code, jt: 0, jf: 1, k },
        { code: JUMP, jt: 0, jf: 0, k: jt - 1 },
        { code: JUMP, jt: 0, jf: 0, k: jf - 2 },
      ];
    });
  }
}

/** A packet passes when it passes every program; the last one says how many octets are kept. */
export function sequence(...programs: readonly Program[]): Instruction[] {
  return programs.flatMap((program, index) => {
    if (index === programs.length - 1) return [...program];
    return program.map((instruction, place) =>
      instruction.code === RETURN && instruction.k !== 0
        ? { code: JUMP, jt: 0, jf: 0, k: program.length - place - 1 }
        : instruction,
    );
  });
}

/** The program as the kernel takes it: an array of `struct sock_filter`, little-endian. */
export function encodeProgram(program: Program): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  });
  return bytes;
}

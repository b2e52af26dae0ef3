/**
 * Blocks of memory for the octets that live as long as an exchange does: heads in their kept form. They lie in the
 * thread's memory (memory.ts). When no block is left the caller keeps less and says so.
 */
import { ARENA_AT, ARENA_BYTES, memory } from "./memory.ts";

/** Sizes of blocks: every 64 octets up to 1 kB, then eight for each doubling, so that at most a ninth is given away. */
const STEP = 64;
const LINEAR = 16;
const CLASSES = LINEAR + 8 * 6;
const SIZES = Int32Array.from({ length: CLASSES }, (_, index) => {
  const over = index + 1 - LINEAR;
  return over <= 0 ? (index + 1) * STEP : (1024 + 128 * (((over - 1) & 7) + 1)) << ((over - 1) >> 3);
});

function classOf(length: number): number {
  if (length <= LINEAR * STEP) return length === 0 ? 0 : (length - 1) >> 6;
  const doubling = 21 - Math.clz32(length - 1);
  return LINEAR - 8 + 8 * doubling + ((length - 1) >> (7 + doubling));
}

/** Blocks given back, by class; and where the part begins that was never used. Of all arenas of the thread together. */
const free: Int32Array[] = Array.from({ length: CLASSES }, () => new Int32Array(4));
const freeCount = new Int32Array(CLASSES);
let unused = ARENA_AT;

export class Arena {
  readonly bytes = memory;
  /** Octets that this arena may still take. */
  private left: number;

  constructor(size = ARENA_BYTES) {
    this.left = size;
  }

  /** The largest block that can be had. */
  static readonly maxBlock = SIZES[CLASSES - 1];

  /** Octets that a block for `length` takes. */
  static blockBytes(length: number): number {
    return SIZES[classOf(length)];
  }

  /** Address of a block of at least `length` octets; -1 when the arena is full or `length` is over `maxBlock`. */
  take(length: number): number {
    if (length > Arena.maxBlock) return -1;
    const size = classOf(length);
    if (SIZES[size] > this.left) return -1;
    const at = takeBlock(size);
    if (at >= 0) this.left -= SIZES[size];
    return at;
  }

  /** Gives back a block taken with the same `length`. */
  release(at: number, length: number): void {
    const size = classOf(length);
    this.left += SIZES[size];
    const count = freeCount[size];
    if (count === free[size].length) {
      const larger = new Int32Array(count * 2);
      larger.set(free[size]);
      free[size] = larger;
    }
    free[size][count] = at;
    freeCount[size] = count + 1;
  }
}

function takeBlock(size: number): number {
  const count = freeCount[size];
  if (count > 0) {
    freeCount[size] = count - 1;
    return free[size][count - 1];
  }
  const octets = SIZES[size];
  if (unused + octets > ARENA_AT + ARENA_BYTES) return takeLarger(size + 1);
  const at = unused;
  unused += octets;
  return at;
}

/** The unused part is used up: a free block of a larger class serves too. It goes back to the class asked for. */
function takeLarger(from: number): number {
  for (let size = from; size < CLASSES; size++) {
    const count = freeCount[size];
    if (count === 0) continue;
    freeCount[size] = count - 1;
    return free[size][count - 1];
  }
  return -1;
}

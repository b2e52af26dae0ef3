/**
 * Blocks of memory for the octets that live as long as an exchange does: heads in their kept form. They lie in the
 * thread's memory (memory.ts). When no block is left the caller keeps less and says so.
 */
import { ARENA_AT, ARENA_BYTES, memory } from "./memory.ts";

const STEP = 256;
const CLASSES = 257; // 256 B to 64 KiB in steps of 256 B

/** Blocks given back, by size; and where the part begins that was never used. Of all arenas of the thread together. */
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
  static readonly maxBlock = (CLASSES - 1) * STEP;

  /** Address of a block of at least `length` octets; -1 when the arena is full or `length` is over `maxBlock`. */
  take(length: number): number {
    const size = (length + STEP - 1) >> 8;
    if (size >= CLASSES || size * STEP > this.left) return -1;
    const at = takeBlock(size);
    if (at >= 0) this.left -= size * STEP;
    return at;
  }

  /** Gives back a block taken with the same `length`. */
  release(at: number, length: number): void {
    const size = (length + STEP - 1) >> 8;
    this.left += size * STEP;
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
  const octets = size * STEP;
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

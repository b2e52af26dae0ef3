/**
 * One block of memory for the bytes that live as long as an exchange does: heads in their kept form. One array for
 * all of them keeps readers monomorphic, lets `copyWithin` move bytes natively, and is the limit by itself: the pages
 * are only resident once used, and when the arena is full the caller keeps less and says so.
 */

const STEP = 256;
const CLASSES = 257; // 256 B to 64 KiB in steps of 256 B
/** The first bytes are scratch space in which a head is rendered before its size is known. */
export const SCRATCH_BYTES = 1 << 19;

/** Default bound: some 60,000 unanswered requests of 1.5 kB each. */
export const ARENA_BYTES = 96 << 20;

export class Arena {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private next = SCRATCH_BYTES;
  private readonly free: Int32Array[] = [];
  private readonly freeCount = new Int32Array(CLASSES);

  constructor(size = ARENA_BYTES) {
    const buffer = new ArrayBuffer(SCRATCH_BYTES + size + 8);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    for (let i = 0; i < CLASSES; i++) this.free.push(new Int32Array(4));
  }

  /** The largest block that can be had. */
  static readonly maxBlock = (CLASSES - 1) * STEP;

  /** Offset of a block of at least `length` octets; -1 when the arena is full or `length` is over `maxBlock`. */
  take(length: number): number {
    const size = (length + STEP - 1) >> 8;
    if (size >= CLASSES) return -1;
    const count = this.freeCount[size];
    if (count > 0) {
      this.freeCount[size] = count - 1;
      return this.free[size][count - 1];
    }
    const octets = size * STEP;
    if (this.next + octets > this.bytes.length - 8) return this.takeLarger(size + 1);
    const offset = this.next;
    this.next += octets;
    return offset;
  }

  /** The fresh part is used up: a free block of a larger class serves too. It goes back to the class asked for. */
  private takeLarger(size: number): number {
    for (; size < CLASSES; size++) {
      const count = this.freeCount[size];
      if (count > 0) {
        this.freeCount[size] = count - 1;
        return this.free[size][count - 1];
      }
    }
    return -1;
  }

  /** Gives back a block taken with the same `length`. */
  release(offset: number, length: number): void {
    const size = (length + STEP - 1) >> 8;
    const count = this.freeCount[size];
    if (count === this.free[size].length) {
      const larger = new Int32Array(count * 2);
      larger.set(this.free[size]);
      this.free[size] = larger;
    }
    this.free[size][count] = offset;
    this.freeCount[size] = count + 1;
  }
}

/**
 * Several threads that read the same rings of the kernel, each at its own pace and every record: the kernel may use the
 * space again behind the one that is least far. Takes how far this thread is, tells the kernel how far all are. The
 * memory is shared; whoever made it posts it to the others (`share`).
 */

/** As posted to a thread. */
export interface SharedReading {
  readonly memory: SharedArrayBuffer;
  readonly rings: number;
  readonly readers: number;
}

/** Memory for so many readers of so many rings, all at the beginning. */
export function share(rings: number, readers: number): SharedReading {
  return { memory: new SharedArrayBuffer(8 * rings * (readers + 1)), rings, readers };
}

export class RingReaders {
  /** For each ring a lock (one reader at a time moves the kernel's mark), then for each ring every reader's position. */
  private readonly cells: BigInt64Array;
  private readonly rings: number;
  private readonly readers: number;
  private readonly reader: number;

  constructor({ memory, rings, readers }: SharedReading, reader: number) {
    this.cells = new BigInt64Array(memory);
    this.rings = rings;
    this.readers = readers;
    this.reader = reader;
  }

  /**
   * This thread has read ring `ring` up to `position`; `tell` moves the kernel's mark to where the last reader is. False
   * when another thread is about it at this moment: then the mark may stay behind, and this is to be called again soon.
   */
  release(ring: number, position: number, tell: (least: bigint) => void): boolean {
    const first = this.rings + ring * this.readers;
    Atomics.store(this.cells, first + this.reader, BigInt(position));
    if (Atomics.compareExchange(this.cells, ring, 0n, 1n) !== 0n) return false;
    let least = Atomics.load(this.cells, first);
    for (let at = first + 1; at < first + this.readers; at++) {
      const other = Atomics.load(this.cells, at);
      if (other < least) least = other;
    }
    tell(least);
    Atomics.store(this.cells, ring, 0n);
    return true;
  }
}

/**
 * Reads a BPF ring buffer (BPF_MAP_TYPE_RINGBUF) where the kernel writes it: two mapped views, no copy, no system call.
 * The consumer's position page is writable, the producer's and the data are not; the data is mapped twice in a row, so
 * that no record is ever cut at the end. Several threads may read it, see ring-readers.ts.
 */
import type { RingReaders } from "../ring-readers.ts";
import type { Mapping, SystemCalls } from "../system-calls.ts";

const BUSY = 0x80000000;
const DISCARDED = 0x40000000;
const LENGTH = 0x3fffffff;
const HEADER = 8;
/** The kernel is told how far we are after so much of the ring: each time costs both sides a cache line. */
const TOLD_EVERY = 1 / 16;

/** Size of a memory page, by which the kernel lays the ring out. Told by the caller: arm64 has several. */
export class RingBuffer {
  private readonly size: number;
  private readonly consumer: BigUint64Array;
  private readonly producer: BigUint64Array;
  private readonly headers: Uint32Array;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly mappings: readonly Mapping[];
  private readonly readers: RingReaders | null;
  /** Grows without end; doubles are exact up to 2^53 octets. */
  private position: number;
  /** What the kernel has been told of us. */
  private told: number;

  constructor(calls: SystemCalls, fd: number, size: number, page: number, readers: RingReaders | null = null) {
    this.size = size;
    const consumer = calls.map(fd, page, 0, true);
    const producer = calls.map(fd, page + 2 * size, page, false);
    this.mappings = [consumer, producer];
    this.consumer = new BigUint64Array(consumer.buffer, 0, 1);
    this.producer = new BigUint64Array(producer.buffer, 0, 1);
    this.headers = new Uint32Array(producer.buffer, page, (2 * size) / 4);
    this.view = new DataView(producer.buffer, page);
    this.bytes = new Uint8Array(producer.buffer, page);
    this.readers = readers;
    // nothing is used again before every reader has begun
    this.position = this.told = Number(Atomics.load(this.consumer, 0));
  }

  /** Hands over what is there, at most one ring's worth; records are lent. Returns their number. */
  drain(take: (view: DataView, at: number, bytes: Uint8Array) => void): number {
    let count = 0;
    const limit = this.position + this.size;
    let produced = Number(Atomics.load(this.producer, 0));
    while (this.position < produced && this.position < limit) {
      const at = this.position % this.size;
      const header = Atomics.load(this.headers, at >>> 2);
      if (header & BUSY) break; // reserved and not written yet
      const length = header & LENGTH;
      if (!(header & DISCARDED)) {
        take(this.view, at + HEADER, this.bytes);
        count++;
      }
      this.position += (length + HEADER + 7) & ~7;
      if (this.position - this.told >= this.size * TOLD_EVERY) this.release();
      if (this.position >= produced) produced = Number(Atomics.load(this.producer, 0));
    }
    if (this.position > this.told) this.release();
    return count;
  }

  private release(): void {
    if (this.readers === null) this.tell(BigInt(this.position));
    else if (!this.readers.release(0, this.position, this.tell)) return;
    this.told = this.position;
  }

  private readonly tell = (position: bigint): void => {
    Atomics.store(this.consumer, 0, position);
  };

  close(): void {
    for (const mapping of this.mappings) mapping.unmap();
  }
}

/**
 * Reads a BPF ring buffer (BPF_MAP_TYPE_RINGBUF) where the kernel writes it: two mapped views, no copy, no system call.
 * The consumer's position page is writable, the producer's and the data are not; the data is mapped twice in a row, so
 * that no record is ever cut at the end.
 */
import type { Mapping, SystemCalls } from "../system-calls.ts";

const BUSY = 0x80000000;
const DISCARDED = 0x40000000;
const LENGTH = 0x3fffffff;
const HEADER = 8;

/** Size of a memory page, by which the kernel lays the ring out. Told by the caller: arm64 has several. */
export class RingBuffer {
  private readonly size: number;
  private readonly consumer: BigUint64Array;
  private readonly producer: BigUint64Array;
  private readonly headers: Uint32Array;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly mappings: readonly Mapping[];
  /** Grows without end; doubles are exact up to 2^53 octets. */
  private position: number;

  constructor(calls: SystemCalls, fd: number, size: number, page: number) {
    this.size = size;
    const consumer = calls.map(fd, page, 0, true);
    const producer = calls.map(fd, page + 2 * size, page, false);
    this.mappings = [consumer, producer];
    this.consumer = new BigUint64Array(consumer.buffer, 0, 1);
    this.producer = new BigUint64Array(producer.buffer, 0, 1);
    this.headers = new Uint32Array(producer.buffer, page, (2 * size) / 4);
    this.view = new DataView(producer.buffer, page);
    this.bytes = new Uint8Array(producer.buffer, page);
    this.position = Number(Atomics.load(this.consumer, 0));
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
      Atomics.store(this.consumer, 0, BigInt(this.position));
      if (this.position >= produced) produced = Number(Atomics.load(this.producer, 0));
    }
    return count;
  }

  close(): void {
    for (const mapping of this.mappings) mapping.unmap();
  }
}

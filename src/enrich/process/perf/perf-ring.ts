/**
 * Ring buffer of perf events (perf_event_open(2)), one per processor, read where the kernel writes it. A record that
 * wraps round the end is copied, all others are lent as they are. Several threads may read it, see ring-readers.ts.
 */
import type { RingReaders } from "../ring-readers.ts";
import type { Mapping, SystemCalls } from "../system-calls.ts";

const HEADER = 8;
const MAX_RECORD = 65_536;
/** struct perf_event_mmap_page: data_head and data_tail. */
const HEAD_AT = 1024;

export type TakeRecord = (type: number, view: DataView, at: number, length: number) => void;

/** `size`: a power of two and whole pages. */
export function mapPerfRing(calls: SystemCalls, fd: number, size: number, page: number): Mapping {
  return calls.map(fd, page + size, 0, true);
}

export class PerfRing {
  private readonly mapping: Mapping;
  private readonly positions: BigUint64Array;
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly size: number;
  private readonly wrapped = new DataView(new ArrayBuffer(MAX_RECORD));
  private readonly readers: RingReaders | null;
  private readonly number: number;
  private tail = 0;
  /** What the kernel has been told of us. */
  private told = 0;

  /** `number`: which of the rings that the readers share. */
  constructor(calls: SystemCalls, fd: number, size: number, page: number, readers: RingReaders | null, number: number) {
    this.size = size;
    this.readers = readers;
    this.number = number;
    this.mapping = mapPerfRing(calls, fd, size, page);
    this.positions = new BigUint64Array(this.mapping.buffer, HEAD_AT, 2);
    this.view = new DataView(this.mapping.buffer, page);
    this.bytes = new Uint8Array(this.mapping.buffer, page);
  }

  /** Hands over what was there at the time of the call. */
  drain(take: TakeRecord): void {
    const head = Number(Atomics.load(this.positions, 0));
    while (this.tail < head) {
      const at = this.tail % this.size; // records start at multiples of 8: a header never wraps
      const type = this.view.getUint32(at, true);
      const length = this.view.getUint16(at + 6, true);
      if (length < HEADER || length > head - this.tail) break; // never seen; nothing behind it can be trusted
      if (at + length <= this.size) take(type, this.view, at + HEADER, length - HEADER);
      else take(type, this.unwrap(at, length), HEADER, length - HEADER);
      this.tail += length;
    }
    this.tail = head;
    if (this.told !== head) this.release(head);
  }

  private release(head: number): void {
    if (this.readers === null) this.tell(BigInt(head));
    else if (!this.readers.release(this.number, head, this.tell)) return;
    this.told = head;
  }

  private readonly tell = (position: bigint): void => {
    Atomics.store(this.positions, 1, position);
  };

  close(): void {
    this.mapping.unmap();
  }

  private unwrap(at: number, length: number): DataView {
    const into = new Uint8Array(this.wrapped.buffer);
    const first = this.size - at;
    into.set(this.bytes.subarray(at, this.size));
    into.set(this.bytes.subarray(0, length - first), first);
    return this.wrapped;
  }
}

/** The ring buffer reader against a producer of our own, in plain memory. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { RingReaders, share } from "../ring-readers.ts";
import type { SystemCalls } from "../system-calls.ts";
import { RingBuffer } from "./ring-buffer.ts";

const PAGE = 4096;
const SIZE = 4096;
const BUSY = 0x80000000;
const DISCARDED = 0x40000000;

/** Writes records as the kernel does; `start` is where the positions begin. */
class Producer {
  readonly consumer = new ArrayBuffer(PAGE);
  readonly memory = new ArrayBuffer(PAGE + 2 * SIZE);
  private position: number;
  readonly calls: SystemCalls;

  constructor(start: number) {
    this.position = start;
    new BigUint64Array(this.consumer)[0] = BigInt(start);
    new BigUint64Array(this.memory)[0] = BigInt(start);
    const map = (_fd: number, _length: number, offset: number) => ({
      buffer: offset === 0 ? this.consumer : this.memory,
      unmap() {},
    });
    this.calls = { map } as unknown as SystemCalls;
  }

  get free(): number {
    return SIZE - (this.position - Number(new BigUint64Array(this.consumer)[0]));
  }

  /** Returns where the header is, to be changed later. */
  write(bytes: readonly number[], flags = 0): number {
    const at = this.position % SIZE;
    const data = new DataView(this.memory, PAGE);
    const put = (offset: number, value: number) => {
      // the kernel maps the same pages twice in a row
      data.setUint8((at + offset) % SIZE, value);
      data.setUint8(((at + offset) % SIZE) + SIZE, value);
    };
    const header = new Uint8Array(Uint32Array.of((bytes.length | flags) >>> 0, 0).buffer);
    header.forEach((value, index) => {
      put(index, value);
    });
    bytes.forEach((value, index) => {
      put(8 + index, value);
    });
    this.position += (bytes.length + 8 + 7) & ~7;
    new BigUint64Array(this.memory)[0] = BigInt(this.position);
    return at;
  }

  setHeader(at: number, value: number): void {
    new DataView(this.memory, PAGE).setUint32(at, value, true);
  }
}

function read(ring: RingBuffer, lengths: readonly number[]): number[][] {
  const records: number[][] = [];
  ring.drain((view, at) => {
    const length = lengths[records.length] ?? 1;
    records.push(Array.from({ length }, (_, index) => view.getUint8(at + index)));
  });
  return records;
}

test("every record once and in order, at positions far beyond 2^32", () => {
  const records = fc.array(fc.array(fc.nat(255), { minLength: 1, maxLength: 300 }), { maxLength: 60 });
  fc.assert(
    fc.property(records, fc.constantFrom(0, 2 ** 31 - 64, 2 ** 32 - 64, 2 ** 45), (written, start) => {
      const producer = new Producer(start);
      const ring = new RingBuffer(producer.calls, 3, SIZE, PAGE);
      const got: number[][] = [];
      let pending: number[][] = [];
      const drain = () => {
        got.push(
          ...read(
            ring,
            pending.map((bytes) => bytes.length),
          ),
        );
        pending = [];
      };
      for (const bytes of written) {
        if (producer.free < bytes.length + 16) drain();
        producer.write(bytes);
        pending.push(bytes);
      }
      drain();
      expect(got).toEqual(written);
    }),
    { numRuns: 50 },
  );
});

test("stops at a record that is being written, skips one that was thrown away", () => {
  const producer = new Producer(0);
  const ring = new RingBuffer(producer.calls, 3, SIZE, PAGE);
  producer.write([1]);
  producer.write([2], DISCARDED);
  const busy = producer.write([3], BUSY);
  producer.write([4]);
  expect(read(ring, [])).toEqual([[1]]);
  producer.setHeader(busy, 1);
  expect(read(ring, [])).toEqual([[3], [4]]);
  expect(read(ring, [])).toEqual([]);
});

test("two readers, each at its pace: both read everything, and no space is used again before both have", () => {
  const script = fc.array(fc.tuple(fc.nat(2), fc.nat(255)), { maxLength: 400 });
  fc.assert(
    fc.property(script, (steps) => {
      const producer = new Producer(0);
      const shared = share(1, 2);
      const rings = [0, 1].map(
        (reader) => new RingBuffer(producer.calls, 3, SIZE, PAGE, new RingReaders(shared, reader)),
      );
      const got: number[][] = [[], []];
      const written: number[] = [];
      const drain = (reader: number) =>
        void rings[reader].drain((view, at) => void got[reader].push(view.getUint8(at)));
      for (const [who, value] of steps) {
        if (who < 2) drain(who);
        else if (producer.free >= 64) {
          producer.write([value, ...new Array(40).fill(0)]);
          written.push(value);
        }
      }
      drain(0);
      drain(1);
      expect(got).toEqual([written, written]);
      expect(producer.free).toBe(SIZE);
    }),
    { numRuns: 100 },
  );
});

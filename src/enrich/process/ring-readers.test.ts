/** Several readers of one ring: each reads everything, and nothing is given back that one has not read. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { RingReaders, share } from "./ring-readers.ts";

test("the kernel's mark is where the last reader is, whatever the order", () => {
  const steps = fc.array(fc.tuple(fc.nat(2), fc.nat(1_000)), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (moves) => {
      const shared = share(2, 3);
      const readers = [0, 1, 2].map((reader) => new RingReaders(shared, reader));
      const positions = [0, 0, 0];
      let mark = 0n;
      for (const [reader, step] of moves) {
        positions[reader] += step;
        expect(readers[reader].release(1, positions[reader], (least) => (mark = least))).toBe(true);
        expect(Number(mark)).toBe(Math.min(...positions));
      }
      // the other ring has not moved
      readers[0].release(0, 5, (least) => (mark = least));
      expect(mark).toBe(0n);
    }),
  );
});

test("while another reader moves the mark it is left alone, and moved at the next call", () => {
  const shared = share(1, 2);
  const [one, other] = [0, 1].map((reader) => new RingReaders(shared, reader));
  let mark = 0n;
  one.release(0, 100, () => {
    // in the middle of it, the other thread comes
    expect(other.release(0, 70, () => expect.unreachable())).toBe(false);
  });
  expect(mark).toBe(0n);
  expect(other.release(0, 70, (least) => (mark = least))).toBe(true);
  expect(mark).toBe(70n);
});

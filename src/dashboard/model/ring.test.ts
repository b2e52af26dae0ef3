import fc from "fast-check";
import { expect, test } from "vitest";
import { Ring } from "./ring.ts";

test("holds the newest, within both limits, under their own numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 })), fc.integer({ min: 1, max: 20 }), (sizes, rows) => {
      const ring = new Ring<number>({ rows, bytes: 100 });
      for (const [index, size] of sizes.entries()) ring.push(index + 1, size);
      expect(ring.newest).toBe(sizes.length);
      expect(ring.length).toBeLessThanOrEqual(rows);
      expect(ring.bytes).toBeLessThanOrEqual(100);
      expect(ring.gone + ring.length).toBe(sizes.length);
      let bytes = 0;
      for (let number = ring.oldest; number <= ring.newest; number++) {
        expect(ring.get(number)).toBe(number);
        bytes += sizes[number - 1];
      }
      expect(ring.bytes).toBe(bytes);
      expect(ring.get(ring.oldest - 1)).toBeUndefined();
      expect(ring.get(ring.newest + 1)).toBeUndefined();
    }),
  );
});

test("one row larger than the limit is still held: a list is never empty for size alone", () => {
  const ring = new Ring<string>({ rows: 4, bytes: 10 });
  ring.push("huge", 1_000);
  expect(ring.length).toBe(1);
  ring.push("small", 1);
  expect(ring.get(ring.newest)).toBe("small");
  expect(ring.length).toBe(1);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { Ledger } from "../../core/ledger.ts";
import { Outbox } from "./outbox.ts";

test("as many batches as the limit are underway; the rest is dropped and counted", () => {
  const ledger = new Ledger();
  const posted: number[] = [];
  const outbox = new Outbox(ledger, (_, count) => posted.push(count), 2);
  const bytes = new Uint8Array(8);
  for (const count of [1, 2, 3, 4]) outbox.offer(bytes, 8, count);
  expect(posted).toEqual([1, 2]);
  expect(ledger.sinkDropped.get("main-thread")).toBe(7);
  outbox.taken();
  outbox.offer(bytes, 8, 5);
  outbox.offer(bytes, 8, 6);
  expect(posted).toEqual([1, 2, 5]);
  expect(ledger.sinkDropped.get("main-thread")).toBe(13);
});

test("at the end everything goes out", () => {
  const ledger = new Ledger();
  let posted = 0;
  const outbox = new Outbox(ledger, () => posted++, 1);
  outbox.ending();
  for (let i = 0; i < 10; i++) outbox.offer(new Uint8Array(1), 1, 1);
  expect(posted).toBe(10);
  expect(ledger.sinkDropped.size).toBe(0);
});

test("a batch is a copy of its own, as long as its lines", () => {
  const lent = new Uint8Array([1, 2, 3, 4]);
  const batches: Uint8Array<ArrayBuffer>[] = [];
  const outbox = new Outbox(new Ledger(), (bytes) => batches.push(bytes));
  outbox.offer(lent, 3, 1);
  lent.fill(9);
  expect([...batches[0]]).toEqual([1, 2, 3]);
  expect(batches[0].buffer.byteLength).toBe(3);
});

test("law: every line is posted or counted, and never more than the limit is underway", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50))), fc.integer({ min: 1, max: 5 }), (steps, limit) => {
      const ledger = new Ledger();
      let [posted, underway, offered] = [0, 0, 0];
      const outbox = new Outbox(
        ledger,
        (_, count) => {
          posted += count;
          underway++;
        },
        limit,
      );
      for (const count of steps) {
        if (count !== null) {
          offered += count;
          outbox.offer(new Uint8Array(1), 1, count);
        } else if (underway > 0) {
          underway--;
          outbox.taken();
        }
        expect(underway).toBeLessThanOrEqual(limit);
      }
      expect(posted + (ledger.sinkDropped.get("main-thread") ?? 0)).toBe(offered);
    }),
  );
});

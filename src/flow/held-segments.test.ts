/** Held segments: octets stay what they were, memory comes back, and what finds no room is kept all the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { FlowHalf } from "../core/flow.ts";
import { memory } from "../core/memory.ts";
import { Packet } from "../core/packet.ts";
import { HeldSegments } from "./held-segments.ts";

function packet(octet: number, length: number): Packet {
  return Object.assign(new Packet(), {
    bytes: new Uint8Array(length + 4).fill(octet),
    payloadStart: 2,
    payloadEnd: length + 2,
  });
}

test("whatever is held and let go: the octets are right, and in the end nothing is taken", () => {
  const step = fc.record({ length: fc.nat(70_000), take: fc.nat(2) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = new HeldSegments(100_000);
      const half = new FlowHalf();
      const octets: number[] = [];
      steps.forEach(({ length, take }, index) => {
        const given = packet(index + 1, length);
        held.keep(half, half.held.length, given, index, 2, 0, 40 + length);
        octets.push(index + 1);
        // the packet is only lent
        given.bytes.fill(0);
        for (let count = 0; count < take && half.held.length > 0; count++) {
          const segment = held.takeFirst(half);
          const octet = octets.shift();
          const { bytes, start } = segment;
          expect(bytes.subarray(start, start + segment.length).every((value) => value === octet)).toBe(true);
          held.release(segment);
        }
      });
      held.drop(half);
      expect([held.total, half.heldBytes, half.held.length]).toEqual([0, 0, 0]);
      // all room is there again
      held.keep(half, 0, packet(1, 60_000), 0, 2, 0, 0);
      expect(half.held[0].bytes).toBe(memory);
      held.drop(half);
    }),
    { numRuns: 200 },
  );
});

test("beyond its share of the thread's memory a segment has memory of its own", () => {
  const held = new HeldSegments(4_096);
  const half = new FlowHalf();
  for (let index = 0; index < 10; index++) held.keep(half, index, packet(index, 1_000), index, 2, 0, 0);
  expect(half.held.filter(({ bytes }) => bytes === memory)).toHaveLength(4);
  expect(held.total).toBeGreaterThan(10_000);
});

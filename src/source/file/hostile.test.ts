/** Laws of reading: however the bytes arrive the same packets come out, and no bytes make it throw, hang or grow. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type BuiltPacket,
  concat,
  PcapngBuilder,
  pcapFile,
  pcapngFile,
} from "../../../test/support/capture-builder.ts";
import { MemoryInput, readBytes } from "../../../test/support/capture-reading.ts";
import { cpu_ms } from "../../../test/support/duration.ts";
import { Ledger } from "../../core/ledger.ts";
import { Trouble } from "../../core/trouble.ts";
import { MAXIMUM_WINDOW_BYTES } from "./byte-window.ts";
import { CaptureFile } from "./capture-file.ts";

const START = 1_700_000_000_000_000;

const packets: fc.Arbitrary<BuiltPacket[]> = fc
  .array(
    fc.record({
      time: fc.integer({ min: 0, max: 3_600_000_000 }).map((time) => START + time),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
      wireLength: fc.integer({ min: 200, max: 9000 }),
      comment: fc.option(fc.string(), { nil: undefined }),
      direction: fc.constantFrom(0 as const, 1 as const, 2 as const),
    }),
    { maxLength: 20 },
  )
  .map((list) => list.sort((a, b) => a.time - b.time));

const captures: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .tuple(packets, fc.boolean(), fc.boolean(), fc.boolean())
    .map(([list, nanoseconds, bigEndian, modified]) => pcapFile(list, { nanoseconds, bigEndian, modified })),
  fc
    .tuple(packets, fc.boolean(), fc.constantFrom(3, 6, 9, 0x94))
    .map(([list, bigEndian, resolution]) =>
      pcapngFile(list, { bigEndian, interfaces: [{ name: "a", resolution }], secrets: "keys" }),
    ),
  fc.tuple(packets, packets).map(([a, b]) => {
    const build = new PcapngBuilder();
    const odd = [build.simplePacket(new Uint8Array(5)), build.interfaceStatistics(0, 2, 1)];
    return concat(pcapngFile(a), ...odd, pcapngFile(b, { bigEndian: true }));
  }),
);

test("however the bytes arrive, the same comes out", () => {
  fc.assert(
    fc.property(captures, fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (capture, pieces) => {
      const whole = readBytes(capture, { window_bytes: 1 << 20 });
      const cut = readBytes(capture, { pieces, window_bytes: 32 });
      expect(cut.packets).toEqual(whole.packets);
      expect(cut.seen.interfaces).toEqual(whole.seen.interfaces);
      expect(cut.seen.keyLogs).toEqual(whole.seen.keyLogs);
      expect(cut.problems).toEqual(whole.problems);
    }),
    { numRuns: 200 },
  );
});

test("a file cut anywhere gives the first packets of the whole", () => {
  fc.assert(
    fc.property(captures, fc.nat(), (capture, cut) => {
      const length = 4 + (cut % (capture.length - 3));
      const whole = readBytes(capture).packets;
      const part = readBytes(capture.subarray(0, length)).packets;
      expect(part).toEqual(whole.slice(0, part.length));
    }),
    { numRuns: 500 },
  );
});

const mutations = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("set", "remove", "insert"),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 8 },
);

test("damage never throws, never hangs, never grows, and is the same however the bytes arrive", () => {
  fc.assert(
    fc.property(captures, mutations, fc.integer({ min: 1, max: 300 }), (capture, list, piece) => {
      let bytes = capture;
      for (const { at, kind, bytes: some } of list) {
        // the magic number stays: without it the file is no capture
        const place = 4 + (at % (bytes.length - 3));
        const skipped = kind === "insert" ? 0 : some.length;
        const put = kind === "remove" ? new Uint8Array(0) : some;
        bytes = concat(bytes.subarray(0, place), put, bytes.subarray(Math.min(place + skipped, bytes.length)));
      }
      const whole = readBytes(bytes, { window_bytes: 1 << 16 });
      const cut = readBytes(bytes, { pieces: [piece], window_bytes: 16 });
      expect(cut.packets).toEqual(whole.packets);
      for (const { time, wireLength, bytes: hex } of whole.packets) {
        expect(Number.isSafeInteger(time) && time >= 0).toBe(true);
        expect(wireLength).toBeGreaterThanOrEqual(hex.length / 2);
      }
      expect(whole.problems.length).toBeLessThanOrEqual(10);
    }),
    { numRuns: 500 },
  );
});

test("pure noise behind a magic number ends, in linear time and in a bounded window", () => {
  // every word a small number: the most plausible lengths, at every place
  const noise = new Uint8Array(8 << 20);
  let state = 1;
  for (let i = 0; i < noise.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    noise[i] = state >>> 28 === 0 ? state >>> 20 : i % 4 === 2 ? state >>> 30 : 0;
  }
  for (const head of [
    pcapFile([]),
    pcapFile([], { bigEndian: true }),
    pcapngFile([]),
    pcapngFile([], { bigEndian: true }),
  ]) {
    const file = new CaptureFile("noise", new MemoryInput(concat(head, noise)), { ledger: new Ledger() });
    const started = cpu_ms();
    let largest = 0;
    file.run({
      interfaceOpened() {},
      packet(raw) {
        largest = Math.max(largest, raw.bytes.length);
      },
    });
    expect(largest).toBeLessThanOrEqual(MAXIMUM_WINDOW_BYTES * 2);
    expect(cpu_ms() - started).toBeLessThan(5000);
  }
});

test("anything that does not start like a capture is refused with one line", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      if (bytes.length >= 4 && [0x0a, 0xa1, 0xd4, 0x4d, 0x34].includes(bytes[0])) return;
      try {
        readBytes(bytes);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(Trouble);
        expect((error as Trouble).exitCode).toBe(4);
        expect((error as Trouble).message).not.toContain("\n");
      }
    }),
  );
});

import { expect, test } from "vitest";
import { type BuiltPacket, Conversation, concat, pcapFile, u32 } from "../../../test/support/capture-builder.ts";
import { hex, readBytes } from "../../../test/support/capture-reading.ts";

const START = 1_700_000_000_000_000;
const packet = (time: number, size: number, more: Partial<BuiltPacket> = {}): BuiltPacket => ({
  time: START + time,
  bytes: new Uint8Array(size).fill(0xc5),
  ...more,
});
const three = [packet(0, 60), packet(1_234_567, 1500, { wireLength: 9000 }), packet(2_000_000, 1)];

for (const bigEndian of [false, true]) {
  for (const nanoseconds of [false, true]) {
    test(`${bigEndian ? "big" : "little"}-endian, ${nanoseconds ? "nanoseconds" : "microseconds"}`, () => {
      const { packets, seen, problems } = readBytes(pcapFile(three, { bigEndian, nanoseconds, linkType: 113 }));
      expect(problems).toEqual([]);
      expect(seen.interfaces).toEqual([{ id: 0, name: null, linkType: 113, description: null }]);
      expect(packets).toEqual(
        three.map(({ time, bytes, wireLength }) => ({
          time,
          bytes: hex(bytes),
          wireLength: wireLength ?? bytes.length,
          linkType: 113,
          interfaceId: 0,
          direction: 0,
          comment: null,
        })),
      );
    });
  }
}

test("nanoseconds are rounded down to whole microseconds", () => {
  const { packets } = readBytes(pcapFile([packet(7, 60, { nanoseconds: 999 })], { nanoseconds: true }));
  expect(packets[0].time).toBe(START + 7);
});

test("the modified form has eight more bytes a packet", () => {
  const { packets, problems } = readBytes(pcapFile(three, { modified: true }));
  expect(packets.map(({ time, bytes }) => [time, bytes.length / 2])).toEqual([
    [START, 60],
    [START + 1_234_567, 1500],
    [START + 2_000_000, 1],
  ]);
  expect(problems).toEqual([]);
});

test("bits about a frame check sequence are not part of the link type", () => {
  const { seen } = readBytes(pcapFile(three, { linkType: 0x54000001 }));
  expect(seen.interfaces[0].linkType).toBe(1);
});

test("a conversation comes back packet by packet", () => {
  const talk = new Conversation().open().client("GET / HTTP/1.1\r\n\r\n").server("HTTP/1.1 204 No\r\n\r\n").close();
  const { packets } = readBytes(pcapFile(talk.packets));
  expect(packets.map(({ bytes }) => bytes)).toEqual(talk.packets.map(({ bytes }) => hex(bytes)));
});

test("a file header alone is a capture without packets", () => {
  const { packets, problems, file } = readBytes(pcapFile([]));
  expect([packets, problems]).toEqual([[], []]);
  expect(file.summary()).toMatchObject({ format: "pcap", packets: 0, firstTime: null, lastTime: null });
});

test("a zero snap length says nothing", () => {
  const { packets, problems } = readBytes(pcapFile(three, { snapLength_bytes: 0 }));
  expect(packets.length).toBe(3);
  expect(problems).toEqual([]);
});

test("a cut last packet is told, and left out", () => {
  const whole = pcapFile(three);
  const { packets, problems, ledger } = readBytes(whole.subarray(0, whole.length - 1));
  expect(packets.length).toBe(2);
  expect(problems.map(({ code, offset_bytes }) => [code, offset_bytes])).toEqual([
    ["capture.truncated", whole.length - 17],
  ]);
  expect(problems[0].message).toBe(
    `test.pcap: ends in the middle of a packet; what came before was read (byte ${whole.length - 17})`,
  );
  expect(ledger.anomalies.get("capture.truncated")).toBe(1);
});

test("a file that ends in its header is told", () => {
  const { packets, problems } = readBytes(pcapFile([]).subarray(0, 20));
  expect(packets).toEqual([]);
  expect(problems.map(({ code }) => code)).toEqual(["capture.truncated"]);
});

test("more bytes captured than were on the wire: the captured ones count", () => {
  const { packets, problems } = readBytes(pcapFile([packet(0, 60, { wireLength: 14 })]));
  expect(packets[0]).toMatchObject({ wireLength: 60 });
  expect(problems.map(({ code }) => code)).toEqual(["capture.length-conflict"]);
});

test("garbage between packets is skipped, and told once", () => {
  const many = Array.from({ length: 40 }, (_, i) => packet(i * 1000, 100 + i));
  const garbage = new Uint8Array(333).fill(0xee);
  const body = (from: number, to: number) => pcapFile(many.slice(from, to)).subarray(24);
  const file = concat(pcapFile(many.slice(0, 10)), garbage, body(10, 25), garbage, body(25, 40));
  const { packets, problems, ledger } = readBytes(file);
  expect(packets.map(({ time }) => time)).toEqual(many.map(({ time }) => time));
  expect(problems.map(({ code }) => code)).toEqual(["capture.record-invalid"]);
  expect(ledger.anomalies.get("capture.record-invalid")).toBe(2);
});

test("an absurd captured length does not swallow the packets behind it", () => {
  const file = pcapFile([packet(0, 60), packet(1, 61), packet(2, 62), packet(3, 63), packet(4, 64)]);
  // the second packet's captured length
  file.set(u32(0xffffffff), 24 + 16 + 60 + 8);
  const { packets, problems } = readBytes(file);
  expect(packets.map(({ wireLength }) => wireLength)).toEqual([60, 62, 63, 64]);
  expect(problems.map(({ code }) => code)).toEqual(["capture.record-invalid"]);
});

test("a captured length beyond the end does not swallow the packets behind it", () => {
  const file = pcapFile([packet(0, 60), packet(1, 61), packet(2, 62), packet(3, 63), packet(4, 64)]);
  new DataView(file.buffer).setUint32(24 + 16 + 60 + 8, 200_000, true);
  const { packets, problems } = readBytes(file);
  expect(packets.map(({ wireLength }) => wireLength)).toEqual([60, 62, 63, 64]);
  expect(problems.map(({ code }) => code)).toEqual(["capture.truncated"]);
});

test("zeros behind a crash are not packets", () => {
  const { packets, problems } = readBytes(concat(pcapFile(three), new Uint8Array(4096)));
  expect(packets.length).toBe(3);
  expect(problems.map(({ code }) => code)).toEqual(["capture.record-invalid"]);
});

test("the largest time the format has", () => {
  const file = pcapFile([packet(0, 60)]);
  file.fill(0xff, 24, 32);
  expect(readBytes(file).packets[0].time).toBe(0xffffffff * 1e6 + 0xffffffff);
});

test("a packet larger than the window makes it grow, and no more than that", () => {
  const { packets } = readBytes(pcapFile([packet(0, 262_144), packet(1, 60)]), { window_bytes: 4096 });
  expect(packets.map(({ wireLength }) => wireLength)).toEqual([262_144, 60]);
});

test("old files may have the two lengths the other way round", () => {
  const file = pcapFile([packet(0, 60, { wireLength: 1500 })]);
  const view = new DataView(file.buffer);
  view.setUint16(6, 3, true);
  view.setUint32(24 + 8, 1500, true);
  view.setUint32(24 + 12, 60, true);
  expect(readBytes(file).packets).toMatchObject([{ wireLength: 1500, bytes: hex(new Uint8Array(60).fill(0xc5)) }]);
});

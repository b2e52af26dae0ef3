import { expect, test } from "vitest";
import { type BuiltPacket, concat, PcapngBuilder, pcapngFile } from "../../../test/support/capture-builder.ts";
import { hex, readBytes } from "../../../test/support/capture-reading.ts";
import { INCOMING, OUTGOING, UNKNOWN_DIRECTION } from "../../core/packet.ts";

const START = 1_700_000_000_000_000;
const packet = (time: number, size: number, more: Partial<BuiltPacket> = {}): BuiltPacket => ({
  time: START + time,
  bytes: new Uint8Array(size).fill(0xc5),
  ...more,
});
const codes = (problems: readonly { readonly code: string }[]) => problems.map(({ code }) => code);

for (const bigEndian of [false, true]) {
  test(`interfaces with link types and units of their own, ${bigEndian ? "big" : "little"}-endian`, () => {
    const interfaces = [
      { linkType: 1, name: "eth0", description: "the first" },
      { linkType: 113, name: "any", resolution: 9 },
      { linkType: 101, resolution: 0x80 | 20, offset_s: 1_000_000_000 },
      { linkType: 276, resolution: 3 },
    ];
    const given = interfaces.map((_, interfaceId) => packet(interfaceId * 1000, 61 + interfaceId, { interfaceId }));
    const { packets, seen, problems } = readBytes(pcapngFile(given, { bigEndian, interfaces }));
    expect(problems).toEqual([]);
    expect(seen.interfaces).toEqual([
      { id: 0, name: "eth0", linkType: 1, description: "the first" },
      { id: 1, name: "any", linkType: 113, description: null },
      { id: 2, name: null, linkType: 101, description: null },
      { id: 3, name: null, linkType: 276, description: null },
    ]);
    expect(packets.map(({ interfaceId, linkType }) => [interfaceId, linkType])).toEqual([
      [0, 1],
      [1, 113],
      [2, 101],
      [3, 276],
    ]);
    expect(packets.map(({ bytes }) => bytes)).toEqual(given.map(({ bytes }) => hex(bytes)));
    expect(packets[0].time).toBe(START);
    expect(packets[1].time).toBe(START + 1000);
    // 2^-20 seconds are coarser than a microsecond
    expect(packets[2].time).toBeGreaterThan(START + 2000 - 2);
    expect(packets[2].time).toBeLessThanOrEqual(START + 2000);
    expect(packets[3].time).toBe(START + 3000);
  });
}

test.each([0, 1, 3, 6, 7, 9, 10, 12, 15, 0x80, 0x80 | 10, 0x80 | 30, 0x80 | 32])(
  "times are exact, and rounded down, with resolution byte %i",
  (resolution) => {
    const given = packet(123_456, 60, { nanoseconds: 789 });
    const unitsPerSecond = resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
    const time_ns = BigInt(given.time) * 1000n + 789n;
    const units = (time_ns * unitsPerSecond) / 1_000_000_000n;
    const expected = units < 1n << 64n ? Number((units * 1_000_000n) / unitsPerSecond) : null;
    const { packets } = readBytes(pcapngFile([given], { interfaces: [{ resolution }] }));
    if (expected !== null) expect(packets[0].time).toBe(expected);
    expect(Number.isSafeInteger(packets[0].time)).toBe(true);
  },
);

test("each section numbers its interfaces anew, in its own byte order", () => {
  const first = pcapngFile([packet(0, 60)], { interfaces: [{ name: "a" }] });
  const second = pcapngFile([packet(1, 61)], { bigEndian: true, interfaces: [{ name: "b", linkType: 101 }] });
  const { packets, seen, problems } = readBytes(concat(first, second, first));
  expect(problems).toEqual([]);
  expect(seen.interfaces.map(({ id, name }) => [id, name])).toEqual([
    [0, "a"],
    [1, "b"],
    [2, "a"],
  ]);
  expect(packets.map(({ interfaceId, linkType }) => [interfaceId, linkType])).toEqual([
    [0, 1],
    [1, 101],
    [2, 1],
  ]);
});

test("comments, several of them joined, and directions", () => {
  const build = new PcapngBuilder();
  const plain = packet(0, 61, { comment: "PID: 7", direction: INCOMING });
  const two = concat(
    build.number.u32(0, 0, 5, 3, 3),
    Uint8Array.of(1, 2, 3, 0),
    build.option(1, "PID: 7"),
    build.option(2988, "custom"),
    build.option(1, "ParentPID: 6\0"),
    build.option(2, build.number.u32(2)),
  );
  const file = concat(pcapngFile([plain, packet(1, 60)]), build.block(6, two));
  const { packets } = readBytes(file);
  expect(packets.map(({ comment, direction }) => [comment, direction])).toEqual([
    ["PID: 7", INCOMING],
    [null, UNKNOWN_DIRECTION],
    ["PID: 7\nParentPID: 6", OUTGOING],
  ]);
});

test("simple packet blocks: first interface, its snap length, the time of the packet before", () => {
  const build = new PcapngBuilder();
  const file = concat(
    build.sectionHeader(),
    build.interfaceDescription({ linkType: 101, snapLength_bytes: 40 }),
    build.enhancedPacket(packet(5, 20)),
    build.simplePacket(new Uint8Array(40).fill(7), 1500),
    build.simplePacket(new Uint8Array(9).fill(8)),
  );
  const { packets, problems } = readBytes(file);
  expect(problems).toEqual([]);
  expect(packets.slice(1)).toMatchObject([
    { time: START + 5, bytes: "07".repeat(40), wireLength: 1500, linkType: 101 },
    { time: START + 5, bytes: "08".repeat(9), wireLength: 9 },
  ]);
});

test("obsolete packet blocks", () => {
  const build = new PcapngBuilder(true);
  const header = [build.sectionHeader(), build.interfaceDescription(), build.interfaceDescription({ linkType: 113 })];
  const given = packet(9, 61, { interfaceId: 1, wireLength: 100 });
  const { packets, ledger } = readBytes(concat(...header, build.obsoletePacket(given), build.obsoletePacket(given, 5)));
  expect(packets[0]).toMatchObject({ time: START + 9, bytes: hex(given.bytes), wireLength: 100, interfaceId: 1 });
  expect(packets[1]).toMatchObject({ time: START + 9, linkType: 113 });
  expect(ledger.kernelDropped).toBe(5);
});

test("drops of statistics are counted once, however often they are told", () => {
  const build = new PcapngBuilder();
  const dropped = concat(
    build.number.u32(0, 0, 5, 3, 3),
    Uint8Array.of(1, 2, 3, 0),
    build.option(4, build.number.u64(3n)),
    build.option(0, ""),
  );
  const unknown = concat(
    build.number.u32(0, 0, 0),
    build.option(5, build.number.u64(-1n)),
    build.option(7, build.number.u64(2n)),
  );
  const file = concat(
    pcapngFile([], { interfaces: [{}, {}] }),
    build.block(6, dropped),
    build.interfaceStatistics(0, 100, 3),
    build.interfaceStatistics(1, 100, 7),
    build.interfaceStatistics(0, 200, 10),
    build.block(5, unknown),
  );
  expect(readBytes(file).ledger.kernelDropped).toBe(17);
});

test("TLS secrets are handed on, others are not", () => {
  const build = new PcapngBuilder();
  const keys = "CLIENT_RANDOM 00 11\n";
  const wireguard = concat(build.number.u32(0x57474b4c, 4), "abcd");
  const file = concat(pcapngFile([], { secrets: keys }), build.block(10, wireguard), build.secrets("second"));
  expect(readBytes(file).seen.keyLogs).toEqual([keys, "second"]);
});

test("blocks of unknown types are skipped", () => {
  const build = new PcapngBuilder();
  const unknown = [build.block(4, new Uint8Array(8)), build.block(0x12345, new Uint8Array(5000))];
  const { packets, problems } = readBytes(
    concat(pcapngFile([packet(0, 60)]), ...unknown, build.enhancedPacket(packet(1, 61))),
  );
  expect(packets.length).toBe(2);
  expect(problems).toEqual([]);
});

test("a packet larger than its block is left out", () => {
  const build = new PcapngBuilder();
  const lying = build.block(6, concat(build.number.u32(0, 0, 0, 4000, 4000), new Uint8Array(100)));
  const { packets, problems } = readBytes(
    concat(pcapngFile([packet(0, 60)]), lying, build.enhancedPacket(packet(1, 61))),
  );
  expect(packets.length).toBe(2);
  expect(codes(problems)).toEqual(["capture.block-invalid"]);
});

test.each([
  ["shorter than a block", 8],
  ["too long", 0xfffffff0],
  ["inside the file but wrong", 72],
  ["beyond the end of the file", 100_000],
])("a block length that lies (%s) costs that block only", (_, length) => {
  const given = [packet(0, 60), packet(1, 61), packet(2, 62), packet(3, 63)];
  const file = pcapngFile(given);
  const header = pcapngFile([]).length;
  const second = header + pcapngFile([given[0]]).length - header;
  new DataView(file.buffer).setUint32(second + 4, length, true);
  const { packets, problems, ledger } = readBytes(file);
  expect(packets.map(({ wireLength }) => wireLength)).toEqual([60, 62, 63]);
  expect(problems.length).toBe(1);
  expect([...ledger.anomalies.values()]).toEqual([1]);
});

test("garbage between blocks is skipped, and told once", () => {
  const build = new PcapngBuilder();
  const garbage = new Uint8Array(777).fill(0xee);
  const file = concat(
    pcapngFile([packet(0, 60)]),
    garbage,
    build.enhancedPacket(packet(1, 61)),
    garbage,
    build.enhancedPacket(packet(2, 62)),
  );
  const { packets, problems, ledger } = readBytes(file);
  expect(packets.map(({ wireLength }) => wireLength)).toEqual([60, 61, 62]);
  expect(codes(problems)).toEqual(["capture.block-invalid"]);
  expect(ledger.anomalies.get("capture.block-invalid")).toBe(2);
});

test("a section of another version is skipped, the next is read", () => {
  const file = pcapngFile([packet(0, 60)]);
  const future = file.slice();
  future[12] = 2;
  const { packets, problems } = readBytes(concat(future, file));
  expect(packets.length).toBe(1);
  expect(codes(problems)).toEqual(["capture.section-unsupported"]);
});

test("packets and statistics of interfaces that nothing describes", () => {
  const build = new PcapngBuilder();
  const lost = [
    build.enhancedPacket(packet(0, 60)),
    build.simplePacket(new Uint8Array(4)),
    build.interfaceStatistics(3, 1, 1),
  ];
  const { packets, problems, ledger } = readBytes(concat(build.sectionHeader(), ...lost));
  expect(packets).toEqual([]);
  expect(codes(problems)).toEqual(["capture.interface-unknown"]);
  expect(ledger.anomalies.get("capture.interface-unknown")).toBe(3);
});

test("an impossible time is told, and the time before it is used", () => {
  const build = new PcapngBuilder();
  const absurd = concat(build.number.u32(0, 0xffffffff, 0xe1dfd279, 4, 4), new Uint8Array(4));
  const file = concat(pcapngFile([packet(0, 60)]), build.block(6, absurd), build.enhancedPacket(packet(9, 61)));
  const { packets, problems } = readBytes(file);
  expect(packets.map(({ time }) => time)).toEqual([START, START, START + 9]);
  expect(codes(problems)).toEqual(["capture.time-invalid"]);
});

test("a time before the epoch is impossible too", () => {
  const { packets, problems } = readBytes(
    pcapngFile([{ time: -5, bytes: new Uint8Array(4) }], { interfaces: [{ offset_s: -1000 }] }),
  );
  expect(packets.map(({ time }) => time)).toEqual([0]);
  expect(codes(problems)).toEqual(["capture.time-invalid"]);
});

test("interfaces without end are not kept", () => {
  const build = new PcapngBuilder();
  const one = build.interfaceDescription({ snapLength_bytes: 1 });
  const many = new Uint8Array(one.length * 65_600);
  for (let i = 0; i < 65_600; i++) many.set(one, i * one.length);
  const file = concat(build.sectionHeader(), many, build.enhancedPacket(packet(0, 4, { interfaceId: 65_599 })));
  const { seen, packets, problems } = readBytes(file);
  expect(seen.interfaces.length).toBe(65_536);
  expect(packets).toEqual([]);
  expect(codes(problems)).toEqual(["capture.interface-limit", "capture.interface-unknown"]);
});

test("a cut last block is told, and left out", () => {
  const whole = pcapngFile([packet(0, 60), packet(1, 61)]);
  const { packets, problems } = readBytes(whole.subarray(0, whole.length - 3));
  expect(packets.length).toBe(1);
  expect(codes(problems)).toEqual(["capture.truncated"]);
});

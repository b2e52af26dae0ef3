/** Law 4 for decoding: no bytes make it throw, hang, or give out bytes that are not the packet's. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, ethernet, ipPacket, ipv6, tcp, tcpFrame, u16, u32, udp } from "../../test/support/capture-builder.ts";
import { DecoderRun } from "../../test/support/decoded.ts";
import { Ledger } from "../core/ledger.ts";
import { type Packet, RawPacket } from "../core/packet.ts";
import { Decoder } from "./decoder.ts";

const LINK_TYPES = [
  0, 1, 6, 7, 9, 10, 12, 14, 50, 51, 100, 101, 104, 105, 108, 109, 113, 117, 119, 127, 129, 163, 166, 192, 204, 219,
  228, 229, 239, 274, 276, 147,
];
const ends = { source: "10.0.0.1", destination: "10.0.0.2", sourcePort: 40000, destinationPort: 80 };
const ends6 = { ...ends, source: "2001:db8::1", destination: "2001:db8::2" };
const outer = { source: "192.0.2.1", destination: "192.0.2.2" };
const inner = tcpFrame({ ...ends, vlans: [3] }, "GET / HTTP/1.1\r\n\r\n");
const inIp = (protocol: number, payload: Uint8Array) => ethernet({}, ipPacket({ ...outer, protocol }, payload));
const inUdp = (destinationPort: number, payload: Uint8Array) =>
  inIp(17, udp({ ...outer, sourcePort: 5072, destinationPort }, payload));

/** Seeds for mutation: each leads into other code. */
const SEEDS = [
  tcpFrame(ends, "GET / HTTP/1.1\r\n\r\n"),
  inner,
  tcpFrame(ends6, "x"),
  ethernet(
    {},
    ipv6(
      {
        ...ends6,
        extensions: [
          { type: 0, body: u32(1) },
          { type: 44, body: concat(u16(1), u32(7)) },
        ],
      },
      tcp(ends6, "y"),
    ),
  ),
  ethernet({ type: 0x8847 }, concat(u32(0x10140, 0), inner)),
  ethernet({ type: 0x8864 }, concat(u16(0x1100, 1, 62, 0x21), ipPacket(ends, tcp(ends, "z")))),
  inIp(47, concat(u16(0xf000, 0x6558), u32(0, 1, 2), u32(0), inner)),
  inIp(47, concat(u16(0x1000, 0x22eb), u32(1), u32(0x20070005, 0, 1, 0, 0), inner)),
  inIp(47, concat(u16(0, 0x8200), u16(0x8802), new Uint8Array(22), u16(0x8000), inner)),
  inUdp(4789, concat(u32(0x08000000, 42 << 8), inner)),
  inUdp(6081, concat(u32(0x02006558, 42 << 8, 1, 2), inner)),
  inUdp(2152, concat(u32(0x34ff0040, 7, 0x85, 0x01000900), ipPacket(ends, tcp(ends, "q")))),
  inUdp(1234, concat(u32(0x41521129), new Uint8Array(40), ipPacket(ends6, tcp(ends6, "a")))),
  inUdp(5247, concat(u32(0x00100300, 0), u16(0x0801), new Uint8Array(22), inner)),
];

/** Fields of the lent packet that must agree, whichever way it was decoded. */
function fields(packet: Packet): Record<string, unknown> {
  const { bytes, ...rest } = packet;
  return { ...rest, payload: Buffer.from(bytes.subarray(packet.payloadStart, packet.payloadEnd)).toString("hex") };
}

interface Given {
  readonly bytes: Uint8Array;
  readonly linkType: number;
  readonly wireLength: number;
  readonly vlanTag?: number;
}

/** Decodes one frame after another, checks what every packet must keep to, and gives their fields. */
function run(frames: readonly Given[], plainPath: boolean): { out: unknown[]; ledger: Ledger } {
  const ledger = new Ledger();
  const out: unknown[] = [];
  const raw = new RawPacket();
  const decoder = new Decoder(
    ledger,
    {
      packet(packet) {
        expect(packet.transportStart).toBeGreaterThanOrEqual(packet.bytes === raw.bytes ? raw.start : 0);
        expect(packet.payloadStart).toBeGreaterThan(packet.transportStart);
        expect(packet.payloadEnd).toBeGreaterThanOrEqual(packet.payloadStart);
        expect(packet.payloadEnd).toBeLessThanOrEqual(packet.bytes === raw.bytes ? raw.end : packet.bytes.length);
        expect(packet.payloadCut).toBeGreaterThanOrEqual(0);
        out.push(fields(packet));
      },
    },
    { plainPath, verifyChecksums: !plainPath && frames.length % 2 === 0, fragments: { datagrams: 16 }, pathLimit: 64 },
  );
  for (const frame of frames) {
    const buffer = new Uint8Array(frame.bytes.length + 80).fill(0x45);
    buffer.set(frame.bytes, 40);
    Object.assign(raw, frame, { bytes: buffer, start: 40, end: 40 + frame.bytes.length, vlanTag: frame.vlanTag ?? -1 });
    const before = out.length + counted(ledger);
    decoder.packet(raw);
    expect(out.length + counted(ledger)).toBeGreaterThan(before);
  }
  return { out, ledger };
}

function counted(ledger: Ledger): number {
  return ledger.otherPackets + ledger.malformedPackets + ledger.fragments;
}

const randomFrame = fc.record({
  bytes: fc.uint8Array({ maxLength: 200 }),
  linkType: fc.constantFrom(...LINK_TYPES),
  wireLength: fc.nat({ max: 3000 }),
  vlanTag: fc.constantFrom(-1, -1, 0, 7, 0xffff),
});

/** A seed with some bytes changed and perhaps an end cut off. */
const mutatedFrame = fc
  .record({
    seed: fc.constantFrom(...SEEDS),
    changes: fc.array(fc.tuple(fc.nat({ max: 140 }), fc.nat({ max: 255 })), { maxLength: 4 }),
    keep: fc.oneof({ weight: 3, arbitrary: fc.constant(1000) }, fc.nat({ max: 150 })),
    wireLength: fc.oneof(fc.constant(0), fc.nat({ max: 300 }), fc.constant(0xffffffff)),
  })
  .map(({ seed, changes, keep, wireLength }): Given => {
    const bytes = seed.slice(0, keep);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return { bytes, linkType: 1, wireLength: Math.max(wireLength, bytes.length) };
  });

test("random bytes on every link type", () => {
  fc.assert(
    fc.property(fc.array(randomFrame, { maxLength: 20 }), (frames) => void run(frames, true)),
    { numRuns: 1000 },
  );
});

test("mutated packets; the straight path and the general walk agree", () => {
  fc.assert(
    fc.property(fc.array(mutatedFrame, { minLength: 1, maxLength: 20 }), (frames) => {
      const plain = run(frames, true);
      const walked = run(frames, false);
      expect(plain.out).toEqual(walked.out);
      expect({ ...plain.ledger.toJSON(), badChecksums: 0 }).toEqual({ ...walked.ledger.toJSON(), badChecksums: 0 });
    }),
    { numRuns: 1000 },
  );
});

test("the straight path and the general walk agree on plain packets of every kind of link", () => {
  const packet = ipPacket(ends, tcp(ends, "GET / HTTP/1.1\r\n\r\n"));
  const packet6 = ipPacket(ends6, tcp(ends6, "GET / HTTP/1.1\r\n\r\n"));
  const links: [number, Uint8Array][] = [
    [1, ethernet({}, packet)],
    [0, concat(Uint8Array.of(2, 0, 0, 0), packet)],
    [108, concat(u32(2), packet)],
    [101, packet],
    [12, packet],
    [14, packet],
    [228, packet],
    [113, concat(u16(4, 1, 6, 0, 0, 0, 0, 0x800), packet)],
    [276, concat(u16(0x86dd, 0), u32(3), u16(1, 0x0406), new Uint8Array(8), packet6)],
    [1, ethernet({}, packet6)],
    [101, packet6],
    [228, packet6],
  ];
  const change = fc.array(fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 })), { maxLength: 3 });
  fc.assert(
    fc.property(
      fc.constantFrom(...links),
      change,
      fc.nat({ max: 20 }),
      fc.nat({ max: 30 }),
      ([linkType, whole], changes, cut, extra) => {
        const bytes = whole.slice(0, whole.length - cut);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        const frames = [{ bytes, linkType, wireLength: bytes.length + extra }];
        expect(run(frames, true).out).toEqual(run(frames, false).out);
      },
    ),
    { numRuns: 3000 },
  );
});

test("an empty packet, and one of each length", () => {
  for (const linkType of LINK_TYPES) {
    const one = new DecoderRun();
    for (let length = 0; length < 70; length++) one.push({ bytes: new Uint8Array(length).fill(0xff), linkType });
    expect(one.out.length + counted(one.ledger)).toBe(70);
  }
});

test("scopes of a scan are bounded", () => {
  const one = new DecoderRun({ pathLimit: 50 });
  for (let vni = 0; vni < 500; vni++) one.push({ bytes: inUdp(4789, concat(u32(0x08000000, vni << 8), inner)) });
  expect(new Set(one.out.map((packet) => packet.scope)).size).toBeLessThanOrEqual(51);
  expect(one.ledger.evicted.get("decode.scopes")).toBeGreaterThan(400);
});

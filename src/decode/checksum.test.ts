/** Checksums: verdicts, and that nothing is dropped for them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ethernet, ipPacket, ipv4, tcp, u16, udp } from "../../test/support/capture-builder.ts";
import { decode } from "../../test/support/decoded.ts";
import { Ledger } from "../core/ledger.ts";
import { RawPacket } from "../core/packet.ts";
import { CHECKSUM_BAD, CHECKSUM_GOOD, CHECKSUM_OFFLOADED, CHECKSUM_UNKNOWN, transportChecksum } from "./checksum.ts";
import { Decoder } from "./decoder.ts";

const ends = { source: "192.0.2.1", destination: "203.0.113.255", sourcePort: 40000, destinationPort: 80 };
const ends6 = { ...ends, source: "2001:db8::1", destination: "2001:db8:ffff::2" };

function verdict(frame: Uint8Array, wireLength = frame.length): number {
  let state = -1;
  const decoder = new Decoder(new Ledger(), { packet: (packet) => void (state = transportChecksum(packet)) });
  const raw = new RawPacket();
  Object.assign(raw, { linkType: 1, bytes: frame, end: frame.length, wireLength });
  decoder.packet(raw);
  return state;
}

test("good and bad, TCP and UDP, IPv4 and IPv6, odd and even lengths", () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.uint8Array({ maxLength: 300 }),
      (six, isUdp, bad, data) => {
        const addresses = six ? ends6 : ends;
        const options = { ...addresses, badChecksum: bad };
        const packet = ipPacket(
          { ...addresses, protocol: isUdp ? 17 : 6 },
          isUdp ? udp(options, data) : tcp(options, data),
        );
        expect(verdict(ethernet({}, packet))).toBe(bad ? CHECKSUM_BAD : CHECKSUM_GOOD);
      },
    ),
  );
});

test("a checksum left to the network card is told apart from a bad one", () => {
  const segment = tcp(ends, "data");
  const pseudo = 0xc000 + 0x0201 + 0xcb00 + 0x71ff + 6 + segment.length;
  segment.set(u16((pseudo & 0xffff) + (pseudo >>> 16)), 16);
  expect(verdict(ethernet({}, ipPacket(ends, segment)))).toBe(CHECKSUM_OFFLOADED);
});

test("not known: cut payload, UDP without checksum", () => {
  const frame = ethernet({}, ipPacket(ends, tcp(ends, "data")));
  expect(verdict(frame.subarray(0, frame.length - 1), frame.length)).toBe(CHECKSUM_UNKNOWN);
  const datagram = udp(ends, "data");
  datagram.set(u16(0), 6);
  expect(verdict(ethernet({}, ipPacket({ ...ends, protocol: 17 }, datagram)))).toBe(CHECKSUM_UNKNOWN);
});

test("bad ones are counted when asked, and come out all the same", () => {
  const frames = [tcp(ends, "a"), tcp({ ...ends, badChecksum: true }, "b")].map((segment) =>
    ethernet({}, ipv4(ends, segment)),
  );
  const run = decode(frames, 1, { verifyChecksums: true });
  expect(run.out.map((one) => one.data)).toEqual(["a", "b"]);
  expect(run.ledger.badChecksums).toBe(1);
  const badHeader = ethernet({}, ipv4({ ...ends, badChecksum: true }, tcp(ends, "c")));
  expect(decode([badHeader], 1, { verifyChecksums: true }).ledger.badChecksums).toBe(1);
  expect(decode(frames).ledger.badChecksums).toBe(0);
});

/** IPv4 and IPv6 headers, TCP and UDP: lengths, options, extension headers, what is malformed. */
import { expect, test } from "vitest";
import { concat, ethernet, ipPacket, ipv4, ipv6, tcp, u16, u32, udp } from "../../test/support/capture-builder.ts";
import { decode } from "../../test/support/decoded.ts";
import { ACK, PSH } from "../core/packet.ts";

const ends = { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 40000, destinationPort: 80 };
const ends6 = { ...ends, source: "2001:db8::1", destination: "2001:db8::2" };
const bytes = (...values: number[]) => Uint8Array.from(values);
const option = (type: number) => ({ type, body: bytes(1, 4, 0, 0, 0, 0) });

test("all fields of a segment", () => {
  const segment = tcp({ ...ends, sequence: 0xfffffff0, acknowledgment: 0x80000001, flags: PSH | ACK }, "data");
  const [one] = decode([ethernet({}, ipv4({ ...ends, id: 777 }, segment))]).out;
  expect(one).toMatchObject({ sequence: -16, acknowledgment: -2147483647, flags: PSH | ACK, ipId: 777, ipLength: 44 });
});

test("IPv4 and TCP options", () => {
  const segment = tcp({ ...ends, options: bytes(2, 4, 5, 180, 1, 1, 1, 0) }, "data");
  const run = decode([ethernet({}, ipv4({ ...ends, options: new Uint8Array(24) }, segment))]);
  expect(run.out[0]).toMatchObject({ data: "data", ipLength: 76 });
});

test("IPv4 total length zero is segmentation offload", () => {
  const run = decode([ethernet({}, ipv4({ ...ends, totalLength: 0 }, tcp(ends, "data")))]);
  expect(run.out[0]).toMatchObject({ data: "data", ipLength: 44 });
});

test("IPv6 payload length zero is segmentation offload", () => {
  const run = decode([ethernet({}, ipv6({ ...ends6, payloadLength: 0 }, tcp(ends6, "data")))]);
  expect(run.out[0]).toMatchObject({ data: "data", ipLength: 64 });
});

test("a jumbogram is cut to its length", () => {
  const jumbo = { type: 0, body: concat(bytes(0xc2, 4), u32(8 + 24)) };
  const run = decode([
    concat(ethernet({}, ipv6({ ...ends6, payloadLength: 0, extensions: [jumbo] }, tcp(ends6, "data"))), "padding"),
  ]);
  expect(run.out[0]).toMatchObject({ data: "data", payloadCut: 0, ipLength: 72 });
});

test("extension headers are walked through", () => {
  const extensions = [option(0), option(60), option(43), option(135), option(139), option(140), option(60)];
  const run = decode([ethernet({}, ipv6({ ...ends6, extensions }, tcp(ends6, "data")))]);
  expect(run.out[0]).toMatchObject({ data: "data", ipLength: 40 + 7 * 8 + 24 });
});

test("endless extension headers end at a limit", () => {
  const extensions = Array.from({ length: 100 }, () => option(60));
  const run = decode([ethernet({}, ipv6({ ...ends6, extensions }, tcp(ends6, "data")))]);
  expect(run.anomalies).toEqual(["decode.too-many-layers"]);
});

test("no next header, ESP and unknown protocols count as other", () => {
  const run = decode(
    [59, 50, 253].map((nextHeader) => ethernet({}, ipv6({ ...ends6, nextHeader }, new Uint8Array(40)))),
  );
  expect(run.ledger).toMatchObject({ otherPackets: 3, malformedPackets: 0 });
});

test("the snap length cuts the payload", () => {
  const frame = ethernet({}, ipv4(ends, tcp(ends, "0123456789")));
  const run = decode([{ bytes: frame.subarray(0, frame.length - 4), wireLength: frame.length }]);
  expect(run.out[0]).toMatchObject({ data: "012345", payloadCut: 4, ipLength: 50 });
});

test("the snap length cuts TCP options: no payload, and none of them counted as such", () => {
  const frame = ethernet({}, ipv4(ends, tcp({ ...ends, options: new Uint8Array(12) }, "0123456789")));
  const run = decode([{ bytes: frame.subarray(0, 14 + 20 + 24), wireLength: frame.length }]);
  expect(run.out[0]).toMatchObject({ data: "", payloadCut: 10 });
});

test("the snap length cuts the header", () => {
  const frame = ethernet({}, ipv4(ends, tcp(ends, "0123456789")));
  const run = decode([{ bytes: frame.subarray(0, 14 + 20 + 12), wireLength: frame.length }]);
  expect(run.anomalies).toEqual(["decode.header-not-captured"]);
});

test("an absurd wire length is bounded", () => {
  const frame = ethernet({}, ipv4({ ...ends, totalLength: 0 }, tcp(ends, "0123456789")));
  const run = decode([{ bytes: frame, wireLength: 0xffffffff }]);
  expect(run.out[0].payloadCut).toBe(1 << 20);
});

test.each([
  ["IPv4 header length", ethernet({}, patched(ipv4(ends, tcp(ends)), 0, 0x44)), "decode.ipv4-header"],
  ["IPv4 total length", ethernet({}, ipv4({ ...ends, totalLength: 19 }, tcp(ends))), "decode.ipv4-length"],
  ["IPv4 version", ethernet({ type: 0x800 }, patched(ipv4(ends, tcp(ends)), 0, 0x55)), "decode.ipv4-header"],
  ["IPv6 version", ethernet({ type: 0x86dd }, patched(ipv6(ends6, tcp(ends6)), 0, 0x40)), "decode.ipv6-header"],
  [
    "IPv6 extension header too long",
    ethernet({}, ipv6({ ...ends6, nextHeader: 60 }, bytes(6, 200, 0, 0, 0, 0, 0, 0))),
    "decode.ipv6-extension",
  ],
  ["TCP header length too small", ethernet({}, ipv4(ends, patched(tcp(ends), 12, 0x40))), "decode.tcp-header"],
  ["TCP header longer than the packet", ethernet({}, ipv4(ends, patched(tcp(ends), 12, 0xf0))), "decode.tcp-header"],
  ["no room for TCP", ethernet({}, ipv4(ends, new Uint8Array(19))), "decode.tcp-header"],
  [
    "UDP length too small",
    ethernet({}, ipv4({ ...ends, protocol: 17 }, patched(udp(ends, "x"), 5, 7))),
    "decode.udp-length",
  ],
  [
    "UDP length too large",
    ethernet({}, ipv4({ ...ends, protocol: 17 }, patched(udp(ends, "x"), 5, 10))),
    "decode.udp-length",
  ],
  ["Ethernet header", new Uint8Array(13), "decode.ethernet-header"],
  ["VLAN header", concat(new Uint8Array(12), u16(0x8100, 1)), "decode.vlan-header"],
  ["endless MPLS labels", ethernet({ type: 0x8847 }, new Uint8Array(400)), "decode.mpls-stack"],
])("malformed: %s", (_name, frame, code) => {
  const run = decode([frame]);
  expect(run.out).toEqual([]);
  expect(run.ledger).toMatchObject({ malformedPackets: 1, otherPackets: 0 });
  expect(run.anomalies).toEqual([code]);
});

test("UDP goes to the listener", () => {
  const run = decode([
    ethernet({}, ipPacket({ ...ends6, protocol: 17 }, udp({ ...ends6, destinationPort: 443 }, "quic"))),
  ]);
  expect(run.out[0]).toMatchObject({
    protocol: 17,
    data: "quic",
    path: "2001:db8::1:40000 > 2001:db8::2:443",
    ipLength: 52,
  });
});

function patched(packet: Uint8Array, at: number, value: number): Uint8Array {
  const copy = packet.slice();
  copy[at] = value;
  return copy;
}

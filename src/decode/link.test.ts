/** Every link type and tag that leads to IP: the same segment comes out of each. */
import { expect, test } from "vitest";
import { concat, ethernet, ipPacket, ipv4, ipv6, tcp, tcpFrame, u16, u32 } from "../../test/support/capture-builder.ts";
import { decode } from "../../test/support/decoded.ts";
import { INCOMING, OUTGOING } from "../core/packet.ts";

const ends = { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 40000, destinationPort: 80 };
const ends6 = { ...ends, source: "2001:db8::1", destination: "2001:db8::2" };
const PATH = "192.0.2.1:40000 > 192.0.2.2:80";
const PATH6 = "2001:db8::1:40000 > 2001:db8::2:80";
const packet = ipPacket(ends, tcp(ends, "GET / HTTP/1.1"));
const packet6 = ipPacket(ends6, tcp(ends6, "GET / HTTP/1.1"));

const bytes = (...values: number[]) => Uint8Array.from(values);
const mac = bytes(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2);
const snap = bytes(0xaa, 0xaa, 3, 0, 0, 0, 8, 0);
const snap6 = bytes(0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd);
const wlanHeader = (kind: number, flags: number, more: number[] = []) =>
  concat(bytes(kind, flags, 0, 0), mac, new Uint8Array(6), bytes(0x50, 0x01), bytes(...more));
const nflogAttribute = (type: number, value: Uint8Array, big = false) => {
  const length = value.length + 4;
  const head = big ? [length >> 8, length & 255, 0, type] : [length & 255, length >> 8, type, 0];
  return concat(bytes(...head), value, new Uint8Array((4 - (length % 4)) % 4));
};

const CASES: readonly [name: string, linkType: number, frame: Uint8Array, encapsulation?: string, vlan?: number][] = [
  ["Ethernet II", 1, ethernet({}, packet)],
  ["Ethernet II, IPv6", 1, ethernet({}, packet6)],
  ["802.3 with LLC and SNAP", 1, concat(mac, u16(8 + packet.length), snap, packet)],
  [
    "802.3 with the bridge tunnel organization",
    1,
    concat(mac, u16(8 + packet.length), bytes(0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 0), packet),
  ],
  ["802.3 with IP directly in LLC", 1, concat(mac, u16(3 + packet.length), bytes(6, 6, 3), packet)],
  ["a VLAN", 1, tcpFrame({ ...ends, vlans: [7] }, "GET / HTTP/1.1"), "vlan:7", 7],
  ["QinQ", 1, tcpFrame({ ...ends, vlans: [7, 8] }, "GET / HTTP/1.1"), "vlan:7/vlan:8", 7],
  [
    "five VLANs",
    1,
    tcpFrame({ ...ends, vlans: [1, 2, 3, 4, 5] }, "GET / HTTP/1.1"),
    "vlan:1/vlan:2/vlan:3/vlan:4/vlan:5",
    1,
  ],
  ["priority tag only", 1, tcpFrame({ ...ends, vlans: [0] }, "GET / HTTP/1.1")],
  ["a VLAN before 802.3", 1, concat(mac, u16(0x8100, 9, 8 + packet.length), snap, packet), "vlan:9", 9],
  ["old QinQ types", 1, concat(mac, u16(0x9100, 5, 0x9200, 6, 0x800), packet), "vlan:5/vlan:6", 5],
  ["VN-Tag", 1, concat(mac, u16(0x8926, 0, 0, 0x800), packet)],
  ["E-Tag", 1, concat(mac, u16(0x893f, 0, 0, 0, 0x800), packet)],
  ["Cisco MetaData", 1, concat(mac, u16(0x8909, 0x101, 1, 100, 0x800), packet)],
  ["provider backbone", 1, concat(mac, u16(0x88e7), u32(4711), ethernet({}, packet)), "pbb:4711"],
  [
    "Cisco ISL",
    1,
    concat(
      bytes(1, 0, 12, 0, 0, 0),
      new Uint8Array(6),
      u16(200),
      bytes(0xaa, 0xaa, 3, 0, 0, 12),
      u16(9 << 1, 0, 0),
      ethernet({}, packet),
    ),
    "isl:9",
    9,
  ],
  ["MPLS", 1, ethernet({ type: 0x8847 }, concat(u32(0x10140), packet)), "mpls"],
  ["MPLS, three labels, IPv6", 1, ethernet({ type: 0x8847 }, concat(u32(0x10040, 0x20040, 0x30140), packet6)), "mpls"],
  [
    "pseudo-wire with control word",
    1,
    ethernet({ type: 0x8847 }, concat(u32(0x10140, 0), ethernet({}, packet))),
    "mpls",
  ],
  [
    "pseudo-wire without control word",
    1,
    ethernet({ type: 0x8847 }, concat(u32(0x10140), ethernet({}, packet))),
    "mpls",
  ],
  [
    "pseudo-wire whose address looks like IPv4",
    1,
    ethernet({ type: 0x8847 }, concat(u32(0x10140), ethernet({ destination: "45:00:ff:ff:00:01" }, packet))),
    "mpls",
  ],
  ["PPPoE", 1, ethernet({ type: 0x8864 }, concat(bytes(0x11, 0), u16(1, packet.length + 2, 0x21), packet)), "pppoe"],
  [
    "PPPoE, IPv6",
    1,
    ethernet({ type: 0x8864 }, concat(bytes(0x11, 0), u16(1, packet6.length + 2, 0x57), packet6)),
    "pppoe",
  ],
  ["NSH", 1, ethernet({ type: 0x894f }, concat(bytes(0, 2, 2, 1), u32(0x100), packet)), "nsh"],
  ["PPP with address and control", 9, concat(bytes(0xff, 3, 0, 0x21), packet)],
  ["PPP without", 9, concat(u16(0x21), packet)],
  ["PPP, compressed protocol field", 9, concat(bytes(0x21), packet)],
  ["PPP on HDLC", 50, concat(bytes(0xff, 3, 0, 0x57), packet6)],
  ["Cisco HDLC on PPP_HDLC", 50, concat(bytes(0x0f, 0, 8, 0), packet)],
  ["PPP with MPLS", 9, concat(bytes(0xff, 3, 2, 0x81), u32(0x10140), packet), "mpls"],
  ["PPPoE without Ethernet", 51, concat(bytes(0x11, 0), u16(1, packet.length + 2, 0x21), packet), "pppoe"],
  ["pppd", 166, concat(bytes(1, 3, 0, 0x21), packet)],
  ["PPP with direction", 204, concat(bytes(1, 0xff, 3, 0, 0x21), packet)],
  ["Cisco HDLC", 104, concat(bytes(0x0f, 0, 8, 0), packet)],
  ["Linux cooked", 113, concat(u16(0, 1, 6, 0, 0, 0, 0, 0x800), packet)],
  ["Linux cooked, VLAN", 113, concat(u16(0, 1, 6, 0, 0, 0, 0, 0x8100, 7, 0x800), packet), "vlan:7", 7],
  ["Linux cooked, LLC", 113, concat(u16(0, 1, 6, 0, 0, 0, 0, 4), snap, packet)],
  ["Linux cooked 2", 276, concat(u16(0x86dd, 0), u32(3), u16(1), bytes(0, 6), new Uint8Array(8), packet6)],
  ["NULL, little-endian", 0, concat(bytes(2, 0, 0, 0), packet)],
  ["NULL, big-endian", 0, concat(u32(2), packet)],
  ...[10, 24, 28, 30]
    .map((family) => [`NULL, AF_INET6 ${family}`, 0, concat(bytes(family, 0, 0, 0), packet6)] as const)
    .map(([name, type, frame]): [string, number, Uint8Array] => [name, type, frame]),
  ["LOOP", 108, concat(u32(2), packet)],
  ["LOOP, IPv6", 108, concat(u32(24), packet6)],
  ["RAW", 101, packet],
  ["RAW, IPv6", 101, packet6],
  ["RAW as 12", 12, packet],
  ["RAW as 14", 14, packet6],
  ["IPV4", 228, packet],
  ["IPV6", 229, packet6],
  ["MPLS without Ethernet", 219, concat(u32(0x10140), packet), "mpls"],
  ["ENC", 109, concat(u32(2, 0, 0), packet)],
  ["PFLOG", 117, concat(bytes(61, 2), new Uint8Array(62), packet)],
  ["Ethernet with preamble", 274, concat(new Uint8Array(8), ethernet({}, packet))],
  ["802.11 data", 105, concat(wlanHeader(0x08, 0x01), snap, packet)],
  ["802.11 QoS data", 105, concat(wlanHeader(0x88, 0x02, [0, 0]), snap6, packet6)],
  ["802.11 with four addresses", 105, concat(wlanHeader(0x88, 0x03, [1, 2, 3, 4, 5, 6, 0, 0]), snap, packet)],
  ["802.11 with HT control", 105, concat(wlanHeader(0x88, 0x82, [0, 0, 0, 0, 0, 0]), snap, packet)],
  [
    "802.11, octets swapped",
    105,
    concat(bytes(0x01, 0x08, 0, 0), mac, new Uint8Array(6), bytes(0x76, 0x30), snap, packet),
  ],
  ["radiotap", 127, concat(bytes(0, 0, 9, 0, 2, 0, 0, 0, 0), wlanHeader(0x08, 0x01), snap, packet)],
  [
    "radiotap, padded data",
    127,
    concat(
      bytes(0, 0, 17, 0, 3, 0, 0, 0),
      new Uint8Array(8),
      bytes(0x20),
      wlanHeader(0x88, 0x01, [0, 0]),
      u16(0),
      snap,
      packet,
    ),
  ],
  ["Prism", 119, concat(u32(0x41), bytes(144, 0, 0, 0), new Uint8Array(136), wlanHeader(0x08, 0x01), snap, packet)],
  ["AVS", 163, concat(u32(0x80211001, 64), new Uint8Array(56), wlanHeader(0x08, 0x01), snap, packet)],
  ["PPI", 192, concat(bytes(0, 0, 8, 0, 105, 0, 0, 0), wlanHeader(0x08, 0x01), snap, packet)],
  ["Token Ring", 6, concat(bytes(0x10, 0x40), mac, snap, packet)],
  [
    "Token Ring with a route",
    6,
    concat(bytes(0x10, 0x40, 2, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 0, 2, 6, 0x30, 1, 2, 3, 4), snap, packet),
  ],
  ["FDDI", 10, concat(bytes(0x50), mac, snap, packet)],
  ["ARCNET, RFC 1051", 7, concat(bytes(1, 2, 240), packet)],
  ["ARCNET, RFC 1201", 7, concat(bytes(1, 2, 212, 0, 0, 1), packet)],
  ["ARCNET, exception frame", 7, concat(bytes(1, 2, 212, 0xff, 0, 0, 0, 0, 0, 1), packet)],
  ["ARCNET of Linux", 129, concat(bytes(1, 2, 0, 0, 240), packet)],
  ["ATM, RFC 1483", 100, concat(snap, packet)],
  ["NFLOG", 239, concat(bytes(2, 0, 0, 5), nflogAttribute(1, u32(0x08000000)), nflogAttribute(9, packet))],
  [
    "NFLOG, big-endian",
    239,
    concat(bytes(10, 0, 0, 5), nflogAttribute(10, bytes(97, 0), true), nflogAttribute(9, packet6, true)),
  ],
];

test.each(CASES)("%s", (_name, linkType, frame, encapsulation = undefined, vlan = -1) => {
  const run = decode([frame], linkType);
  expect(run.anomalies).toEqual([]);
  expect(run.out).toHaveLength(1);
  expect([PATH, PATH6]).toContain(run.out[0].path);
  expect(run.out[0]).toMatchObject({ data: "GET / HTTP/1.1", payloadCut: 0, vlan, protocol: 6 });
  expect(run.out[0].encapsulation).toBe(encapsulation ?? null);
  expect(run.out[0].ipLength).toBe(run.out[0].path === PATH ? packet.length : packet6.length);
  expect(run.ledger).toMatchObject({ otherPackets: 0, malformedPackets: 0 });
});

test("every case cut anywhere is counted, and gives at most the bytes that are left", () => {
  for (const [name, linkType, frame] of CASES) {
    for (let length = 0; length < frame.length; length++) {
      const run = decode([{ bytes: frame.subarray(0, length), wireLength: frame.length }], linkType);
      const { otherPackets, malformedPackets } = run.ledger;
      expect(run.out.length + otherPackets + malformedPackets, `${name} cut to ${length}`).toBe(1);
      if (run.out.length === 1) {
        expect("GET / HTTP/1.1".startsWith(run.out[0].data), `${name} cut to ${length}`).toBe(true);
        expect(run.out[0].data.length + run.out[0].payloadCut, `${name} cut to ${length}`).toBe(14);
      }
    }
  }
});

test("padding behind the IP packet is not data", () => {
  const short = ipPacket(ends, tcp(ends, "x"));
  const run = decode([
    concat(ethernet({}, short), new Uint8Array(9)),
    concat(mac, u16(8 + short.length), snap, short, "pad"),
  ]);
  expect(run.out.map((one) => one.data)).toEqual(["x", "x"]);
});

test("padding that a device counted into the IP length is not data", () => {
  // PPPoE says 40 octets of IP, the IP header says 46: the outer length holds
  const lying = ipv4({ ...ends, totalLength: 46 }, tcp(ends));
  const run = decode([ethernet({ type: 0x8864 }, concat(bytes(0x11, 0), u16(1, 42, 0x21), lying, new Uint8Array(6)))]);
  expect(run.out[0]).toMatchObject({ data: "", payloadCut: 0, ipLength: 40 });
  expect(run.anomalies).toEqual(["decode.length-beyond-frame"]);
});

test("frames of an aggregate are all decoded", () => {
  const inner = (text: string) => {
    const body = concat(snap, ipPacket(ends, tcp(ends, text)));
    return concat(mac, u16(body.length), body);
  };
  const first = inner("first");
  const padding = new Uint8Array((4 - (first.length % 4)) % 4);
  const run = decode([concat(wlanHeader(0x88, 0x02, [0x80, 0]), first, padding, inner("second"))], 105);
  expect(run.out.map((one) => one.data)).toEqual(["first", "second"]);
});

test("what is not TCP or UDP counts as other", () => {
  const frames = [
    ethernet({ type: 0x0806 }, new Uint8Array(28)),
    ethernet({ type: 0x8863 }, new Uint8Array(28)),
    ethernet({}, ipv4({ ...ends, protocol: 1 }, new Uint8Array(8))),
    ethernet({}, ipv6({ ...ends6, nextHeader: 58 }, new Uint8Array(8))),
    concat(mac, u16(38), bytes(0x42, 0x42, 3), new Uint8Array(35)),
  ];
  const run = decode(frames);
  expect(run.out).toEqual([]);
  expect(run.ledger).toMatchObject({ otherPackets: 5, malformedPackets: 0 });
});

test("encrypted, fragmented and empty 802.11 frames count as other", () => {
  const frames = [
    concat(wlanHeader(0x08, 0x41), snap, packet),
    concat(wlanHeader(0x08, 0x05), snap, packet),
    concat(wlanHeader(0x48, 0x01), snap, packet),
    concat(wlanHeader(0x80, 0x00), snap, packet),
  ];
  expect(decode(frames, 105).ledger).toMatchObject({ otherPackets: 4, malformedPackets: 0 });
});

test("a VLAN tag that the kernel took out counts as the outermost", () => {
  const run = decode([
    { bytes: ethernet({}, packet), vlanTag: 0xe007 },
    { bytes: tcpFrame({ ...ends, vlans: [8] }), vlanTag: 7 },
    { bytes: ethernet({}, packet), vlanTag: 0xe000 },
  ]);
  expect(run.out.map((one) => [one.vlan, one.scope])).toEqual([
    [7, "vlan:7"],
    [7, "vlan:7/vlan:8"],
    [-1, null],
  ]);
});

test("cooked captures tell the direction", () => {
  const cooked = (type: number) => concat(u16(type, 1, 6, 0, 0, 0, 0, 0x800), packet);
  expect(decode([cooked(0), cooked(4)], 113).out.map((one) => one.direction)).toEqual([INCOMING, OUTGOING]);
});

test("an unknown link type is told", () => {
  const run = decode([packet], 147);
  expect(run.anomalies).toEqual(["decode.link-type-unsupported"]);
  expect(run.ledger.otherPackets).toBe(1);
});

/** Every tunnel gives the inner segment, and a scope that is the same in both directions. */
import { expect, test } from "vitest";
import { concat, ethernet, ipPacket, tcp, tcpFrame, u16, u32, udp } from "../../test/support/capture-builder.ts";
import { decode } from "../../test/support/decoded.ts";

const ends = { source: "10.0.0.1", destination: "10.0.0.2", sourcePort: 40000, destinationPort: 80 };
const ends6 = { ...ends, source: "2001:db8::1", destination: "2001:db8::2" };
const PATHS = ["10.0.0.1:40000 > 10.0.0.2:80", "2001:db8::1:40000 > 2001:db8::2:80"];
const packet = ipPacket(ends, tcp(ends, "GET / HTTP/1.1"));
const packet6 = ipPacket(ends6, tcp(ends6, "GET / HTTP/1.1"));
const frame = ethernet({}, packet);
const bytes = (...values: number[]) => Uint8Array.from(values);
const outer = { source: "192.0.2.1", destination: "192.0.2.2" };
const outer6 = { source: "2001:db8:9::1", destination: "2001:db8:9::2" };

const inIp = (protocol: number, payload: Uint8Array, addresses = outer) =>
  ethernet({}, ipPacket({ ...addresses, protocol }, payload));
const inUdp = (destinationPort: number, payload: Uint8Array, sourcePort = 50000) =>
  inIp(17, udp({ ...outer, sourcePort, destinationPort }, payload));
const inGre = (flags: number, type: number, payload: Uint8Array) => inIp(47, concat(u16(flags, type), payload));
const vxlan = (vni: number, inner: Uint8Array) => inUdp(4789, concat(u32(0x08000000, vni << 8), inner));
const wlan = concat(bytes(0x08, 0x01, 0, 0), new Uint8Array(20), bytes(0xaa, 0xaa, 3, 0, 0, 0, 8, 0), packet);
const ayiyaHeader = concat(bytes(0x41, 0x52, 0x11, 41), new Uint8Array(4 + 16 + 20));

const CASES: readonly [name: string, frame: Uint8Array, encapsulation: string, scope: string | null][] = [
  ["IP in IP", inIp(4, packet), "ipip", null],
  ["6in4", inIp(41, packet6), "6in4", null],
  ["4in6", inIp(4, packet, outer6), "4in6", null],
  ["6in6", inIp(41, packet6, outer6), "6in6", null],
  ["EtherIP", inIp(97, concat(u16(0x3000), frame)), "etherip", null],
  ["MPLS in IP", inIp(137, concat(u32(0x10140), packet)), "mpls", null],
  ["Ethernet in SRv6", inIp(143, frame, outer6), "srv6", null],
  ["GRE", inGre(0, 0x0800, packet), "gre", null],
  ["GRE, IPv6", inGre(0, 0x86dd, packet6), "gre", null],
  ["GRE over IPv6", inIp(47, concat(u16(0, 0x0800), packet), outer6), "gre", null],
  ["GRE with checksum", inGre(0x8000, 0x0800, concat(u32(0), packet)), "gre", null],
  ["GRE with key", inGre(0x2000, 0x0800, concat(u32(42), packet)), "gre:42", "gre:42"],
  ["GRE with everything", inGre(0xb000, 0x0800, concat(u32(0, 42, 7), packet)), "gre:42", "gre:42"],
  [
    "GRE with source routes",
    inGre(0x4000, 0x0800, concat(u32(0), u16(0x800), bytes(0, 4, 1, 2, 3, 4), u32(0), packet)),
    "gre",
    null,
  ],
  ["GRE with a frame", inGre(0, 0x6558, frame), "gre", null],
  ["NVGRE or a mirror with key", inGre(0x2000, 0x6558, concat(u32(0x123456ff), frame)), "gre", null],
  [
    "PPTP",
    inGre(0x3001, 0x880b, concat(u16(packet.length + 4, 9), u32(1), bytes(0xff, 3, 0, 0x21), packet)),
    "gre",
    null,
  ],
  [
    "PPTP with acknowledgment",
    inGre(0x3081, 0x880b, concat(u16(packet.length + 1, 9), u32(1, 2), bytes(0x21), packet)),
    "gre",
    null,
  ],
  ["EoIP", inGre(0x2001, 0x6400, concat(u16(frame.length), bytes(7, 1), frame)), "eoip:263", "eoip:263"],
  ["WCCP version 1", inGre(0, 0x883e, packet), "gre/wccp", null],
  ["WCCP version 2", inGre(0, 0x883e, concat(u32(0x00010203), packet)), "gre/wccp", null],
  ["Aruba", inGre(0, 0x8200, wlan), "gre", null],
  ["ERSPAN type I", inGre(0, 0x88be, frame), "erspan", null],
  ["ERSPAN type II", inGre(0x1000, 0x88be, concat(u32(1), u32(0x10070005, 0), frame)), "erspan", null],
  ["ERSPAN type III", inGre(0x1000, 0x22eb, concat(u32(1), u32(0x20070005, 0, 0), frame)), "erspan", null],
  [
    "ERSPAN type III with subheader",
    inGre(0x1000, 0x22eb, concat(u32(1), u32(0x20070005, 0, 1, 0, 0), frame)),
    "erspan",
    null,
  ],
  [
    "ERSPAN type III with IP",
    inGre(0x1000, 0x22eb, concat(u32(1), u32(0x20070005, 0, 2 << 10), packet)),
    "erspan",
    null,
  ],
  ["VXLAN", vxlan(42, frame), "vxlan:42", "vxlan:42"],
  ["VXLAN on Linux' old port", inUdp(8472, concat(u32(0x08000000, 42 << 8), frame)), "vxlan:42", "vxlan:42"],
  ["VXLAN with group policy", inUdp(4789, concat(u32(0x88000007, 42 << 8), frame)), "vxlan:42", "vxlan:42"],
  ["VXLAN-GPE with IP", inUdp(4790, concat(u32(0x0c000001, 42 << 8), packet)), "vxlan:42", "vxlan:42"],
  [
    "VXLAN-GPE with NSH",
    inUdp(4790, concat(u32(0x0c000004, 42 << 8), bytes(0, 2, 2, 3), u32(1), frame)),
    "vxlan:42/nsh",
    "vxlan:42",
  ],
  ["Geneve", inUdp(6081, concat(u32(0x00006558, 42 << 8), frame)), "geneve:42", "geneve:42"],
  ["Geneve with options and IP", inUdp(6081, concat(u32(0x02000800, 42 << 8, 1, 2), packet)), "geneve:42", "geneve:42"],
  ["GTP", inUdp(2152, concat(bytes(0x30, 255), u16(packet.length), u32(7), packet)), "gtp", null],
  ["GTP with sequence", inUdp(2152, concat(bytes(0x32, 255), u16(packet.length + 4), u32(7, 0), packet)), "gtp", null],
  [
    "GTP with extension headers",
    inUdp(
      2152,
      concat(
        bytes(0x34, 255),
        u16(packet.length + 12),
        u32(7),
        bytes(0, 0, 0, 0x85, 1, 0, 9, 0x85, 1, 0, 9, 0),
        packet,
      ),
    ),
    "gtp",
    null,
  ],
  ["Teredo", inUdp(3544, packet6), "teredo", null],
  [
    "Teredo from the server, with authentication and origin",
    inUdp(40000, concat(bytes(0, 1, 0, 0), new Uint8Array(9), bytes(0, 0), new Uint8Array(6), packet6), 3544),
    "teredo",
    null,
  ],
  ["AYIYA", inUdp(5072, concat(ayiyaHeader, packet6)), "ayiya/6in4", null],
  ["CAPWAP with 802.3", inUdp(5247, concat(bytes(0, 0x10, 0, 0), u32(0), frame)), "capwap", null],
  ["CAPWAP with 802.11", inUdp(40000, concat(bytes(0, 0x10, 0x03, 0), u32(0), wlan), 5247), "capwap", null],
  ["L2TP", inUdp(1701, concat(u16(0x4002, 12 + packet.length, 1, 1), bytes(0xff, 3, 0, 0x21), packet)), "l2tp", null],
  ["GUE", inUdp(6080, concat(bytes(0, 4, 0, 0), packet)), "gue/ipip", null],
  ["GUE, direct", inUdp(6080, packet), "gue", null],
  ["LISP", inUdp(4341, concat(u32(0, 0), packet)), "lisp", null],
  ["MPLS in UDP", inUdp(6635, concat(u32(0x10140), packet)), "mpls", null],
  [
    "a VLAN inside VXLAN inside a VLAN",
    ethernet({ vlans: [7] }, vxlan(42, tcpFrame({ ...ends, vlans: [8] }, "GET / HTTP/1.1")).subarray(14)),
    "vlan:7/vxlan:42/vlan:8",
    "vlan:7/vxlan:42/vlan:8",
  ],
  ["authentication header", inIp(51, concat(bytes(6, 4), new Uint8Array(22), tcp(ends, "GET / HTTP/1.1"))), "", null],
];

test.each(CASES)("%s", (name, whole, encapsulation, scope) => {
  const run = decode([whole]);
  expect(run.anomalies).toEqual([]);
  expect(run.out).toHaveLength(1);
  expect(run.out[0]).toMatchObject({ data: "GET / HTTP/1.1", payloadCut: 0, scope });
  expect(run.out[0].encapsulation ?? "").toBe(encapsulation);
  if (name === "authentication header") return;
  expect(PATHS).toContain(run.out[0].path);
  expect(run.out[0].ipLength).toBe(run.out[0].path === PATHS[0] ? packet.length : packet6.length);
});

test("every tunnel cut anywhere is counted, and gives at most the bytes that are left", () => {
  for (const [name, whole] of CASES) {
    for (let length = 0; length < whole.length; length++) {
      const run = decode([{ bytes: whole.subarray(0, length), wireLength: whole.length }]);
      const { otherPackets, malformedPackets } = run.ledger;
      expect(run.out.length + otherPackets + malformedPackets, `${name} cut to ${length}`).toBe(1);
      if (run.out[0]?.protocol !== 6) continue;
      expect("GET / HTTP/1.1".startsWith(run.out[0].data), `${name} cut to ${length}`).toBe(true);
      expect(run.out[0].data.length + run.out[0].payloadCut, `${name} cut to ${length}`).toBe(14);
    }
  }
});

test("the same addresses in different networks are different scopes, the same network is the same", () => {
  const frames = [frame, vxlan(1, frame), vxlan(2, frame), ethernet({ vlans: [1] }, packet), vxlan(1, frame)];
  expect(decode(frames).out.map((one) => one.scope)).toEqual([null, "vxlan:1", "vxlan:2", "vlan:1", "vxlan:1"]);
});

test("scopes can be left out of VLANs and of tunnels", () => {
  const frames = [ethernet({ vlans: [1] }, packet), vxlan(1, frame)];
  const scopes = (options: object) => decode(frames, 1, options).out.map((one) => one.scope);
  expect(scopes({ scopeByVlan: false })).toEqual([null, "vxlan:1"]);
  expect(scopes({ scopeByTunnel: false })).toEqual(["vlan:1", null]);
  expect(decode(frames, 1, { scopeByVlan: false }).out[0]).toMatchObject({ vlan: 1, encapsulation: "vlan:1" });
});

test("a mirror that shortened its frame says so, and the rest counts as cut", () => {
  const shortened = concat(u32(1), u32(0x10070405, 0), frame.subarray(0, frame.length - 6));
  const run = decode([inGre(0x1000, 0x88be, shortened)]);
  expect(run.out[0]).toMatchObject({ data: "GET / HT", payloadCut: 6, ipLength: packet.length });
  expect(run.anomalies).toEqual([]);
});

test("a datagram on a tunnel's port that is no tunnel is a datagram", () => {
  for (const port of [4789, 6081, 2152, 3544, 5072, 5247, 1701, 6080, 4341]) {
    const run = decode([inUdp(port, bytes(0xc3, 1, 2, 3))]);
    expect(
      run.out.map((one) => [one.protocol, one.data.length]),
      String(port),
    ).toEqual([[17, 4]]);
  }
});

test("tunnels in tunnels end at a limit", () => {
  let nested = packet;
  for (let i = 0; i < 40; i++) nested = ipPacket({ ...outer, protocol: 4 }, nested);
  const run = decode([ethernet({}, nested)]);
  expect(run.out).toEqual([]);
  expect(run.anomalies).toEqual(["decode.too-many-layers"]);
  expect(run.ledger.malformedPackets).toBe(1);
});

test("ten tunnels in tunnels are fine", () => {
  let nested = packet;
  for (let i = 0; i < 10; i++) nested = ipPacket({ ...outer, protocol: 4 }, nested);
  expect(decode([ethernet({}, nested)]).out).toHaveLength(1);
});

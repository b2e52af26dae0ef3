import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ethernet, IPV4, IPV6, ipv4, ipv6, tcp, udp } from "../../../test/support/capture-frames.ts";
import { type FilteredPacket, runFilter } from "../../../test/support/classic-bpf.ts";
import { concat } from "../../../test/support/packet-builder.ts";
import { Trouble } from "../../core/trouble.ts";
import { Assembler, JUMP_EQUAL, LOAD_HALF, MAX_INSTRUCTIONS, NEXT, sequence } from "./bpf-assembler.ts";
import {
  byHardware,
  ethernetFilter,
  filterOf,
  loopbackOnce,
  networkFilter,
  onlyInterfaces,
  parsePorts,
  TUNNEL_UDP_PORTS,
} from "./filter-program.ts";

const SNAP = 4000;
const all = ethernetFilter({ snapLength: SNAP });
const passes = (program: Parameters<typeof runFilter>[0], packet: FilteredPacket | Uint8Array) =>
  runFilter(program, packet instanceof Uint8Array ? { bytes: packet } : packet) > 0;

const SOME_TCP = tcp(40_000, 80);
const SOME_DNS = udp(5353, 53);

describe("the filter without ports", () => {
  const kept: [string, Uint8Array][] = [
    ["TCP over IPv4", ethernet(IPV4, ipv4(6, SOME_TCP))],
    ["TCP over IPv6", ethernet(IPV6, ipv6(6, SOME_TCP))],
    ["behind one VLAN tag", ethernet(IPV4, ipv4(6, SOME_TCP), [7])],
    ["behind two VLAN tags", ethernet(IPV6, ipv6(6, SOME_TCP), [7, 8])],
    ["behind three VLAN tags", ethernet(IPV6, ipv6(6, SOME_TCP), [7, 8, 9])],
    ["behind a provider tag", ethernet(IPV4, ipv4(6, SOME_TCP), [7, 8])],
    ["IPv4 options", ethernet(IPV4, ipv4(6, SOME_TCP, { optionWords: 10 }))],
    ["first fragment", ethernet(IPV4, ipv4(6, SOME_TCP, { moreFragments: true }))],
    ["last fragment", ethernet(IPV4, ipv4(6, new Uint8Array(8), { fragmentOffset: 1480 }))],
    ["fragment of a UDP tunnel", ethernet(IPV4, ipv4(17, new Uint8Array(8), { fragmentOffset: 1480 }))],
    ["fragment of GRE", ethernet(IPV4, ipv4(47, new Uint8Array(8), { fragmentOffset: 1480 }))],
    ["IPv6 fragment header", ethernet(IPV6, ipv6(44, new Uint8Array(16)))],
    ["IPv6 hop-by-hop options", ethernet(IPV6, ipv6(0, new Uint8Array(16)))],
    ["GRE", ethernet(IPV4, ipv4(47, new Uint8Array(30)))],
    ["IPv4 in IPv4", ethernet(IPV4, ipv4(4, ipv4(6, SOME_TCP)))],
    ["IPv6 in IPv4", ethernet(IPV4, ipv4(41, ipv6(6, SOME_TCP)))],
    ["AH", ethernet(IPV4, ipv4(51, new Uint8Array(30)))],
    ["GRE over IPv6", ethernet(IPV6, ipv6(47, new Uint8Array(30)))],
    ["MPLS", ethernet(0x8847, new Uint8Array(40))],
    ["PPPoE", ethernet(0x8864, new Uint8Array(40))],
    ["LLC with SNAP", ethernet(60, Uint8Array.of(0xaa, 0xaa, 3, 0, 0, 0, 8, 0))],
    ...TUNNEL_UDP_PORTS.flatMap((port): [string, Uint8Array][] => [
      [`UDP to ${port}`, ethernet(IPV4, ipv4(17, udp(50_000, port)))],
      [`UDP from ${port}`, ethernet(IPV6, ipv6(17, udp(port, 50_000)))],
    ]),
  ];
  test.each(kept)("keeps %s", (_, frame) => expect(runFilter(all, { bytes: frame })).toBe(SNAP));

  const dropped: [string, Uint8Array][] = [
    ["UDP", ethernet(IPV4, ipv4(17, SOME_DNS))],
    ["UDP over IPv6", ethernet(IPV6, ipv6(17, SOME_DNS))],
    ["UDP behind a VLAN tag", ethernet(IPV4, ipv4(17, SOME_DNS), [7])],
    ["ICMP", ethernet(IPV4, ipv4(1, new Uint8Array(8)))],
    ["ICMPv6", ethernet(IPV6, ipv6(58, new Uint8Array(8)))],
    ["ARP", ethernet(0x0806, new Uint8Array(28))],
    ["spanning tree", ethernet(38, Uint8Array.of(0x42, 0x42, 3, 0, 0, 0, 0, 0))],
    ["nothing", new Uint8Array(0)],
    ["a bare Ethernet header", ethernet(IPV4, new Uint8Array(0))],
  ];
  test.each(dropped)("drops %s", (_, frame) => expect(runFilter(all, { bytes: frame })).toBe(0));

  test("drops tunnels when they are not wanted", () => {
    const plain = ethernetFilter({ snapLength: SNAP, tunnels: false });
    expect(passes(plain, ethernet(IPV4, ipv4(6, SOME_TCP)))).toBe(true);
    expect(passes(plain, ethernet(IPV4, ipv4(47, new Uint8Array(30))))).toBe(false);
    expect(passes(plain, ethernet(IPV4, ipv4(17, udp(1, 4789))))).toBe(false);
    expect(passes(plain, ethernet(0x8847, new Uint8Array(40)))).toBe(false);
    expect(passes(plain, ethernet(IPV4, ipv4(17, new Uint8Array(8), { fragmentOffset: 1480 })))).toBe(false);
  });

  test("keeps UDP ports that were asked for", () => {
    const quic = ethernetFilter({ snapLength: SNAP, tunnels: false, udpPorts: [443] });
    expect(passes(quic, ethernet(IPV6, ipv6(17, udp(50_000, 443))))).toBe(true);
    expect(passes(quic, ethernet(IPV6, ipv6(17, udp(443, 50_000))))).toBe(true);
    expect(passes(quic, ethernet(IPV6, ipv6(17, udp(50_000, 444))))).toBe(false);
  });
});

const port = fc.integer({ min: 1, max: 65_535 });
const range = fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const narrow = fc.oneof(
  port.map((at) => ({ from: at, to: at })),
  range.map(({ from, to }) => ({ from, to: Math.min(to, from + 50) })),
);

describe("the filter with ports", () => {
  test("keeps exactly the TCP packets with one of them at either end", () => {
    const frame = fc.record({
      tags: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 2 }),
      version: fc.constantFrom(4, 6),
      optionWords: fc.integer({ min: 0, max: 10 }),
    });
    fc.assert(
      fc.property(
        fc.array(narrow, { minLength: 1, maxLength: 300 }),
        fc.array(port, { minLength: 8, maxLength: 8 }),
        frame,
        (ports, samples, { tags, version, optionWords }) => {
          const program = ethernetFilter({ snapLength: SNAP, ports });
          const inList = (value: number) => ports.some(({ from, to }) => value >= from && value <= to);
          const edges = ports.slice(0, 3).flatMap(({ from, to }) => [from - 1, from, to, (to + 1) & 0xffff]);
          const values = [...samples, ...edges];
          values.forEach((source, index) => {
            const destination = values[(index + 5) % values.length];
            const segment = tcp(source, destination);
            const bytes =
              version === 4
                ? ethernet(IPV4, ipv4(6, segment, { optionWords }), tags)
                : ethernet(IPV6, ipv6(6, segment), tags);
            expect(passes(program, bytes)).toBe(inList(source) || inList(destination));
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test("keeps tunnels and fragments, whose ports it cannot see", () => {
    const program = ethernetFilter({ snapLength: SNAP, ports: [{ from: 80, to: 80 }] });
    expect(passes(program, ethernet(IPV4, ipv4(6, tcp(1, 2))))).toBe(false);
    expect(passes(program, ethernet(IPV4, ipv4(6, new Uint8Array(8), { fragmentOffset: 8 })))).toBe(true);
    expect(passes(program, ethernet(IPV4, ipv4(17, udp(1, 4789))))).toBe(true);
  });

  test("says when there are too many for the kernel", () => {
    const ports = Array.from({ length: 3000 }, (_, index) => ({ from: index * 2 + 1, to: index * 2 + 1 }));
    const build = () => filterOf(ethernetFilter({ snapLength: SNAP, ports }));
    expect(build).toThrow(Trouble);
    expect(build).toThrow(String(MAX_INSTRUCTIONS));
  });
});

test("interfaces without an Ethernet header are filtered from the network header on, wherever that is", () => {
  const program = networkFilter({ snapLength: SNAP, ports: [{ from: 80, to: 80 }] });
  for (const front of [0, 4, 24]) {
    const at = (payload: Uint8Array, protocol: number): FilteredPacket => ({
      bytes: concat(new Uint8Array(front).fill(0xff), payload),
      network: front,
      protocol,
      hardwareType: 65_534,
    });
    expect(passes(program, at(ipv4(6, tcp(80, 4000)), IPV4))).toBe(true);
    expect(passes(program, at(ipv4(6, tcp(81, 4000)), IPV4))).toBe(false);
    expect(passes(program, at(ipv6(6, tcp(4000, 80)), IPV6))).toBe(true);
    expect(passes(program, at(ipv6(17, SOME_DNS), IPV6))).toBe(false);
    expect(passes(program, at(new Uint8Array(40), 0x8100))).toBe(true);
    expect(passes(program, at(new Uint8Array(40), 0x0806))).toBe(false);
  }
});

test("loopback packets pass in one direction, all others in both", () => {
  const rule = loopbackOnce();
  const bytes = new Uint8Array(20);
  const passed = (hardwareType: number, packetType: number) => passes(rule, { bytes, hardwareType, packetType });
  expect([passed(772, 4), passed(772, 0), passed(1, 4), passed(1, 0)]).toEqual([false, true, true, true]);
});

test("rules in a row all have to pass, and the last one says how much is kept", () => {
  const program = filterOf(
    loopbackOnce(),
    onlyInterfaces([3, 9]),
    byHardware(ethernetFilter({ snapLength: 111 }), networkFilter({ snapLength: 222 })),
  );
  const frame = ethernet(IPV4, ipv4(6, SOME_TCP));
  const keep = (packet: Partial<FilteredPacket>) => runFilter(program, { bytes: frame, interfaceIndex: 3, ...packet });
  expect(keep({})).toBe(111);
  expect(keep({ interfaceIndex: 9 })).toBe(111);
  expect(keep({ interfaceIndex: 4 })).toBe(0);
  expect(keep({ hardwareType: 772 })).toBe(111);
  expect(keep({ hardwareType: 772, packetType: 4 })).toBe(0);
  const bare = { bytes: frame.subarray(14), protocol: IPV4, hardwareType: 65_534 };
  expect(keep(bare)).toBe(222);
  expect(keep({ ...bare, interfaceIndex: 4 })).toBe(0);
});

describe("the assembler", () => {
  test("jumps that do not reach are made longer", () => {
    const code = new Assembler().add(LOAD_HALF, 0).when(JUMP_EQUAL, 1, "far", NEXT);
    for (let index = 0; index < 300; index++) code.when(JUMP_EQUAL, 1000 + index, "far", NEXT);
    const program = code.give(0).label("far").give(9).program();
    for (const [value, kept] of [
      [1, 9],
      [1000, 9],
      [1299, 9],
      [1300, 0],
      [2, 0],
    ]) {
      expect(runFilter(program, { bytes: Uint8Array.of(value >>> 8, value & 255) })).toBe(kept);
    }
    expect(program.every(({ jt, jf }) => jt <= 255 && jf <= 255)).toBe(true);
  });

  test("refuses to jump back or nowhere", () => {
    expect(() => new Assembler().label("back").give(0).jump("back").program()).toThrow("back");
    expect(() => new Assembler().jump("nowhere").program()).toThrow("nowhere");
  });

  test("one program alone stays as it is", () => {
    expect(sequence(all)).toEqual(all);
  });
});

describe("ports as text", () => {
  test("numbers, ranges and lists", () => {
    expect(parsePorts("80")).toEqual([{ from: 80, to: 80 }]);
    expect(parsePorts("80, 8000-8100,443")).toEqual([
      { from: 80, to: 80 },
      { from: 8000, to: 8100 },
      { from: 443, to: 443 },
    ]);
  });
  test.each(["", "http", "0", "65536", "90-80", "80,", "1-2-3", "-80"])("%j is refused", (text) => {
    expect(() => parsePorts(text)).toThrow(/not a port/);
  });
});

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
  type HostAddress,
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

describe("the filter without ports", () => {
  test.each(kept)("keeps %s", (_, frame) => expect(runFilter(all, { bytes: frame })).toBe(SNAP));

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

describe("the filter with hosts", () => {
  /** Few, so that packets between two of them come about. */
  const host = fc.constantFrom<HostAddress>(
    [0, 0, 0xffff, 0x0a000001],
    [0, 0, 0xffff, 0xc0000201 | 0],
    [0x20010db8, 0, 0, 1],
    [0x20010db8, 0, 0, 2],
    [0x20010db8, 0, 1, 1],
    [0xfe800000 | 0, 0, 0, 1],
  );
  const isNarrow = ([first, second, third]: HostAddress) => first === 0 && second === 0 && third === 0xffff;
  const octets = (words: readonly number[]) => {
    const view = new DataView(new ArrayBuffer(4 * words.length));
    for (const [index, word] of words.entries()) view.setInt32(4 * index, word);
    return new Uint8Array(view.buffer);
  };

  /** TCP between two addresses; of IPv6 when asked for or needed. */
  function packet(
    source: HostAddress,
    destination: HostAddress,
    wide: boolean,
    optionWords: number,
  ): [number, Uint8Array] {
    if (wide || !isNarrow(source) || !isNarrow(destination)) {
      const bytes = ipv6(6, SOME_TCP);
      bytes.set(octets([...source, ...destination]), 8);
      return [IPV6, bytes];
    }
    const bytes = ipv4(6, SOME_TCP, { optionWords });
    bytes.set(octets([source[3], destination[3]]), 12);
    return [IPV4, bytes];
  }

  test("keeps exactly the TCP packets to or from one of them, with ports of theirs", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(host, { minLength: 1, maxLength: 4, selector: String }),
        host,
        host,
        fc.boolean(),
        fc.integer({ min: 0, max: 10 }),
        fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 2 }),
        (hosts, source, destination, wide, optionWords, tags) => {
          const [type, bytes] = packet(source, destination, wide, optionWords);
          const wanted = [source, destination].some((one) => hosts.map(String).includes(String(one)));
          const frame = ethernet(type, bytes, tags);
          expect(passes(ethernetFilter({ snapLength: SNAP, hosts }), frame)).toBe(wanted);
          const at80 = [{ from: 80, to: 80 }];
          expect(passes(ethernetFilter({ snapLength: SNAP, hosts, ports: at80 }), frame)).toBe(wanted);
          const at81 = [{ from: 81, to: 81 }];
          expect(passes(ethernetFilter({ snapLength: SNAP, hosts, ports: at81 }), frame)).toBe(false);
          const bare = { bytes, network: 0, protocol: type, hardwareType: 65_534 };
          expect(passes(networkFilter({ snapLength: SNAP, hosts }), bare)).toBe(wanted);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("everything that may hold a match passes as it did", () => {
    const program = ethernetFilter({ snapLength: SNAP, hosts: [[0, 0, 0xffff, 1]] });
    const plainTcp = ["TCP over IPv4", "TCP over IPv6", "behind one VLAN tag", "IPv4 options"];
    const others = [...kept].filter(([name]) => !plainTcp.includes(name) && !/two VLAN tags|provider tag/.test(name));
    expect(others.length).toBeGreaterThan(20);
    for (const [name, frame] of others) expect([name, passes(program, frame)]).toEqual([name, true]);
    for (const [name, frame] of dropped) expect([name, passes(program, frame)]).toEqual([name, false]);
    expect(passes(program, ethernet(IPV4, ipv4(6, SOME_TCP)))).toBe(false);
  });

  test("sixteen with all ports that are pushed down fit in", () => {
    const hosts = Array.from({ length: 16 }, (_, index): HostAddress => [1, 2, 3, index]);
    const ports = Array.from({ length: 64 }, (_, index) => ({ from: index + 1, to: index + 1 }));
    const rules = { snapLength: SNAP, hosts, ports };
    const whole = filterOf(loopbackOnce(), byHardware(ethernetFilter(rules), networkFilter(rules)));
    expect(whole.length).toBeLessThan(MAX_INSTRUCTIONS / 2);
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

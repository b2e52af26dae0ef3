/** Fragments: order, overlaps, loss, and the limits under a flood. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, ethernet, ipv4, ipv6, tcp, u16, u32, udp } from "../../test/support/capture-builder.ts";
import { decode } from "../../test/support/decoded.ts";
import { Ledger } from "../core/ledger.ts";
import { Cursor } from "./cursor.ts";
import { FRAGMENT_LIMITS, FragmentTable } from "./fragment.ts";

const ends = { source: "192.0.2.1", destination: "192.0.2.2", sourcePort: 40000, destinationPort: 80 };
const ends6 = { ...ends, source: "2001:db8::1", destination: "2001:db8::2" };
const text = Array.from({ length: 100 }, (_, i) => String.fromCharCode(33 + (i % 90))).join("");

interface Cut {
  readonly from: number;
  readonly to: number;
  readonly more?: boolean;
  readonly data?: Uint8Array;
}

const segment = tcp(ends, text);
/** Fragments of the segment, 120 octets long, as Ethernet frames. */
function fragments4(cuts: readonly Cut[], id = 99): Uint8Array[] {
  return cuts.map(({ from, to, more = to < segment.length, data }) =>
    ethernet({}, ipv4({ ...ends, id, fragmentOffset: from, moreFragments: more }, data ?? segment.subarray(from, to))),
  );
}

function fragments6(cuts: readonly Cut[], id = 99): Uint8Array[] {
  const whole = tcp(ends6, text);
  return cuts.map(({ from, to }) => {
    const field = from | (to < whole.length ? 1 : 0);
    const extensions = [{ type: 44, body: concat(u16(field), u32(id)) }];
    return ethernet({}, ipv6({ ...ends6, extensions }, whole.subarray(from, to)));
  });
}

const THREE: readonly Cut[] = [
  { from: 0, to: 48 },
  { from: 48, to: 96 },
  { from: 96, to: 120 },
];

test("IPv4 fragments make a segment", () => {
  const run = decode(fragments4(THREE));
  expect(run.out).toHaveLength(1);
  expect(run.out[0]).toMatchObject({ data: text, ipLength: 3 * 20 + 120, ipId: 99, payloadCut: 0 });
  expect(run.ledger).toMatchObject({ fragments: 3, fragmentsLost: 0, otherPackets: 0, malformedPackets: 0 });
});

test("IPv6 fragments make a segment", () => {
  const run = decode(fragments6(THREE));
  expect(run.out).toHaveLength(1);
  expect(run.out[0]).toMatchObject({ data: text, ipLength: 3 * 48 + 120, path: "2001:db8::1:40000 > 2001:db8::2:80" });
});

test("an IPv6 fragment that is the whole packet needs no other", () => {
  expect(decode(fragments6([{ from: 0, to: 120 }])).out[0]).toMatchObject({ data: text, ipLength: 168 });
});

test("any order, any cuts, a copy among them: the same segment, once", () => {
  const cutPoints = fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(cutPoints, fc.infiniteStream(fc.nat()), (points, random) => {
      const edges = [0, ...points.sort((a, b) => a - b).map((point) => point * 8), 120];
      const cuts = edges.slice(1).map((to, i) => ({ from: edges[i], to }));
      const copies = cuts.slice(0, 1);
      const shuffled = [...cuts, ...copies]
        .map((cut) => [random.next().value ?? 0, cut] as const)
        .sort((a, b) => a[0] - b[0]);
      const run = decode(fragments4(shuffled.map(([, cut]) => cut)));
      expect(run.out.map((one) => one.data)).toEqual([text]);
      expect(run.anomalies).toEqual([]);
    }),
  );
});

test("an overlap with other bytes: what came first holds, and it is told", () => {
  const evil = new Uint8Array(48).fill(0x58);
  const cuts: Cut[] = [THREE[0], { from: 40, to: 88, data: evil }, THREE[2], THREE[1]];
  const run = decode(fragments4(cuts));
  const expected = `${text.slice(0, 28)}${"X".repeat(40)}${text.slice(68)}`;
  expect(run.out.map((one) => one.data)).toEqual([expected]);
  expect(run.anomalies).toEqual(["decode.fragment-overlap"]);
});

test("teardrop: a piece inside another changes nothing", () => {
  const run = decode(fragments4([THREE[0], { from: 8, to: 16, data: new Uint8Array(8) }, THREE[1], THREE[2]]));
  expect(run.out.map((one) => one.data)).toEqual([text]);
});

test("two ends, or bytes behind the end, are a conflict; the first end holds", () => {
  const conflicts: Cut[] = [
    { from: 96, to: 112, more: false },
    { from: 120, to: 128, more: true, data: new Uint8Array(8) },
  ];
  const run = decode(fragments4([THREE[2], ...conflicts, THREE[0], THREE[1]]));
  expect(run.out.map((one) => one.data)).toEqual([text]);
  expect(run.ledger.anomalies.get("decode.fragment-conflict")).toBe(2);
});

test("fragments of other ids, protocols, interfaces and scopes do not mix", () => {
  const [first, second, third] = fragments4(THREE);
  const run = decode([
    first,
    fragments4(THREE, 100)[1],
    { bytes: second, interfaceId: 1 },
    { bytes: second, vlanTag: 5 },
    third,
  ]);
  expect(run.out).toEqual([]);
  expect(decode([first, second, third]).out).toHaveLength(1);
});

test("what never becomes whole is given up after half a minute, and counted", () => {
  const [first, second] = fragments4(THREE);
  const run = decode([
    { bytes: first, time: 1e6 },
    { bytes: second, time: 2e6 },
  ]);
  run.decoder.advance(31e6);
  expect(run.ledger.fragmentsLost).toBe(0);
  run.decoder.advance(31e6 + 1);
  expect(run.ledger).toMatchObject({ fragmentsLost: 2, fragments: 2 });
  expect(run.anomalies).toEqual(["decode.fragment-timeout"]);
  expect(run.push({ bytes: fragments4(THREE)[2], time: 33e6 }).out).toEqual([]);
});

test("a later fragment gives up old ones too, and so does the end", () => {
  const run = decode([
    { bytes: fragments4(THREE)[0], time: 1e6 },
    { bytes: fragments4(THREE, 7)[0], time: 40e6 },
  ]);
  expect(run.ledger.fragmentsLost).toBe(1);
  run.decoder.advance(Number.POSITIVE_INFINITY);
  expect(run.ledger.fragmentsLost).toBe(2);
});

test("ping of death and empty fragments are refused", () => {
  const frames = fragments4([
    { from: 65528, to: 65600, more: false, data: new Uint8Array(72) },
    { from: 8, to: 8, more: true },
  ]);
  const run = decode(frames);
  expect(run.anomalies.sort()).toEqual(["decode.fragment-empty", "decode.fragment-too-large"]);
  expect(run.ledger.fragmentsLost).toBe(2);
});

test("fragments cut by the snap length give what was captured in front, the rest is cut", () => {
  const frames = fragments4(THREE);
  const wireLength = frames[1].length;
  const run = decode([frames[0], { bytes: frames[1].subarray(0, wireLength - 8), wireLength }, frames[2]]);
  expect(run.out[0].data).toBe(text.slice(0, 68));
  expect(run.out[0].payloadCut).toBe(32);
});

test("a fragmented tunnel with a fragmented packet inside", () => {
  const inner = fragments4(THREE).map((frame) => frame.subarray(14));
  const outer = { source: "198.51.100.1", destination: "198.51.100.2" };
  const frames = inner.flatMap((packet, i) => [
    ethernet({}, ipv4({ ...outer, protocol: 4, id: i, moreFragments: true }, packet.subarray(0, 24))),
    ethernet({}, ipv4({ ...outer, protocol: 4, id: i, fragmentOffset: 24 }, packet.subarray(24))),
  ]);
  const run = decode(frames);
  expect(run.out.map((one) => one.data)).toEqual([text]);
  expect(run.out[0]).toMatchObject({ encapsulation: "ipip", ipLength: 180 });
});

test("a fragmented UDP tunnel", () => {
  const tunnel = udp(
    { ...ends, destinationPort: 4789 },
    concat(u32(0x08000000, 42 << 8), ethernet({}, ipv4(ends, segment))),
  );
  const frames = [0, 80, 160].map((from) => {
    const moreFragments = from < 160;
    return ethernet(
      {},
      ipv4(
        { ...ends, protocol: 17, fragmentOffset: from, moreFragments },
        tunnel.subarray(from, moreFragments ? from + 80 : undefined),
      ),
    );
  });
  expect(decode(frames).out[0]).toMatchObject({ data: text, scope: "vxlan:42", ipLength: 140 });
});

test("a datagram in too many pieces is given up", () => {
  const cuts = Array.from({ length: 10 }, (_, i) => ({ from: i * 8, to: i * 8 + 8 }));
  const run = decode(fragments4(cuts), 1, { fragments: { pieces: 8 } });
  expect(run.ledger.evicted.get("decode.fragments")).toBe(1);
  expect(run.ledger.fragmentsLost).toBe(9);
});

test("a flood of random fragments stays inside the limits and is counted", () => {
  const ledger = new Ledger();
  const limits = { ...FRAGMENT_LIMITS, datagrams: 500, bytes: 200_000 };
  const table = new FragmentTable(ledger, limits);
  const cursor = new Cursor(ledger, { scopeByVlan: true, scopeByTunnel: true, pathLimit: 16, verifyChecksums: false });
  const bytes = new Uint8Array(1500);
  let seed = 1;
  const random = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % below;
  let completed = 0;
  for (let i = 0; i < 100_000; i++) {
    cursor.bytes = bytes;
    cursor.at = 0;
    cursor.end = 1 + random(1500);
    cursor.cut = random(3) === 0 ? random(100) : 0;
    cursor.time = i * 100;
    cursor.packet.source3 = random(1000);
    if (table.add(cursor, random(4), random(8192) * 8, random(4) > 0)) completed++;
    expect(table.size).toBeLessThanOrEqual(limits.datagrams);
    expect(table.heldBytes).toBeLessThanOrEqual(limits.bytes);
  }
  expect(ledger.fragments).toBe(100_000);
  expect(ledger.evicted.get("decode.fragments")).toBeGreaterThan(1000);
  table.advance(Number.POSITIVE_INFINITY);
  expect(table.size).toBe(0);
  expect(table.heldBytes).toBe(0);
  expect(completed).toBeLessThan(100);
});

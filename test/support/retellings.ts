/**
 * Ways to tell the same traffic otherwise: other wrapping, other segments, other order, other addresses. The exchanges
 * must stay what they were, but for what a way declares (`changes`). Takes segments, gives packets.
 */
import { ACK, FIN, RST, SYN } from "../../src/core/packet.ts";
import { concat, ethernet, ipPacket, u16, u32, udp } from "./packet-builder.ts";
import type { CapturedPacket } from "./pipeline-run.ts";
import { directionOf, endOf, type Frame, ipOf, packetOf, reverseOf, type Segment, type Wrap } from "./segments.ts";

/** Parts of a row that a retelling may change, because the wire then truly tells something else. */
export type Part = "ends" | "quality" | "anomalies" | "outcome" | "pairs";

export interface Retelling {
  readonly changes: readonly Part[];
  readonly tell: (segments: readonly Segment[]) => CapturedPacket[];
  /** Costs much for each octet: only for small captures. */
  readonly dear?: boolean;
  /** Cannot keep scopes apart. */
  readonly plainOnly?: boolean;
}

const outer4 = { source: "192.0.2.1", destination: "192.0.2.2" };
const outer6 = { source: "2001:db8:9::1", destination: "2001:db8:9::2" };
const inUdp = (port: number, payload: Uint8Array) =>
  ipPacket({ ...outer4, protocol: 17 }, udp({ ...outer4, sourcePort: 50_000, destinationPort: port }, payload));
const typeOf = (ip: Uint8Array) => (ip[0] >> 4 === 6 ? 0x86dd : 0x0800);
const frame = (ip: Uint8Array) => ethernet({}, ip);

/** Ethernet frames, in the VLAN that stands for the scope. */
const inEthernet =
  (payload: (ip: Uint8Array, segment: Segment) => Uint8Array, type?: number, vlans: readonly number[] = []): Wrap =>
  (ip, segment) => ({
    linkType: 1,
    bytes: ethernet({ type, vlans: segment.scope > 0 ? [segment.scope, ...vlans] : vlans }, payload(ip, segment)),
  });

export const asEthernet: Wrap = inEthernet((ip) => ip);

const link = (linkType: number, bytes: (ip: Uint8Array) => Uint8Array): Wrap => {
  return (ip): Frame => ({ linkType, bytes: bytes(ip) });
};

const gre = (flags: number, type: number, payload: Uint8Array) =>
  ipPacket({ ...outer4, protocol: 47 }, concat(u16(flags, type), payload));

/** Each with the name of its wrapping; the second set needs captures without scopes. */
const WRAPS: Readonly<Record<string, Wrap>> = {
  "in Ethernet": asEthernet,
  "in a VLAN": inEthernet((ip) => ip, undefined, [7]),
  "in QinQ": inEthernet((ip) => ip, undefined, [7, 8]),
  "in MPLS": inEthernet((ip) => concat(u32(0x10040, 0x20140), ip), 0x8847),
  "in a pseudo-wire": inEthernet((ip) => concat(u32(0x10140, 0), frame(ip)), 0x8847),
  "in PPPoE": inEthernet((ip) => concat(u16(0x1100, 1, ip.length + 2, ip[0] >> 4 === 6 ? 0x57 : 0x21), ip), 0x8864),
  "in GRE": inEthernet((ip) => gre(0, typeOf(ip), ip)),
  "in GRE, frames": inEthernet((ip) => gre(0, 0x6558, frame(ip))),
  "in GRE with a key": inEthernet((ip) => gre(0x2000, typeOf(ip), concat(u32(42), ip))),
  "in ERSPAN": inEthernet((ip) => gre(0x1000, 0x88be, concat(u32(1), u16(0x1000, 1), u32(0), frame(ip)))),
  "in VXLAN": inEthernet((ip) => inUdp(4789, concat(u32(0x08000000, 42 << 8), frame(ip)))),
  "in Geneve": inEthernet((ip) => inUdp(6081, concat(u16(0, 0x6558), u32(42 << 8), frame(ip)))),
  "in GTP-U": inEthernet((ip) => inUdp(2152, concat(u16(0x30ff, ip.length), u32(9), ip))),
  "IP in IPv4": inEthernet((ip) => ipPacket({ ...outer4, protocol: ip[0] >> 4 === 6 ? 41 : 4 }, ip)),
  "IP in IPv6": inEthernet((ip) => ipPacket({ ...outer6, protocol: ip[0] >> 4 === 6 ? 41 : 4 }, ip)),
  "VXLAN in a VLAN in QinQ in GRE": inEthernet((ip) =>
    gre(
      0,
      0x6558,
      ethernet({ vlans: [3, 4] }, inUdp(4789, concat(u32(0x08000000, 42 << 8), ethernet({ vlans: [5] }, ip)))),
    ),
  ),
  "padded to 60 octets and more": inEthernet((ip, { cut }) =>
    cut > 0 ? ip : ip.length < 46 ? concat(ip, new Uint8Array(46 - ip.length).fill(0x47)) : concat(ip, "GET / "),
  ),
};

const LINKS: Readonly<Record<string, Wrap>> = {
  "Linux cooked": link(113, (ip) => concat(u16(0, 1, 6, 0, 0, 0, 0, typeOf(ip)), ip)),
  "Linux cooked, version 2": link(276, (ip) =>
    concat(u16(typeOf(ip), 0), u32(3), u16(1, 0x0006), new Uint8Array(8), ip),
  ),
  "raw IP": link(101, (ip) => ip),
  "raw IP, old number": link(12, (ip) => ip),
  "null, little-endian": link(0, (ip) => concat(Uint8Array.of(ip[0] >> 4 === 6 ? 30 : 2, 0, 0, 0), ip)),
  "null, big-endian": link(0, (ip) => concat(Uint8Array.of(0, 0, 0, ip[0] >> 4 === 6 ? 24 : 2), ip)),
  loop: link(108, (ip) => concat(Uint8Array.of(0, 0, 0, ip[0] >> 4 === 6 ? 24 : 2), ip)),
  PPP: link(9, (ip) => concat(u16(0xff03, ip[0] >> 4 === 6 ? 0x57 : 0x21), ip)),
  "Cisco HDLC": link(104, (ip) => concat(u16(0x0f00, typeOf(ip)), ip)),
};

const whole = (segments: readonly Segment[]) => segments.map((segment) => packetOf(segment, asEthernet));

function rewrite(changes: readonly Part[], each: (segment: Segment) => Segment): Retelling {
  return { changes, tell: (segments) => whole(segments.map(each)) };
}

/** All sequence numbers of the capture moved by the same amount. */
const moved = (by: number) =>
  rewrite([], (segment) => ({
    ...segment,
    sequence: (segment.sequence + by) | 0,
    acknowledgment: segment.flags & ACK ? (segment.acknowledgment + by) | 0 : segment.acknowledgment,
  }));

/** Each direction's first sequence number becomes so that its stream wraps around after `before` octets. */
function wrappingAfter(before: number): Retelling {
  return {
    changes: [],
    tell: (segments) => {
      const by = new Map<string, number>();
      for (const segment of segments) {
        const direction = directionOf(segment);
        if (!by.has(direction) && segment.flags !== RST) by.set(direction, (-before - segment.sequence) | 0);
        const reverse = reverseOf(segment);
        if (!by.has(reverse) && segment.flags & ACK) by.set(reverse, (-before - segment.acknowledgment) | 0);
      }
      const shifted = (segment: Segment): Segment => ({
        ...segment,
        sequence: (segment.sequence + (by.get(directionOf(segment)) ?? 0)) | 0,
        acknowledgment: segment.flags & ACK ? (segment.acknowledgment + (by.get(reverseOf(segment)) ?? 0)) | 0 : 0,
      });
      return whole(segments.map(shifted));
    },
  };
}

function piecesOf(segment: Segment, size: number): Segment[] {
  if (segment.payload.length <= size) return [segment];
  const pieces: Segment[] = [];
  const { payload, flags } = segment;
  for (let at = 0; at < payload.length; at += size) {
    const last = at + size >= payload.length;
    const first = at === 0;
    pieces.push({
      ...segment,
      sequence: (segment.sequence + at + (!first && flags & SYN ? 1 : 0)) | 0,
      flags: flags & ~(last ? 0 : FIN | RST) & ~(first ? 0 : SYN),
      payload: payload.subarray(at, at + size),
      cut: last ? segment.cut : 0,
      ipId: segment.ipId === 0 ? 0 : (segment.ipId + pieces.length * 977) & 0xffff,
    });
  }
  return pieces;
}

function inPieces(size: number): Retelling {
  const tell = (segments: readonly Segment[]) =>
    whole(segments.flatMap((segment) => (segment.urgentPointer === 0 ? piecesOf(segment, size) : [segment])));
  return { changes: [], tell, dear: size < 64 };
}

/** Neighbours of one direction with the same acknowledgment become one segment, as the receiving card may do it. */
function coalesced(segments: readonly Segment[]): Segment[] {
  const out: Segment[] = [];
  for (const segment of segments) {
    const last = out.at(-1);
    const joins =
      last !== undefined &&
      directionOf(last) === directionOf(segment) &&
      last.payload.length > 0 &&
      segment.payload.length > 0 &&
      last.cut === 0 &&
      !(last.flags & (FIN | RST | SYN)) &&
      !(segment.flags & SYN) &&
      last.urgentPointer + segment.urgentPointer === 0 &&
      last.acknowledgment === segment.acknowledgment &&
      endOf(last) === segment.sequence &&
      segment.time - last.time < 1_000 &&
      last.payload.length + segment.payload.length < 60_000;
    if (joins)
      out[out.length - 1] = {
        ...last,
        flags: last.flags | segment.flags,
        payload: concat(last.payload, segment.payload),
        cut: segment.cut,
      };
    else out.push(segment);
  }
  return out;
}

/** Pairs of packets that came within `within` change places, and times. */
function swapped(segments: readonly Segment[], within: number): Segment[] {
  const out = segments.slice();
  const known = new Set(segments.filter((one) => one.flags & SYN).flatMap((one) => [directionOf(one), reverseOf(one)]));
  for (let i = 1; i < out.length; i += 3) {
    const [first, second] = [out[i - 1], out[i]];
    // of a flow joined late nobody knows what came before its first segment
    if (!known.has(directionOf(first)) || !known.has(directionOf(second))) continue;
    if ((first.flags | second.flags) & (SYN | RST) || second.time - first.time > within || second.time < first.time)
      continue;
    out[i - 1] = { ...second, time: first.time };
    out[i] = { ...first, time: second.time };
  }
  return out;
}

/** A new connection's place, so that numbers of the old one are not taken for its own. */
function isOfKnownStream(segment: Segment): boolean {
  return segment.payload.length > 0 && (segment.flags & (SYN | RST)) === 0 && segment.urgentPointer === 0;
}

function tooMuch(each: (segment: Segment, before: Segment | null) => readonly Segment[]) {
  return (segments: readonly Segment[]) => {
    const last = new Map<string, Segment>();
    return whole(
      segments.flatMap((segment) => {
        const direction = directionOf(segment);
        if (segment.flags & SYN) last.set(direction, segment);
        if (!isOfKnownStream(segment)) return [segment];
        const before = last.get(direction) ?? null;
        last.set(direction, segment);
        return each(segment, before);
      }),
    );
  };
}

/** IPv4 and IPv6 fragments of at most `size` payload octets. */
function fragments(size: number, backwards: boolean): Retelling {
  let id = 1;
  const split = (segment: Segment): CapturedPacket[] => {
    const ip = ipOf(segment);
    const header = segment.family === 6 ? 40 : 20;
    // 256 fragments of a datagram are kept
    if (ip.length - header <= size || ip.length > 250 * size || segment.cut > 0) return [packetOf(segment, asEthernet)];
    id++;
    const parts: CapturedPacket[] = [];
    for (let at = header; at < ip.length; at += size) {
      const body = ip.subarray(at, at + size);
      const more = at + size < ip.length ? 1 : 0;
      const part =
        segment.family === 6 ? fragment6(ip, body, at - 40, more, id) : fragment4(ip, body, at - 20, more, id);
      parts.push(packetOf(segment, asEthernet, part));
    }
    return backwards ? parts.reverse() : parts;
  };
  return { changes: [], tell: (segments) => segments.flatMap(split), dear: size < 100 };
}

function fragment4(ip: Uint8Array, body: Uint8Array, offset: number, more: number, id: number): Uint8Array {
  const bytes = concat(ip.subarray(0, 20), body);
  bytes.set(u16(20 + body.length, id, (more << 13) | (offset >> 3)), 2);
  return bytes;
}

function fragment6(ip: Uint8Array, body: Uint8Array, offset: number, more: number, id: number): Uint8Array {
  const bytes = concat(ip.subarray(0, 40), Uint8Array.of(6, 0), u16(offset | more), u32(id), body);
  bytes.set(u16(8 + body.length), 4);
  bytes[6] = 44;
  return bytes;
}

const TIMESTAMPS = Uint8Array.of(1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0);

export const RETELLINGS: Readonly<Record<string, Retelling>> = {
  ...Object.fromEntries(Object.entries(WRAPS).map(([name, wrap]) => [name, wrapped(wrap, false)])),
  ...Object.fromEntries(Object.entries(LINKS).map(([name, wrap]) => [name, wrapped(wrap, true)])),
  "as IPv6": rewrite(["ends"], (segment) => ({
    ...segment,
    family: 6,
    source: as6(segment.source),
    destination: as6(segment.destination),
  })),
  "numbers moved by 2^31": moved(0x8000_0000 | 0),
  "numbers that wrap around at once": wrappingAfter(1),
  "numbers that wrap around after 100 octets": wrappingAfter(100),
  "numbers that wrap around after 2000 octets": wrappingAfter(2_000),
  "TCP timestamps": rewrite([], (segment) =>
    segment.options.length > 28 ? segment : { ...segment, options: concat(segment.options, TIMESTAMPS) },
  ),
  "other ports": rewrite(["ends"], (segment) => ({
    ...segment,
    sourcePort: (segment.sourcePort * 7 + 12_345) & 0xffff,
    destinationPort: (segment.destinationPort * 7 + 12_345) & 0xffff,
  })),
  "single octets": inPieces(1),
  "seven octets": inPieces(7),
  "536 octets": inPieces(536),
  "1460 octets": inPieces(1_460),
  coalesced: { changes: [], tell: (segments) => whole(coalesced(segments)) },
  "every packet twice, at once": { changes: [], tell: (segments) => whole(segments.flatMap((one) => [one, one])) },
  "every segment sent again": {
    changes: [],
    tell: tooMuch((one) => [one, { ...one, time: one.time + 1, ipId: one.ipId ^ 0x5555 }]),
  },
  "segments sent again with more": {
    changes: [],
    tell: tooMuch((one, before) => {
      if (before === null || endOf(before) !== one.sequence || before.cut > 0 || before.flags & SYN) return [one];
      const joined = { ...one, sequence: before.sequence, payload: concat(before.payload, one.payload) };
      return [joined.payload.length > 60_000 ? one : joined];
    }),
  },
  "overlapping halves": {
    changes: [],
    tell: tooMuch((one) => {
      const half = one.payload.length >> 1;
      if (half === 0 || one.cut > 0) return [one];
      const from = half >> 1;
      return [
        { ...one, payload: one.payload.subarray(0, half), flags: one.flags & ~FIN },
        { ...one, sequence: (one.sequence + from) | 0, payload: one.payload.subarray(from) },
      ];
    }),
  },
  "each segment backwards in thirds": {
    changes: [],
    tell: tooMuch((one, before) =>
      one.cut > 0 || before === null ? [one] : piecesOf(one, Math.max(1, Math.ceil(one.payload.length / 3))).reverse(),
    ),
  },
  "acknowledgments everywhere": {
    changes: [],
    tell: tooMuch((one) => [
      one,
      { ...one, sequence: endOf(one), payload: one.payload.subarray(0, 0), cut: 0, flags: ACK },
    ]),
  },
  "keep-alives": {
    changes: [],
    tell: tooMuch((one, before) =>
      before === null || endOf(before) !== one.sequence
        ? [one]
        : [{ ...one, sequence: (one.sequence - 1) | 0, payload: Uint8Array.of(0), cut: 0, flags: ACK }, one],
    ),
  },
  "zero window probes": {
    changes: [],
    tell: tooMuch((one) => [{ ...one, payload: one.payload.subarray(0, 1), cut: 0, flags: ACK }, one]),
  },
  "neighbours swapped": { changes: ["outcome", "anomalies"], tell: (segments) => whole(swapped(segments, 5_000)) },
  "without FIN": {
    // the octet that a FIN takes is missed like any other
    changes: ["outcome", "anomalies", "quality"],
    tell: (segments) => whole(segments.map((one) => ({ ...one, flags: one.flags & ~FIN }))),
  },
  "without handshake": {
    changes: ["ends", "quality", "anomalies", "outcome"],
    tell: (segments) => whole(segments.filter((one) => !(one.flags & SYN) || one.payload.length > 0)),
  },
  "fragments of 8": fragments(8, false),
  "fragments of 64, the last first": fragments(64, true),
  "fragments of 512": fragments(512, false),
  "an interface for each direction": rewrite([], (segment) => ({
    ...segment,
    interfaceId: segment.sourcePort < segment.destinationPort ? 1 : 2,
    direction: 0,
  })),
};

function wrapped(wrap: Wrap, plainOnly: boolean): Retelling {
  // room for what is put before: no IP packet is longer than 65,535 octets
  const tell = (segments: readonly Segment[]) =>
    segments.flatMap((one) => piecesOf(one, 60_000)).map((segment) => packetOf(segment, wrap));
  return { changes: [], plainOnly, tell };
}

export function as6(address: readonly number[]): number[] {
  return address[0] === 0 && address[1] === 0 && address[2] === 0xffff ? [0x20010db8, 0, 1, address[3]] : [...address];
}

/**
 * Builds packets for tests from the inside out, with right lengths and checksums: `ethernet(…, ipv4(…, tcp(…, data)))`.
 * Addresses are text (`192.0.2.1`, `2001:db8::1`, `02:00:00:00:00:01`). Everything returns a fresh Uint8Array.
 */
import { ACK } from "../../src/core/packet.ts";

const encoder = new TextEncoder();

/** Text (as UTF-8) or bytes, as bytes. */
export function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? encoder.encode(data) : data;
}

export function concat(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const arrays = parts.map(bytesOf);
  const joined = new Uint8Array(arrays.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of arrays) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Big-endian integers: `u16(1, 2)` is 00 01 00 02. */
export function u16(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [(value >>> 8) & 255, value & 255]));
}

export function u32(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((v) => [(v >>> 24) & 255, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]));
}

/** The 4 or 16 bytes of an IP address. */
export function addressBytes(ip: string): Uint8Array {
  if (!ip.includes(":")) return Uint8Array.from(ip.split(".").map(Number));
  const [before, after] = ip.split("::");
  const groups = (text: string | undefined) => (text ? text.split(":").map((group) => Number.parseInt(group, 16)) : []);
  const head = groups(before);
  const tail = groups(after);
  return u16(...head, ...Array(8 - head.length - tail.length).fill(0), ...tail);
}

/** RFC 1071 Internet checksum over the parts, as if joined; every part but the last has an even length. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += (part[i] << 8) | (i + 1 < part.length ? part[i + 1] : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}

export interface EthernetOptions {
  readonly source?: string;
  readonly destination?: string;
  /** EtherType; taken from the payload's IP version when absent. */
  readonly type?: number;
  /** VLAN ids, outermost first; more than one gives QinQ (outer tag 0x88a8). */
  readonly vlans?: readonly number[];
}

export function ethernet(options: EthernetOptions, payload: Uint8Array): Uint8Array {
  const mac = (text: string) => Uint8Array.from(text.split(":").map((part) => Number.parseInt(part, 16)));
  const vlans = options.vlans ?? [];
  const tags = vlans.map((id, i) => u16(i < vlans.length - 1 ? 0x88a8 : 0x8100, id));
  return concat(
    mac(options.destination ?? "02:00:00:00:00:02"),
    mac(options.source ?? "02:00:00:00:00:01"),
    ...tags,
    u16(options.type ?? (payload[0] >>> 4 === 6 ? 0x86dd : 0x0800)),
    payload,
  );
}

export interface Ipv4Options {
  readonly source: string;
  readonly destination: string;
  /** IANA protocol number, 6 (TCP) when absent. */
  readonly protocol?: number;
  readonly id?: number;
  readonly ttl?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In octets, a multiple of 8. */
  readonly fragmentOffset?: number;
  /** Header options, padded here to a multiple of 4. */
  readonly options?: Uint8Array;
  /** Lies about the total length when given. */
  readonly totalLength?: number;
  readonly badChecksum?: boolean;
}

export function ipv4(options: Ipv4Options, payload: Uint8Array): Uint8Array {
  const extra = padded(options.options ?? new Uint8Array(0), 4);
  const header = concat(
    Uint8Array.of(0x40 | ((20 + extra.length) / 4), 0),
    u16(options.totalLength ?? 20 + extra.length + payload.length, options.id ?? 1),
    u16(
      (options.dontFragment ? 0x4000 : 0) |
        (options.moreFragments ? 0x2000 : 0) |
        ((options.fragmentOffset ?? 0) >>> 3),
    ),
    Uint8Array.of(options.ttl ?? 64, options.protocol ?? 6, 0, 0),
    addressBytes(options.source),
    addressBytes(options.destination),
    extra,
  );
  header.set(u16(internetChecksum(header) ^ (options.badChecksum ? 0x5555 : 0)), 10);
  return concat(header, payload);
}

export interface Ipv6Options {
  readonly source: string;
  readonly destination: string;
  /** Of the payload, 6 (TCP) when absent. */
  readonly nextHeader?: number;
  readonly hopLimit?: number;
  /** Extension headers between, each `{ type, body }`; the body holds what follows the first two bytes. */
  readonly extensions?: readonly { readonly type: number; readonly body: Uint8Array }[];
  /** Lies about the payload length when given. */
  readonly payloadLength?: number;
}

export function ipv6(options: Ipv6Options, payload: Uint8Array): Uint8Array {
  const extensions = options.extensions ?? [];
  const upper = options.nextHeader ?? 6;
  const chain = extensions.map(({ body }, i) => {
    const full = padded(concat(Uint8Array.of(extensions[i + 1]?.type ?? upper, 0), body), 8);
    // the fragment header (44) has a reserved byte where the others have their length
    if (extensions[i].type !== 44) full[1] = full.length / 8 - 1;
    return full;
  });
  const rest = concat(...chain, payload);
  return concat(
    u32(0x60000000),
    u16(options.payloadLength ?? rest.length),
    Uint8Array.of(extensions[0]?.type ?? upper, options.hopLimit ?? 64),
    addressBytes(options.source),
    addressBytes(options.destination),
    rest,
  );
}

export interface TcpOptions {
  /** IP addresses: the checksum covers them. */
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  /** Bits of core/packet.ts, ACK when absent. */
  readonly flags?: number;
  readonly window?: number;
  /** Header options, padded here to a multiple of 4. */
  readonly options?: Uint8Array;
  readonly badChecksum?: boolean;
}

export function tcp(options: TcpOptions, data: string | Uint8Array = ""): Uint8Array {
  const extra = padded(options.options ?? new Uint8Array(0), 4);
  const flags = options.flags ?? ACK;
  const segment = concat(
    u16(options.sourcePort, options.destinationPort),
    u32(options.sequence ?? 0, options.acknowledgment ?? 0),
    Uint8Array.of(((20 + extra.length) / 4) << 4, flags),
    u16(options.window ?? 65535, 0, 0),
    extra,
    data,
  );
  segment.set(u16(transportChecksum(options, 6, segment) ^ (options.badChecksum ? 0x5555 : 0)), 16);
  return segment;
}

export interface UdpOptions {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly badChecksum?: boolean;
}

export function udp(options: UdpOptions, data: string | Uint8Array = ""): Uint8Array {
  const payload = bytesOf(data);
  const datagram = concat(u16(options.sourcePort, options.destinationPort, 8 + payload.length, 0), payload);
  const checksum = transportChecksum(options, 17, datagram) ^ (options.badChecksum ? 0x5555 : 0);
  datagram.set(u16(checksum === 0 ? 0xffff : checksum), 6);
  return datagram;
}

/** A whole Ethernet frame with a TCP segment in IPv4 or IPv6, by the form of the addresses. */
export function tcpFrame(
  options: TcpOptions & { readonly vlans?: readonly number[]; readonly id?: number },
  data: string | Uint8Array = "",
): Uint8Array {
  return ethernet({ vlans: options.vlans }, ipPacket(options, tcp(options, data)));
}

/** An IPv4 or IPv6 packet, by the form of the addresses. */
export function ipPacket(
  options: {
    readonly source: string;
    readonly destination: string;
    readonly protocol?: number;
    readonly id?: number;
  },
  payload: Uint8Array,
): Uint8Array {
  const { source, destination, protocol, id } = options;
  return source.includes(":")
    ? ipv6({ source, destination, nextHeader: protocol }, payload)
    : ipv4({ source, destination, protocol, id }, payload);
}

/** RFC 9293 section 3.1 and RFC 8200 section 8.1: pseudo header, then the segment. */
function transportChecksum(
  ends: { readonly source: string; readonly destination: string },
  protocol: number,
  segment: Uint8Array,
): number {
  const pseudo = concat(addressBytes(ends.source), addressBytes(ends.destination), u32(segment.length, protocol));
  return internetChecksum(pseudo, segment);
}

function padded(bytes: Uint8Array, multiple: number): Uint8Array {
  const rest = bytes.length % multiple;
  return rest === 0 ? bytes : concat(bytes, new Uint8Array(multiple - rest));
}

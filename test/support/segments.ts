/**
 * A capture as TCP segments, and segments as packets again, in any wrapping: what tests need to tell the same traffic
 * in another way. Takes packets as a capture has them; gives `Segment`s, which are plain data, and frames of them.
 */
import { Ledger } from "../../src/core/ledger.ts";
import { type Direction, type Packet, RawPacket } from "../../src/core/packet.ts";
import type { Micros } from "../../src/core/units.ts";
import { Decoder } from "../../src/decode/decoder.ts";
import type { CapturedPacket } from "./pipeline-run.ts";

export interface Segment {
  readonly time: Micros;
  readonly family: 4 | 6;
  /** Four words, as in `Packet`. */
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly urgentPointer: number;
  /** TCP header options, a multiple of 4 octets. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
  /** Octets behind the payload that the snap length cut. */
  readonly cut: number;
  readonly scope: number;
  readonly interfaceId: number;
  readonly direction: Direction;
  readonly ipId: number;
}

/** The TCP segments of a capture, out of all wrapping; other packets are left out. */
export function segmentsOf(packets: readonly CapturedPacket[]): Segment[] {
  const segments: Segment[] = [];
  const decoder = new Decoder(new Ledger(), {
    packet(packet) {
      if (packet.protocol === 6) segments.push(segmentOf(packet));
    },
  });
  const raw = new RawPacket();
  for (const packet of packets) {
    raw.time = packet.time;
    raw.linkType = packet.linkType ?? 1;
    raw.bytes = packet.bytes;
    raw.start = 0;
    raw.end = packet.bytes.length;
    raw.wireLength = packet.wireLength ?? packet.bytes.length;
    raw.interfaceId = packet.interfaceId ?? 0;
    raw.direction = packet.direction ?? 0;
    decoder.packet(raw);
  }
  return segments;
}

function segmentOf(packet: Packet): Segment {
  const { bytes, transportStart } = packet;
  return {
    time: packet.time,
    family: packet.family === 6 ? 6 : 4,
    source: [packet.source0, packet.source1, packet.source2, packet.source3],
    destination: [packet.destination0, packet.destination1, packet.destination2, packet.destination3],
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
    sequence: packet.sequence,
    acknowledgment: packet.acknowledgment,
    flags: packet.flags,
    urgentPointer: (bytes[transportStart + 18] << 8) | bytes[transportStart + 19],
    options: bytes.slice(transportStart + 20, packet.payloadStart),
    payload: bytes.slice(packet.payloadStart, packet.payloadEnd),
    cut: packet.payloadCut,
    scope: packet.scope,
    interfaceId: packet.interfaceId,
    direction: packet.direction,
    ipId: packet.ipId,
  };
}

/** What sequence number comes behind the segment; SYN and FIN count. */
export function endOf(segment: Segment): number {
  const control = (segment.flags & 1) + ((segment.flags >> 1) & 1);
  return (segment.sequence + segment.payload.length + segment.cut + control) | 0;
}

/** Same text for all segments of one direction of one connection. */
export function directionOf(segment: Segment): string {
  const { scope, source, sourcePort, destination, destinationPort } = segment;
  return `${scope}/${source}:${sourcePort}>${destination}:${destinationPort}`;
}

export function reverseOf(segment: Segment): string {
  const { scope, source, sourcePort, destination, destinationPort } = segment;
  return `${scope}/${destination}:${destinationPort}>${source}:${sourcePort}`;
}

/** The IP packet of a segment, with what was cut as zeros. Checksums are left zero: nothing may depend on them. */
export function ipOf(segment: Segment): Uint8Array {
  const { family, options, payload } = segment;
  const ipHeader = family === 6 ? 40 : 20;
  const tcpHeader = 20 + options.length;
  const bytes = new Uint8Array(ipHeader + tcpHeader + payload.length + segment.cut);
  const view = new DataView(bytes.buffer);
  const claimed = tcpHeader + payload.length + segment.cut;
  if (family === 6) {
    view.setUint32(0, 0x60000000);
    view.setUint16(4, claimed);
    view.setUint16(6, 0x0640);
    for (let i = 0; i < 4; i++) {
      view.setInt32(8 + 4 * i, segment.source[i]);
      view.setInt32(24 + 4 * i, segment.destination[i]);
    }
  } else {
    view.setUint16(0, 0x4500);
    view.setUint16(2, 20 + claimed);
    view.setUint16(4, segment.ipId);
    view.setUint16(8, 0x4006);
    view.setInt32(12, segment.source[3]);
    view.setInt32(16, segment.destination[3]);
  }
  view.setUint16(ipHeader, segment.sourcePort);
  view.setUint16(ipHeader + 2, segment.destinationPort);
  view.setInt32(ipHeader + 4, segment.sequence);
  view.setInt32(ipHeader + 8, segment.acknowledgment);
  bytes[ipHeader + 12] = (tcpHeader / 4) << 4;
  bytes[ipHeader + 13] = segment.flags;
  view.setUint16(ipHeader + 14, 65_535);
  view.setUint16(ipHeader + 18, segment.urgentPointer);
  bytes.set(options, ipHeader + 20);
  bytes.set(payload, ipHeader + tcpHeader);
  return bytes;
}

/** A frame with a link type, of an IP packet. */
export interface Frame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

/** Puts an IP packet into a frame. */
export type Wrap = (ip: Uint8Array, segment: Segment) => Frame;

/** The packet as a capture has it; `wrap` may put nothing behind a cut one. */
export function packetOf(segment: Segment, wrap: Wrap, ip = ipOf(segment)): CapturedPacket {
  const { linkType, bytes } = wrap(ip, segment);
  return {
    time: segment.time,
    linkType,
    bytes: bytes.subarray(0, bytes.length - segment.cut),
    wireLength: bytes.length,
    interfaceId: segment.interfaceId,
    direction: segment.direction,
  };
}

/**
 * TCP (RFC 9293 section 3.1) and UDP (RFC 768) headers: takes the cursor at the header behind IP, fills the rest of the
 * packet. A datagram that is a tunnel goes on as the layer inside.
 */
import type { Packet } from "../core/packet.ts";
import { type Cursor, type Layer, SEGMENT } from "./cursor.ts";
import { udpTunnel } from "./udp-tunnel.ts";

const TCP_HEADER = 20;
const UDP_HEADER = 8;

export function tcp(cursor: Cursor): Layer {
  const { at, bytes, packet } = cursor;
  if (cursor.lacks(TCP_HEADER)) return cursor.short("decode.tcp-header");
  const headerLength = (bytes[at + 12] >>> 4) << 2;
  if (headerLength < TCP_HEADER) return cursor.malformed("decode.tcp-header");
  if (at + headerLength > cursor.end + cursor.cut) return cursor.malformed("decode.tcp-header");
  fillTcp(packet, bytes, at);
  fillPath(cursor);
  packet.payloadStart = Math.min(at + headerLength, cursor.end);
  packet.payloadEnd = cursor.end;
  // options that were not captured are no payload
  packet.payloadCut = cursor.cut - Math.max(0, at + headerLength - cursor.end);
  return SEGMENT;
}

/** Ports, numbers and flags of the TCP header at `at`; the 20 octets must be there. */
export function fillTcp(packet: Packet, bytes: Uint8Array, at: number): void {
  packet.protocol = 6;
  packet.bytes = bytes;
  packet.transportStart = at;
  packet.sourcePort = (bytes[at] << 8) | bytes[at + 1];
  packet.destinationPort = (bytes[at + 2] << 8) | bytes[at + 3];
  packet.sequence = (bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7];
  packet.acknowledgment = (bytes[at + 8] << 24) | (bytes[at + 9] << 16) | (bytes[at + 10] << 8) | bytes[at + 11];
  packet.flags = bytes[at + 13];
}

export function udp(cursor: Cursor): Layer {
  const { at, bytes, packet } = cursor;
  if (cursor.lacks(UDP_HEADER)) return cursor.short("decode.udp-header");
  const sourcePort = cursor.u16(at);
  const destinationPort = cursor.u16(at + 2);
  // zero: a jumbogram (RFC 2675), or captured before segmentation offload
  const length = cursor.u16(at + 4) || cursor.end + cursor.cut - at;
  if (length < UDP_HEADER || length > cursor.end + cursor.cut - at) return cursor.malformed("decode.udp-length");
  cursor.limit(length);
  cursor.at += UDP_HEADER;
  const tunnel = udpTunnel(cursor, sourcePort, destinationPort);
  if (tunnel !== null) return tunnel;

  fillPath(cursor);
  packet.protocol = 17;
  packet.bytes = bytes;
  packet.transportStart = at;
  packet.sourcePort = sourcePort;
  packet.destinationPort = destinationPort;
  packet.sequence = packet.acknowledgment = packet.flags = 0;
  packet.payloadStart = cursor.at;
  packet.payloadEnd = cursor.end;
  packet.payloadCut = cursor.cut;
  return SEGMENT;
}

/** What the layers below left on the cursor. */
function fillPath(cursor: Cursor): void {
  const { packet } = cursor;
  packet.scope = cursor.scope;
  packet.encapsulation = cursor.encapsulation;
  packet.vlan = cursor.vlan;
  packet.ipLength = cursor.ipLength;
  packet.ipId = cursor.ipId;
}

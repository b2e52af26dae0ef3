/**
 * The straight path: an IPv4 TCP segment without options of IP, fragments or tags, behind Ethernet, loopback or nothing.
 * Nearly every packet is one. Takes a raw packet and fills the lent one, or gives false and leaves it to the general
 * walk, which must come to the same result (a property test holds them together).
 */
import type { Packet, RawPacket } from "../core/packet.ts";
import { fillTcp } from "./transport.ts";

const IP_HEADER = 20;
const TCP_HEADER = 20;

export function plainSegment(raw: RawPacket, packet: Packet): boolean {
  const { bytes, end } = raw;
  const ip = ipv4Start(raw, bytes);
  const tcp = ip + IP_HEADER;
  if (ip < 0 || tcp + TCP_HEADER > end) return false;
  const isPlain = bytes[ip] === 0x45 && bytes[ip + 9] === 6 && (((bytes[ip + 6] & 0x3f) << 8) | bytes[ip + 7]) === 0;
  if (!isPlain) return false;
  const ipLength = (bytes[ip + 2] << 8) | bytes[ip + 3];
  const payload = tcp + ((bytes[tcp + 12] >>> 4) << 2);
  let payloadEnd = ip + ipLength;
  let cut = 0;
  if (payloadEnd > end) {
    if (payloadEnd - raw.start > raw.wireLength) return false;
    cut = payloadEnd - end;
    payloadEnd = end;
  }
  if (payload < tcp + TCP_HEADER || payload > payloadEnd) return false;

  packet.scope = packet.encapsulation = 0;
  packet.vlan = -1;
  packet.family = 4;
  packet.source0 = packet.source1 = packet.destination0 = packet.destination1 = 0;
  packet.source2 = packet.destination2 = 0xffff;
  packet.source3 = (bytes[ip + 12] << 24) | (bytes[ip + 13] << 16) | (bytes[ip + 14] << 8) | bytes[ip + 15];
  packet.destination3 = (bytes[ip + 16] << 24) | (bytes[ip + 17] << 16) | (bytes[ip + 18] << 8) | bytes[ip + 19];
  packet.ipLength = ipLength;
  packet.ipId = (bytes[ip + 4] << 8) | bytes[ip + 5];
  fillTcp(packet, bytes, tcp);
  packet.payloadStart = payload;
  packet.payloadEnd = payloadEnd;
  packet.payloadCut = cut;
  return true;
}

/** Where the IPv4 header must be if the packet is a plain one, -1 when its link header says otherwise. */
function ipv4Start(raw: RawPacket, bytes: Uint8Array): number {
  const { start } = raw;
  switch (raw.linkType) {
    case 1:
      return bytes[start + 12] === 8 && bytes[start + 13] === 0 ? start + 14 : -1;
    case 0:
    case 108: {
      const isIpv4 = bytes[start + 1] === 0 && bytes[start + 2] === 0 && bytes[start] + bytes[start + 3] === 2;
      // AF_INET is 2 in either byte order
      return isIpv4 && (bytes[start] | bytes[start + 3]) === 2 ? start + 4 : -1;
    }
    case 12:
    case 14:
    case 101:
    case 228:
      return start;
    default:
      return -1;
  }
}

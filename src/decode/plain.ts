/**
 * The straight path: a TCP segment directly in IPv4 without options or in IPv6 without extension headers, behind
 * Ethernet without tags, Linux cooked, loopback or nothing. Nearly every packet is one. Takes a raw packet and fills the
 * lent one, or gives false and leaves it to the general walk, which must come to the same result (a property test holds
 * them together).
 */
import type { Packet, RawPacket } from "../core/packet.ts";
import { cookedDirection } from "./cooked.ts";
import { fillTcp } from "./transport.ts";

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
const TCP = 6;

export function plainSegment(raw: RawPacket, packet: Packet): boolean {
  const { bytes } = raw;
  const ip = ipStart(raw, bytes);
  if (ip < 0 || ip + IPV4_HEADER + TCP_HEADER > raw.end) return false;
  const isPlain = bytes[ip] === 0x45 ? plainIpv4(raw, packet, bytes, ip) : plainIpv6(raw, packet, bytes, ip);
  if (!isPlain) return false;
  packet.scope = packet.encapsulation = 0;
  packet.vlan = -1;
  if (raw.linkType === 113) cookedDirection(packet, bytes[raw.start + 1]);
  else if (raw.linkType === 276) cookedDirection(packet, bytes[raw.start + 10]);
  return true;
}

function plainIpv4(raw: RawPacket, packet: Packet, bytes: Uint8Array, ip: number): boolean {
  const fragment = ((bytes[ip + 6] & 0x3f) << 8) | bytes[ip + 7];
  const ipLength = (bytes[ip + 2] << 8) | bytes[ip + 3];
  if (fragment !== 0 || bytes[ip + 9] !== TCP) return false;
  if (!plainTcp(raw, packet, bytes, ip + IPV4_HEADER, ip + ipLength)) return false;
  packet.family = 4;
  packet.source0 = packet.source1 = packet.destination0 = packet.destination1 = 0;
  packet.source2 = packet.destination2 = 0xffff;
  packet.source3 = word(bytes, ip + 12);
  packet.destination3 = word(bytes, ip + 16);
  packet.ipLength = ipLength;
  packet.ipId = (bytes[ip + 4] << 8) | bytes[ip + 5];
  return true;
}

function plainIpv6(raw: RawPacket, packet: Packet, bytes: Uint8Array, ip: number): boolean {
  if (bytes[ip] >>> 4 !== 6 || bytes[ip + 6] !== TCP || ip + IPV6_HEADER + TCP_HEADER > raw.end) return false;
  const ipLength = IPV6_HEADER + ((bytes[ip + 4] << 8) | bytes[ip + 5]);
  if (!plainTcp(raw, packet, bytes, ip + IPV6_HEADER, ip + ipLength)) return false;
  packet.family = 6;
  packet.source0 = word(bytes, ip + 8);
  packet.source1 = word(bytes, ip + 12);
  packet.source2 = word(bytes, ip + 16);
  packet.source3 = word(bytes, ip + 20);
  packet.destination0 = word(bytes, ip + 24);
  packet.destination1 = word(bytes, ip + 28);
  packet.destination2 = word(bytes, ip + 32);
  packet.destination3 = word(bytes, ip + 36);
  packet.ipLength = ipLength;
  packet.ipId = 0;
  return true;
}

/** The TCP header at `tcp`, in an IP packet that ends at `ipEnd`, perhaps behind what was captured. */
function plainTcp(raw: RawPacket, packet: Packet, bytes: Uint8Array, tcp: number, ipEnd: number): boolean {
  const payload = tcp + ((bytes[tcp + 12] >>> 4) << 2);
  const end = ipEnd > raw.end ? raw.end : ipEnd;
  if (payload < tcp + TCP_HEADER || payload > end || ipEnd - raw.start > raw.wireLength) return false;
  fillTcp(packet, bytes, tcp);
  packet.payloadStart = payload;
  packet.payloadEnd = end;
  packet.payloadCut = ipEnd - end;
  return true;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Where the IP header must be if the packet is a plain one, -1 when its link header says otherwise. */
function ipStart(raw: RawPacket, bytes: Uint8Array): number {
  const { start } = raw;
  switch (raw.linkType) {
    case 1:
      return isIp(bytes, start + 12, start + 14) ? start + 14 : -1;
    case 113:
      return isIp(bytes, start + 14, start + 16) ? start + 16 : -1;
    case 276:
      return isIp(bytes, start, start + 20) ? start + 20 : -1;
    case 0:
    case 108: {
      // AF_INET is 2 in either byte order; IPv6 has too many numbers for here
      const family = bytes[start] + bytes[start + 3];
      const isIpv4 = family === 2 && (bytes[start] & 1) === 0 && bytes[start + 1] === 0 && bytes[start + 2] === 0;
      return isIpv4 && bytes[start + 4] === 0x45 ? start + 4 : -1;
    }
    case 12:
    case 14:
    case 101:
      return start;
    case 228:
      return bytes[start] === 0x45 ? start : -1;
    default:
      return -1;
  }
}

/** Whether the EtherType at `at` and the version of the header at `ip` say the same. */
function isIp(bytes: Uint8Array, at: number, ip: number): boolean {
  const type = (bytes[at] << 8) | bytes[at + 1];
  return type === 0x0800 ? bytes[ip] === 0x45 : type === 0x86dd && bytes[ip] >>> 4 === 6;
}

/**
 * Ethernet II, IEEE 802.3 with LLC and SNAP, VLAN tags (802.1Q, 802.1ad and their vendors' kin), Cisco ISL, and what an
 * EtherType leads to. Each takes the cursor at its header and gives the layer inside.
 */
import {
  BRIDGED_ETHERNET,
  type Cursor,
  ETHERNET,
  ETHERTYPE,
  IP,
  IPV4,
  IPV6,
  type Layer,
  LLC,
  MPLS,
  NSH,
  PPP,
  PPPOE,
} from "./cursor.ts";
import { KIND } from "./paths.ts";

const SMALLEST_ETHERTYPE = 0x600;
const LONGEST_FRAME = 1500;
const ISL_HEADER = 26;

export function ethernet(cursor: Cursor): Layer {
  if (cursor.lacks(14)) return cursor.short("decode.ethernet-header");
  const type = cursor.u16(cursor.at + 12);
  if (type >= SMALLEST_ETHERTYPE) return cursor.next(14, ETHERTYPE, type);
  if (isIsl(cursor)) return isl(cursor);
  if (type > LONGEST_FRAME) return cursor.other();
  cursor.next(14, LLC);
  cursor.limit(type);
  return LLC;
}

/** The layer that the EtherType in `cursor.type` names. */
export function etherType(cursor: Cursor): Layer {
  switch (cursor.type) {
    case 0x0800:
      return IPV4;
    case 0x86dd:
      return IPV6;
    case 0x8100:
    case 0x88a8:
    case 0x9100:
    case 0x9200:
    case 0x9300:
      if (cursor.lacks(4)) return cursor.short("decode.vlan-header");
      cursor.tag(cursor.u16(cursor.at) & 0xfff);
      return typeOrLength(cursor, 4);
    // VN-Tag and 802.1BR E-Tag name a port, not a network
    case 0x8926:
      return skipTag(cursor, 6);
    case 0x893f:
      return skipTag(cursor, 8);
    // Cisco MetaData (security group tag)
    case 0x8909:
      return skipTag(cursor, 8);
    case 0x88e7:
      return providerBackbone(cursor);
    case 0x8847:
    case 0x8848:
      return MPLS;
    case 0x8864:
      return PPPOE;
    case 0x880b:
      return PPP;
    case BRIDGED_ETHERNET:
      return ETHERNET;
    case 0x894f:
      return NSH;
    default:
      return cursor.other();
  }
}

/** IEEE 802.2: IP comes in SNAP (RFC 1042), rarely directly. */
export function llc(cursor: Cursor): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(3)) return cursor.short("decode.llc-header");
  const destination = bytes[at];
  if (destination === 0xaa && bytes[at + 1] === 0xaa && bytes[at + 2] === 3) {
    if (cursor.lacks(8)) return cursor.short("decode.llc-header");
    const organization = (bytes[at + 3] << 16) | cursor.u16(at + 4);
    // 0000f8 is the bridge tunnel encapsulation of IEEE 802.1H
    if (organization === 0 || organization === 0xf8) return cursor.next(8, ETHERTYPE, cursor.u16(at + 6));
    return cursor.other();
  }
  return destination === 0x06 && bytes[at + 2] === 3 ? cursor.next(3, IP) : cursor.other();
}

/** Whether an Ethernet header with a type of ours could be at `at`: for wrappings that do not say what they carry. */
export function looksLikeEthernet(cursor: Cursor, at: number): boolean {
  if (at + 14 > cursor.end) return false;
  switch (cursor.u16(at + 12)) {
    case 0x0800:
      return cursor.bytes[at + 14] >>> 4 === 4;
    case 0x86dd:
      return cursor.bytes[at + 14] >>> 4 === 6;
    case 0x0806:
    case 0x8100:
    case 0x88a8:
    case 0x8847:
    case 0x8864:
      return true;
    default:
      return false;
  }
}

/** Network Service Header (RFC 8300): its length is in 4-octet words, base header included. */
export function nsh(cursor: Cursor): Layer {
  if (cursor.lacks(8)) return cursor.short("decode.nsh-header");
  const { bytes, at } = cursor;
  const length = (bytes[at + 1] & 0x3f) << 2;
  if (length < 8 || cursor.lacks(length)) return cursor.short("decode.nsh-header");
  cursor.wrap(KIND.nsh);
  return nextProtocol(cursor, length, bytes[at + 3]);
}

/** Next-protocol numbers that NSH and VXLAN-GPE share. */
export function nextProtocol(cursor: Cursor, headerLength: number, protocol: number): Layer {
  const layer = [null, IPV4, IPV6, ETHERNET, NSH, MPLS][protocol] ?? null;
  return layer === null ? cursor.other() : cursor.next(headerLength, layer as Layer);
}

function skipTag(cursor: Cursor, length: number): Layer {
  if (cursor.lacks(length)) return cursor.short("decode.vlan-header");
  return typeOrLength(cursor, length);
}

/** Behind a tag of `length` octets, whose last two are an EtherType, or an 802.3 length. */
function typeOrLength(cursor: Cursor, length: number): Layer {
  const type = cursor.u16(cursor.at + length - 2);
  if (type >= SMALLEST_ETHERTYPE) return cursor.next(length, ETHERTYPE, type);
  if (type > LONGEST_FRAME) return cursor.other();
  cursor.next(length, LLC);
  cursor.limit(type);
  return LLC;
}

/** 802.1ah: a service id, then the customer's frame. */
function providerBackbone(cursor: Cursor): Layer {
  if (cursor.lacks(4)) return cursor.short("decode.vlan-header");
  cursor.isolate(KIND.pbb, cursor.i32(cursor.at) & 0xffffff);
  return cursor.next(4, ETHERNET);
}

/** Cisco Inter-Switch Link: a multicast address of Cisco's, then SNAP where Ethernet has its payload. */
function isIsl(cursor: Cursor): boolean {
  const { bytes, at } = cursor;
  if (cursor.lacks(ISL_HEADER)) return false;
  const start = cursor.i32(at);
  return (start === 0x01000c00 || start === 0x03000c00) && bytes[at + 4] === 0 && cursor.u16(at + 14) === 0xaaaa;
}

function isl(cursor: Cursor): Layer {
  const { bytes, at } = cursor;
  // the upper half of the fifth octet is the type of the frame inside, 0 for Ethernet
  if (bytes[at + 5] >>> 4 !== 0) return cursor.other();
  cursor.tag(cursor.u16(at + 20) >>> 1, KIND.isl);
  return cursor.next(ISL_HEADER, ETHERNET);
}

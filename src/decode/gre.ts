/**
 * GRE (RFC 2784, 2890, 1701; version 1 of PPTP, RFC 2637) and what rides on it: ERSPAN types I to III,
 * NVGRE (RFC 7637), WCCP, MikroTik EoIP, Aruba's 802.11 frames. Takes the cursor at the GRE header, gives the layer inside.
 */
import { BRIDGED_ETHERNET, type Cursor, ETHERNET, ETHERTYPE, IP, IPV4, type Layer, PPP, WLAN } from "./cursor.ts";
import { KIND } from "./paths.ts";

const CHECKSUM = 0x8000;
const ROUTING = 0x4000;
const KEY = 0x2000;
const SEQUENCE = 0x1000;
const ACKNOWLEDGMENT = 0x0080;
export function gre(cursor: Cursor): Layer {
  if (cursor.lacks(4)) return cursor.short("decode.gre-header");
  const flags = cursor.u16(cursor.at);
  const type = cursor.u16(cursor.at + 2);
  switch (flags & 7) {
    case 0:
      return version0(cursor, flags, type);
    case 1:
      return version1(cursor, flags, type);
    default:
      return cursor.malformed("decode.gre-version");
  }
}

function version0(cursor: Cursor, flags: number, type: number): Layer {
  const start = cursor.at;
  let length = 4;
  if ((flags & (CHECKSUM | ROUTING)) !== 0) length += 4;
  const keyAt = length;
  if ((flags & KEY) !== 0) length += 4;
  if ((flags & SEQUENCE) !== 0) length += 4;
  if (cursor.lacks(length)) return cursor.short("decode.gre-header");
  cursor.at += length;
  if ((flags & ROUTING) !== 0 && !skipRoutes(cursor)) return cursor.short("decode.gre-routing");

  if (type === 0x88be || type === 0x22eb) return erspan(cursor, type, (flags & SEQUENCE) !== 0);
  if ((flags & KEY) === 0) cursor.wrap(KIND.gre);
  else noteKey(cursor, type, cursor.i32(start + keyAt) >>> 0);
  return payload(cursor, type);
}

/**
 * A key before IP names the tunnel, in both directions. Before a frame it does not: mirrors put the direction or the
 * session there (0 one way and 0x02000000 the other in one real capture).
 */
function noteKey(cursor: Cursor, type: number, key: number): void {
  if (type === BRIDGED_ETHERNET) cursor.wrap(KIND.gre);
  else cursor.isolate(KIND.gre, key);
}

function payload(cursor: Cursor, type: number): Layer {
  // Aruba puts 802.11 frames under types of its own, one for each kind of tunnel
  if (type >= 0x8200 && type <= 0x82ff) return WLAN;
  if (type === 0x9000) return WLAN;
  if (type === 0x883e) return wccp(cursor);
  return cursor.next(0, ETHERTYPE, type);
}

/** WCCP version 2 puts a redirect header of four octets before the IP packet, version 1 none. */
function wccp(cursor: Cursor): Layer {
  if (cursor.lacks(5)) return cursor.short("decode.gre-header");
  cursor.wrap(KIND.wccp);
  return cursor.next(cursor.bytes[cursor.at] >>> 4 === 4 ? 0 : 4, IPV4);
}

/** Source routes of RFC 1701: family, offset, length, data; a family and length of zero end the list. */
function skipRoutes(cursor: Cursor): boolean {
  for (;;) {
    if (cursor.lacks(4)) return false;
    const family = cursor.u16(cursor.at);
    const length = cursor.bytes[cursor.at + 3];
    cursor.at += 4 + length;
    if (family === 0 && length === 0) return true;
    if (cursor.lacks(0)) return false;
  }
}

/** PPTP: the key holds a length and the receiver's call id, which differs between the directions. */
function version1(cursor: Cursor, flags: number, type: number): Layer {
  if (type === 0x6400) return eoip(cursor);
  let length = 8;
  if ((flags & SEQUENCE) !== 0) length += 4;
  if ((flags & ACKNOWLEDGMENT) !== 0) length += 4;
  if (cursor.lacks(length)) return cursor.short("decode.gre-header");
  // an acknowledgment without payload
  if ((flags & SEQUENCE) === 0 || type !== 0x880b) return cursor.other();
  const payloadLength = cursor.u16(cursor.at + 4);
  cursor.wrap(KIND.gre);
  cursor.next(length, PPP);
  cursor.limit(payloadLength);
  return PPP;
}

function eoip(cursor: Cursor): Layer {
  if (cursor.lacks(8)) return cursor.short("decode.gre-header");
  const { bytes, at } = cursor;
  const payloadLength = cursor.u16(at + 4);
  cursor.isolate(KIND.eoip, bytes[at + 6] | (bytes[at + 7] << 8));
  cursor.next(8, ETHERNET);
  cursor.limit(payloadLength);
  return ETHERNET;
}

/**
 * A mirror session. Type I has no header and no GRE sequence number, type II a header of 8 octets, type III one of 12
 * and perhaps 8 more. Session and VLAN of the header tell how the mirror is set up and may differ by direction.
 */
function erspan(cursor: Cursor, type: number, sequenced: boolean): Layer {
  cursor.wrap(KIND.erspan);
  const isType3 = type === 0x22eb;
  if (!isType3 && !sequenced) return ETHERNET;
  if (cursor.lacks(isType3 ? 12 : 8)) return cursor.short("decode.erspan-header");
  // T: the mirrored frame was shortened
  cursor.mirrorCuts = (cursor.bytes[cursor.at + 2] & 0x04) !== 0;
  if (!isType3) return cursor.next(8, ETHERNET);
  const hasSubheader = (cursor.bytes[cursor.at + 11] & 1) === 1;
  const frameType = (cursor.bytes[cursor.at + 10] >>> 2) & 0x1f;
  const length = hasSubheader ? 20 : 12;
  if (cursor.lacks(length)) return cursor.short("decode.erspan-header");
  if (frameType === 0) return cursor.next(length, ETHERNET);
  return frameType === 2 ? cursor.next(length, IP) : cursor.other();
}

/**
 * Tunnels over UDP, known by their ports and then by their headers: VXLAN (RFC 7348) and VXLAN-GPE, Geneve (RFC 8926),
 * GTP-U (3GPP TS 29.281), Teredo (RFC 4380), AYIYA, CAPWAP data (RFC 5415), L2TP version 2 (RFC 2661), GUE, LISP
 * (RFC 6830), MPLS (RFC 7510). Takes the cursor at the UDP payload. Null means: no tunnel, just a datagram; then the
 * cursor has not moved.
 */
import { type Cursor, ETHERNET, ETHERTYPE, IP, IP_PROTOCOL, IPV6, type Layer, MPLS, PPP, WLAN } from "./cursor.ts";
import { nextProtocol } from "./ethernet.ts";
import { KIND } from "./paths.ts";

export function udpTunnel(cursor: Cursor, sourcePort: number, destinationPort: number): Layer | null {
  // tunnels whose both directions go to the well-known port
  switch (destinationPort) {
    case 4789: // IANA
    case 8472: // Linux before it was assigned
      return vxlan(cursor);
    case 4790:
      return vxlanGpe(cursor);
    case 6081:
      return geneve(cursor);
    case 2152:
      return gtp(cursor);
    case 6080:
      return gue(cursor);
    case 4341:
      return lisp(cursor);
    case 6635:
      return cursor.lacks(4) ? null : cursor.next(0, MPLS);
  }
  return fromEitherPort(cursor, destinationPort) ?? fromEitherPort(cursor, sourcePort);
}

/** Tunnels between a client, on any port, and a server. */
function fromEitherPort(cursor: Cursor, port: number): Layer | null {
  switch (port) {
    case 3544:
      return teredo(cursor);
    case 5072:
      return ayiya(cursor);
    case 5247:
      return capwap(cursor);
    case 1701:
      return l2tp(cursor);
    case 2152:
      return gtp(cursor);
    default:
      return null;
  }
}

/** The flag that the network identifier is valid must be set; the id is 24 bits at octet 4. */
function vxlan(cursor: Cursor): Layer | null {
  if (cursor.lacks(8) || (cursor.bytes[cursor.at] & 0x08) === 0) return null;
  cursor.isolate(KIND.vxlan, cursor.i32(cursor.at + 4) >>> 8);
  return cursor.next(8, ETHERNET);
}

function vxlanGpe(cursor: Cursor): Layer | null {
  if (cursor.lacks(8) || (cursor.bytes[cursor.at] & 0x08) === 0) return null;
  const hasNextProtocol = (cursor.bytes[cursor.at] & 0x04) !== 0;
  const protocol = hasNextProtocol ? cursor.bytes[cursor.at + 3] : ETHERNET_PROTOCOL;
  cursor.isolate(KIND.vxlan, cursor.i32(cursor.at + 4) >>> 8);
  return nextProtocol(cursor, 8, protocol);
}
const ETHERNET_PROTOCOL = 3;

function geneve(cursor: Cursor): Layer | null {
  const { bytes, at } = cursor;
  if (cursor.lacks(8) || bytes[at] >>> 6 !== 0) return null;
  const length = 8 + ((bytes[at] & 0x3f) << 2);
  if (cursor.lacks(length)) return cursor.cut > 0 ? cursor.short("decode.geneve-header") : null;
  cursor.isolate(KIND.geneve, cursor.i32(at + 4) >>> 8);
  return cursor.next(length, ETHERTYPE, cursor.u16(at + 2));
}

/** The tunnel endpoint id names the receiver's end and differs between the directions. */
function gtp(cursor: Cursor): Layer | null {
  const { bytes, at } = cursor;
  // version 1, GTP (not GTP'), message 255: a user packet
  if (cursor.lacks(8) || (bytes[at] & 0xf0) !== 0x30 || bytes[at + 1] !== 255) return null;
  let length = 8;
  if ((bytes[at] & 7) !== 0) {
    length = 12;
    if (cursor.lacks(length)) return cursor.short("decode.gtp-header");
    let extension = (bytes[at] & 4) !== 0 ? bytes[at + 11] : 0;
    while (extension !== 0) {
      const words = bytes[at + length];
      if (words === 0 || cursor.lacks(length + words * 4)) return cursor.short("decode.gtp-header");
      length += words * 4;
      extension = bytes[at + length - 1];
    }
  }
  cursor.wrap(KIND.gtp);
  return cursor.next(length, IP);
}

/** Perhaps authentication, perhaps the origin, then IPv6. */
function teredo(cursor: Cursor): Layer | null {
  const { at } = cursor;
  let inner = at;
  if (inner + 4 <= cursor.end && cursor.u16(inner) === 1) inner += 13 + cursor.bytes[at + 2] + cursor.bytes[at + 3];
  if (inner + 8 <= cursor.end && cursor.u16(inner) === 0) inner += 8;
  if (inner + 40 > cursor.end || cursor.bytes[inner] >>> 4 !== 6) return null;
  cursor.wrap(KIND.teredo);
  return cursor.next(inner - at, IPV6);
}

function ayiya(cursor: Cursor): Layer | null {
  const { bytes, at } = cursor;
  if (cursor.lacks(8)) return null;
  const identityLength = 1 << (bytes[at] >>> 4);
  const signatureLength = (bytes[at + 1] >>> 4) << 2;
  const isForward = (bytes[at + 2] & 15) === 1;
  const length = 8 + identityLength + signatureLength;
  if (!isForward || cursor.lacks(length)) return null;
  cursor.wrap(KIND.ayiya);
  return cursor.next(length, IP_PROTOCOL, bytes[at + 3]);
}

/** Between access points and their controller; what is encrypted (DTLS) or in pieces is let go. */
function capwap(cursor: Cursor): Layer | null {
  const { bytes, at } = cursor;
  if (cursor.lacks(8) || bytes[at] !== 0) return null;
  const length = (bytes[at + 1] >>> 3) << 2;
  const isFragment = (bytes[at + 3] & 0x80) !== 0;
  const isKeepAlive = (bytes[at + 3] & 0x08) !== 0;
  if (length < 8 || isFragment || isKeepAlive || cursor.lacks(length)) return null;
  const isNative = (bytes[at + 2] & 1) !== 0;
  const isWlan = ((bytes[at + 2] >>> 1) & 0x1f) === 1;
  if (isNative && !isWlan) return null;
  cursor.wrap(KIND.capwap);
  return cursor.next(length, isNative ? WLAN : ETHERNET);
}

/** Version 2 data messages carry PPP; ids are the receiver's. */
function l2tp(cursor: Cursor): Layer | null {
  const { at } = cursor;
  if (cursor.lacks(6)) return null;
  const flags = cursor.u16(at);
  const isControl = (flags & 0x8000) !== 0;
  if (isControl || (flags & 15) !== 2) return null;
  let length = 6;
  if ((flags & 0x4000) !== 0) length += 2;
  if ((flags & 0x0800) !== 0) length += 4;
  if ((flags & 0x0200) !== 0) {
    if (cursor.lacks(length + 2)) return null;
    length += 2 + cursor.u16(at + length);
  }
  if (cursor.lacks(length)) return null;
  cursor.wrap(KIND.l2tp);
  return cursor.next(length, PPP);
}

/** Generic UDP Encapsulation: version 0 with a header of its own, version 1 is IP straight away. */
function gue(cursor: Cursor): Layer | null {
  const { bytes, at } = cursor;
  if (cursor.lacks(4)) return null;
  if (bytes[at] >>> 6 === 1) {
    cursor.wrap(KIND.gue);
    return cursor.next(0, IP);
  }
  const isControl = (bytes[at] & 0x20) !== 0;
  const length = 4 + ((bytes[at] & 0x1f) << 2);
  if (bytes[at] >>> 6 !== 0 || isControl || cursor.lacks(length)) return null;
  cursor.wrap(KIND.gue);
  return cursor.next(length, IP_PROTOCOL, bytes[at + 1]);
}

function lisp(cursor: Cursor): Layer | null {
  if (cursor.lacks(9)) return null;
  const version = cursor.bytes[cursor.at + 8] >>> 4;
  if (version !== 4 && version !== 6) return null;
  cursor.wrap(KIND.lisp);
  return cursor.next(8, IP);
}

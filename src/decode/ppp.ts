/** PPP (RFC 1661, 1662), PPPoE sessions (RFC 2516) and Cisco HDLC: each takes the cursor at its header. */
import { type Cursor, ETHERTYPE, IPV4, IPV6, type Layer, MPLS, PPP } from "./cursor.ts";
import { KIND } from "./paths.ts";

/** PPP with or without address and control octets, protocol field of one octet (compressed) or two. */
export function ppp(cursor: Cursor): Layer {
  const { bytes } = cursor;
  if (!cursor.lacks(2) && bytes[cursor.at] === 0xff && bytes[cursor.at + 1] === 3) cursor.at += 2;
  if (cursor.lacks(2)) return cursor.short("decode.ppp-header");
  // protocol numbers are odd in their last octet and even in the first
  const compressed = (bytes[cursor.at] & 1) === 1;
  const protocol = compressed ? bytes[cursor.at] : cursor.u16(cursor.at);
  const length = compressed ? 1 : 2;
  switch (protocol) {
    case 0x21:
      return cursor.next(length, IPV4);
    case 0x57:
      return cursor.next(length, IPV6);
    case 0x281:
    case 0x283:
      return cursor.next(length, MPLS);
    default:
      return cursor.other();
  }
}

/** A serial line that may speak PPP or Cisco HDLC (LINKTYPE_PPP_HDLC; some drivers do so on LINKTYPE_PPP too). */
export function pppOrCiscoHdlc(cursor: Cursor): Layer {
  if (cursor.lacks(4)) return cursor.short("decode.ppp-header");
  const address = cursor.bytes[cursor.at];
  const isCisco = (address === 0x0f || address === 0x8f) && cursor.bytes[cursor.at + 1] === 0;
  return isCisco ? ciscoHdlc(cursor) : PPP;
}

export function ciscoHdlc(cursor: Cursor): Layer {
  if (cursor.lacks(4)) return cursor.short("decode.hdlc-header");
  return cursor.next(4, ETHERTYPE, cursor.u16(cursor.at + 2));
}

export function pppoe(cursor: Cursor): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(6)) return cursor.short("decode.pppoe-header");
  // version 1, type 1; codes other than 0 are discovery
  if (bytes[at] !== 0x11 || bytes[at + 1] !== 0) return cursor.other();
  cursor.wrap(KIND.pppoe);
  const length = cursor.u16(at + 4);
  cursor.next(6, PPP);
  cursor.limit(length);
  return PPP;
}

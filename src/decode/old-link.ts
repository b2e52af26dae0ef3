/** Link layers of old: Token Ring (IEEE 802.5), FDDI and ARCNET (RFC 1051, RFC 1201). Each takes the cursor at its header. */
import { type Cursor, ETHERTYPE, IPV4, IPV6, type Layer, LLC } from "./cursor.ts";

export function tokenRing(cursor: Cursor): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(14)) return cursor.short("decode.token-ring-header");
  // frame type 01: LLC
  if (bytes[at + 1] >>> 6 !== 1) return cursor.other();
  // the first bit of the source address says that a route follows, whose length it tells itself
  if ((bytes[at + 8] & 0x80) === 0) return cursor.next(14, LLC);
  if (cursor.lacks(16)) return cursor.short("decode.token-ring-header");
  const length = 14 + (bytes[at + 14] & 0x1f);
  if (length < 16) return cursor.malformed("decode.token-ring-header");
  return cursor.lacks(length) ? cursor.short("decode.token-ring-header") : cursor.next(length, LLC);
}

export function fddi(cursor: Cursor): Layer {
  if (cursor.lacks(13)) return cursor.short("decode.fddi-header");
  const isLlc = (cursor.bytes[cursor.at] & 0x70) === 0x50;
  return isLlc ? cursor.next(13, LLC) : cursor.other();
}

/** `offset` is where the type octet is: 2, or 4 in captures from Linux, which show two more octets. */
export function arcnet(cursor: Cursor, offset: 2 | 4): Layer {
  const { bytes, at } = cursor;
  const payload = offset + 1;
  if (cursor.lacks(payload)) return cursor.short("decode.arcnet-header");
  switch (bytes[at + offset]) {
    case 240: // RFC 1051: nothing more in the header
      return cursor.next(payload, IPV4);
    case 212:
      return rfc1201(cursor, payload, IPV4);
    case 196:
      return rfc1201(cursor, payload, IPV6);
    case 232: // Ethernet-encapsulated
      return rfc1201(cursor, payload, ETHERTYPE);
    default:
      return cursor.other();
  }
}

/** RFC 1201 adds a split flag and a sequence number; 0xff marks an exception frame with four octets before them. */
function rfc1201(cursor: Cursor, payload: number, layer: Layer): Layer {
  let start = cursor.at + payload;
  if (cursor.bytes[start] === 0xff) start += 4;
  cursor.at = start;
  if (cursor.lacks(3)) return cursor.short("decode.arcnet-header");
  const isSplit = cursor.bytes[start] !== 0;
  if (isSplit || layer === ETHERTYPE) return cursor.other();
  return cursor.next(3, layer);
}

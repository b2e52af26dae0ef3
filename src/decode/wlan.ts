/**
 * IEEE 802.11 data frames that are not encrypted, and the headers that capturing puts before them (radiotap, Prism, AVS,
 * PPI). Takes the cursor at the header, gives LLC or, for an aggregate (A-MSDU), the first of its frames.
 */
import { type Cursor, ETHERNET, type Layer, LLC, WLAN } from "./cursor.ts";

const LINKTYPE_IEEE802_11 = 105;
const PRISM_HEADER = 144;
const FLAGS_DATA_PADDED = 0x20;

export function wlan(cursor: Cursor, padded = false): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(24)) return cursor.lacks(2) ? cursor.short("decode.wlan-header") : cursor.other();
  // Cisco access points send the two octets of the frame control field the other way round
  const swapped = (bytes[at] & 0x0f) !== 0x08 && (bytes[at + 1] & 0x0f) === 0x08;
  const kind = bytes[swapped ? at + 1 : at];
  const flags = bytes[swapped ? at : at + 1];
  const isData = (kind & 0x0f) === 0x08;
  const hasNoData = (kind & 0x40) !== 0;
  const isProtected = (flags & 0x40) !== 0;
  // the fragment number is in the lower half of octet 22; those access points swap that as well, or not
  const isFragment = (flags & 0x04) !== 0 || (!swapped && (bytes[at + 22] & 0x0f) !== 0);
  if (!isData || hasNoData || isProtected || isFragment) return cursor.other();

  let length = (flags & 3) === 3 ? 30 : 24;
  let aggregate = false;
  if ((kind & 0x80) !== 0) {
    aggregate = (bytes[at + length] & 0x80) !== 0;
    length += 2;
    if ((flags & 0x80) !== 0) length += 4;
  }
  if (padded) length = (length + 3) & ~3;
  if (cursor.lacks(length)) return cursor.short("decode.wlan-header");
  cursor.next(length, LLC);
  if (!aggregate) return LLC;
  cursor.keepRest(bytes, cursor.at, cursor.end);
  return nextOfAggregate(cursor);
}

/** Moves the cursor to the next frame of an aggregate: two addresses, a length, LLC, padding to four octets. */
export function nextOfAggregate(cursor: Cursor): Layer {
  cursor.takeRest();
  const { at, end } = cursor;
  if (cursor.lacks(14)) return cursor.short("decode.wlan-header");
  const length = cursor.u16(at + 12);
  const next = at + ((14 + length + 3) & ~3);
  if (next + 14 <= end) cursor.keepRest(cursor.bytes, next, end);
  cursor.next(14, LLC);
  cursor.limit(length);
  return LLC;
}

/** Radiotap (little-endian): the length, then a bit map of fields of which only the flags matter. */
export function radiotap(cursor: Cursor): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(8)) return cursor.short("decode.radiotap-header");
  const length = bytes[at + 2] | (bytes[at + 3] << 8);
  if (length < 8) return cursor.malformed("decode.radiotap-header");
  if (cursor.lacks(length)) return cursor.short("decode.radiotap-header");
  const padded = (radiotapFlags(cursor, at + length) & FLAGS_DATA_PADDED) !== 0;
  cursor.at += length;
  return wlan(cursor, padded);
}

function radiotapFlags(cursor: Cursor, end: number): number {
  const { bytes, at } = cursor;
  const present = bytes[at + 4];
  let field = at + 4;
  // bit 31 of a word: another word follows
  while (field + 4 <= end && (bytes[field + 3] & 0x80) !== 0) field += 4;
  field += 4;
  // bit 0 is the 8-octet time, aligned to 8 from the header's start; bit 1 the flags
  if ((present & 1) !== 0) field = at + ((field - at + 7) & ~7) + 8;
  return (present & 2) !== 0 && field < end ? bytes[field] : 0;
}

/** Prism and AVS headers tell their length in either byte order. */
export function prismOrAvs(cursor: Cursor): Layer {
  if (cursor.lacks(8)) return cursor.short("decode.wlan-header");
  const big = cursor.i32(cursor.at + 4) >>> 0;
  const { bytes, at } = cursor;
  const little = (bytes[at + 4] | (bytes[at + 5] << 8)) & 0xffff;
  const length = big <= 0xffff ? big : little;
  if (length < 8 || length > PRISM_HEADER * 4) return cursor.malformed("decode.wlan-header");
  if (cursor.lacks(length)) return cursor.short("decode.wlan-header");
  return cursor.next(length, WLAN);
}

/** Per-Packet Information (little-endian): version, flags, length, link type of what follows. */
export function ppi(cursor: Cursor): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(8)) return cursor.short("decode.wlan-header");
  const length = bytes[at + 2] | (bytes[at + 3] << 8);
  const linkType = bytes[at + 4] | (bytes[at + 5] << 8);
  if (length < 8) return cursor.malformed("decode.wlan-header");
  if (cursor.lacks(length)) return cursor.short("decode.wlan-header");
  if (linkType === 1) return cursor.next(length, ETHERNET);
  return linkType === LINKTYPE_IEEE802_11 ? cursor.next(length, WLAN) : cursor.other();
}

/**
 * IPv6 (RFC 8200) with its extension headers: takes the cursor at a header, gives what follows it. Each extension
 * header is one step of the walk, so its limit bounds the chain.
 */
import { type Cursor, DONE, IP_PROTOCOL, type Layer } from "./cursor.ts";
import type { FragmentTable } from "./fragment.ts";

const HOP_BY_HOP = 0;
const JUMBO_OPTION = 0xc2;
const HEADER = 40;

export function ipv6(cursor: Cursor): Layer {
  const { bytes, at, packet } = cursor;
  if (cursor.lacks(HEADER)) return cursor.short("decode.ipv6-header");
  if (bytes[at] >>> 4 !== 6) return cursor.malformed("decode.ipv6-header");
  let payloadLength = cursor.u16(at + 4);
  const nextHeader = bytes[at + 6];
  if (payloadLength === 0) {
    payloadLength = nextHeader === HOP_BY_HOP ? jumboLength(cursor, at + HEADER) : 0;
    // zero without that option: captured before segmentation offload filled the length in
    if (payloadLength === 0) payloadLength = cursor.end + cursor.cut - at - HEADER;
  }
  const length = cursor.limit(HEADER + payloadLength);

  packet.family = 6;
  packet.source0 = cursor.i32(at + 8);
  packet.source1 = cursor.i32(at + 12);
  packet.source2 = cursor.i32(at + 16);
  packet.source3 = cursor.i32(at + 20);
  packet.destination0 = cursor.i32(at + 24);
  packet.destination1 = cursor.i32(at + 28);
  packet.destination2 = cursor.i32(at + 32);
  packet.destination3 = cursor.i32(at + 36);
  cursor.ipLength = length;
  cursor.ipId = 0;
  return cursor.next(HEADER, IP_PROTOCOL, nextHeader);
}

/** Hop-by-hop options, routing, destination options, mobility, HIP, Shim6: all tell their length in 8-octet units. */
export function ipv6Extension(cursor: Cursor): Layer {
  if (cursor.lacks(8)) return cursor.short("decode.ipv6-extension");
  const length = (cursor.bytes[cursor.at + 1] + 1) << 3;
  if (cursor.lacks(length)) return cursor.short("decode.ipv6-extension");
  return cursor.next(length, IP_PROTOCOL, cursor.bytes[cursor.at]);
}

/** Authentication header (RFC 4302), of IPv4 too: the payload is in the clear. */
export function authentication(cursor: Cursor): Layer {
  if (cursor.lacks(12)) return cursor.short("decode.authentication-header");
  const length = (cursor.bytes[cursor.at + 1] + 2) << 2;
  if (length < 12 || cursor.lacks(length)) return cursor.short("decode.authentication-header");
  return cursor.next(length, IP_PROTOCOL, cursor.bytes[cursor.at]);
}

export function ipv6Fragment(cursor: Cursor, fragments: FragmentTable): Layer {
  if (cursor.lacks(8)) return cursor.short("decode.ipv6-extension");
  const { at } = cursor;
  const field = cursor.u16(at + 2);
  const offset = field & 0xfff8;
  const more = (field & 1) !== 0;
  const id = cursor.i32(at + 4);
  cursor.next(8, IP_PROTOCOL, cursor.bytes[at]);
  // a fragment that is the whole packet ("atomic", RFC 6946) goes on as it is
  if (offset === 0 && !more) return IP_PROTOCOL;
  return fragments.add(cursor, id, offset, more) ? IP_PROTOCOL : DONE;
}

/** Jumbo payload length (RFC 2675) in a hop-by-hop header at `at`, 0 when there is none. */
function jumboLength(cursor: Cursor, at: number): number {
  const { bytes } = cursor;
  if (at + 8 > cursor.end) return 0;
  const end = Math.min(at + ((bytes[at + 1] + 1) << 3), cursor.end);
  let option = at + 2;
  while (option + 6 <= end) {
    if (bytes[option] === JUMBO_OPTION && bytes[option + 1] === 4) return cursor.i32(option + 2) >>> 0;
    option += bytes[option] === 0 ? 1 : 2 + bytes[option + 1];
  }
  return 0;
}

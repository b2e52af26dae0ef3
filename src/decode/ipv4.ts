/** IPv4 (RFC 791): takes the cursor at the header, gives the protocol inside, or nothing while fragments are missing. */
import { ipv4HeaderGood } from "./checksum.ts";
import { type Cursor, DONE, IP_PROTOCOL, type Layer } from "./cursor.ts";
import type { FragmentTable } from "./fragment.ts";

const MORE_FRAGMENTS = 0x2000;

export function ipv4(cursor: Cursor, fragments: FragmentTable): Layer {
  const { bytes, at } = cursor;
  if (cursor.lacks(20)) return cursor.short("decode.ipv4-header");
  const headerLength = (bytes[at] & 15) << 2;
  if (bytes[at] >>> 4 !== 4 || headerLength < 20) return cursor.malformed("decode.ipv4-header");
  // zero: the packet was captured before segmentation offload filled the length in
  const stated = cursor.u16(at + 2) || cursor.end + cursor.cut - at;
  if (stated < headerLength) return cursor.malformed("decode.ipv4-length");
  const totalLength = cursor.limit(stated);
  if (cursor.lacks(headerLength)) return cursor.short("decode.ipv4-header");

  if (cursor.options.verifyChecksums && !ipv4HeaderGood(bytes, at, at + headerLength)) cursor.ledger.badChecksums++;

  const { packet } = cursor;
  packet.family = 4;
  packet.source0 = packet.source1 = packet.destination0 = packet.destination1 = 0;
  packet.source2 = packet.destination2 = 0xffff;
  packet.source3 = cursor.i32(at + 12);
  packet.destination3 = cursor.i32(at + 16);
  cursor.ipLength = totalLength;
  cursor.ipId = cursor.u16(at + 4);

  const flags = cursor.u16(at + 6);
  const offset = (flags & 0x1fff) << 3;
  const more = (flags & MORE_FRAGMENTS) !== 0;
  const protocol = bytes[at + 9];
  cursor.next(headerLength, IP_PROTOCOL, protocol);
  if (offset === 0 && !more) return IP_PROTOCOL;
  return fragments.add(cursor, cursor.ipId, offset, more) ? IP_PROTOCOL : DONE;
}

/**
 * MPLS (RFC 3032): skips the label stack and finds out what is under it, which MPLS itself does not say: IP by its
 * version, else an Ethernet pseudo-wire with or without control word (RFC 4385, RFC 4448). Labels differ between the
 * two directions of a flow, so they are no part of its scope.
 */
import { type Cursor, ETHERNET, IPV4, IPV6, type Layer } from "./cursor.ts";
import { looksLikeEthernet } from "./ethernet.ts";
import { KIND } from "./paths.ts";

const MAX_LABELS = 16;

export function mpls(cursor: Cursor): Layer {
  for (let labels = 0; labels < MAX_LABELS; labels++) {
    if (cursor.lacks(4)) return cursor.short("decode.mpls-header");
    const bottom = (cursor.bytes[cursor.at + 2] & 1) === 1;
    cursor.at += 4;
    if (bottom) {
      cursor.wrap(KIND.mpls);
      return underLabels(cursor);
    }
  }
  return cursor.malformed("decode.mpls-stack");
}

function underLabels(cursor: Cursor): Layer {
  if (cursor.lacks(1)) return cursor.short("decode.mpls-header");
  const { at } = cursor;
  switch (cursor.bytes[at] >>> 4) {
    case 4:
      // a MAC address may begin like that as well
      if (!isIpv4Header(cursor) && looksLikeEthernet(cursor, at)) return ETHERNET;
      return IPV4;
    case 6:
      if (!isIpv6Header(cursor) && looksLikeEthernet(cursor, at)) return ETHERNET;
      return IPV6;
    case 0:
      if (looksLikeEthernet(cursor, at + 4)) return cursor.next(4, ETHERNET);
  }
  return looksLikeEthernet(cursor, at) ? ETHERNET : cursor.other();
}

function isIpv4Header(cursor: Cursor): boolean {
  const length = cursor.u16(cursor.at + 2);
  const available = cursor.end + cursor.cut - cursor.at;
  return !cursor.lacks(20) && (cursor.bytes[cursor.at] & 15) >= 5 && length <= available;
}

function isIpv6Header(cursor: Cursor): boolean {
  return !cursor.lacks(40) && cursor.u16(cursor.at + 4) + 40 <= cursor.end + cursor.cut - cursor.at;
}

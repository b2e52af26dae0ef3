/**
 * The first layer of a packet, by its link type (LINKTYPE_ values of the pcap registry): takes the cursor at the
 * packet's first byte, gives the layer inside the link header.
 */
import { cookedDirection } from "./cooked.ts";
import {
  CISCO_HDLC,
  type Cursor,
  ETHERNET,
  ETHERTYPE,
  IP,
  IPV4,
  IPV6,
  type Layer,
  LLC,
  MPLS,
  PPP,
  PPPOE,
  WLAN,
} from "./cursor.ts";
import { arcnet, fddi, tokenRing } from "./old-link.ts";
import { pppOrCiscoHdlc } from "./ppp.ts";
import { ppi, prismOrAvs, radiotap } from "./wlan.ts";

const NFLOG_PAYLOAD = 9;

export function link(cursor: Cursor, linkType: number): Layer {
  switch (linkType) {
    case 1:
      return ETHERNET;
    case 0: // NULL: BSD loopback, address family in the byte order of the capturing host
    case 108: // LOOP: the same, big-endian
      return loopback(cursor);
    case 12: // DLT_RAW of most systems
    case 14: // DLT_RAW of OpenBSD
    case 101: // RAW
      return IP;
    case 228:
      return IPV4;
    case 229:
      return IPV6;
    case 113:
      return linuxCooked(cursor);
    case 276:
      return linuxCooked2(cursor);
    case 9: // PPP
    case 50: // PPP_HDLC
      return pppOrCiscoHdlc(cursor);
    case 51: // PPP_ETHER
      return PPPOE;
    case 166: // PPP_PPPD: the direction stands where PPP has its address
    case 204: // PPP_WITH_DIR: the direction stands before
      return pppWithDirection(cursor, linkType === 166 ? 2 : 1);
    case 104:
      return CISCO_HDLC;
    case 105:
      return WLAN;
    case 127:
      return radiotap(cursor);
    case 119: // IEEE802_11_PRISM
    case 163: // IEEE802_11_AVS
      return prismOrAvs(cursor);
    case 192:
      return ppi(cursor);
    case 239:
      return nflog(cursor);
    case 6:
      return tokenRing(cursor);
    case 10:
      return fddi(cursor);
    case 7:
      return arcnet(cursor, 2);
    case 129:
      return arcnet(cursor, 4);
    case 100: // ATM_RFC1483
      return LLC;
    case 109: // ENC, OpenBSD's IPsec: family, SPI, flags
      return familyAt(cursor, 0, 12);
    case 117: // PFLOG: length, family
      return pflog(cursor);
    case 219:
      return MPLS;
    case 274: // ETHERNET_MPACKET: preamble and frame delimiter first
      return cursor.lacks(8) ? cursor.short("decode.ethernet-header") : cursor.next(8, ETHERNET);
    default:
      cursor.ledger.anomaly("decode.link-type-unsupported");
      return cursor.other();
  }
}

/** AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD), 30 (macOS), 23 (Windows). */
function ipOfFamily(family: number): Layer | null {
  switch (family) {
    case 2:
      return IPV4;
    case 10:
    case 23:
    case 24:
    case 28:
    case 30:
      return IPV6;
    default:
      return null;
  }
}

function loopback(cursor: Cursor): Layer {
  return familyAt(cursor, 0, 4);
}

/** An address family as a 32-bit number of either byte order at `offset` of a header of `length` octets. */
function familyAt(cursor: Cursor, offset: number, length: number): Layer {
  if (cursor.lacks(length)) return cursor.short("decode.loopback-header");
  const big = cursor.i32(cursor.at + offset);
  const b = cursor.bytes;
  const at = cursor.at + offset;
  const little = b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24);
  const layer = ipOfFamily(big) ?? ipOfFamily(little);
  return layer === null ? cursor.other() : cursor.next(length, layer);
}

function pflog(cursor: Cursor): Layer {
  if (cursor.lacks(4)) return cursor.short("decode.pflog-header");
  const length = (cursor.bytes[cursor.at] + 3) & ~3;
  if (length < 4 || cursor.lacks(length)) return cursor.short("decode.pflog-header");
  const layer = ipOfFamily(cursor.bytes[cursor.at + 1]);
  return layer === null ? cursor.other() : cursor.next(length, layer);
}

function linuxCooked(cursor: Cursor): Layer {
  if (cursor.lacks(16)) return cursor.short("decode.cooked-header");
  cookedDirection(cursor.packet, cursor.bytes[cursor.at + 1]);
  return cookedProtocol(cursor, 16, cursor.u16(cursor.at + 14));
}

function linuxCooked2(cursor: Cursor): Layer {
  if (cursor.lacks(20)) return cursor.short("decode.cooked-header");
  cookedDirection(cursor.packet, cursor.bytes[cursor.at + 10]);
  return cookedProtocol(cursor, 20, cursor.u16(cursor.at));
}

/** Values below 0x600 are not EtherTypes; 4 says that 802.2 LLC follows. */
function cookedProtocol(cursor: Cursor, length: number, protocol: number): Layer {
  if (protocol >= 0x600) return cursor.next(length, ETHERTYPE, protocol);
  return protocol === 4 ? cursor.next(length, LLC) : cursor.other();
}

function pppWithDirection(cursor: Cursor, skip: number): Layer {
  return cursor.lacks(skip + 1) ? cursor.short("decode.ppp-header") : cursor.next(skip, PPP);
}

/** Linux netfilter log: family, version, resource, then attributes whose numbers are in the byte order of the host. */
function nflog(cursor: Cursor): Layer {
  const { bytes } = cursor;
  if (cursor.lacks(4)) return cursor.short("decode.nflog-header");
  const layer = ipOfFamily(bytes[cursor.at]);
  cursor.at += 4;
  while (!cursor.lacks(4)) {
    const { at } = cursor;
    const little = bytes[at] | (bytes[at + 1] << 8);
    const big = cursor.u16(at);
    // no attribute but the payload is long, so the smaller reading is right unless the type says otherwise
    const isBig = bytes[at + 2] === 0 && bytes[at + 3] !== 0;
    const length = isBig ? big : little;
    const type = isBig ? bytes[at + 3] : bytes[at + 2];
    if (length < 4) return cursor.malformed("decode.nflog-header");
    if (type === NFLOG_PAYLOAD) {
      if (layer === null) return cursor.other();
      cursor.next(4, layer);
      cursor.limit(length - 4);
      // the rule that logs may copy less than the packet
      cursor.mirrorCuts = true;
      return layer;
    }
    cursor.at += (length + 3) & ~3;
  }
  return cursor.short("decode.nflog-header");
}

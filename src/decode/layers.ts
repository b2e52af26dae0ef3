/** One step of the walk: from a layer at the cursor to the layer inside it. */
import {
  CISCO_HDLC,
  type Cursor,
  ETHERNET,
  ETHERTYPE,
  GRE,
  IP,
  IP_PROTOCOL,
  IPV4,
  IPV6,
  type Layer,
  LLC,
  MPLS,
  NSH,
  PPP,
  PPPOE,
  WLAN,
} from "./cursor.ts";
import { ethernet, etherType, llc, nsh } from "./ethernet.ts";
import type { FragmentTable } from "./fragment.ts";
import { gre } from "./gre.ts";
import { ipv4 } from "./ipv4.ts";
import { authentication, ipv6, ipv6Extension, ipv6Fragment } from "./ipv6.ts";
import { mpls } from "./mpls.ts";
import { KIND } from "./paths.ts";
import { ciscoHdlc, ppp, pppoe } from "./ppp.ts";
import { tcp, udp } from "./transport.ts";
import { wlan } from "./wlan.ts";

export function step(cursor: Cursor, layer: Layer, fragments: FragmentTable): Layer {
  switch (layer) {
    case ETHERNET:
      return ethernet(cursor);
    case ETHERTYPE:
      return etherType(cursor);
    case IPV4:
      return ipv4(cursor, fragments);
    case IPV6:
      return ipv6(cursor);
    case IP_PROTOCOL:
      return ipProtocol(cursor, fragments);
    case IP:
      return ipOfEitherVersion(cursor);
    case LLC:
      return llc(cursor);
    case PPP:
      return ppp(cursor);
    case PPPOE:
      return pppoe(cursor);
    case MPLS:
      return mpls(cursor);
    case GRE:
      return gre(cursor);
    case WLAN:
      return wlan(cursor);
    case CISCO_HDLC:
      return ciscoHdlc(cursor);
    case NSH:
      return nsh(cursor);
    default:
      return cursor.other();
  }
}

function ipOfEitherVersion(cursor: Cursor): Layer {
  if (cursor.lacks(1)) return cursor.short("decode.ip-version");
  switch (cursor.bytes[cursor.at] >>> 4) {
    case 4:
      return IPV4;
    case 6:
      return IPV6;
    default:
      return cursor.malformed("decode.ip-version");
  }
}

/** What an IP protocol number, or an IPv6 next-header value, leads to. */
function ipProtocol(cursor: Cursor, fragments: FragmentTable): Layer {
  const isIpv6 = cursor.packet.family === 6;
  switch (cursor.type) {
    case 6:
      return tcp(cursor);
    case 17:
      return udp(cursor);
    case 4:
      cursor.wrap(isIpv6 ? KIND["4in6"] : KIND.ipip);
      return IPV4;
    case 41:
      cursor.wrap(isIpv6 ? KIND["6in6"] : KIND["6in4"]);
      return IPV6;
    case 47:
      return GRE;
    case 51:
      return authentication(cursor);
    case 97:
      return etherIp(cursor);
    case 137:
      return MPLS;
    case 143: // Ethernet under IPv6 segment routing (RFC 8986)
      cursor.wrap(KIND.srv6);
      return ETHERNET;
    case 44:
      return isIpv6 ? ipv6Fragment(cursor, fragments) : cursor.other();
    case 0: // hop-by-hop options
    case 43: // routing
    case 60: // destination options
    case 135: // mobility
    case 139: // host identity
    case 140: // Shim6
      return isIpv6 ? ipv6Extension(cursor) : cursor.other();
    default:
      return cursor.other();
  }
}

/** RFC 3378: version 3 in the first four bits, the rest zero, then the frame. */
function etherIp(cursor: Cursor): Layer {
  if (cursor.lacks(2)) return cursor.short("decode.etherip-header");
  if (cursor.bytes[cursor.at] >>> 4 !== 3) return cursor.other();
  cursor.wrap(KIND.etherip);
  return cursor.next(2, ETHERNET);
}

/**
 * Several sockets that share the packets of one capture, so that several workers can read (packet(7), PACKET_FANOUT).
 * The kernel picks the member by a hash of addresses and ports that is the same for both directions, so a flow stays
 * with one member. Tunnelled flows are hashed by their outer header: where the outer source port differs by direction
 * (VXLAN, Geneve), the two directions may part.
 */

const PACKET_FANOUT_HASH = 0;
/** Puts IPv4 fragments together before hashing: only the first one has ports. */
const PACKET_FANOUT_FLAG_DEFRAG = 0x8000;
/** The kernel finds a group number that nobody uses. */
const PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;
/** PACKET_IGNORE_OUTGOING has no effect on members of a group; this flag of the group has. */
const PACKET_FANOUT_FLAG_IGNORE_OUTGOING = 0x4000;

export interface FanoutOptions {
  /** Group to join; `new` makes one, whose number the first member then knows (`LiveCapture.fanoutId`). */
  readonly group: number | "new";
  /**
   * Drops what this machine sends, on every interface of the group. Not needed to see loopback packets once: the filter
   * does that. All members must agree.
   */
  readonly ignoreOutgoing?: boolean;
}

/** The option's value: group number, mode and flags. */
export function fanoutValue(options: FanoutOptions): number {
  const isNew = options.group === "new";
  const mode =
    PACKET_FANOUT_HASH |
    PACKET_FANOUT_FLAG_DEFRAG |
    (isNew ? PACKET_FANOUT_FLAG_UNIQUEID : 0) |
    (options.ignoreOutgoing ? PACKET_FANOUT_FLAG_IGNORE_OUTGOING : 0);
  return ((isNew ? 0 : (options.group as number) & 0xffff) | (mode << 16)) >>> 0;
}

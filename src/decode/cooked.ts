/** The direction that Linux cooked captures tell in their packet type, for packets of which the source does not tell it. */
import { INCOMING, OUTGOING, type Packet, UNKNOWN_DIRECTION } from "../core/packet.ts";

/** Types 0 to 3 came in or were overheard; 4 was sent by the capturing host. */
const SENT_BY_US = 4;

export function cookedDirection(packet: Packet, packetType: number): void {
  if (packet.direction !== UNKNOWN_DIRECTION) return;
  packet.direction = packetType === SENT_BY_US ? OUTGOING : INCOMING;
}

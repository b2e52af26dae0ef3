/**
 * Flows that have just ended, remembered for a moment so that their stragglers are known as such. Kept as 64 octets of
 * numbers each, not as flow objects: with thousands of new connections a second, an object that is used again at once
 * is still in the processor's cache, one that rests for a second is not.
 */
import type { Flow } from "../core/flow.ts";
import type { Packet } from "../core/packet.ts";
import type { Micros } from "../core/units.ts";

/** A second's worth of 16,000 ends a second; of more the oldest is forgotten sooner. */
const CAPACITY = 1 << 14;
const STRIDE = 16;
const HASH = 0;
const SOURCE = 1;
const DESTINATION = 5;
const PORTS = 9;
const SCOPE = 10;
const REVERSE_SCOPE = 11;
/** Next sequence numbers of the two halves. */
const NEXT = 12;
const STATE = 14;

const PRESENT = 1;
const RESET = 2;
const KNOWN = 4; // half 0; 8: half 1

/**
 * Chains name a flow by its place and the upper bits of its hash, and lie apart from the records: nearly all looks find
 * nothing, and then no record is fetched into the processor's cache.
 */
const NONE = -1;
const PLACE = CAPACITY - 1;

function nameOf(place: number, hash: number): number {
  const name = (hash & ~PLACE) | place;
  // one that looks like NONE gets another upper bit; the record has the whole hash
  return name === NONE ? name & ~(1 << 31) : name;
}

export class EndedFlows {
  private readonly records = new Int32Array(CAPACITY * STRIDE);
  private readonly until = new Float64Array(CAPACITY);
  private readonly buckets = new Int32Array(CAPACITY).fill(NONE);
  /** Name of the next in the chain, by place. */
  private readonly chain = new Int32Array(CAPACITY);
  /** Place of the oldest, and how many there are. */
  private oldest = 0;
  private count = 0;
  /** Set by `find`: the packet goes against the direction of the flow's first packet. */
  private reverse = false;

  add(flow: Flow, until: Micros): void {
    if (this.count === CAPACITY) this.forgetOldest();
    const place = (this.oldest + this.count) & (CAPACITY - 1);
    this.count++;
    this.until[place] = until;
    const { records } = this;
    const at = place * STRIDE;
    const slot = flow.hash & (CAPACITY - 1);
    records[at + HASH] = flow.hash;
    records[at + SOURCE] = flow.source0;
    records[at + SOURCE + 1] = flow.source1;
    records[at + SOURCE + 2] = flow.source2;
    records[at + SOURCE + 3] = flow.source3;
    records[at + DESTINATION] = flow.destination0;
    records[at + DESTINATION + 1] = flow.destination1;
    records[at + DESTINATION + 2] = flow.destination2;
    records[at + DESTINATION + 3] = flow.destination3;
    records[at + PORTS] = (flow.sourcePort << 16) | flow.destinationPort;
    records[at + SCOPE] = flow.scope;
    records[at + REVERSE_SCOPE] = flow.reverseScope;
    const first = flow.halves[0];
    const second = flow.halves[1];
    records[at + NEXT] = first.next;
    records[at + NEXT + 1] = second.next;
    const known = (first.known ? KNOWN : 0) | (second.known ? 2 * KNOWN : 0);
    records[at + STATE] = PRESENT | (flow.wasReset ? RESET : 0) | known;
    this.chain[place] = this.buckets[slot];
    this.buckets[slot] = nameOf(place, flow.hash);
  }

  /** Place of the flow that the packet would belong to, or -1. */
  find(packet: Packet, hash: number): number {
    const { records, chain } = this;
    for (let name = this.buckets[hash & PLACE]; name !== NONE; name = chain[name & PLACE]) {
      const place = name & PLACE;
      if (name !== nameOf(place, hash)) continue;
      const at = place * STRIDE;
      if (records[at + HASH] !== hash) continue;
      if (
        records[at + SCOPE] === packet.scope &&
        this.matches(at, packet, SOURCE, DESTINATION, packet.sourcePort, packet.destinationPort)
      ) {
        this.reverse = false;
        return place;
      }
      if (
        records[at + REVERSE_SCOPE] === packet.scope &&
        this.matches(at, packet, DESTINATION, SOURCE, packet.destinationPort, packet.sourcePort)
      ) {
        this.reverse = true;
        return place;
      }
    }
    return NONE;
  }

  private matches(
    at: number,
    packet: Packet,
    source: number,
    destination: number,
    first: number,
    second: number,
  ): boolean {
    const { records } = this;
    return (
      records[at + PORTS] === ((first << 16) | second) &&
      records[at + source + 3] === packet.source3 &&
      records[at + destination + 3] === packet.destination3 &&
      records[at + source + 2] === packet.source2 &&
      records[at + destination + 2] === packet.destination2 &&
      records[at + source + 1] === packet.source1 &&
      records[at + destination + 1] === packet.destination1 &&
      records[at + source] === packet.source0 &&
      records[at + destination] === packet.destination0
    );
  }

  /**
   * Does the handshake of the flow just found go on after a reset? Then the reset was forged or not for this connection,
   * and nobody heeded it. `packet` has SYN and ACK.
   */
  continues(place: number, packet: Packet): boolean {
    const at = place * STRIDE;
    const state = this.records[at + STATE];
    const other = this.reverse ? 0 : 1;
    const known = (state & (KNOWN << other)) !== 0;
    return (state & RESET) !== 0 && known && packet.acknowledgment === this.records[at + NEXT + other];
  }

  /** Its addresses are used anew. */
  remove(place: number): void {
    const { records, buckets, chain } = this;
    const at = place * STRIDE;
    if ((records[at + STATE] & PRESENT) === 0) return;
    records[at + STATE] = 0;
    const slot = records[at + HASH] & (CAPACITY - 1);
    const name = nameOf(place, records[at + HASH]);
    if (buckets[slot] === name) {
      buckets[slot] = chain[place];
      return;
    }
    for (let before = buckets[slot]; before !== NONE; before = chain[before & PLACE]) {
      if (chain[before & PLACE] !== name) continue;
      chain[before & PLACE] = chain[place];
      return;
    }
  }

  forget(now: Micros): void {
    while (this.count > 0 && this.until[this.oldest] <= now) this.forgetOldest();
  }

  private forgetOldest(): void {
    this.remove(this.oldest);
    this.oldest = (this.oldest + 1) & (CAPACITY - 1);
    this.count--;
  }
}

/**
 * Live flows that were not used for a while, as numbers: 420 octets each in place of objects of 2 kB. Any packet with
 * their addresses wakes them. Only what is ordinary can rest: a flow that holds segments, or whose parser has more to
 * remember than numbers, stays an object.
 */
import type { Flow } from "../core/flow.ts";
import type { Packet } from "../core/packet.ts";
import type { FlowParser } from "../core/protocol.ts";
import { REST_FLOATS, REST_INTS, RestRecord, type Waker } from "../core/rest.ts";
import type { Micros } from "../core/units.ts";
import { isOrdinary, LAST_TIME, readFlow, writeFlow } from "./flow-numbers.ts";

const NONE = -1;
const BUCKETS = 1 << 14;

// first numbers of a record; a free one has only CHAIN
const CHAIN = 0;
const OLDER = 1;
const NEWER = 2;
const HASH = 3;
const SOURCE = 4;
const DESTINATION = 8;
const PORTS = 12;
const WAKER = 13;
const HEADER = 14;

/** What is no number: who is at the two ends. */
interface Ends {
  readonly clientProcess: Flow["clientProcess"];
  readonly serverProcess: Flow["serverProcess"];
  readonly owners: object | null;
  readonly ownerVersion: number;
  readonly encapsulation: string | null;
}

export class RestingFlows {
  private readonly capacity: number;
  private ints = new Int32Array(0);
  private floats = new Float64Array(0);
  private record = new RestRecord(this.ints, this.floats);
  private readonly buckets = new Int32Array(BUCKETS).fill(NONE);
  /** Records given back; those from `unused` on were never used. */
  private free = NONE;
  private unused = 0;
  /** Rest longest, and shortest. */
  private oldest = NONE;
  private newest = NONE;
  private readonly ends = new Map<number, Ends>();
  /** Parsers that are kept as they are. */
  private readonly parsers = new Map<number, FlowParser>();
  /** Few: one for each protocol. */
  private readonly wakers: Waker[] = [];
  /** How many rest. */
  count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Puts a flow away, so that the object can be used for another; false, and nothing has changed, when that cannot be. */
  rest(flow: Flow): boolean {
    if (this.count === this.capacity || !isOrdinary(flow)) return false;
    if (this.floats.length === 0) this.allocate();
    const place = this.takePlace();
    const record = this.record.open(place, HEADER);
    writeFlow(flow, record);
    const waker = flow.parser === null ? NO_PARSER : (flow.parser.rest?.(flow, record) ?? null);
    if (waker === null || record.overfull) {
      this.givePlace(place);
      return false;
    }
    flow.parser?.rested?.();
    if (waker === (flow.parser as object | null)) this.parsers.set(place, flow.parser!);
    else this.ints[place * REST_INTS + WAKER] = this.numberOf(waker);
    this.link(place, flow);
    if (hasEnds(flow)) {
      const { clientProcess, serverProcess, owners, ownerVersion, encapsulation } = flow;
      this.ends.set(place, { clientProcess, serverProcess, owners, ownerVersion, encapsulation });
    }
    return true;
  }

  /** Pages of it take no memory before they are used. */
  private allocate(): void {
    this.ints = new Int32Array(this.capacity * REST_INTS);
    this.floats = new Float64Array(this.capacity * REST_FLOATS);
    this.record = new RestRecord(this.ints, this.floats);
  }

  private takePlace(): number {
    if (this.free === NONE) return this.unused++;
    const place = this.free;
    this.free = this.ints[place * REST_INTS + CHAIN];
    return place;
  }

  private givePlace(place: number): void {
    this.ints[place * REST_INTS + CHAIN] = this.free;
    this.free = place;
  }

  private numberOf(waker: Waker): number {
    const known = this.wakers.indexOf(waker);
    return known >= 0 ? known : this.wakers.push(waker) - 1;
  }

  private parserAt(place: number, flow: Flow, record: RestRecord): FlowParser | null {
    const kept = this.parsers.get(place);
    if (kept !== undefined) {
      this.parsers.delete(place);
      return kept;
    }
    const waker = this.wakers[this.ints[place * REST_INTS + WAKER]];
    return waker === NO_PARSER ? null : waker.wake(flow, record);
  }

  private link(place: number, flow: Flow): void {
    const { ints } = this;
    const at = place * REST_INTS;
    const bucket = flow.hash & (BUCKETS - 1);
    ints[at + CHAIN] = this.buckets[bucket];
    this.buckets[bucket] = place;
    ints[at + HASH] = flow.hash;
    ints[at + SOURCE] = flow.source0;
    ints[at + SOURCE + 1] = flow.source1;
    ints[at + SOURCE + 2] = flow.source2;
    ints[at + SOURCE + 3] = flow.source3;
    ints[at + DESTINATION] = flow.destination0;
    ints[at + DESTINATION + 1] = flow.destination1;
    ints[at + DESTINATION + 2] = flow.destination2;
    ints[at + DESTINATION + 3] = flow.destination3;
    ints[at + PORTS] = (flow.sourcePort << 16) | flow.destinationPort;
    ints[at + OLDER] = this.newest;
    ints[at + NEWER] = NONE;
    if (this.newest === NONE) this.oldest = place;
    else ints[this.newest * REST_INTS + NEWER] = place;
    this.newest = place;
    this.count++;
  }

  private unlink(place: number): void {
    const { ints, buckets } = this;
    const at = place * REST_INTS;
    const bucket = ints[at + HASH] & (BUCKETS - 1);
    if (buckets[bucket] === place) buckets[bucket] = ints[at + CHAIN];
    else {
      let before = buckets[bucket];
      while (ints[before * REST_INTS + CHAIN] !== place) before = ints[before * REST_INTS + CHAIN];
      ints[before * REST_INTS + CHAIN] = ints[at + CHAIN];
    }
    const [older, newer] = [ints[at + OLDER], ints[at + NEWER]];
    if (older === NONE) this.oldest = newer;
    else ints[older * REST_INTS + NEWER] = newer;
    if (newer === NONE) this.newest = older;
    else ints[newer * REST_INTS + OLDER] = older;
    this.count--;
  }

  /** A flow with the packet's addresses, in either direction and whatever wrapping; NONE when none rests. */
  find(packet: Packet, hash: number): number {
    const { ints } = this;
    let place = this.buckets[hash & (BUCKETS - 1)];
    for (; place !== NONE; place = ints[place * REST_INTS + CHAIN]) {
      const at = place * REST_INTS;
      if (ints[at + HASH] !== hash) continue;
      const { sourcePort, destinationPort } = packet;
      if (this.joins(at, packet, SOURCE, DESTINATION, (sourcePort << 16) | destinationPort)) return place;
      if (this.joins(at, packet, DESTINATION, SOURCE, (destinationPort << 16) | sourcePort)) return place;
    }
    return NONE;
  }

  private joins(at: number, packet: Packet, source: number, destination: number, ports: number): boolean {
    const { ints } = this;
    return (
      ints[at + PORTS] === ports &&
      ints[at + source + 3] === packet.source3 &&
      ints[at + destination + 3] === packet.destination3 &&
      ints[at + source + 2] === packet.source2 &&
      ints[at + destination + 2] === packet.destination2 &&
      ints[at + source + 1] === packet.source1 &&
      ints[at + destination + 1] === packet.destination1 &&
      ints[at + source] === packet.source0 &&
      ints[at + destination] === packet.destination0
    );
  }

  /** The one that rests longest, and when its last packet came; NONE when none rests. */
  get first(): number {
    return this.oldest;
  }

  lastTime(place: number): Micros {
    return this.floats[place * REST_FLOATS + LAST_TIME];
  }

  /** Makes a blank flow what rests at this place, and forgets that. */
  wake(place: number, flow: Flow): void {
    const { ints } = this;
    const at = place * REST_INTS;
    flow.hash = ints[at + HASH];
    flow.source0 = ints[at + SOURCE];
    flow.source1 = ints[at + SOURCE + 1];
    flow.source2 = ints[at + SOURCE + 2];
    flow.source3 = ints[at + SOURCE + 3];
    flow.destination0 = ints[at + DESTINATION];
    flow.destination1 = ints[at + DESTINATION + 1];
    flow.destination2 = ints[at + DESTINATION + 2];
    flow.destination3 = ints[at + DESTINATION + 3];
    flow.sourcePort = ints[at + PORTS] >>> 16;
    flow.destinationPort = ints[at + PORTS] & 0xffff;
    const ends = this.ends.get(place);
    if (ends !== undefined) {
      Object.assign(flow, ends);
      this.ends.delete(place);
    }
    const record = this.record.open(place, HEADER);
    readFlow(flow, record);
    flow.parser = this.parserAt(place, flow, record);
    this.unlink(place);
    this.givePlace(place);
  }
}

/** Of a flow that is not read (a copy, or one that was given up). */
const NO_PARSER: Waker = { wake: () => null as unknown as FlowParser };

function hasEnds(flow: Flow): boolean {
  return (
    flow.clientProcess !== null || flow.serverProcess !== null || flow.owners !== null || flow.encapsulation !== null
  );
}

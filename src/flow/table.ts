/**
 * The flow table: gives each TCP segment to its flow, opens and ends flows (RFC 9293 section 3.3), bounds them.
 *
 * Takes packets in the order of capture, gives bytes in the order of the stream to the flow's parser. Flows live in a
 * chained hash table and in a list by last use; the objects are used again at once. A flow that ended is remembered
 * for a moment (ended-flows.ts), so that its stragglers are known as such and do not look like a new connection.
 */
import { type CloseReason, Flow, type FlowHalf, type HalfIndex } from "../core/flow.ts";
import type { Ledger } from "../core/ledger.ts";
import { ACK, FIN, type Packet, type PacketListener, RST, SYN, URG } from "../core/packet.ts";
import type { FlowParser } from "../core/protocol.ts";
import { MILLISECOND, type Micros, SECOND } from "../core/units.ts";
import { EndedFlows } from "./ended-flows.ts";
import { FlowIndex } from "./flow-index.ts";
import { hashOf, isReverse } from "./match.ts";
import { firstExpected, REASSEMBLY_LIMITS, Reassembler, type ReassemblyLimits } from "./reassembly.ts";
import { RestingFlows } from "./resting-flows.ts";
import { UseList } from "./use-list.ts";

/** `first`, `first + step`, `first + 2 * step`, … */
export interface FlowIds {
  readonly first: number;
  readonly step: number;
}

export interface FlowTableOptions {
  /** Live flows at most; the one unused longest makes room. */
  readonly maxFlows?: number;
  /** Of these so many are objects, 2 kB each with an open request; the others rest as numbers (resting-flows.ts). */
  readonly maxAwake?: number;
  /** A flow without packets for this long is over: 10 minutes, past the keep-alive limits of most servers (nginx 75 s). */
  readonly idle?: Micros;
  /** Numbers of flows, so that those of several tables differ; 1, 2, 3, … when absent. */
  readonly ids?: FlowIds;
  /** How long stragglers of an ended flow are known. */
  readonly linger?: Micros;
  readonly reassembly?: ReassemblyLimits;
  /** A parser for the bytes of a new flow. */
  readonly open: (flow: Flow) => FlowParser;
  readonly onOpened?: (flow: Flow, packet: Packet) => void;
  /** A packet that one half of the flow sent carries a comment; called before its data is looked at. */
  readonly onComment?: (flow: Flow, from: HalfIndex, packet: Packet) => void;
  readonly interfaceName?: (id: number) => string | null;
  readonly encapsulationName?: (encapsulation: number) => string | null;
  /** Told of an error of our own inside a flow's parser; the flow is given up, the rest goes on. */
  readonly onInternalError?: (error: unknown) => void;
}

/** Time between looks at waiting segments, and at idle flows. */
const SWEEP: Micros = 10 * MILLISECOND;
const IDLE_SWEEP: Micros = SECOND;
/** Moving a flow to the front of the use list for every packet would cost more than it tells. */
const TOUCH: Micros = SECOND;
/** In a TCP header; and how many octets of one direction may be out of band at a time. */
const URGENT_POINTER = 18;
const MAX_URGENT = 16;

export class FlowTable implements PacketListener {
  readonly reassembler: Reassembler;
  private readonly ledger: Ledger;
  private readonly options: FlowTableOptions;
  private readonly maxFlows: number;
  private readonly idle: Micros;
  private readonly linger: Micros;
  private readonly reorderWait: Micros;
  private readonly index = new FlowIndex();
  private live = 0;
  private nextId: number;
  private readonly idStep: number;
  private readonly uses = new UseList();
  private readonly resting: RestingFlows;
  private readonly maxAwake: number;
  private readonly freeFlows: Flow[] = [];
  private readonly ended = new EndedFlows();
  /** Flow and direction of the packet taken last; null when it belonged to none. */
  current: Flow | null = null;
  currentHalf: HalfIndex = 0;
  private clock: Micros = 0.5;
  private nextSweep: Micros = 0.5;
  private nextIdleSweep: Micros = 0.5;

  constructor(ledger: Ledger, options: FlowTableOptions) {
    this.ledger = ledger;
    this.options = options;
    this.maxFlows = options.maxFlows ?? 65_536;
    this.maxAwake = Math.max(1, options.maxAwake ?? 4_096);
    this.resting = new RestingFlows(this.maxFlows);
    this.idle = options.idle ?? 600 * SECOND;
    this.linger = options.linger ?? SECOND;
    this.nextId = options.ids?.first ?? 1;
    this.idStep = options.ids?.step ?? 1;
    this.reorderWait = (options.reassembly ?? REASSEMBLY_LIMITS).reorderWait;
    this.reassembler = new Reassembler(ledger, options.reassembly ?? REASSEMBLY_LIMITS);
  }

  get liveFlows(): number {
    return this.live;
  }

  packet(packet: Packet): void {
    if (packet.protocol !== 6) {
      this.ledger.otherPackets++;
      return;
    }
    this.ledger.tcpPackets++;
    if (packet.time > this.clock) {
      this.clock = packet.time;
      if (packet.time >= this.nextSweep) this.sweep(packet.time);
    }
    const length = packet.payloadEnd - packet.payloadStart + packet.payloadCut;
    const control = packet.flags & (SYN | FIN | RST);
    this.current = null;
    if (length === 0 && control === 0) {
      if (this.reassembler.waiting.size > 0) this.pureAcknowledgment(packet);
      return;
    }
    const hash = hashOf(packet);
    if (this.resting.count > 0) this.wakeFlows(packet, hash);
    let flow = this.index.find(packet, hash);
    let from: HalfIndex = flow !== null && isReverse(flow, packet) ? 1 : 0;
    if (flow !== null && control & SYN && this.replaces(flow, from, packet)) {
      this.close(flow, "replaced");
      flow = null;
    }
    if (flow === null) {
      if (this.isStraggler(packet, hash, control, length)) return;
      if ((control & RST) !== 0 || (length === 0 && (control & SYN) === 0)) return;
      flow = this.add(packet, hash);
      from = 0;
    } else if (packet.time - flow.lastTime > TOUCH) {
      this.uses.moveToFront(flow);
    }
    if (packet.time > flow.lastTime) flow.lastTime = packet.time;
    if (this.live - this.resting.count > this.maxAwake) this.restOldest(flow);
    this.current = flow;
    this.currentHalf = from;
    try {
      if (packet.comment !== null) this.options.onComment?.(flow, from, packet);
      this.take(flow, from, packet, length, control);
    } catch (error) {
      this.giveUp(flow, error);
    }
  }

  private take(flow: Flow, from: HalfIndex, packet: Packet, length: number, control: number): void {
    if (flow.copy) {
      this.takeCopy(flow, from, packet, control);
      return;
    }
    const half = flow.halves[from];
    let sequence = packet.sequence;
    if (control & SYN) {
      sequence = (sequence + 1) | 0;
      this.handshake(flow, from, packet, sequence);
    }
    if (packet.flags & ACK) this.noteAcknowledgment(flow, from, packet.acknowledgment);
    // text in a reset tells its cause, to people (RFC 9293 section 3.5.2): no host takes it for data
    if (length > 0 && (control & RST) === 0) {
      if (half.direction < 0) half.direction = packet.direction;
      if (packet.flags & URG) this.urgent(half, packet, sequence);
      this.reassembler.segment(flow, from, packet, sequence);
    }
    if (control & RST) {
      if (half.known && Math.abs((sequence - half.next) | 0) > 1 << 20) {
        this.ledger.anomaly("tcp.reset-out-of-window");
        return;
      }
      // a capture may show it before octets that were sent earlier: what waits for them waits a little more
      if (this.reassembler.waiting.has(flow)) flow.resetTime = packet.time;
      else this.close(flow, "rst");
    } else if (flow.resetTime >= 0) {
      this.closeReset(flow, packet.time);
    } else if (control & FIN) {
      this.fin(flow, from, packet, (sequence + length) | 0);
    } else if (flow.halves[0].finished && flow.halves[1].finished) {
      this.close(flow, "fin");
    }
  }

  /** A reset has come before octets that it followed: are they here, or not to be waited for any more? */
  private closeReset(flow: Flow, now: Micros): void {
    const over = now - flow.resetTime > this.reorderWait;
    if (over || !this.reassembler.waiting.has(flow)) this.close(flow, "rst");
  }

  private fin(flow: Flow, from: HalfIndex, packet: Packet, finSequence: number): void {
    const half = flow.halves[from];
    if (!half.known) {
      half.known = true;
      half.next = firstExpected(half, finSequence);
    }
    half.finSeen = true;
    half.finSequence = finSequence;
    this.reassembler.checkFinished(flow, from);
    if (!half.finished) this.reassembler.finWaits(flow, from, packet, finSequence);
    if (flow.halves[0].finished && flow.halves[1].finished) this.close(flow, "fin");
  }

  /**
   * The octet before the urgent pointer goes beside the stream: that is how hosts read it by default (RFC 6093 section
   * 2.1), and some hide a target from a monitor with it.
   */
  private urgent(half: FlowHalf, packet: Packet, sequence: number): void {
    const at = packet.transportStart + URGENT_POINTER;
    const pointer = (packet.bytes[at] << 8) | packet.bytes[at + 1];
    const place = (sequence + pointer - 1) | 0;
    if (pointer === 0 || (half.known && ((place - half.next) | 0) < 0)) return;
    half.urgent ??= [];
    if (half.urgent.includes(place) || half.urgent.length >= MAX_URGENT) return;
    this.ledger.anomaly("tcp.urgent-data");
    half.urgent.push(place);
    half.urgent.sort((a, b) => (a - b) | 0);
  }

  private handshake(flow: Flow, from: HalfIndex, packet: Packet, next: number): void {
    const half = flow.halves[from];
    if (!half.known) {
      half.known = true;
      half.next = next;
    }
    if (!half.initialKnown) {
      half.initialKnown = true;
      half.initial = next;
    }
    flow.handshakeSeen = true;
    const answer = (packet.flags & ACK) !== 0;
    if (flow.clientHalf === 2) flow.setClient(answer ? ((1 - from) as HalfIndex) : from);
    const other = flow.halves[1 - from];
    if (answer && !other.known) {
      other.known = true;
      other.next = packet.acknowledgment;
    }
  }

  private noteAcknowledgment(flow: Flow, from: HalfIndex, acknowledgment: number): void {
    const other = flow.halves[1 - from];
    if (!other.ackSeen || ((acknowledgment - other.acked) | 0) > 0) {
      if (!other.ackSeen) other.firstAcked = acknowledgment;
      other.ackSeen = true;
      other.acked = acknowledgment;
    }
  }

  /** Does this SYN begin a new connection on the addresses of an old one? A repeated SYN does not. */
  private replaces(flow: Flow, from: HalfIndex, packet: Packet): boolean {
    if (packet.flags & ACK) return false;
    const half = flow.halves[from];
    return half.known && (half.initialKnown ? half.initial : half.next) !== ((packet.sequence + 1) | 0);
  }

  private pureAcknowledgment(packet: Packet): void {
    const flow = this.index.find(packet, hashOf(packet));
    if (flow === null || !this.reassembler.waiting.has(flow)) return;
    try {
      this.reassembler.acknowledged(flow, isReverse(flow, packet) ? 1 : 0, packet.acknowledgment, packet.time);
    } catch (error) {
      this.giveUp(flow, error);
    }
  }

  /** Time went on (live capture on a silent wire, end of a batch): lets go of what has waited too long. */
  advance(now: Micros): void {
    if (now > this.clock) this.clock = now;
    if (now >= this.nextSweep) this.sweep(now);
  }

  /** Nothing more will come. */
  end(): void {
    for (let flow = this.oldest(); flow !== null; flow = this.oldest()) {
      try {
        this.close(flow, "end");
      } catch (error) {
        this.giveUp(flow, error);
      }
    }
  }

  private sweep(now: Micros): void {
    this.nextSweep = now + SWEEP;
    for (const flow of this.reassembler.waiting) {
      try {
        this.reassembler.settle(flow, now);
        if (flow.live && flow.halves[0].finished && flow.halves[1].finished) this.close(flow, "fin");
        else if (flow.live && flow.resetTime >= 0) this.closeReset(flow, now);
      } catch (error) {
        this.giveUp(flow, error);
      }
    }
    this.ended.forget(now);
    if (now < this.nextIdleSweep) return;
    this.nextIdleSweep = now + IDLE_SWEEP;
    this.endIdle(now);
  }

  /** The list is in order of use only to within TOUCH, so a flow in use found at its end moves to its front. */
  private endIdle(now: Micros): void {
    for (let place = this.resting.first; place >= 0; place = this.resting.first) {
      if (now - this.resting.lastTime(place) <= this.idle) break;
      this.close(this.wake(place), "idle");
    }
    for (let looked = 0; looked < 64; looked++) {
      const flow = this.uses.oldest;
      if (flow === null) return;
      if (now - flow.lastTime > this.idle) {
        this.close(flow, "idle");
      } else if (now - flow.lastTime > TOUCH) return;
      else this.uses.moveToFront(flow);
    }
  }

  /** A packet that comes after the end of its flow. A new handshake on the same addresses is none. */
  private isStraggler(packet: Packet, hash: number, control: number, length: number): boolean {
    const place = this.ended.find(packet, hash);
    if (place < 0) return false;
    if (control & SYN && ((packet.flags & ACK) === 0 || this.ended.continues(place, packet))) {
      this.ended.remove(place);
      return false;
    }
    if (length > 0) this.ledger.retransmittedPackets++;
    return true;
  }

  private close(flow: Flow, reason: CloseReason): void {
    if (!flow.live) return;
    if (flow.resetTime >= 0) reason = "rst";
    this.reassembler.flush(flow);
    flow.live = false;
    flow.wasReset = reason === "rst";
    this.live--;
    this.uses.remove(flow);
    const parser = flow.parser;
    flow.parser = null;
    try {
      parser?.close(flow, reason);
    } finally {
      // as the very last: whoever comes next may get this object
      if (reason === "fin" || reason === "rst") this.ended.add(flow, this.clock + this.linger);
      this.free(flow);
    }
  }

  private free(flow: Flow): void {
    if (!this.index.remove(flow)) return;
    flow.id = 0;
    if (this.freeFlows.length < 4096) this.freeFlows.push(flow);
  }

  private blank(): Flow {
    const flow = this.freeFlows.pop() ?? new Flow();
    flow.reset();
    return flow;
  }

  // ---- flows that rest

  /** Flows with the packet's addresses are objects again: nobody else has to know that some rest. */
  private wakeFlows(packet: Packet, hash: number): void {
    for (let place = this.resting.find(packet, hash); place >= 0; place = this.resting.find(packet, hash))
      this.wake(place);
  }

  private wake(place: number): Flow {
    const flow = this.blank();
    this.resting.wake(place, flow);
    flow.live = true;
    flow.interfaceName = this.options.interfaceName?.(flow.interfaceId) ?? null;
    this.index.insert(flow);
    this.uses.add(flow);
    return flow;
  }

  /** The flow unused longest; those that rest come before those that do not. */
  private oldest(): Flow | null {
    return this.resting.count > 0 ? this.wake(this.resting.first) : this.uses.oldest;
  }

  /** Puts away the flow that was not used for longest; not this one. A few that cannot rest are passed over. */
  private restOldest(current: Flow): void {
    for (let tries = 0; tries < 4; tries++) {
      const flow = this.uses.oldest!;
      if (flow === current) return;
      if (this.reassembler.waiting.has(flow) || !this.resting.rest(flow)) {
        this.uses.moveToFront(flow);
        continue;
      }
      flow.live = false;
      flow.parser = null;
      this.uses.remove(flow);
      this.free(flow);
      return;
    }
  }

  private giveUp(flow: Flow, error: unknown): void {
    this.ledger.internalErrors++;
    this.options.onInternalError?.(error);
    flow.parser = null;
    this.reassembler.drop(flow);
  }

  /** A packet of a flow that is a copy: only its beginning and end matter. */
  private takeCopy(flow: Flow, from: HalfIndex, packet: Packet, control: number): void {
    this.ledger.copies++;
    if (control & SYN) this.handshake(flow, from, packet, (packet.sequence + 1) | 0);
    if (control & FIN) flow.halves[from].finished = true;
    if (control & RST) this.close(flow, "rst");
    else if (flow.halves[0].finished && flow.halves[1].finished) this.close(flow, "fin");
  }

  private add(packet: Packet, hash: number): Flow {
    if (this.live >= this.maxFlows) {
      this.ledger.evict("flows");
      this.close(this.oldest()!, "evicted");
    }
    const flow = this.blank();
    flow.id = this.nextId;
    this.nextId += this.idStep;
    flow.live = true;
    flow.hash = hash;
    flow.source0 = packet.source0;
    flow.source1 = packet.source1;
    flow.source2 = packet.source2;
    flow.source3 = packet.source3;
    flow.destination0 = packet.destination0;
    flow.destination1 = packet.destination1;
    flow.destination2 = packet.destination2;
    flow.destination3 = packet.destination3;
    flow.sourcePort = packet.sourcePort;
    flow.destinationPort = packet.destinationPort;
    flow.scope = flow.reverseScope = packet.scope;
    flow.vlan = packet.vlan;
    flow.interfaceId = packet.interfaceId;
    flow.startTime = flow.lastTime = flow.now = packet.time;
    flow.interfaceName = this.options.interfaceName?.(packet.interfaceId) ?? null;
    flow.encapsulation =
      packet.encapsulation === 0 ? null : (this.options.encapsulationName?.(packet.encapsulation) ?? null);
    flow.copy = this.index.isCopy(packet, hash);
    this.index.insert(flow);
    this.live++;
    this.uses.add(flow);
    if (flow.copy) return flow;
    this.ledger.flows++;
    if ((packet.flags & SYN) === 0) this.ledger.flowsMidstream++;
    flow.parser = this.options.open(flow);
    if (packet.flags & SYN) flow.setClient((packet.flags & ACK) === 0 ? 0 : 1);
    this.options.onOpened?.(flow, packet);
    return flow;
  }
}

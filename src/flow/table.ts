/**
 * The flow table: gives each TCP segment to its flow, opens and ends flows (RFC 9293 section 3.3), bounds them.
 *
 * Takes packets in the order of capture, gives bytes in the order of the stream to the flow's parser. live-flows.ts has
 * the flows. One that ended is remembered for a moment (ended-flows.ts), so that its stragglers are known as such and do
 * not look like a new connection.
 */
import type { CloseReason, Flow, HalfIndex } from "../core/flow.ts";
import type { Ledger } from "../core/ledger.ts";
import { ACK, FIN, type Packet, type PacketListener, RST, SYN, URG } from "../core/packet.ts";
import type { FlowParser } from "../core/protocol.ts";
import { MILLISECOND, type Micros, SECOND } from "../core/units.ts";
import { beginsAnew, noteAcknowledgment, noteHandshake, noteUrgent } from "./connection-state.ts";
import { EndedFlows } from "./ended-flows.ts";
import { LiveFlows } from "./live-flows.ts";
import { hashOf, isReverse } from "./match.ts";
import { firstExpected, REASSEMBLY_LIMITS, Reassembler, type ReassemblyLimits } from "./reassembly.ts";

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

export class FlowTable implements PacketListener {
  readonly reassembler: Reassembler;
  private readonly ledger: Ledger;
  private readonly options: FlowTableOptions;
  private readonly idle: Micros;
  private readonly linger: Micros;
  private readonly reorderWait: Micros;
  private readonly flows: LiveFlows;
  private nextId: number;
  private readonly idStep: number;
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
    this.flows = new LiveFlows({
      maxFlows: options.maxFlows ?? 65_536,
      maxAwake: Math.max(1, options.maxAwake ?? 4_096),
      interfaceName: options.interfaceName,
    });
    this.idle = options.idle ?? 600 * SECOND;
    this.linger = options.linger ?? SECOND;
    this.nextId = options.ids?.first ?? 1;
    this.idStep = options.ids?.step ?? 1;
    this.reorderWait = (options.reassembly ?? REASSEMBLY_LIMITS).reorderWait;
    this.reassembler = new Reassembler(ledger, options.reassembly ?? REASSEMBLY_LIMITS);
  }

  get liveFlows(): number {
    return this.flows.count;
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
    let flow = this.flows.find(packet, hash);
    let from: HalfIndex = flow !== null && isReverse(flow, packet) ? 1 : 0;
    if (flow !== null && control & SYN && beginsAnew(flow, from, packet)) {
      this.close(flow, "replaced");
      flow = null;
    }
    if (flow === null) {
      if (this.isStraggler(packet, hash, control, length)) return;
      if ((control & RST) !== 0 || (length === 0 && (control & SYN) === 0)) return;
      flow = this.add(packet, hash);
      from = 0;
    } else this.flows.touch(flow, packet.time);
    if (packet.time > flow.lastTime) flow.lastTime = packet.time;
    this.flows.restSurplus(flow, this.reassembler.waiting);
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
      noteHandshake(flow, from, packet, sequence);
    }
    if (packet.flags & ACK) noteAcknowledgment(flow, from, packet.acknowledgment);
    // text in a reset tells its cause, to people (RFC 9293 section 3.5.2): no host takes it for data
    if (length > 0 && (control & RST) === 0) {
      if (half.direction < 0) half.direction = packet.direction;
      if (packet.flags & URG && noteUrgent(half, packet, sequence)) this.ledger.anomaly("tcp.urgent-data");
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

  private pureAcknowledgment(packet: Packet): void {
    const flow = this.flows.findAwake(packet, hashOf(packet));
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
    for (let flow = this.flows.oldest(); flow !== null; flow = this.flows.oldest()) {
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

  private endIdle(now: Micros): void {
    const { flows, idle } = this;
    for (let flow = flows.oldestIdle(now, idle); flow !== null; flow = flows.oldestIdle(now, idle))
      this.close(flow, "idle");
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
    flow.wasReset = reason === "rst";
    this.flows.end(flow);
    const parser = flow.parser;
    flow.parser = null;
    try {
      parser?.close(flow, reason);
    } finally {
      // as the very last: whoever comes next may get this object
      if (reason === "fin" || reason === "rst") this.ended.add(flow, this.clock + this.linger);
      this.flows.recycle(flow);
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
    if (control & SYN) noteHandshake(flow, from, packet, (packet.sequence + 1) | 0);
    if (control & FIN) flow.halves[from].finished = true;
    if (control & RST) this.close(flow, "rst");
    else if (flow.halves[0].finished && flow.halves[1].finished) this.close(flow, "fin");
  }

  private add(packet: Packet, hash: number): Flow {
    if (this.flows.isFull) {
      this.ledger.evict("flows");
      this.close(this.flows.oldest()!, "evicted");
    }
    const flow = this.flows.add(packet, hash);
    flow.id = this.nextId;
    this.nextId += this.idStep;
    if (packet.encapsulation !== 0) flow.encapsulation = this.options.encapsulationName?.(packet.encapsulation) ?? null;
    if (flow.copy) return flow;
    this.ledger.flows++;
    if ((packet.flags & SYN) === 0) this.ledger.flowsMidstream++;
    flow.parser = this.options.open(flow);
    if (packet.flags & SYN) flow.setClient((packet.flags & ACK) === 0 ? 0 : 1);
    this.options.onOpened?.(flow, packet);
    return flow;
  }
}

/**
 * The flows that live: found by the addresses of a packet, in the order of their last use, a bounded number. Objects are
 * used again at once, while the processor's cache still has them; flows that nobody used for a while rest as numbers, and
 * nobody outside can tell.
 */
import { Flow } from "../core/flow.ts";
import type { Packet } from "../core/packet.ts";
import { type Micros, SECOND } from "../core/units.ts";
import { FlowIndex } from "./flow-index.ts";
import { RestingFlows } from "./resting-flows.ts";
import { UseList } from "./use-list.ts";

/** Moving a flow to the front of the use list for every packet would cost more than it tells. */
const TOUCH: Micros = SECOND;
/** Flows at the end of the use list that are looked at in one go, for idle ones and for one that can rest. */
const IDLE_LOOKS = 64;
const REST_LOOKS = 4;
/** Objects kept for flows to come. */
const MAX_FREE = 4_096;

export interface LiveFlowsOptions {
  readonly maxFlows: number;
  /** So many are objects. */
  readonly maxAwake: number;
  readonly interfaceName?: (id: number) => string | null;
}

export class LiveFlows {
  private readonly options: LiveFlowsOptions;
  private readonly index = new FlowIndex();
  private readonly uses = new UseList();
  private readonly resting: RestingFlows;
  private readonly free: Flow[] = [];
  /** All, those that rest too. */
  count = 0;

  constructor(options: LiveFlowsOptions) {
    this.options = options;
    this.resting = new RestingFlows(options.maxFlows);
  }

  find(packet: Packet, hash: number): Flow | null {
    if (this.resting.count > 0) this.wakeAll(packet, hash);
    return this.index.find(packet, hash);
  }

  /** Among the flows awake only: for flows that hold segments, which never rest. */
  findAwake(packet: Packet, hash: number): Flow | null {
    return this.index.find(packet, hash);
  }

  get isFull(): boolean {
    return this.count >= this.options.maxFlows;
  }

  /** A new flow from this packet's sender to its receiver. */
  add(packet: Packet, hash: number): Flow {
    const flow = this.blank();
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
    flow.copy = this.index.isCopy(packet, hash);
    this.index.insert(flow);
    this.uses.add(flow);
    this.count++;
    return flow;
  }

  /** A packet of it came at this time. */
  touch(flow: Flow, time: Micros): void {
    if (time - flow.lastTime > TOUCH) this.uses.moveToFront(flow);
  }

  /** It lives no longer, but can still be found until `recycle`. */
  end(flow: Flow): void {
    flow.live = false;
    this.count--;
    this.uses.remove(flow);
  }

  /** Nobody has it any more: the object may serve another flow. */
  recycle(flow: Flow): void {
    if (!this.index.remove(flow)) return;
    flow.id = 0;
    if (this.free.length < MAX_FREE) this.free.push(flow);
  }

  private blank(): Flow {
    const flow = this.free.pop() ?? new Flow();
    flow.reset();
    return flow;
  }

  /** The flow unused longest; those that rest come before those that do not. */
  oldest(): Flow | null {
    return this.resting.count > 0 ? this.wake(this.resting.first) : this.uses.oldest;
  }

  /**
   * A flow without a packet for longer than `idle`, or null. The list is in order of use only to within TOUCH, so a flow
   * in use found at its end moves to its front.
   */
  oldestIdle(now: Micros, idle: Micros): Flow | null {
    const place = this.resting.first;
    if (place >= 0 && now - this.resting.lastTime(place) > idle) return this.wake(place);
    for (let looked = 0; looked < IDLE_LOOKS; looked++) {
      const flow = this.uses.oldest;
      if (flow === null) return null;
      if (now - flow.lastTime > idle) return flow;
      if (now - flow.lastTime > TOUCH) return null;
      this.uses.moveToFront(flow);
    }
    return null;
  }

  // ---- flows that rest

  /** Flows with the packet's addresses are objects again. */
  private wakeAll(packet: Packet, hash: number): void {
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

  /** When too many are awake, puts away the one unused longest; not `current`, and none that must stay awake. */
  restSurplus(current: Flow, awake: ReadonlySet<Flow>): void {
    if (this.count - this.resting.count <= this.options.maxAwake) return;
    for (let tries = 0; tries < REST_LOOKS; tries++) {
      const flow = this.uses.oldest!;
      if (flow === current) return;
      if (awake.has(flow) || !this.resting.rest(flow)) {
        this.uses.moveToFront(flow);
        continue;
      }
      flow.live = false;
      flow.parser = null;
      this.uses.remove(flow);
      this.recycle(flow);
      return;
    }
  }
}

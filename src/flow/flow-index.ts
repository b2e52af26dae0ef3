/** Live flows by their addresses: a chained hash table through `Flow.chain`. */
import type { Flow } from "../core/flow.ts";
import { type Packet, SYN } from "../core/packet.ts";
import { MILLISECOND, type Micros } from "../core/units.ts";
import { adopts, isForward, isNewest, isReverse } from "./match.ts";

/** A copy of a packet on another interface of the same host comes within this. */
const COPY_WINDOW: Micros = 100 * MILLISECOND;

export class FlowIndex {
  private buckets: (Flow | null)[] = new Array(1024).fill(null);
  private entries = 0;

  find(packet: Packet, hash: number): Flow | null {
    let flow = this.buckets[hash & (this.buckets.length - 1)];
    let otherwiseTagged = false;
    while (flow !== null) {
      if (flow.hash === hash) {
        if (flow.scope === packet.scope && isForward(flow, packet)) return flow;
        if (isReverse(flow, packet)) {
          if (flow.reverseScope === packet.scope) return flow;
          otherwiseTagged = true;
        }
      }
      flow = flow.chain;
    }
    return otherwiseTagged ? this.adopter(packet, hash) : null;
  }

  /** A flow whose other direction was not seen yet, and that this packet answers, though it is tagged otherwise. */
  private adopter(packet: Packet, hash: number): Flow | null {
    let flow = this.buckets[hash & (this.buckets.length - 1)];
    while (flow !== null && !(flow.hash === hash && isReverse(flow, packet) && adopts(flow, packet))) flow = flow.chain;
    return flow;
  }

  /**
   * Is this the first packet of a flow that is known in another wrapping already? A live capture of a VLAN device and
   * the device below it (or of a tunnel's two sides) shows each packet twice, in two address spaces. The same numbers
   * at the same moment on another interface tell; equal flows in two networks on one interface are two flows.
   */
  isCopy(packet: Packet, hash: number): boolean {
    let flow = this.buckets[hash & (this.buckets.length - 1)];
    for (; flow !== null; flow = flow.chain) {
      if (flow.hash !== hash || !flow.live || flow.copy || flow.interfaceId === packet.interfaceId) continue;
      if (packet.time - flow.lastTime > COPY_WINDOW || !isForward(flow, packet)) continue;
      const half = flow.halves[0];
      if (
        packet.flags & SYN ? half.initialKnown && half.initial === ((packet.sequence + 1) | 0) : isNewest(half, packet)
      )
        return true;
    }
    return false;
  }

  insert(flow: Flow): void {
    if (this.entries >= this.buckets.length) this.grow();
    const slot = flow.hash & (this.buckets.length - 1);
    flow.chain = this.buckets[slot];
    this.buckets[slot] = flow;
    this.entries++;
  }

  private grow(): void {
    const old = this.buckets;
    this.buckets = new Array(old.length * 2).fill(null);
    for (let flow of old) {
      while (flow !== null) {
        const next: Flow | null = flow.chain;
        const slot = flow.hash & (this.buckets.length - 1);
        flow.chain = this.buckets[slot];
        this.buckets[slot] = flow;
        flow = next;
      }
    }
  }

  /** False when the flow was not here. */
  remove(flow: Flow): boolean {
    const slot = flow.hash & (this.buckets.length - 1);
    let before: Flow | null = null;
    for (let entry = this.buckets[slot]; entry !== null; before = entry, entry = entry.chain) {
      if (entry !== flow) continue;
      if (before === null) this.buckets[slot] = flow.chain;
      else before.chain = flow.chain;
      this.entries--;
      return true;
    }
    return false;
  }
}

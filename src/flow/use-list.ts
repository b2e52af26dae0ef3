/** Live flows in the order of last use: a ring through one flow that is none. */
import { Flow } from "../core/flow.ts";

export class UseList {
  private readonly ring = new Flow();

  constructor() {
    this.ring.older = this.ring.newer = this.ring;
  }

  /** The flow unused longest, or null. */
  get oldest(): Flow | null {
    const flow = this.ring.newer!;
    return flow === this.ring ? null : flow;
  }

  /** Adds a flow as the newest. */
  add(flow: Flow): void {
    const { ring } = this;
    flow.older = ring.older;
    flow.newer = ring;
    ring.older!.newer = flow;
    ring.older = flow;
  }

  remove(flow: Flow): void {
    if (flow.older === null || flow.newer === null) return;
    flow.older.newer = flow.newer;
    flow.newer.older = flow.older;
    flow.older = flow.newer = null;
  }

  moveToFront(flow: Flow): void {
    this.remove(flow);
    this.add(flow);
  }
}

/**
 * What tiers A, B and C have in common: the kernel reports sockets into a table, flows find their ends there. A server's
 * end is known once a process read from or wrote to it, so a flow is asked about when it is used, not when it opens.
 */
import type { Flow } from "../../core/flow.ts";
import { type FlowEnd, ownersOf } from "./flow-owners.ts";
import type { SocketTable } from "./socket-table.ts";
import { type End, SocketTuple, socketOf } from "./socket-tuple.ts";

/** An end that was not found so often is of another host. */
const MAX_MISSES = 4;

export class SocketTier {
  private readonly sockets: SocketTable;
  private readonly drain: () => void;
  private readonly tuple = new SocketTuple();

  /** `drain` takes in what the kernel has reported by now. */
  constructor(sockets: SocketTable, drain: () => void) {
    this.sockets = sockets;
    this.drain = drain;
  }

  used(flow: Flow): void {
    const { ends } = ownersOf(flow);
    this.search(flow, ends[0], 0);
    this.search(flow, ends[1], 1);
  }

  private search(flow: Flow, end: FlowEnd, which: End): void {
    if (end.socket === null && end.misses < MAX_MISSES) {
      end.socket = this.sockets.find(socketOf(flow, which, this.tuple), flow);
      if (end.socket === null && end.misses++ === 0) {
        this.drain(); // it may have been reported only just now
        end.socket = this.sockets.find(this.tuple, flow);
      }
    }
    const socket = end.socket;
    if (socket !== null && socket.record === null && end.misses++ < MAX_MISSES) this.drain();
    if (socket !== null && socket.record !== null && !socket.shared) end.info = socket.record.ofThread(socket.tid);
  }
}

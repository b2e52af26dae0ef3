/** What attribution remembers for one flow, kept in `Flow.owners`: the process found, or how far the search has got. */
import type { Flow } from "../../core/flow.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { ownersComment } from "./capture-comment.ts";
import type { ProcessRecord } from "./process-table.ts";
import type { SocketEntry } from "./socket-table.ts";

export class FlowEnd {
  /** What is known of the process now. */
  info: ProcessInfo | null = null;
  /** Tier D: the process found. */
  record: ProcessRecord | null = null;
  /** Tiers A to C: the socket of this end. */
  socket: SocketEntry | null = null;
  /** Tiers A to C: how often no socket was found. */
  misses = 0;
  /** Tier D: not on this host, or given up. */
  settled = false;
  attempts = 0;
  /** Tier D: no new attempt before this time (ms, monotonic). */
  notBefore = 0;
  /** Tier D: an answer that needs to be found twice. */
  candidate: ProcessRecord | null = null;
}

export class FlowOwners {
  readonly ends: readonly [FlowEnd, FlowEnd] = [new FlowEnd(), new FlowEnd()];
  /** `Flow.ownerVersion` when it was last written to a capture file. */
  written = 0;
}

/** The flow's own state, made on first use. */
export function ownersOf(flow: Flow): FlowOwners {
  if (flow.owners === null) flow.owners = new FlowOwners();
  return flow.owners as FlowOwners;
}

/** The end of the flow where the client is. When nobody told who that is, the sender of the first packet stands for it. */
export function clientEnd(flow: Flow): 0 | 1 {
  return flow.clientHalf === 1 ? 1 : 0;
}

/** Comment to write with the flow's next packet: everything known of its owners, when that changed since the last call. */
export function nextOwnersComment(flow: Flow): string | null {
  if (flow.ownerVersion === 0) return null;
  const owners = ownersOf(flow);
  if (owners.written === flow.ownerVersion) return null;
  owners.written = flow.ownerVersion;
  return ownersComment(flow.clientProcess, flow.serverProcess);
}

/** Writes what is known into the flow. */
export function publish(flow: Flow): void {
  if (flow.owners === null) return;
  const { ends } = flow.owners as FlowOwners;
  const at = clientEnd(flow);
  const client = ends[at].info;
  const server = ends[1 - at].info;
  if (client === flow.clientProcess && server === flow.serverProcess) return;
  flow.clientProcess = client;
  flow.serverProcess = server;
  flow.ownerVersion++;
}

/** What attribution remembers for one flow, kept in `Flow.owners`: the process found, or how far the search has got. */
import type { Flow } from "../../core/flow.ts";
import type { ProcessRecord } from "./process-table.ts";

export class FlowEnd {
  record: ProcessRecord | null = null;
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
}

/** The flow's own state, made on first use. */
export function ownersOf(flow: Flow): FlowOwners {
  if (flow.owners === null) flow.owners = new FlowOwners();
  return flow.owners as FlowOwners;
}

/** Writes what is known into the flow. When nobody told who the client is, the sender of the first packet stands for it. */
export function publish(flow: Flow, owners: FlowOwners): void {
  const swapped = flow.clientHalf === 1;
  const client = owners.ends[swapped ? 1 : 0].record?.info ?? null;
  const server = owners.ends[swapped ? 0 : 1].record?.info ?? null;
  if (client === flow.clientProcess && server === flow.serverProcess) return;
  flow.clientProcess = client;
  flow.serverProcess = server;
  flow.ownerVersion++;
}

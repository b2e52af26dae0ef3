/**
 * What ships, through the door that plug-ins use: the registry takes it first. Protocols read into the pipeline they
 * are opened in, so each pipeline has its own made here.
 */
import { Budget, WAITING_BYTES } from "./core/budget.ts";
import type { EarshotEvent } from "./core/event.ts";
import type { Flow } from "./core/flow.ts";
import type { Ledger } from "./core/ledger.ts";
import type { Protocol } from "./core/protocol.ts";
import type { Plugin } from "./core/roles.ts";
import { Selector } from "./protocol/detect/selector.ts";
import { Http1Protocol } from "./protocol/http1/protocol.ts";
import { TlsProtocol } from "./protocol/tls/protocol.ts";
import type { OverviewOptions } from "./stats/overview.ts";
import type { TransactionStage } from "./transaction/stage.ts";

/** Statistics that ship; rankings and byte counts are made for what a command asks of them. */
export async function builtin(options: OverviewOptions = {}): Promise<Plugin> {
  // most commands count nothing: they need not wait for the lists of browsers and crawlers
  const { Overview } = await import("./stats/overview.ts");
  return { name: "earshot", statistics: [new Overview(options)] };
}

/** What built-in protocols write to. */
export interface ProtocolOutlet {
  readonly ledger: Ledger;
  readonly stage: TransactionStage;
  /** An event of this flow is about to be given out. */
  readonly flowUsed: (flow: Flow) => void;
  readonly emit: (event: EarshotEvent) => void;
}

/** The protocols that are looked for, in this order; `more` are those of plug-ins. */
export function protocols(outlet: ProtocolOutlet, more: readonly Protocol[]): Protocol[] {
  const all: Protocol[] = [];
  const budget = new Budget(WAITING_BYTES, () => outlet.ledger.evict("protocol.waiting"));
  const http1 = new Http1Protocol({
    budget,
    newBuilder: () => outlet.stage.builder(),
    wakeBuilder: (flow, record) => outlet.stage.wake(flow, record),
    // what is inside CONNECT may be anything; a protocol named by Upgrade is that protocol, and none of ours
    openTunnel: (_flow, protocol) => (protocol === "connect" ? new Selector({ protocols: all, budget }) : null),
  });
  const tls = new TlsProtocol({
    budget,
    ledger: outlet.ledger,
    flowUsed: outlet.flowUsed,
    emit: outlet.emit,
    openPlain: () => new Selector({ protocols: [http1], budget }),
  });
  all.push(http1, tls, ...more);
  return all;
}

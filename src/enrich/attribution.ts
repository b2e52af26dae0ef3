/**
 * Who is at both ends of a flow: an Enricher that fills `Flow.clientProcess` and `Flow.serverProcess`. Tries the tiers in
 * order (docs/attribution.md) and says which one runs and why. The owner calls `drain` before every batch of packets, so
 * that a socket's owner is known before its first bytes are looked at.
 */
import type { Flow } from "../core/flow.ts";
import type { Ledger } from "../core/ledger.ts";
import type { Enricher } from "../core/roles.ts";
import type { Micros } from "../core/units.ts";
import { DetailReader, type RedactArguments } from "./process/details.ts";
import { ownersOf, publish } from "./process/flow-owners.ts";
import { ProcTier } from "./process/proc-tier.ts";
import { ProcessTable } from "./process/process-table.ts";

export type AttributionMode = "auto" | "ebpf" | "proc" | "none";
export const ATTRIBUTION_MODES: readonly AttributionMode[] = ["auto", "ebpf", "proc", "none"];

/** A: BTF tracepoints; B: fentry; C: perf tracepoints; D: sock_diag and /proc. */
export type AttributionTier = "A" | "B" | "C" | "D" | "none";

export interface AttributionOptions {
  readonly mode: AttributionMode;
  readonly ledger: Ledger;
  /** One line for the user when a better tier was refused. */
  readonly onNotice?: (line: string) => void;
  /** Takes secrets out of a command line. */
  readonly redactArguments?: RedactArguments;
}

/** Where an exchange's time went in the server's kernel and process. */
export interface KernelTimes {
  /** Last request octet on the wire to the read that took it. */
  readonly requestWait: Micros;
  /** That read to the first write of the response. */
  readonly process: Micros;
  /** That write to the first response octet on the wire. */
  readonly responseWait: Micros;
}

export interface Attribution extends Enricher {
  readonly tier: AttributionTier;
  /** Why the tiers before this one do not run, one line each. */
  readonly why: readonly string[];
  flowOpened(flow: Flow): void;
  flowUsed(flow: Flow): void;
  flowComment(flow: Flow, comment: string): void;
  /** Takes in what the kernel reported since the last call. Call before each batch of packets. */
  drain(): void;
  /** null where the kernel does not tell (tiers C and D), or when the exchange cannot be told from its neighbours. */
  kernelTimes(flow: Flow, requestStart: Micros, requestEnd: Micros, responseStart: Micros): KernelTimes | null;
  close(): void;
}

/** What a tier does. */
export interface Tier {
  opened(flow: Flow): void;
  used(flow: Flow): void;
  drain?(): void;
  kernelTimes?(flow: Flow, requestEnd: Micros, responseStart: Micros): KernelTimes | null;
  close(): void;
}

export function createAttribution(options: AttributionOptions): Attribution {
  const why: string[] = [];
  const details = new DetailReader(options.redactArguments ?? ((args) => args));
  const table = new ProcessTable(details, options.ledger);
  const tier: Tier | null = options.mode === "none" ? null : new ProcTier(table, details, options.ledger);
  return {
    name: "process",
    tier: tier === null ? "none" : "D",
    why,
    flowOpened(flow) {
      if (tier === null) return;
      tier.opened(flow);
      publish(flow, ownersOf(flow));
    },
    flowUsed(flow) {
      if (tier === null) return;
      tier.used(flow);
      publish(flow, ownersOf(flow));
    },
    flowComment() {},
    drain: () => tier?.drain?.(),
    kernelTimes: (flow, _requestStart, requestEnd, responseStart) =>
      tier?.kernelTimes?.(flow, requestEnd, responseStart) ?? null,
    close: () => tier?.close(),
  };
}

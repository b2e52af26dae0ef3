/**
 * Who is at both ends of a flow: an Enricher that fills `Flow.clientProcess` and `Flow.serverProcess`. Tries the tiers in
 * order (docs/attribution.md) and says which one runs and why. The owner calls `drain` before every batch of packets, so
 * that a socket's owner is known before its first bytes are looked at.
 */
import type { Flow, HalfIndex } from "../core/flow.ts";
import { Ledger } from "../core/ledger.ts";
import { type CaptureInterface, type Direction, UNKNOWN_DIRECTION } from "../core/packet.ts";
import type { Enricher } from "../core/roles.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import { redactedLabels } from "./container/label-redaction.ts";
import { RuntimeNames } from "./container/runtime-names.ts";
import { CommentTier } from "./process/comment-tier.ts";
import { DetailReader, type RedactArguments } from "./process/details.ts";
import { BpfTier } from "./process/ebpf/bpf-tier.ts";
import { publish } from "./process/flow-owners.ts";
import { PerfTier } from "./process/perf/perf-tier.ts";
import { ProcTier } from "./process/proc-tier.ts";
import { ProcessTable } from "./process/process-table.ts";
import { type SystemCalls, systemCalls } from "./process/system-calls.ts";
import type { KernelTimes, Tier } from "./process/tier.ts";

export type { KernelTimes } from "./process/tier.ts";

/** `perf` is for tests of tier C. */
export type AttributionMode = "auto" | "ebpf" | "perf" | "proc" | "none";
export const ATTRIBUTION_MODES: readonly AttributionMode[] = ["auto", "ebpf", "proc", "none"];

/** A: BTF tracepoints; B: fentry; C: perf tracepoints; D: sock_diag and /proc. */
export type AttributionTier = "A" | "B" | "C" | "D" | "none";

export interface AttributionOptions {
  readonly mode: AttributionMode;
  readonly ledger: Ledger;
  /** Only these, of those that the mode allows: for tests of a tier where a better one runs. */
  readonly tiers?: readonly TierName[];
  /** One line for the user when a better tier was refused. */
  readonly onNotice?: (line: string) => void;
  /** Takes secrets out of a command line. */
  readonly redactArguments?: RedactArguments;
  /** Sockets of container runtimes to ask in place of the usual ones. */
  readonly runtimeSockets?: readonly string[];
}

export interface Attribution extends Enricher {
  readonly tier: AttributionTier;
  /** Why the tiers before this one do not run, one line each. */
  readonly why: readonly string[];
  /** How many containers are named, by whom, and why others are not; null when none was met. */
  readonly containers: string | null;
  /** Tracee's captures tell the process in the interface's description. */
  interfaceOpened(info: CaptureInterface): void;
  flowOpened(flow: Flow): void;
  flowUsed(flow: Flow): void;
  /** A packet's comment; its direction and sender tell which end a ptcpdump comment is about. */
  flowComment(flow: Flow, comment: string, direction?: Direction, from?: HalfIndex): void;
  /** Takes in what the kernel reported since the last call. Call before each batch of packets. */
  drain(): void;
  /** null where the kernel does not tell (tiers C and D), or when the exchange cannot be told from its neighbours. */
  kernelTimes(flow: Flow, requestStart: Micros, requestEnd: Micros, responseStart: Micros): KernelTimes | null;
  close(): void;
}

/** Even with no packets the kernel's reports have to be taken in before its ring is full. */
const DRAIN_EVERY_MS = 100;

/** Opens the best tier that the mode and the kernel allow. `ebpf` throws a Trouble when neither A nor B runs. */
export function createAttribution(options: AttributionOptions): Attribution {
  const why: string[] = [];
  const comments = new CommentTier(options.redactArguments ?? ((args) => args));
  const opened = openTier(options, why);
  const tier = opened?.tier;
  if (opened && why.length > 0) options.onNotice?.(`processes: ${SUMMARY[opened.name]}; ${why.join("; ")}`);
  const drain = () => tier?.drain?.();
  const timer = tier?.drain ? setInterval(drain, DRAIN_EVERY_MS).unref() : undefined;
  return {
    name: "process",
    tier: opened?.name ?? "none",
    why,
    get containers() {
      return opened?.names.summary ?? null;
    },
    interfaceOpened: (info) => comments.interfaceOpened(info),
    flowOpened(flow) {
      tier?.opened(flow);
      comments.opened(flow);
      publish(flow);
    },
    flowUsed(flow) {
      tier?.used(flow);
      comments.used(flow);
      publish(flow);
    },
    flowComment(flow, comment, direction = UNKNOWN_DIRECTION, from = 0) {
      comments.comment(flow, comment, direction, from);
      publish(flow);
    },
    drain,
    kernelTimes: (flow, _requestStart, requestEnd, responseStart) =>
      tier?.kernelTimes?.(flow, requestEnd, responseStart) ?? null,
    close() {
      clearInterval(timer);
      tier?.close();
      opened?.names.close();
    },
  };
}

const SUMMARY: Readonly<Record<TierName, string>> = {
  A: "tier A, eBPF tracepoints: exact",
  B: "tier B, eBPF on function exits: exact",
  C: "tier C, perf tracepoints: nearly always",
  D: "tier D, sock_diag and /proc: a process that is gone at once stays unknown",
};

interface Tools {
  readonly details: DetailReader;
  readonly table: ProcessTable;
  readonly ledger: Ledger;
  readonly names: RuntimeNames;
}

type TierName = Exclude<AttributionTier, "none">;

/** Best first. Each throws an Error that says in a few words why it cannot run here. */
const TIERS: readonly { readonly name: TierName; readonly open: (tools: Tools) => Tier }[] = [
  { name: "A", open: (tools) => new BpfTier({ tier: "A", calls: neededCalls(), ...tools }) },
  { name: "B", open: (tools) => new BpfTier({ tier: "B", calls: neededCalls(), ...tools }) },
  { name: "C", open: (tools) => new PerfTier({ calls: neededCalls(), ...tools }) },
  { name: "D", open: (tools) => new ProcTier(tools.table, tools.details, tools.ledger) },
];

const ALLOWED: Readonly<Record<AttributionMode, readonly TierName[]>> = {
  auto: ["A", "B", "C", "D"],
  ebpf: ["A", "B"],
  perf: ["C"],
  proc: ["D"],
  none: [],
};

function neededCalls(): SystemCalls {
  const calls = systemCalls();
  if (calls === null) throw new Error("koffi does not load on this machine");
  return calls;
}

interface OpenedTier {
  readonly name: TierName;
  readonly tier: Tier;
  readonly names: RuntimeNames;
}

function openTier(options: AttributionOptions, why: string[]): OpenedTier | null {
  if (options.mode === "none") return null;
  const tools = makeTools(options);
  const refusals = new Map<string, TierName[]>();
  const tell = () => why.push(...[...refusals].map(([reason, names]) => `not ${names.join(", ")}: ${reason}`));
  for (const { name, open } of TIERS) {
    if (!ALLOWED[options.mode].includes(name) || options.tiers?.includes(name) === false) continue;
    try {
      const tier = open(tools);
      tell();
      return { name, tier, names: tools.names };
    } catch (error) {
      const { message } = error as Error;
      refusals.set(message, [...(refusals.get(message) ?? []), name]);
    }
  }
  tell();
  throw new Trouble(`--attribution ${options.mode} is not possible here: ${why.join("; ")}`, {
    exitCode: process.getuid?.() === 0 ? EXIT.unsupported : EXIT.permission,
    hint: "Run as root on a newer Linux, or use --attribution auto.",
  });
}

function makeTools(options: Omit<AttributionOptions, "mode">): Tools {
  const { ledger, redactArguments = (args) => args } = options;
  const details = new DetailReader(redactArguments);
  const table = new ProcessTable(details, ledger);
  const names = new RuntimeNames({
    sockets: options.runtimeSockets,
    onNotice: options.onNotice,
    onForgotten: () => ledger.evict("containers"),
    redactLabels: (labels) => redactedLabels(labels, redactArguments),
  });
  table.onFacts = (record) => {
    const { container, pod } = record.info;
    if (container && !container.name) names.lookup(container, pod, (answer) => record.addContainer(answer));
  };
  return { details, table, ledger, names };
}

export interface TierFacts {
  readonly tier: TierName;
  /** What the tier does, in a few words. */
  readonly what: string;
  readonly works: boolean;
  /** Why it does not work. */
  readonly why: string | null;
}

/** Tries every tier, for `earshot doctor`; leaves nothing behind. */
export function probeAttribution(): readonly TierFacts[] {
  return TIERS.map(({ name, open }) => {
    const facts = { tier: name, what: SUMMARY[name] };
    try {
      open(makeTools({ ledger: new Ledger() })).close();
      return { ...facts, works: true, why: null };
    } catch (error) {
      return { ...facts, works: false, why: (error as Error).message };
    }
  });
}

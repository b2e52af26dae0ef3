/**
 * The tiers of attribution in their order: which of them the mode and the kernel allow, and why not a better one. Takes
 * the mode, gives what a tier has in the kernel, and one thread's part of it.
 */
import { Ledger } from "../core/ledger.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { redactedLabels } from "./container/label-redaction.ts";
import { RuntimeNames } from "./container/runtime-names.ts";
import { DetailReader, type RedactArguments } from "./process/details.ts";
import { openBpfPrograms } from "./process/ebpf/bpf-programs.ts";
import { BpfTier } from "./process/ebpf/bpf-tier.ts";
import { pageSize } from "./process/page-size.ts";
import { PerfEvents } from "./process/perf/perf-events.ts";
import { PerfTier } from "./process/perf/perf-tier.ts";
import { ProcTier } from "./process/proc-tier.ts";
import { ProcessTable } from "./process/process-table.ts";
import type { RingReaders } from "./process/ring-readers.ts";
import { type SystemCalls, systemCalls } from "./process/system-calls.ts";
import type { KernelHandle, KernelSide, Tier } from "./process/tier.ts";

/** `perf` is for tests of tier C. */
export type AttributionMode = "auto" | "ebpf" | "perf" | "proc" | "none";

/** A: BTF tracepoints; B: fentry; C: perf tracepoints; D: sock_diag and /proc. */
export type TierName = "A" | "B" | "C" | "D";

const SUMMARY: Readonly<Record<TierName, string>> = {
  A: "tier A, eBPF tracepoints: exact",
  B: "tier B, eBPF on function exits: exact",
  C: "tier C, perf tracepoints: nearly always",
  D: "tier D, sock_diag and /proc: a process that is gone at once stays unknown",
};

interface ChoiceOptions {
  readonly mode: AttributionMode;
  /** Only these, of those that the mode allows. */
  readonly tiers?: readonly TierName[];
  /** One line for the user when a better tier was refused. */
  readonly onNotice?: (line: string) => void;
}

export interface PartOptions {
  readonly ledger: Ledger;
  readonly onNotice?: (line: string) => void;
  /** Takes secrets out of a command line. */
  readonly redactArguments?: RedactArguments;
  /** Sockets of container runtimes to ask in place of the usual ones. */
  readonly runtimeSockets?: readonly string[];
}

/** Best first. What each opens in the kernel; throws an Error that says in a few words why it cannot run here. */
const TIERS: readonly { readonly name: TierName; readonly open: () => KernelSide | null }[] = [
  { name: "A", open: () => openBpfPrograms("A", neededCalls()) },
  { name: "B", open: () => openBpfPrograms("B", neededCalls()) },
  { name: "C", open: () => new PerfEvents(neededCalls(), pageSize()) },
  { name: "D", open: () => null },
];

/** One thread's part of a tier, and who tells names of containers in it. */
export interface TierPart {
  readonly tier: Tier;
  readonly names: RuntimeNames;
}

/** Of tier D without a handle; `common` is the ledger of what every thread meets alike. */
export function readTier(
  handle: KernelHandle | null,
  readers: RingReaders | null,
  options: PartOptions,
  common: Ledger = options.ledger,
): TierPart {
  const { ledger } = options;
  const { details, table, names } = toolsOf(options, common);
  if (handle === null) return { tier: new ProcTier(table, details, ledger), names };
  const tools = { readers, calls: neededCalls(), details, table, ledger, common };
  const tier = handle.tier === "C" ? new PerfTier({ handle, ...tools }) : new BpfTier({ handle, ...tools });
  return { tier, names };
}

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

/** What `open` makes of the first tier that runs. Says why a better one does not. */
export function openTier<Result>(
  { mode, tiers, onNotice }: ChoiceOptions,
  open: (name: TierName, open: () => KernelSide | null) => Result,
): (Result & { readonly why: readonly string[] }) | { name: "none"; why: readonly string[]; kernel: null } {
  const why: string[] = [];
  if (mode === "none") return { name: "none", why, kernel: null };
  const refusals = new Map<string, TierName[]>();
  const tell = () => why.push(...[...refusals].map(([reason, names]) => `not ${names.join(", ")}: ${reason}`));
  for (const tier of TIERS) {
    if (!ALLOWED[mode].includes(tier.name) || tiers?.includes(tier.name) === false) continue;
    try {
      const result = open(tier.name, tier.open);
      tell();
      if (why.length > 0) onNotice?.(`processes: ${SUMMARY[tier.name]}; ${why.join("; ")}`);
      return { ...result, why };
    } catch (error) {
      const { message } = error as Error;
      refusals.set(message, [...(refusals.get(message) ?? []), tier.name]);
    }
  }
  tell();
  throw new Trouble(`--attribution ${mode} is not possible here: ${why.join("; ")}`, {
    exitCode: process.getuid?.() === 0 ? EXIT.unsupported : EXIT.permission,
    hint: "Run as root on a newer Linux, or use --attribution auto.",
  });
}

function toolsOf(options: PartOptions, common: Ledger) {
  const { redactArguments = (args) => args, runtimeSockets, onNotice } = options;
  const details = new DetailReader(redactArguments);
  const table = new ProcessTable(details, common);
  const names = new RuntimeNames({
    sockets: runtimeSockets,
    onNotice,
    onForgotten: () => common.evict("containers"),
    redactLabels: (labels) => redactedLabels(labels, redactArguments),
  });
  table.onFacts = (record) => {
    const { container, cgroup } = record.info;
    if (container && !container.name) names.lookup(record.info, (answer) => record.addContainer(container.id, answer));
    else if (!container && cgroup) names.lookupPath(cgroup, (id, answer) => record.addContainer(id, answer));
  };
  return { details, table, names };
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
      tryTier(open);
      return { ...facts, works: true, why: null };
    } catch (error) {
      return { ...facts, works: false, why: (error as Error).message };
    }
  });
}

function tryTier(open: () => KernelSide | null): void {
  const ledger = new Ledger();
  const kernel = open();
  try {
    const { tier, names } = readTier(kernel?.handle ?? null, null, { ledger });
    tier.close();
    names.close();
  } finally {
    kernel?.close();
  }
}

/**
 * Who is at both ends of a flow: an Enricher that fills `Flow.clientProcess` and `Flow.serverProcess`. Tries the tiers in
 * order (docs/attribution.md) and says which one runs and why. The owner calls `drain` before every batch of packets, so
 * that a socket's owner is known before its first bytes are looked at.
 */
import type { Flow, HalfIndex } from "../core/flow.ts";
import { Ledger } from "../core/ledger.ts";
import { type CaptureInterface, type Direction, UNKNOWN_DIRECTION } from "../core/packet.ts";
import type { Enricher } from "../core/roles.ts";
import type { Micros } from "../core/units.ts";
import type { RuntimeNames } from "./container/runtime-names.ts";
import { givenSockets } from "./container/runtime-places.ts";
import { CommentTier } from "./process/comment-tier.ts";
import type { RedactArguments } from "./process/details.ts";
import { publish } from "./process/flow-owners.ts";
import { RingReaders, type SharedReading, share } from "./process/ring-readers.ts";
import type { KernelHandle, KernelSide, KernelTimes, Tier } from "./process/tier.ts";
import { type AttributionMode, openTier, readTier, type TierName } from "./tiers.ts";

export type { KernelTimes } from "./process/tier.ts";
export { type AttributionMode, probeAttribution, type TierFacts } from "./tiers.ts";

export const ATTRIBUTION_MODES: readonly AttributionMode[] = ["auto", "ebpf", "proc", "none"];

export type AttributionTier = TierName | "none";

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
  /** Resolves when the containers that run already are known, but after this long at the latest. */
  ready(limit_ms: number): Promise<void>;
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

/** For `Attribution.ready`: a runtime that takes longer names its containers later. */
export const RUNTIMES_READY_MS = 250;

/** Even with no packets the kernel's reports have to be taken in before its ring is full. */
const DRAIN_EVERY_MS = 100;

/** Opens the best tier that the mode and the kernel allow. `ebpf` throws a Trouble when neither A nor B runs. */
export function createAttribution(options: AttributionOptions): Attribution {
  givenSockets({ sockets: options.runtimeSockets }); // a mistake in them is not the kernel's
  const opened = openTier(options, (name, open) => {
    const kernel = open();
    try {
      return { name, kernel, ...readTier(kernel?.handle ?? null, null, options) };
    } catch (error) {
      kernel?.close();
      throw error;
    }
  });
  return attributionOf(opened, options);
}

/** Attribution of several threads: what is to be posted to each of them, for `joinAttribution`. */
export interface SharedOwners {
  readonly name: AttributionTier;
  readonly why: readonly string[];
  /** Null where nothing is open in the kernel (tier D, or none): each thread looks for itself. */
  readonly handle: KernelHandle | null;
  readonly reading: SharedReading;
}

export interface SharedAttribution {
  readonly owners: SharedOwners;
  /** When no thread reads any more. */
  close(): void;
}

/**
 * Opens the best tier once, for so many threads. Each of them hears of every socket and process, in the kernel's order
 * and when it wants to, so its answers are those of a thread that is alone.
 */
export function shareAttribution(
  options: Pick<AttributionOptions, "mode" | "tiers" | "onNotice">,
  readers: number,
): SharedAttribution {
  const { name, why, kernel } = openTier(options, (tier, open) => ({ name: tier, kernel: open() }));
  const handle = kernel?.handle ?? null;
  const rings = handle?.tier === "C" ? handle.rings.length : 1;
  return { owners: { name, why, handle, reading: share(rings, readers) }, close: () => kernel?.close() };
}

/**
 * The part of thread number `reader`, which takes its own ledger. What all threads meet alike, the first one counts and
 * tells of.
 */
export function joinAttribution(
  { name, why, handle, reading }: SharedOwners,
  reader: number,
  options: Omit<AttributionOptions, "mode" | "tiers">,
): Attribution {
  if (name === "none") return attributionOf({ name, why }, options);
  const first = handle === null || reader === 0;
  const common = first ? options.ledger : new Ledger();
  const part = first ? options : { ...options, onNotice: undefined };
  return attributionOf({ name, why, ...readTier(handle, new RingReaders(reading, reader), part, common) }, part);
}

interface Opened {
  readonly name: AttributionTier;
  readonly why: readonly string[];
  readonly tier?: Tier;
  readonly names?: RuntimeNames;
  readonly kernel?: KernelSide | null;
}

function attributionOf(
  { name, why, tier, names, kernel }: Opened,
  options: Pick<AttributionOptions, "redactArguments">,
): Attribution {
  const comments = new CommentTier(options.redactArguments ?? ((args) => args));
  const drain = () => tier?.drain?.();
  const primed = names?.prime() ?? Promise.resolve();
  const timer = tier?.drain ? setInterval(drain, DRAIN_EVERY_MS).unref() : undefined;
  return {
    name: "process",
    tier: name,
    why,
    get containers() {
      return names?.summary ?? null;
    },
    ready: (limit_ms) => atMost(limit_ms, primed),
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
      names?.close();
      kernel?.close();
      kernel = null;
    },
  };
}

/** The timer keeps the program alive meanwhile, which nothing that is asked does. */
function atMost(limit_ms: number, done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limit_ms);
    void done.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

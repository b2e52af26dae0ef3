/** Roles that built-ins and plug-ins fill alike. `definePlugin` (src/plugin.ts) takes any of them. */
import type { EarshotEvent, TlsEvent, TransactionEvent } from "./event.ts";
import type { Flow, HalfIndex } from "./flow.ts";
import type { CaptureInterface, Direction } from "./packet.ts";
import type { Protocol } from "./protocol.ts";
import type { Micros } from "./units.ts";

/**
 * A statistic over transactions. Pure. Law 3: `merge(observe(a), observe(b))` must equal `observe(a then b)`, because
 * windows, worker shards and hosts are all put together with `merge`. State must stay bounded.
 */
export interface Statistic<State = unknown, Report = unknown> {
  readonly name: string;
  /** What the report's numbers are: `requests`, `bytes`, `milliseconds`, … */
  readonly unit: string;
  readonly title?: string;
  create(): State;
  observe(state: State, event: TransactionEvent | TlsEvent): void;
  merge(into: State, from: State): void;
  report(state: State): Report;
}

/**
 * Takes events out of the program. `write` returns at once: a slow sink queues up to a limit, then drops and counts
 * (`Ledger.sinkDrop`). Never throws into the caller.
 */
export interface Sink {
  readonly name: string;
  /**
   * `write` reads single properties of the event while it runs, and neither keeps nor copies it: exchanges then come
   * lent, without being made plain for it.
   */
  readonly lends?: boolean;
  write(event: EarshotEvent): void;
  /** Writes out what is queued, gives up after a bounded time. */
  close?(): Promise<void>;
}

/** Lengths of time; null where not known. */
export interface KernelTimes {
  readonly requestWait: Micros | null;
  readonly process: Micros | null;
  readonly responseWait: Micros | null;
}

/**
 * Adds what is known beside the wire. `flowOpened` runs when a flow's first packet arrives, so that a process that is
 * gone a millisecond later can still be found; `flowUsed` runs before a transaction of the flow is given out.
 */
export interface Enricher {
  readonly name: string;
  flowOpened?(flow: Flow): void;
  /** Called before the first packet of an interface; capture files may tell of processes in its description. */
  interfaceOpened?(info: CaptureInterface): void;
  /** A packet of the flow, sent by half `from` (0 when absent), carried a pcapng comment. Runs before its data. */
  flowComment?(flow: Flow, comment: string, direction?: Direction, from?: HalfIndex): void;
  flowUsed?(flow: Flow): void;
  /** Times in the server's kernel and process, where the kernel tells (see `kernel_ms` of the event). */
  kernelTimes?(flow: Flow, requestStart: Micros, requestEnd: Micros, responseStart: Micros): KernelTimes | null;
  /** Returns the event, or a copy with more in it. */
  enrich?(event: TransactionEvent): TransactionEvent;
  close?(): void;
}

/** Something worth telling about one transaction. */
export interface Finding {
  readonly detector: string;
  /** Stable code, e.g. `credentials.basic-cleartext`. */
  readonly code: string;
  readonly severity: "info" | "warning" | "critical";
  readonly message: string;
}

export interface Detector {
  readonly name: string;
  inspect(event: TransactionEvent, now: Micros): readonly Finding[];
}

/** What a plug-in may do to the run it is in. */
export interface PluginContext {
  /** Gives out an event as if it had been captured: for protocols. It is redacted like every other. */
  emit(event: EarshotEvent): void;
  /** One line for the person who runs earshot, on standard error. */
  notice(line: string): void;
}

export interface Plugin {
  readonly name: string;
  /** Called once, before the first packet. */
  start?(context: PluginContext): void;
  readonly statistics?: readonly Statistic[];
  readonly enrichers?: readonly Enricher[];
  readonly detectors?: readonly Detector[];
  readonly sinks?: readonly Sink[];
  readonly protocols?: readonly Protocol[];
}

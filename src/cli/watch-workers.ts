/** `--workers`: a live run whose capture is shared by worker threads. */
import type { Ledger } from "../core/ledger.ts";
import { EXIT } from "../core/trouble.ts";
import type { SessionOptions } from "../monitor/session.ts";
import type { WatchedRun } from "../monitor/watched-run.ts";
import { type Counted, sendable } from "../monitor/worker/counters.ts";
import type { ShardSettings } from "../monitor/worker/messages.ts";
import { WorkerRun } from "../monitor/worker/worker-run.ts";
import type { LiveCaptureOptions } from "../source/afpacket/live-capture.ts";
import {
  filterTests,
  type RunOptions,
  redactionOf,
  redactorOf,
  selectionOf,
  sessionOptions,
  withoutGate,
} from "./run-options.ts";
import type { Stop } from "./signals.ts";
import { type LiveAdditions, notice, type RemoteCounting, type WatchOptions } from "./watch.ts";

export interface WorkersOptions {
  readonly workers: number;
  readonly options: WatchOptions;
  readonly capture: LiveCaptureOptions;
  readonly ledger: Ledger;
  readonly stop: Stop;
  /** What the command adds; its tests are asked in the main thread, behind the workers' own. */
  readonly more: LiveAdditions;
}

/** Opens the capture in every worker; nothing is read yet. Throws Trouble. */
export async function openWorkers({
  workers,
  options,
  capture,
  ledger,
  stop,
  more,
}: WorkersOptions): Promise<WatchedRun> {
  const onNotice = more.onNotice ?? notice;
  const whole = sessionOptions(options, {
    live: true,
    ledger,
    redactor: redactorOf(options),
    enrichers: [],
    onOutputClosed: () => stop.now("output"),
    onNotice,
  });
  const parts = partsOf(whole, options, more);
  return WorkerRun.open({
    workers,
    attribution: options.attribution,
    settings: {
      capture,
      runtimeSockets: options.runtimeSocket,
      redact: redactionOf(options),
      maxBodyBytes: whole.maxBodyBytes,
      ...parts.settings,
    },
    session: parts.session,
    onCounted: parts.onCounted,
    linesUnread: !more.forAlerts,
    onFailed: (line) => {
      onNotice(line);
      process.exitCode = EXIT.failed;
      stop.now("worker");
    },
  });
}

/** What is done where. */
interface Parts {
  readonly session: SessionOptions;
  readonly settings: Pick<
    ShardSettings,
    "choosing" | "counters" | "captureRequest" | "captureResponse" | "minLatency_ms"
  >;
  readonly onCounted?: (counted: Counted) => void;
}

function partsOf(whole: SessionOptions, options: RunOptions, more: LiveAdditions): Parts {
  if (more.counting !== undefined) return countedThere(whole, options, more.counting);
  const { session, settings } = more.forAlerts ? chosenHere(whole) : chosenThere(whole, options);
  return { settings, session: { ...session, ...more, tests: [...session.tests, ...(more.tests ?? [])] } };
}

/** Every worker counts for itself: nothing but numbers leaves it. */
function countedThere(whole: SessionOptions, options: RunOptions, counting: RemoteCounting): Parts {
  const { captureRequest, captureResponse, minLatency_ms } = whole;
  const filters = { texts: options.filter ?? [], named: options.settings?.filters };
  const loads = counting.counters.map(({ spec }) => sendable(spec).load);
  return {
    session: { ...whole, tests: [], filters: [] },
    settings: {
      ...{ captureRequest, captureResponse, minLatency_ms },
      choosing: { filters, processes: selectionOf(options) },
      counters: counting.counters,
    },
    onCounted: (counted) => counting.take(counted, loads[counted.counter](counted.saved)),
  };
}

/** Alerts want every exchange: what is shown of them is chosen behind them. */
function chosenHere(whole: SessionOptions): Parts {
  const all = { filters: { texts: [] }, processes: {} };
  return {
    session: withoutGate(whole),
    settings: { choosing: all, captureRequest: true, captureResponse: true, minLatency_ms: 0 },
  };
}

/** What is not shown does not leave the worker, but for filters that may change while it runs (SIGHUP). */
function chosenThere(whole: SessionOptions, options: RunOptions): Parts {
  const { captureRequest, captureResponse, minLatency_ms } = whole;
  const ofFlag = options.filter !== options.settings?.output.filter ? (options.filter ?? []) : [];
  const fixed = ofFlag.filter((text) => !text.includes("@"));
  const filters = filterTests({ ...options, filter: (options.filter ?? []).filter((text) => !fixed.includes(text)) });
  return {
    session: { ...whole, tests: [], filters },
    settings: {
      choosing: { filters: { texts: fixed }, processes: selectionOf(options) },
      captureRequest,
      captureResponse,
      minLatency_ms,
    },
  };
}

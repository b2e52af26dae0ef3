/** `--workers`: a live run whose capture is shared by worker threads. */
import type { Ledger } from "../core/ledger.ts";
import { EXIT } from "../core/trouble.ts";
import type { SessionOptions } from "../monitor/session.ts";
import type { WatchedRun } from "../monitor/watched-run.ts";
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
import { type LiveAdditions, notice, type WatchOptions } from "./watch.ts";

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
  const { session, choosing } = more.forAlerts ? chosenHere(whole) : chosenThere(whole, options);
  return WorkerRun.open({
    workers,
    attribution: options.attribution,
    settings: {
      capture,
      runtimeSockets: options.runtimeSocket,
      redact: redactionOf(options),
      maxBodyBytes: whole.maxBodyBytes,
      ...choosing,
    },
    session: { ...session, ...more, tests: [...session.tests, ...(more.tests ?? [])] },
    linesUnread: !more.forAlerts,
    onFailed: (line) => {
      onNotice(line);
      process.exitCode = EXIT.failed;
      stop.now("worker");
    },
  });
}

interface Parts {
  readonly session: SessionOptions;
  readonly choosing: Pick<ShardSettings, "choosing" | "captureRequest" | "captureResponse" | "minLatency_ms">;
}

/** Alerts want every exchange: what is shown of them is chosen behind them. */
function chosenHere(whole: SessionOptions): Parts {
  const all = { filters: [], processes: {} };
  return {
    session: withoutGate(whole),
    choosing: { choosing: all, captureRequest: true, captureResponse: true, minLatency_ms: 0 },
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
    choosing: {
      choosing: { filters: fixed, processes: selectionOf(options) },
      captureRequest,
      captureResponse,
      minLatency_ms,
    },
  };
}

/** `earshot watch`: exchanges of live traffic. */
import type { AlertConfig } from "../alert/schema.ts";
import { Ledger } from "../core/ledger.ts";
import type { AttributionMode } from "../enrich/attribution.ts";
import { LiveRun } from "../monitor/live-run.ts";
import { type EventTest, Session, type SessionOptions } from "../monitor/session.ts";
import { summaryLines } from "../monitor/summary.ts";
import type { WatchedRun } from "../monitor/watched-run.ts";
import type { Counted, Counter } from "../monitor/worker/counters.ts";
import type { LiveCaptureOptions } from "../source/afpacket/live-capture.ts";
import { type AlertOptions, alertsWanted, LiveAlerts } from "./alert-run.ts";
import { later } from "./later.ts";
import { pushedDown } from "./push-down.ts";
import {
  loadPlugins,
  openAttribution,
  pluginParts,
  type RunOptions,
  redactorOf,
  sessionOptions,
  withoutGate,
} from "./run-options.ts";
import { aborted, type Stop, stopOnSignals } from "./signals.ts";
import { type Workers, workerCount } from "./worker-count.ts";

export interface WatchOptions extends RunOptions {
  readonly interface?: readonly string[];
  readonly port?: readonly string[];
  readonly bpf?: string;
  readonly snaplen?: number;
  readonly buffer?: number;
  readonly promiscuous?: boolean;
  readonly count?: number;
  readonly duration?: number;
  readonly timeout?: number;
  readonly writePcapng?: string;
  readonly workers?: Workers;
  readonly attribution: AttributionMode;
  readonly config?: string;
}

/** What workers count in place of observers, and who takes it. */
export interface RemoteCounting {
  readonly counters: readonly Counter[];
  /** `state` is what `counted` holds, in the form that its statistic has it in. */
  take(counted: Counted, state: unknown): void;
}

/** What a command adds to a live run. */
export interface LiveAdditions extends Partial<SessionOptions> {
  readonly tests?: readonly EventTest[];
  /** With several threads each counts for itself, and the observers hear of nothing; absent where that cannot be. */
  readonly counting?: RemoteCounting;
  /** Alerts will listen: they hear of every exchange, also of those that are not shown. */
  readonly forAlerts?: boolean;
}

export const notice = (line: string) => process.stderr.write(`earshot: ${line}\n`);

export async function watch(options: WatchOptions): Promise<void> {
  const stop = stopOnSignals();
  const config = alertsWanted(options);
  const run = await openLive(options, stop, { forAlerts: config !== null });
  const alerts = config === null ? null : openAlerts(config, options, run, notice);
  if (!options.quiet && process.stderr.isTTY) notice(`watching ${run.place}; Ctrl-C ends with a summary`);
  reloadOnHangup(run, options, stop, { alerts });
  await runLive(run, options, stop);
  await alerts?.close();
  stop.dispose();
  if (options.summary) {
    const lines = summaryLines(run.session.ledger, { duration_s: run.elapsed_s, attribution: run.attribution });
    if (alerts !== null) lines.splice(1, 0, alerts.watch.summary());
    process.stderr.write(`${lines.join("\n")}\n`);
  }
}

/** Throws Trouble; the capture is closed then. */
export function openAlerts(
  config: AlertConfig,
  options: AlertOptions,
  run: WatchedRun,
  onNotice: (line: string) => void,
): LiveAlerts {
  try {
    return new LiveAlerts(config, options, run, onNotice);
  } catch (error) {
    run.abandon();
    throw error;
  }
}

/** From now on SIGHUP reads the configuration again. */
export function reloadOnHangup(
  run: WatchedRun,
  options: WatchOptions,
  stop: Stop,
  { alerts = null, onNotice = notice }: { alerts?: LiveAlerts | null; onNotice?: (line: string) => void } = {},
): void {
  let reload: Promise<() => void> | null = null;
  stop.onReload = () => {
    // loaded when it is first asked for: few runs ever are
    reload ??= import("./reload.ts").then(({ reloader }) =>
      reloader({ options, session: run.session, onNotice, take: (settings) => alerts?.take(settings) ?? [] }),
    );
    void reload.then((again) => again());
  };
}

/** Opens the capture and everything around it; packets gather from now on, nothing is read yet. Throws Trouble. */
export async function openLive(options: WatchOptions, stop: Stop, more: LiveAdditions): Promise<WatchedRun> {
  const { parsePorts } = await import("../source/afpacket/filter-program.ts");
  const ledger = new Ledger();
  const pushed = more.forAlerts ? {} : pushedDown(options);
  const capture: LiveCaptureOptions = {
    interfaces: options.interface,
    ports: options.port?.flatMap((text) => parsePorts(text)) ?? pushed.ports,
    hosts: pushed.hosts,
    expression: options.bpf,
    snapLength: options.snaplen,
    bufferBytes: options.buffer,
    promiscuous: options.promiscuous,
  };
  const counted = withCount(options.count, stop, more);
  const workers = workerCount(options);
  if (workers > 1) {
    const { openWorkers } = await import("./watch-workers.ts");
    return openWorkers({ workers, options, capture, ledger, stop, more: { ...more, ...counted } });
  }
  const redactor = redactorOf(options);
  const plugins = await loadPlugins(options);
  const parts = pluginParts(options, plugins);
  // the capture is made before everything else: without the right to capture, nothing else is worth a word. Packets come
  // once attribution runs: what opened a connection before that may be gone, and nobody would know who it was
  const run = new LiveRun({
    capture: { ...capture, closed: true },
    ledger,
    pcapng: options.writePcapng ?? null,
    onNotice: notice,
  });
  try {
    const attribution = await openAttribution(options.attribution, ledger, redactor, notice, options.runtimeSocket);
    const given = sessionOptions(options, {
      live: true,
      ledger,
      redactor,
      enrichers: [attribution, ...parts.enrichers],
      sinks: parts.sinks,
      plugins,
      onOutputClosed: () => stop.now("output"),
      onNotice: notice,
    });
    const base = more.forAlerts ? withoutGate(given) : given;
    const session = new Session({
      ...base,
      ...more,
      tests: [...base.tests, ...counted.tests],
      observers: counted.observers,
      lends: more.lends ?? more.observers === undefined,
      keepHeads: more.forAlerts,
    });
    run.connect(session, attribution);
    run.capture.open();
  } catch (error) {
    run.abandon();
    throw error;
  }
  return run;
}

/** `--count`: so many exchanges are shown, then the run ends. */
function withCount(count: number | undefined, stop: Stop, more: LiveAdditions) {
  const { tests = [], observers = [] } = more;
  if (count === undefined) return { tests, observers };
  let rows = 0;
  const enough: EventTest = () => rows < count;
  const counting = (event: { readonly type: string }) => {
    if (event.type === "transaction" && ++rows >= count) stop.now("count");
  };
  return { tests: [...tests, enough], observers: [...observers, counting] };
}

/** Runs until a signal, the duration or the count. */
export async function runLive(run: WatchedRun, options: WatchOptions, stop: Stop): Promise<void> {
  const limit_s = options.duration ?? options.timeout;
  const callOff = limit_s === undefined ? null : later(limit_s, () => stop.now("duration"));
  run.start();
  await aborted(stop.signal);
  callOff?.();
  await run.stop();
}

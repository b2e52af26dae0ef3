/** Alerts on live traffic and on files: the engine from the configuration, its state, and who is told. */
import type { Predicate } from "../alert/context.ts";
import { AlertEngine } from "../alert/engine.ts";
import { LossDeltas } from "../alert/loss-delta.ts";
import { type AlertConfig, type AlertConfigInput, alertConfig } from "../alert/schema.ts";
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import { compileFilter } from "../filter/filter.ts";
import { AlertWatch, localOffset_min } from "../monitor/alert-watch.ts";
import type { Session } from "../monitor/session.ts";
import { stateFolder } from "../monitor/state-folder.ts";
import type { WatchedRun } from "../monitor/watched-run.ts";
import type { Notifier } from "../sink/notify/notifier.ts";
import { openNotifiers } from "../sink/notify/notify.ts";
import type { NotifierConfig } from "../sink/notify/schema.ts";
import type { Settings } from "./config-schema.ts";
import { type RunOptions, redactorOf } from "./run-options.ts";

export interface AlertOptions extends Pick<RunOptions, "alerts" | "settings" | "reveal" | "hashSecrets"> {
  /** Something else has the terminal: notifiers that write to it would tear it. */
  readonly ownsTerminal?: boolean;
}

/** Whether it writes to standard output or standard error. */
const onTerminal = (config: NotifierConfig) =>
  config.kind === "console" || (config.kind === "json" && config.path === "-");

/** What the configuration says of alerts, as it was written. */
export const writtenAlerts = ({ settings }: AlertOptions): AlertConfigInput =>
  (settings?.raw.alerts as AlertConfigInput | undefined) ?? {};

/**
 * The rules to run; null for none. `--alerts` and `--no-alerts` decide; without them `always` or whether the
 * configuration speaks of alerts or of who is told.
 */
export function alertsWanted(options: AlertOptions, always = false): AlertConfig | null {
  const written = writtenAlerts(options);
  const configured = options.settings?.raw.alerts !== undefined || (options.settings?.notify.length ?? 0) > 0;
  if (!(options.alerts ?? (always || configured))) return null;
  if (written.profile !== "off") return alertConfig(written);
  if (!options.alerts) return null;
  throw new Trouble("--alerts, and the configuration has them off", {
    exitCode: EXIT.usage,
    hint: 'set alerts.profile = "default" there',
  });
}

/** Filters of rules, silences and notifiers may use the named ones. */
export function filterCompiler({ settings }: Pick<RunOptions, "settings">): (text: string) => Predicate {
  return (text) => {
    const filter = compileFilter(text, { named: settings?.filters });
    return (event) => filter.matches(event);
  };
}

/** Alerts of a live run: engine, saved state, commands, notifiers. */
export class LiveAlerts {
  readonly watch: AlertWatch;
  private readonly options: AlertOptions;
  private readonly ledger: Ledger;
  private readonly onNotice: (line: string) => void;
  private notifiers: readonly Notifier[];

  /** From now on every exchange of the run counts. Throws Trouble. */
  constructor(config: AlertConfig, options: AlertOptions, run: WatchedRun, onNotice: (line: string) => void) {
    const { session } = run;
    this.options = options;
    this.ledger = session.ledger;
    this.onNotice = onNotice;
    this.notifiers = [];
    // what the saved state gives when it is taken up, before anybody can be told
    let early: AlertEvent[] | null = [];
    this.watch = new AlertWatch({
      ...{ config, compile: filterCompiler(options), onNotice },
      ledger: session.ledger,
      folder: stateFolder(),
      capture: run.capturing,
      emit: (event: AlertEvent) => {
        session.pipeline.publish(event);
        if (early !== null) early.push(event);
        else this.notify(event);
      },
    });
    this.notifiers = this.openNotifiers(options);
    const waiting = early;
    early = null;
    for (const event of waiting) this.notify(event);
    session.pipeline.onLook((event) => this.watch.observe(event));
    run.onTick = (now) => this.watch.advance(now);
    run.onCapture = (state, now, reason) => this.watch.capture(state, now, reason);
  }

  /** Takes over a configuration that was read again; gives the parts of it. Throws Trouble, and changes nothing. */
  take(settings: Settings): readonly string[] {
    const options = { ...this.options, settings };
    const config = alertsWanted(options, true);
    if (config === null) return [];
    const notifiers = this.openNotifiers(options);
    try {
      this.watch.reconfigure(config, filterCompiler(options));
    } catch (error) {
      void closeAll(notifiers);
      throw error;
    }
    void closeAll(this.notifiers);
    this.notifiers = notifiers;
    return ["alerts", "notify"];
  }

  async close(): Promise<void> {
    this.watch.close();
    await closeAll(this.notifiers);
  }

  private notify(event: AlertEvent): void {
    for (const notifier of this.notifiers) notifier.write(event);
  }

  /** Where another earshot keeps the state, that one tells people. */
  private openNotifiers(options: AlertOptions): Notifier[] {
    if (!this.watch.keeps) return [];
    const redactor = redactorOf(options);
    const configs = (options.settings?.notify ?? []).filter((config) => !(options.ownsTerminal && onTerminal(config)));
    return openNotifiers(configs, {
      ledger: this.ledger,
      redact: (event) => redactor.event(event),
      compile: filterCompiler(options),
      onFailure: (name, error) => this.onNotice(`${name}: ${error.message}`),
    });
  }
}

const closeAll = (notifiers: readonly Notifier[]) => Promise.all(notifiers.map((notifier) => notifier.close()));

/** What a file's driver tells whoever judges its traffic; an AlertEngine, a Backtest and a Sweep all listen. */
export interface FileListener {
  observe(event: EarshotEvent): void;
  observeLedger(delta: ReturnType<LossDeltas["next"]>, time: Micros): void;
  advance(now: Micros): void;
}

/** Hands the seconds of a capture, as they pass, and what was lost in each, to a listener. */
export function tellSeconds(listener: FileListener, ledger: Ledger): (now: Micros) => void {
  const losses = new LossDeltas();
  return (now) => {
    listener.observeLedger(losses.next(ledger), now);
    listener.advance(now);
  };
}

/** Alerts of capture files: an engine that starts with nothing, keeps nothing and tells only the outputs. */
export function fileEngine(config: AlertConfig, options: AlertOptions, session: Session): AlertEngine {
  const engine = new AlertEngine(config, {
    emit: (event) => session.pipeline.publish(event),
    ...{ clock: "file", compile: filterCompiler(options), ledger: session.ledger, utcOffset: localOffset_min },
  });
  session.pipeline.onLook((event) => engine.observe(event));
  return engine;
}

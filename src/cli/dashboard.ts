/** `start`, `watch --ui` and `read --ui`: the dashboard on live traffic or on captures; `--ui seed` the old console's. */
import type { AlertEngine } from "../alert/engine.ts";
import type { EarshotEvent } from "../core/event.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { MILLISECOND, type Micros, SECOND } from "../core/units.ts";
import { RuleStatuses } from "../dashboard/model/rule-status.ts";
import { type Dashboard, type DashboardOptions, startDashboard } from "../dashboard/terminal/dashboard.ts";
import { type Keyboard, openKeyboard } from "../dashboard/terminal/keyboard.ts";
import { SEED_UI_DEFAULTS, type SeedUiSettings, startSeedDashboard } from "../dashboard/terminal/seed.ts";
import type { TerminalProcess } from "../dashboard/terminal/terminal.ts";
import { canShowDashboard } from "../dashboard/terminal/theme.ts";
import type { Session } from "../monitor/session.ts";
import { summaryLines } from "../monitor/summary.ts";
import { alertsWanted, fileEngine, tellSeconds } from "./alert-run.ts";
import { type ReadOptions, readThrough } from "./read.ts";
import { aborted, type Stop, stopOnSignals } from "./signals.ts";
import { openAlerts, openLive, reloadOnHangup, runLive, type WatchOptions } from "./watch.ts";

export interface DashboardCommandOptions extends WatchOptions {
  /** `seed` for the console monitor's screen. */
  readonly ui?: true | string;
}

const UIS = ["seed"];
/** Lines kept for the end: the newest. */
const MOST_NOTICES = 100;

/** `--ui` or `--ui seed`. */
function style(ui: true | string | undefined): "dashboard" | "seed" {
  if (ui === undefined || ui === true) return "dashboard";
  if (UIS.includes(ui)) return "seed";
  throw new Trouble(`--ui: there is no screen called \`${ui}\``, {
    exitCode: EXIT.usage,
    hint: `use --ui alone, or --ui ${UIS.join(", ")}`,
  });
}

function needTerminal(): void {
  if (canShowDashboard(process.env, process.stdout.isTTY)) return;
  throw new Trouble("the dashboard needs a terminal", {
    exitCode: EXIT.usage,
    hint: "leave out --ui for rows, or run it in a terminal",
  });
}

/** Live traffic in the dashboard, with alerts. */
export async function dashboard(options: DashboardCommandOptions): Promise<void> {
  if (style(options.ui) === "seed") return seedDashboard(options);
  needTerminal();
  const keyboard = openKeyboard();
  const stop = stopOnSignals();
  // lines for a person would tear the screen: they are told when it is gone
  const notices: string[] = [];
  const onNotice = (line: string) => {
    notices.push(line);
    if (notices.length > MOST_NOTICES) notices.shift();
  };
  const screen: { dashboard: Dashboard | null } = { dashboard: null };
  const config = alertsWanted(options, true);
  const run = await openLive({ ...options, output: options.output ?? ["none"] }, stop, {
    observers: [(event: EarshotEvent) => screen.dashboard?.event(event)],
    onNotice,
    forAlerts: config !== null,
  });
  const alerts = config === null ? null : openAlerts(config, { ...options, ownsTerminal: true }, run, onNotice);
  reloadOnHangup(run, options, stop, { alerts, onNotice });
  const show = alerts === null ? null : showRules(() => alerts.watch.engine);
  const source = { kind: "live", name: run.place, revealed: options.reveal ?? false } as const;
  screen.dashboard = startDashboard({
    ...terminalOptions(stop, keyboard, options.maxBodySize),
    source,
    keepsOnHangup: true,
    beforeFrame: (shown) => {
      shown.ledger(run.session.ledger);
      show?.(shown);
    },
  });
  try {
    await runLive(run, options, stop);
  } finally {
    screen.dashboard.stop();
    keyboard.close();
    await alerts?.close();
  }
  stop.dispose();
  const lines = summaryLines(run.session.ledger, { duration_s: run.elapsed_s, attribution: run.attribution });
  if (alerts !== null) lines.splice(1, 0, alerts.watch.summary());
  const told = [...notices, ...(options.summary ? lines : [])];
  if (told.length > 0) process.stderr.write(`${told.join("\n")}\n`);
}

/** Hands the state of the rules to a dashboard. */
function showRules(running: () => AlertEngine): (shown: Dashboard) => void {
  let engine = running();
  let statuses = new RuleStatuses(engine.config);
  return (shown) => {
    if (engine !== running()) {
      engine = running();
      statuses = new RuleStatuses(engine.config);
    }
    const now = engine.now ?? Date.now() * MILLISECOND;
    shown.alerts(statuses.read(engine.status(), shown.model.alerts, now, engine.seed?.state ?? null));
  };
}

function terminalOptions(
  stop: Stop,
  keyboard: Keyboard,
  body_bytes: number,
): Omit<DashboardOptions, "source" | "beforeFrame"> {
  return {
    input: keyboard.input,
    output: process.stdout,
    environment: process.env,
    process: process as unknown as TerminalProcess,
    limits: body_bytes > 0 ? { body_bytes } : {},
    onQuit: (reason) => stop.now(reason),
  };
}

/** A capture in the dashboard, with a cursor to move through its time. */
export async function dashboardOf(files: readonly string[], options: ReadOptions): Promise<void> {
  needTerminal();
  const keyboard = openKeyboard();
  const stop = stopOnSignals();
  const screen: { dashboard: Dashboard | null } = { dashboard: null };
  const config = alertsWanted(options, true);
  let onSecond: ((now: Micros) => void) | undefined;
  let onEnd: (() => void) | undefined;
  const early: EarshotEvent[] = [];
  const source = { kind: "file", name: files.join(", "), revealed: options.reveal ?? false } as const;
  const open = (session: Session) => {
    screen.dashboard = startDashboard({
      ...terminalOptions(stop, keyboard, options.maxBodySize),
      source,
      beforeFrame: (shown) => shown.ledger(session.ledger),
    });
    for (const event of early) screen.dashboard.event(event);
    if (config === null) return;
    const shown = screen.dashboard;
    const engine = fileEngine(config, options, session);
    const tell = tellSeconds(engine, session.ledger);
    const show = showRules(() => engine);
    // the band is drawn as it was at each time, not as it is when the file is read
    onSecond = (now) => {
      tell(now);
      shown.model.tick(now);
      show(shown);
    };
    onEnd = () => {
      engine.end();
      show(shown);
    };
  };
  try {
    const { session } = await readThrough(files, { ...options, output: ["none"], progress: false }, stop, {
      forAlerts: config !== null,
      onSecond: (now) => onSecond?.(now),
      onEnd: () => onEnd?.(),
      observers: [(event) => (screen.dashboard === null ? early.push(event) : screen.dashboard.event(event))],
      onSession: open,
    });
    screen.dashboard?.ledger(session.ledger);
    await aborted(stop.signal);
  } finally {
    screen.dashboard?.stop();
    keyboard.close();
    stop.dispose();
  }
}

/** The console monitor's settings from ours (docs/configuration.md has the names); `--timeout` is its own `timeout`. */
export function seedSettings({
  settings,
  timeout,
}: Pick<DashboardCommandOptions, "settings" | "timeout">): SeedUiSettings {
  const looks = timeout === undefined ? {} : { timeout };
  if (settings === undefined) return { ...SEED_UI_DEFAULTS, ...looks };
  const { alerts, dashboard, statistics } = settings;
  return {
    timeout: alerts.seed.tick / SECOND,
    dashboard_bucket_size: dashboard.refresh / SECOND,
    average_bucket_size: alerts.seed.bucket / SECOND,
    average_threshold: alerts.seed.threshold,
    average_learning_duration: alerts.seed.learning / SECOND,
    max_str_length: statistics.max_str_length,
    max_top_hits: statistics.max_top_hits,
    max_retention_length: statistics.max_retention_length / SECOND,
    ...looks,
  };
}

/** The console monitor's own screen, at its refresh rate and with its settings; needs no terminal. */
async function seedDashboard(options: DashboardCommandOptions): Promise<void> {
  const stop = stopOnSignals();
  const screen: { event: ((event: EarshotEvent) => void) | null } = { event: null };
  const run = await openLive({ ...options, output: options.output ?? ["none"] }, stop, {
    observers: [(event) => screen.event?.(event)],
  });
  const shown = startSeedDashboard({
    output: process.stdout,
    environment: process.env,
    settings: seedSettings(options),
    onQuit: (reason) => stop.now(reason),
  });
  screen.event = shown.event;
  try {
    await runLive(run, { ...options, timeout: undefined }, stop);
  } finally {
    shown.stop();
  }
  stop.dispose();
}

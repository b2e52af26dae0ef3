/** `earshot start`, `watch --ui` and `read --ui`: the dashboard, or plain rows where there is no terminal. */
import { alertConfig } from "../alert/schema.ts";
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { MILLISECOND } from "../core/units.ts";
import { RuleStatuses } from "../dashboard/model/rule-status.ts";
import type { Dashboard, DashboardOptions } from "../dashboard/terminal/dashboard.ts";
import { startDashboard } from "../dashboard/terminal/dashboard.ts";
import type { TerminalProcess } from "../dashboard/terminal/terminal.ts";
import { compileFilter } from "../filter/filter.ts";
import { AlertWatch, stateFolder } from "../monitor/alert-watch.ts";
import { startDemoServer } from "../monitor/demo-server.ts";
import { summaryLines } from "../monitor/summary.ts";
import { generateTraffic } from "../monitor/traffic-generator.ts";
import { type ReadOptions, readThrough } from "./read.ts";
import { aborted, type Stop, stopOnSignals } from "./signals.ts";
import { notice, openLive, runLive, type WatchOptions, watch } from "./watch.ts";

export interface StartOptions extends WatchOptions {
  readonly demo?: boolean;
}

const DEMO_RATE_PER_S = 15;
const DEMO_LONGEST_S = 24 * 3600;

export async function start(options: StartOptions): Promise<void> {
  const demo = options.demo ? await startDemo() : null;
  try {
    const plain = options.output !== undefined || options.quiet || !process.stdout.isTTY || !process.stdin.isTTY;
    if (plain) await watch(options);
    else await dashboard(options);
  } finally {
    await demo?.stop();
  }
}

/** A small server and visitors for it, on loopback only, until earshot ends. */
async function startDemo(): Promise<{ stop(): Promise<void> }> {
  const server = await startDemoServer(0.02);
  const controller = new AbortController();
  if (!process.stdout.isTTY) notice(`demo: ${DEMO_RATE_PER_S} requests/s to ${server.url}`);
  const done = generateTraffic({
    url: new URL(server.url),
    method: "GET",
    rate_per_s: DEMO_RATE_PER_S,
    duration_s: DEMO_LONGEST_S,
    connections: 4,
    keepAlive: true,
    signal: controller.signal,
  });
  return {
    async stop() {
      controller.abort();
      await server.close();
      await done;
    },
  };
}

function needTerminal(): void {
  if (process.stdout.isTTY && process.stdin.isTTY) return;
  throw new Trouble("the dashboard needs a terminal", {
    exitCode: EXIT.usage,
    hint: "leave out --ui for rows, or run it in a terminal",
  });
}

/** Live traffic in the dashboard, with alerts. */
export async function dashboard(options: WatchOptions): Promise<void> {
  needTerminal();
  const stop = stopOnSignals();
  let shown: Dashboard | null = null;
  let alerts: AlertWatch | null = null;
  // lines for a person would tear the screen: they are told when it is gone
  const notices: string[] = [];
  const run = await openLive({ ...options, output: options.output ?? ["none"] }, stop, {
    observers: [
      (event: EarshotEvent) => {
        shown?.event(event);
        alerts?.observe(event);
      },
    ],
    onNotice: (line) => notices.push(line),
  });
  alerts = new AlertWatch({
    config: alertConfig(),
    ledger: run.session.ledger,
    compile: (text) => (event) => compileFilter(text).matches(event),
    folder: stateFolder(),
    emit: (event: AlertEvent) => shown?.event(event),
    onNotice: (line) => notices.push(line),
  });
  const statuses = new RuleStatuses(alerts.engine.config);
  run.onTick = (now) => alerts.advance(now);
  shown = startDashboard(
    dashboardOptions(stop, { kind: "live", name: run.place, revealed: options.reveal ?? false }, (dashboard) => {
      dashboard.ledger(run.session.ledger);
      const { engine } = alerts;
      const now = engine.now ?? Date.now() * MILLISECOND;
      dashboard.alerts(statuses.read(engine.status(), dashboard.model.alerts, now, engine.seed?.state ?? null));
    }),
  );
  try {
    await runLive(run, options, stop);
  } finally {
    shown.stop();
    alerts.close();
  }
  stop.dispose();
  const lines = summaryLines(run.session.ledger, { duration_s: run.elapsed_s, attribution: run.attribution });
  process.stderr.write(`${[...notices, ...(options.summary ? lines : [])].join("\n")}\n`);
}

function dashboardOptions(
  stop: Stop,
  source: DashboardOptions["source"],
  beforeFrame: DashboardOptions["beforeFrame"],
): DashboardOptions {
  return {
    source,
    input: process.stdin,
    output: process.stdout,
    environment: process.env,
    process: process as unknown as TerminalProcess,
    mouse: true,
    beforeFrame,
    onQuit: (reason) => stop.now(reason),
  };
}

/** A capture in the dashboard, with a cursor to move through its time. */
export async function dashboardOf(files: readonly string[], options: ReadOptions): Promise<void> {
  needTerminal();
  const stop = stopOnSignals();
  let shown: Dashboard | null = null;
  const early: EarshotEvent[] = [];
  const source = { kind: "file", name: files.join(", "), revealed: options.reveal ?? false } as const;
  const reading = readThrough(files, { ...options, output: ["none"] }, stop, {
    observers: [(event: EarshotEvent) => (shown === null ? early.push(event) : shown.event(event))],
    onSession: (session) => {
      shown = startDashboard(dashboardOptions(stop, source, (dashboard) => dashboard.ledger(session.ledger)));
      for (const event of early) shown.event(event);
    },
  });
  const { session } = await reading;
  (shown as Dashboard | null)?.ledger(session.ledger);
  await aborted(stop.signal);
  (shown as Dashboard | null)?.stop();
  stop.dispose();
}

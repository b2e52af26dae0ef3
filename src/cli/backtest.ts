/** `earshot backtest FILE…`: what the alert rules would have said to captured traffic, when and why. */
import { Backtest, backtestLines } from "../alert/backtest.ts";
import { type AlertConfigInput, alertConfig } from "../alert/schema.ts";
import { changeSetting, parseSetting, parseSweep, Sweep, sweepLines } from "../alert/sweep.ts";
import { Ledger } from "../core/ledger.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import { localOffset_min } from "../monitor/alert-watch.ts";
import { type FileListener, filterCompiler, tellSeconds, writtenAlerts } from "./alert-run.ts";
import type { Out } from "./live-screen.ts";
import { type ReadOptions, readThrough, tellRead } from "./read.ts";
import { NO_ROWS } from "./report-run.ts";
import { stopOnSignals } from "./signals.ts";
import { choice } from "./values.ts";

export interface BacktestOptions extends Omit<ReadOptions, "output"> {
  readonly profile?: "default" | "seed";
  readonly rule?: readonly string[];
  readonly sweep?: string;
  readonly output?: string;
  readonly width?: number;
}

/** Columns when the output is no terminal, and those of a timeline that are not bars. */
const WIDTH = 124;
const BESIDE = 24;

/** A threshold: `p95(latency[5m]) > 800`. Everything else is a setting. */
const EXPRESSION = /^\s*\w+\s*\(/;

export async function backtest(
  files: readonly string[],
  options: BacktestOptions,
  out: Out = process.stdout,
): Promise<void> {
  const format = choice("-o", ["table", "json"] as const)(options.output ?? "table");
  const config = configOf(options);
  const ledger = new Ledger();
  const parts = { compile: filterCompiler(options), utcOffset: localOffset_min, ledger };
  const print = (report: unknown, lines: () => readonly string[]) =>
    out.write(`${format === "json" ? JSON.stringify(report) : lines().join("\n")}\n`);
  if (options.sweep !== undefined) {
    const { setting, values } = parseSweep(options.sweep);
    const sweep = new Sweep(config, setting, values, parts);
    await hear(files, options, sweep, ledger, () => {
      const rows = sweep.finish();
      print({ setting, rows }, () => sweepLines(setting, rows));
    });
    return;
  }
  const test = new Backtest(alertConfig(config), parts);
  await hear(files, options, test, ledger, () => {
    const report = test.finish();
    print(report, () => backtestLines(report, (options.width ?? process.stdout.columns ?? WIDTH) - BESIDE));
  });
}

/** The configuration, with what the options change in it. */
function configOf(options: BacktestOptions): AlertConfigInput {
  let config = writtenAlerts(options);
  if (options.profile !== undefined) config = { ...config, profile: options.profile };
  if (config.profile === "off") {
    throw new Trouble("the configuration has alerts off", { exitCode: EXIT.usage, hint: "add --profile default" });
  }
  for (const text of options.rule ?? []) {
    if (EXPRESSION.test(text)) {
      config = { ...config, rules: [...(config.rules ?? []), { kind: "threshold", name: text, expr: text }] };
      continue;
    }
    const { setting, value } = parseSetting(text);
    config = changeSetting(config, setting, value);
  }
  return config;
}

/** Everything that the files hold, in their own time. */
async function hear(
  files: readonly string[],
  options: BacktestOptions,
  listener: FileListener,
  ledger: Ledger,
  show: () => void,
): Promise<void> {
  const stop = stopOnSignals();
  let tell: ((now: Micros) => void) | null = null;
  const { session, summary } = await readThrough(files, { ...options, ...NO_ROWS }, stop, {
    forAlerts: true,
    onSession: (opened) => {
      opened.pipeline.onEvent((event) => listener.observe(event));
      tell = tellSeconds(listener, opened.ledger);
    },
    onSecond: (now) => tell?.(now),
  });
  stop.dispose();
  show();
  session.ledger.merge(ledger);
  if (options.summary) tellRead(session, summary, stop);
}

/**
 * What `top`, `stats` and `bytes` have in common: events of files, or of live traffic when no file is given, go into a
 * report; it is shown once for files, and again and again for live traffic: in place on a terminal, else a block each
 * time.
 */
import type { EarshotEvent, TlsEvent, TransactionEvent } from "../core/event.ts";
import { printable } from "../core/printable.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { MILLISECOND, type Micros } from "../core/units.ts";
import { summaryLines } from "../monitor/summary.ts";
import type { WatchedRun } from "../monitor/watched-run.ts";
import { interval_ms } from "./later.ts";
import { LiveScreen, type Out } from "./live-screen.ts";
import { readThrough, tellRead, tellStopped } from "./read.ts";
import { stopOnSignals } from "./signals.ts";
import { notice, openLive, type RemoteCounting, reloadOnHangup, runLive, type WatchOptions } from "./watch.ts";

export interface ReportOptions extends WatchOptions {
  /** Seconds between two reports of live traffic. */
  readonly interval?: number;
}

export interface Report {
  observe(event: TransactionEvent | TlsEvent): void;
  /** `now`: the present of live traffic; null for files, which end with their newest event. */
  lines(now: Micros | null): readonly string[];
  /** Is told everything as it comes, and has nothing to draw. */
  readonly running?: boolean;
  /** The same from what other threads counted; absent where it has to hear of every event. */
  readonly remote?: RemoteCounting;
}

/** Options of a run that commands without rows do not offer. */
export const NO_ROWS = {
  captureRequest: true,
  captureResponse: true,
  maxBodySize: 0,
  color: false,
  quiet: true,
  output: undefined,
  traceeFormat: "legacy",
} as const;

/** Seconds between two reports of live traffic; and at least, whatever is asked for. */
const REFRESH_S = 2;
const SHORTEST_S = 0.1;

/** Options that speak of live traffic only. */
const LIVE_ONLY = {
  interface: "--interface",
  port: "--port",
  bpf: "--bpf",
  promiscuous: "--promiscuous",
  interval: "--interval",
  duration: "--duration",
} as const;

export async function runReport(
  files: readonly string[],
  given: ReportOptions,
  report: Report,
  out: Out = process.stdout,
): Promise<void> {
  const options = { ...given, ...NO_ROWS };
  const observer = (event: EarshotEvent) => {
    if (event.type !== "alert") report.observe(event);
  };
  if (files.length > 0) await ofFiles(files, options, report, observer, out);
  else await ofTraffic(options, report, observer, out);
}

type Observer = (event: EarshotEvent) => void;

async function ofFiles(
  files: readonly string[],
  options: ReportOptions,
  report: Report,
  observer: Observer,
  out: Out,
): Promise<void> {
  for (const [name, flag] of Object.entries(LIVE_ONLY)) {
    if (options[name as keyof typeof LIVE_ONLY] === undefined) continue;
    const hint = "leave it out, or leave the files out to watch live traffic";
    throw new Trouble(`${flag} is for live traffic, and files are given`, { exitCode: EXIT.usage, hint });
  }
  const stop = stopOnSignals();
  const { session, summary } = await readThrough(files, options, stop, { observers: [observer], lends: true });
  stop.dispose();
  print(out, report.lines(null));
  if (options.summary) tellRead(session, summary, stop);
  tellStopped(stop);
}

async function ofTraffic(options: ReportOptions, report: Report, observer: Observer, out: Out): Promise<void> {
  const stop = stopOnSignals();
  const run = await openLive(options, stop, { observers: [observer], lends: true, counting: report.remote });
  const inPlace = out.isTTY === true && !report.running;
  if (process.stderr.isTTY && !inPlace) notice(`watching ${run.place}; Ctrl-C ends with a summary`);
  reloadOnHangup(run, options, stop);
  const screen = new LiveScreen(out);
  const draw = () => {
    const lines = report.lines(Date.now() * MILLISECOND);
    if (inPlace) screen.show([...statusLines(run, options.filter), "", ...lines]);
    else print(out, lines);
  };
  const timer = report.running ? null : setInterval(draw, interval_ms(options.interval ?? REFRESH_S, SHORTEST_S));
  try {
    if (inPlace) draw();
    await runLive(run, options, stop);
  } finally {
    if (timer !== null) clearInterval(timer);
    screen.close();
    stop.dispose();
  }
  print(out, report.lines(Date.now() * MILLISECOND));
  if (options.summary) {
    const lines = summaryLines(run.session.ledger, { duration_s: run.elapsed_s, attribution: run.attribution });
    process.stderr.write(`${lines.join("\n")}\n`);
  }
}

/** What was seen and what was missed, above everything that is counted. */
function statusLines(run: WatchedRun, filters: readonly string[] = []): string[] {
  const lines = summaryLines(run.session.ledger, { duration_s: run.elapsed_s, attribution: "" });
  // one of the configuration is easily forgotten, and then nothing seems to come
  const filter = filters.length === 0 ? [] : [`counted: ${printable(filters.join(" and "))}`];
  return [`${run.place}: ${lines[0]}`, lines[1], ...filter];
}

function print(out: Out, lines: readonly string[]): void {
  if (lines.length > 0) out.write(`${lines.join("\n")}\n`);
}

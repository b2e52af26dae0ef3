/** `earshot read FILE…|-`: exchanges of capture files. */

import { accessSync, constants } from "node:fs";
import type { AlertEngine } from "../alert/engine.ts";
import { Ledger } from "../core/ledger.ts";
import type { Enricher } from "../core/roles.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { type Micros, SECOND } from "../core/units.ts";
import { SecondTeller } from "../monitor/second-teller.ts";
import { Session, type SessionOptions } from "../monitor/session.ts";
import { summaryLines } from "../monitor/summary.ts";
import type { Redactor } from "../redact/redactor.ts";
import { writeAll } from "../sink/json/stdout.ts";
import type { CaptureProblem, CaptureProgress } from "../source/file/capture-file.ts";
import type { CaptureSummary } from "../source/file/read-captures.ts";
import {
  loadPlugins,
  openAttribution,
  pluginParts,
  type RunOptions,
  redactorOf,
  sessionOptions,
  withoutGate,
} from "./run-options.ts";
import { type Stop, stopOnSignals } from "./signals.ts";

export interface ReadOptions extends RunOptions {
  readonly verifyChecksums?: boolean;
  readonly ignoreVlan?: boolean;
  readonly tlsKeylog?: string;
  /** False when something else has the screen. */
  readonly progress?: boolean;
}

/** What a command adds to the reading of files. */
export interface ReadAdditions extends Partial<SessionOptions> {
  readonly onSession?: (session: Session) => void;
  /** Capture time has come to another second. */
  readonly onSecond?: (now: Micros) => void;
  /** Everything was given out; the outputs are still open. */
  readonly onEnd?: () => void;
  /** Alerts will listen: they hear of every exchange, also of those that are not shown. */
  readonly forAlerts?: boolean;
}

/** Files below this are read before a bar could be looked at. */
const BAR_FROM_BYTES = 64 << 20;

const notice = (line: string) => process.stderr.write(`earshot: ${line}\n`);

export async function read(files: readonly string[], options: ReadOptions): Promise<void> {
  const stop = stopOnSignals();
  const { session, summary } = await readThrough(files, options, stop, await alertsOf(options));
  stop.dispose();
  if (options.summary) tellRead(session, summary, stop);
  tellStopped(stop);
}

/** The engine over the files' time; its rows go where the others go. Nothing in the past is told to anybody else. */
async function alertsOf(options: ReadOptions): Promise<ReadAdditions> {
  if (!options.alerts) return {};
  // loaded only now: the engine and what it is configured with take longer to load than all the rest (0.1 s)
  const { alertsWanted, fileEngine, tellSeconds } = await import("./alert-run.ts");
  const config = alertsWanted(options);
  if (config === null) return {};
  let engine: AlertEngine | null = null;
  let tell: ((now: Micros) => void) | null = null;
  return {
    forAlerts: true,
    onSession: (session) => {
      engine = fileEngine(config, options, session);
      tell = tellSeconds(engine, session.ledger);
    },
    onSecond: (now) => tell?.(now),
    onEnd: () => engine?.end(),
  };
}

/** A capture that was not read to its end is told to scripts, as the shell does. */
export function tellStopped(stop: Stop): void {
  if (stop.reason === "SIGINT") process.exitCode = 130;
  if (stop.reason === "SIGTERM") process.exitCode = 143;
}

/** The summary of a run over files, on standard error. */
export function tellRead(session: Session, summary: CaptureSummary, stop: Stop): void {
  const { firstTime, lastTime } = summary;
  const duration_s = firstTime === null || lastTime === null ? null : (lastTime - firstTime) / SECOND;
  const lines = summaryLines(session.ledger, { duration_s, attribution: "" });
  if (stop.reason !== null && stop.reason !== "output")
    lines.unshift(`stopped by ${stop.reason} before the end of the capture`);
  const text = Buffer.from(`${lines.join("\n")}\n`);
  // at once: a stream of Node takes a while to load
  writeAll(2, text, text.length);
}

/** Reads files through a session; commands that want statistics give observers. */
export async function readThrough(
  files: readonly string[],
  options: ReadOptions,
  stop: Stop,
  more: ReadAdditions,
): Promise<{ session: Session; summary: CaptureSummary }> {
  const { readCaptures } = await import("../source/file/read-captures.ts");
  if (options.tlsKeylog !== undefined) checkKeyLog(options.tlsKeylog);
  const ledger = new Ledger();
  const redactor = redactorOf(options);
  const plugins = await loadPlugins(options);
  const parts = pluginParts(options, plugins);
  const given = sessionOptions(options, {
    live: false,
    ledger,
    redactor,
    enrichers: [...(await ownersOf(files, ledger, redactor)), ...parts.enrichers],
    sinks: parts.sinks,
    decoder: { verifyChecksums: options.verifyChecksums, scopeByVlan: !options.ignoreVlan },
    plugins,
    onOutputClosed: () => stop.now("output"),
    onNotice: notice,
  });
  const base = more.forAlerts ? withoutGate(given) : given;
  const session = new Session({
    ...base,
    ...more,
    tests: [...base.tests, ...(more.tests ?? [])],
    keepHeads: more.forAlerts,
  });
  more.onSession?.(session);
  const bar = new ProgressBar();
  const problems: CaptureProblem[] = [];
  const handler = more.onSecond === undefined ? session : new SecondTeller(session, more.onSecond);
  const summary = await readCaptures(files, handler, {
    ledger: session.ledger,
    signal: stop.signal,
    onProblem: (problem) => problems.push(problem),
    onProgress: (progress) => {
      if (options.progress !== false) bar.show(progress);
    },
    pause: () => session.pause(),
  });
  if (more.onEnd !== undefined) {
    session.pipeline.end();
    more.onEnd();
  }
  await session.finish();
  bar.clear();
  for (const problem of problems.slice(0, 5)) notice(problem.message);
  if (problems.length > 5) notice(`and ${problems.length - 5} more problems like these`);
  return { session, summary };
}

/** Of a file only its own comments can tell processes; what reads them takes a while to load. */
async function ownersOf(files: readonly string[], ledger: Ledger, redactor: Redactor): Promise<Enricher[]> {
  const { mayHoldComments } = await import("../source/file/comments.ts");
  return mayHoldComments(files) ? [await openAttribution("none", ledger, redactor, notice)] : [];
}

/** Decryption is not built yet. Scripts that name a key log go on working, and are told. */
function checkKeyLog(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new Trouble(`--tls-keylog: ${path} cannot be read`, { exitCode: EXIT.badFile });
  }
  notice("--tls-keylog: nothing is decrypted yet; TLS connections are shown, not what is inside");
}

/** How far reading has come, on standard error, when that is a terminal and the file is large. */
class ProgressBar {
  private shown = false;
  private last = 0;

  show(progress: CaptureProgress): void {
    const { totalBytes, bytesRead, packets } = progress;
    if (totalBytes === null || totalBytes < BAR_FROM_BYTES || !process.stderr.isTTY) return;
    const now = performance.now();
    if (this.shown && now - this.last < 100) return;
    this.last = now;
    this.shown = true;
    const share = Math.min(1, bytesRead / totalBytes);
    const filled = Math.round(share * 30);
    const percent = String(Math.round(share * 100)).padStart(3);
    process.stderr.write(
      `\r${"█".repeat(filled)}${"░".repeat(30 - filled)} ${percent} %  ${(packets / 1e6).toFixed(1)} M packets\u001b[K`,
    );
  }

  clear(): void {
    if (this.shown) process.stderr.write("\r\u001b[K");
    this.shown = false;
  }
}

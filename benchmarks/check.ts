/**
 * What must hold in any run, with margins so wide that a busy machine passes: far below what docs/performance.md tells,
 * far above what a mistake on the hot path leaves. Ratios are of processor time on the same file in the same run.
 */
import { spawnSync } from "node:child_process";
import type { MadeCapture } from "./captures.ts";
import { type Measured, median } from "./measure.ts";
import { DIGEST } from "./tools.ts";

export type Results = ReadonlyMap<string, readonly Measured[]>;

export const JSON_RUN = "earshot json";
export const QUIET_RUN = "earshot quiet";

/** At least half a tick, so that ratios stay numbers. */
export const cpuOf = (runs: readonly Measured[]): number => Math.max(0.005, median(runs.map((run) => run.cpu_s)));

/** `other` must take at least so many times what `ours` takes, the time of a start taken off ours. */
const AT_LEAST: readonly { readonly ours: string; readonly other: string; readonly times: number }[] = [
  { ours: JSON_RUN, other: "httpry", times: 0.6 },
  { ours: QUIET_RUN, other: "httpry", times: 0.9 },
  { ours: JSON_RUN, other: "tshark", times: 8 },
  { ours: JSON_RUN, other: DIGEST, times: 0.15 },
  { ours: QUIET_RUN, other: DIGEST, times: 0.25 },
];
/** Whole documented events take at most so many times what counting alone does. */
const JSON_PER_QUIET = 4;
/** Start-up, and the largest resident set: twice and once what is aimed at. */
const START_CPU_S = 0.5;
const PEAK_MB = 150;

/** What does not hold, one line each. */
export function failures(capture: string, results: Results, start: Results): string[] {
  const found: string[] = [];
  // ticks are of 10 ms: less than a few of them tell nothing
  const own = (name: string) => Math.max(0.05, cpuOf(results.get(name)!) - cpuOf(start.get(name)!));
  for (const name of [JSON_RUN, QUIET_RUN]) {
    if (!results.get(name)!.every((run) => run.ok)) found.push(`${capture}: ${name} failed`);
    const started = cpuOf(start.get(name)!);
    if (started > START_CPU_S) found.push(`${name}: ${started.toFixed(2)} s to start, at most ${START_CPU_S}`);
    const peak = Math.max(...results.get(name)!.map((run) => run.peak_mb ?? 0));
    if (peak > PEAK_MB) found.push(`${capture}: ${name} took ${peak.toFixed(0)} MB, at most ${PEAK_MB}`);
  }
  for (const { ours, other, times } of AT_LEAST) {
    const theirs = results.get(other);
    if (theirs === undefined) continue;
    const ratio = cpuOf(theirs) / own(ours);
    if (ratio < times) found.push(`${capture}: ${other} / ${ours} is ${ratio.toFixed(2)}, at least ${times}`);
  }
  const ratio = own(JSON_RUN) / own(QUIET_RUN);
  if (ratio > JSON_PER_QUIET) found.push(`${capture}: json / quiet is ${ratio.toFixed(2)}, at most ${JSON_PER_QUIET}`);
  return found;
}

/** Every exchange of a made-up capture, each complete: fast and wrong is no use. */
export function missing(earshot: readonly string[], capture: MadeCapture): string[] {
  const [command, ...rest] = [...earshot, "read", capture.path, "-o", "json"];
  const run = spawnSync(command, rest, { maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "ignore"] });
  let complete = 0;
  const wanted = '"outcome":"complete"';
  for (let at = run.stdout.indexOf(wanted); at >= 0; at = run.stdout.indexOf(wanted, at + 1)) complete++;
  if (complete === capture.exchanges) return [];
  return [`${capture.name}: ${complete} complete exchanges, not ${capture.exchanges}`];
}

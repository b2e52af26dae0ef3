/** Runs a command and tells its processor time and memory, its children's included where the system adds them up. */
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";

export interface Measured {
  /** User and system time, seconds. */
  readonly cpu_s: number;
  readonly wall_s: number;
  /** Largest resident set, MB; null where it was not seen. */
  readonly peak_mb: number | null;
  readonly ok: boolean;
}

/** Linux counts processor time in ticks of this many a second for user space (USER_HZ). */
const TICKS = 100;
const POLL_MS = 15;

/** Processor ticks of children that ended: cutime and cstime of proc_pid_stat(5). */
function childTicks(): number {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[13]) + Number(fields[14]);
}

function peakOf(pid: number): number | null {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return line === null ? null : Number(line[1]) / 1024;
  } catch {
    return null;
  }
}

/** Output goes nowhere. One at a time: the times of children are those of all that ended. */
export async function measure(command: readonly string[], timeout_s = 600): Promise<Measured> {
  const nowhere = openSync("/dev/null", "r+");
  const before = childTicks();
  const start = performance.now();
  const child = spawn(command[0], command.slice(1), { stdio: [nowhere, nowhere, nowhere], timeout: timeout_s * 1000 });
  let peak: number | null = null;
  const timer = setInterval(() => {
    peak = peakOf(child.pid ?? 0) ?? peak;
  }, POLL_MS);
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(-1));
    child.once("close", resolve);
  });
  clearInterval(timer);
  return {
    cpu_s: (childTicks() - before) / TICKS,
    wall_s: (performance.now() - start) / 1000,
    peak_mb: peak,
    ok: code === 0,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

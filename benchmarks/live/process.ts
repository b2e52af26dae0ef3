/** Processes in a network namespace, and what they use: for the benchmarks of live capture. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

export interface Started {
  readonly child: ChildProcess;
  /** What it has printed so far, on either stream. */
  readonly output: () => string;
}

/** `ip netns exec` becomes the program it starts, so the pid is the program's. */
export function startIn(space: string, command: readonly string[]): Started {
  const child = spawn("ip", ["netns", "exec", space, ...command], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk) => void (text += chunk));
  return { child, output: () => text };
}

export async function runIn(space: string, command: readonly string[]): Promise<string> {
  const { child, output } = startIn(space, command);
  await once(child, "close");
  return output();
}

export async function stopped({ child }: Started): Promise<void> {
  const ended = once(child, "close");
  child.kill("SIGTERM");
  await ended;
}

/** Nanoseconds on a CPU of all threads of a process, so that start-up can be left out. */
export function cpuNanoseconds(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [onCpu] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return sum + Number(onCpu);
  }, 0);
}

export const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

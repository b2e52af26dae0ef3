/**
 * Live capture beside tcpdump and a C reader: CPU seconds per million packets and packets lost, on a veth pair in a
 * network namespace made for it. Needs root, gcc (or cc) and iproute2; tcpdump when it is there.
 * Usage: node benchmarks/live/run.ts [packets per run] [rounds]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NetworkNamespace, whyNoNamespace } from "../../test/support/network-namespace.ts";
import { cpuNanoseconds, median, runIn, startIn, stopped } from "./process.ts";

const here = dirname(fileURLToPath(import.meta.url));
const count = Math.min(Number(process.argv[2] ?? 1_000_000), 5_000_000);
const rounds = Math.min(Number(process.argv[3] ?? 3), 9);
const SIZES = [100, 1500];
/** Packets before the clock starts: a just-in-time compiler needs some. */
const WARM_UP = 100_000;

interface Reader {
  readonly name: string;
  readonly command: readonly string[];
  /** Gives packets and drops from what the reader printed. */
  readonly result: (output: string) => [packets: number, drops: number];
}

interface Run {
  readonly reader: string;
  readonly size_bytes: number;
  readonly cpu_s_per_million: number;
  readonly rate_per_s: number;
  readonly lost: number;
}

const printed = (output: string): [number, number] => {
  const [packets, drops] = output.trim().split("\n").at(-1)!.split(" ").map(Number);
  return [packets, drops];
};

function readers(folder: string): Reader[] {
  const list: Reader[] = [
    { name: "C ring", command: [join(folder, "reader"), "right"], result: printed },
    { name: "earshot", command: [process.execPath, join(here, "reader.ts"), "right"], result: printed },
    { name: "earshot, any", command: [process.execPath, join(here, "reader.ts"), "any"], result: printed },
  ];
  if (spawnSync("tcpdump", ["--version"]).status === 0) {
    list.push({
      name: "tcpdump -w /dev/null",
      command: ["tcpdump", "-i", "right", "-n", "-B", "65536", "-w", "/dev/null"],
      result: (output) => [
        Number(/(\d+) packets captured/.exec(output)?.[1]),
        Number(/(\d+) packets dropped by kernel/.exec(output)?.[1]),
      ],
    });
  }
  return list;
}

async function measure(space: NetworkNamespace, sender: string, reader: Reader, size: number): Promise<Run> {
  const run = startIn(space.name, reader.command);
  const { child, output } = run;
  try {
    for (let wait = 0; !/ready|listening on/.test(output()); wait++) {
      if (wait > 100) throw new Error(`${reader.name} did not start: ${output()}`);
      await sleep(50);
    }
    await runSender(space, sender, size, WARM_UP);
    await sleep(300);
    const before = cpuNanoseconds(child.pid!);
    const [sent, seconds] = (await runSender(space, sender, size, count)).split(" ").map(Number);
    await sleep(400);
    const used = cpuNanoseconds(child.pid!) - before;
    await stopped(run);
    const [packets] = reader.result(output());
    return {
      reader: reader.name,
      size_bytes: size,
      cpu_s_per_million: used / 1e9 / (sent / 1e6),
      rate_per_s: sent / seconds,
      lost: sent + WARM_UP - packets,
    };
  } finally {
    if (child.exitCode === null) child.kill("SIGKILL");
  }
}

function runSender(space: NetworkNamespace, sender: string, size: number, packets: number): Promise<string> {
  return runIn(space.name, [sender, "left", String(packets), String(size)]);
}

function summary(runs: readonly Run[]) {
  const groups = Map.groupBy(runs, ({ reader, size_bytes }) => `${reader} ${size_bytes}`);
  return [...groups.values()].map((group) => ({
    reader: group[0].reader,
    size_bytes: group[0].size_bytes,
    "CPU s per million": Number(median(group.map((run) => run.cpu_s_per_million)).toFixed(3)),
    "packets/s": Math.round(median(group.map((run) => run.rate_per_s))),
    "lost, worst": Math.max(...group.map((run) => run.lost)),
  }));
}

function build(folder: string): void {
  for (const name of ["sender", "reader"]) {
    const { status, stderr } = spawnSync("cc", ["-O2", "-o", join(folder, name), join(here, `${name}.c`)]);
    if (status !== 0) throw new Error(`cc ${name}.c: ${stderr}`);
  }
}

const missing = whyNoNamespace();
if (missing !== null) {
  console.error(`live benchmark skipped: ${missing}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "earshot-bench-"));
  const space = new NetworkNamespace("bench");
  const runs: Run[] = [];
  try {
    build(folder);
    for (let round = 0; round < rounds; round++) {
      for (const size of SIZES) {
        for (const reader of readers(folder)) runs.push(await measure(space, join(folder, "sender"), reader, size));
      }
    }
    console.table(summary(runs));
  } finally {
    space.close();
    rmSync(folder, { recursive: true });
  }
}

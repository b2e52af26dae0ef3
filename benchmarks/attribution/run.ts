/**
 * What attribution costs: CPU seconds per million requests of nginx and wrk over loopback, keep-alive and one connection
 * per request, without and with it, in turns; and what the attributing process itself uses: with one thread, with two
 * that share it (`--workers 2`), and with two that have one each. Needs root, nginx and wrk.
 * Usage: node benchmarks/attribution/run.ts [seconds per run] [rounds]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { childPids } from "../../src/enrich/process/proc-files.ts";
import { startNginx } from "../../test/support/process-lab.ts";

const here = dirname(fileURLToPath(import.meta.url));
const seconds = Math.min(Number(process.argv[2] ?? 3), 10);
const rounds = Math.min(Number(process.argv[3] ?? 5), 9);

interface Run {
  readonly cpu_s_per_million: number;
  /** The attributing process alone. */
  readonly own_s_per_million: number;
  readonly requests: number;
  readonly lost: number;
}

/** User and system time of a process in seconds (proc_pid_stat(5)). */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const nginx = await startNginx(["127.0.0.1"], [], false);
const master = childPids(process.pid).find((pid) => readFileSync(`/proc/${pid}/comm`, "latin1").startsWith("nginx"))!;
const workers = childPids(master);

/** Arguments of the observer; null for none. */
const OBSERVERS: Readonly<Record<string, readonly string[] | null>> = {
  none: null,
  "one thread": ["1"],
  "two threads, shared": ["2", "shared"],
  "two threads, one each": ["2", "apart"],
};

async function run(kept: boolean, given: readonly string[] | null): Promise<Run> {
  const observer = given && spawn(process.execPath, [join(here, "observer.ts"), ...given]);
  let printed = "";
  if (observer) {
    observer.stdout.on("data", (text) => {
      printed += text;
    });
    await once(observer.stdout, "data");
  }
  const before = workers.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const header = kept ? "" : "-H 'Connection: close'";
  const wrk = spawnSync("bash", ["-c", `wrk -t1 -c16 -d${seconds} ${header} http://127.0.0.1:${nginx.port}/; times`], {
    encoding: "utf8",
  }).stdout;
  const server = workers.reduce((sum, pid) => sum + cpuOf(pid), 0) - before;
  const client = [
    ...wrk
      .trim()
      .split("\n")
      .at(-1)!
      .matchAll(/(\d+)m([\d.]+)s/g),
  ].reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0);
  const requests = Number(/(\d+) requests in/.exec(wrk)![1]);
  if (observer) {
    observer.kill("SIGTERM");
    await once(observer, "close");
  }
  const [own, lost] = observer ? printed.trim().split("\n").at(-1)!.split(" ").map(Number) : [0, 0];
  const per = 1e6 / requests;
  return { cpu_s_per_million: (server + client) * per, own_s_per_million: own * per, requests, lost };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

for (const kept of [true, false]) {
  const runs = Object.entries(OBSERVERS).map(([name, given]) => ({ name, given, done: [] as Run[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { given, done } of round % 2 ? runs.toReversed() : runs) done.push(await run(kept, given));
  }
  const server = runs.map(({ done }) => median(done.map((one) => one.cpu_s_per_million)));
  const own = runs.map(({ done }) => median(done.map((one) => one.own_s_per_million)));
  console.log(kept ? "keep-alive" : "one connection per request");
  console.table(
    runs.map(({ name, done }, index) => ({
      attribution: name,
      "nginx and wrk, CPU s per million": Number(server[index].toFixed(2)),
      ratio: Number((server[index] / server[0]).toFixed(3)),
      "own CPU s per million": Number(own[index].toFixed(2)),
      "ratio with own": Number(((server[index] + own[index]) / server[0]).toFixed(3)),
      "requests/s": Math.round(median(done.map((one) => one.requests)) / seconds),
      "owners lost": done.reduce((sum, one) => sum + one.lost, 0),
    })),
  );
}
nginx.stop();

/**
 * What attribution costs: CPU seconds per million requests of nginx and wrk over loopback, keep-alive and one connection
 * per request, without and with it, in turns; and what the attributing process itself uses. Needs root, nginx and wrk.
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

async function run(kept: boolean, attributed: boolean): Promise<Run> {
  const observer = attributed ? spawn(process.execPath, [join(here, "observer.ts")]) : null;
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
  const off: Run[] = [];
  const on: Run[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const attributed of round % 2 ? [true, false] : [false, true]) {
      (attributed ? on : off).push(await run(kept, attributed));
    }
  }
  const cost = (runs: Run[]) => median(runs.map((one) => one.cpu_s_per_million));
  const own = median(on.map((one) => one.own_s_per_million));
  console.log(
    JSON.stringify({
      connections: kept ? "keep-alive" : "one per request",
      without_s_per_million: Number(cost(off).toFixed(2)),
      with_s_per_million: Number(cost(on).toFixed(2)),
      ratio: Number((cost(on) / cost(off)).toFixed(3)),
      own_s_per_million: Number(own.toFixed(2)),
      ratio_with_own: Number(((cost(on) + own) / cost(off)).toFixed(3)),
      requests_per_s: Math.round(median(on.map((one) => one.requests)) / seconds),
      owners_lost: on.reduce((sum, one) => sum + one.lost, 0),
    }),
  );
}
nginx.stop();

/**
 * The whole of `earshot watch` at live speed, with one thread and with two, beside tcpdump: a flood of small packets, and
 * real HTTP (nginx and wrk, keep-alive) over a veth pair between two namespaces. Tells packets lost, requests seen beside
 * nginx's own log, and CPU time for each. Needs root, cc, iproute2, nginx and wrk; tcpdump when it is there.
 * Usage: node benchmarks/live/whole.ts [rounds] [seconds of HTTP per run] [packets of the flood, 0 for none] [names]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { NetworkNamespace, whyNoNamespace } from "../../test/support/network-namespace.ts";
import { cpuNanoseconds, median, runIn, type Started, startIn, stopped } from "./process.ts";

const here = dirname(fileURLToPath(import.meta.url));
const rounds = Math.min(Number(process.argv[2] ?? 3), 9);
const seconds = Math.min(Number(process.argv[3] ?? 4), 20);
const count = Math.min(Number(process.argv[4] ?? 1_000_000), 5_000_000);
const WARM_UP = 100_000;
const PORT = 8080;
const CONNECTIONS = 64;

interface Reader {
  readonly name: string;
  readonly command: (nic: string) => readonly string[];
  /** Packet sockets it opens. */
  readonly sockets: number;
  readonly attributes: boolean;
}

const main = join(here, "../../src/cli/main.ts");

/** `more`: a command and its options. */
function earshot(name: string, workers: number, ...more: string[]): Reader {
  return {
    name: `earshot ${name}${workers > 1 ? `, ${workers} workers` : ""}`,
    command: (nic) => [process.execPath, main, ...more, "-i", nic, "--workers", String(workers), "--config", "none"],
    sockets: workers,
    attributes: !more.includes("none"),
  };
}

const NO_OWNERS = ["--attribution", "none"];
const JSON_OUT = ["watch", "-o", "json=/dev/null"];
const TOP = ["top", "--by", "path", "--interval", "1"];
const QUIET = [1, 2].map((workers) => earshot("--quiet", workers, "watch", "--quiet", ...NO_OWNERS));
/** Names of what to measure may be given: `top,-o json`. */
const only = process.argv[5]?.split(",");
const HTTP = [
  ...QUIET,
  ...[1, 2].map((workers) => earshot("-o json", workers, ...JSON_OUT, ...NO_OWNERS)),
  ...[1, 2].map((workers) => earshot("-o json, with processes", workers, ...JSON_OUT)),
  ...[1, 2].map((workers) => earshot("top", workers, ...TOP, ...NO_OWNERS)),
].filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
const TCPDUMP: Reader = {
  name: "tcpdump -w /dev/null",
  command: (nic) => ["tcpdump", "-i", nic, "-n", "-B", "65536", "-w", "/dev/null"],
  sockets: 1,
  attributes: false,
};

/** A number in the summary of earshot or tcpdump; 0 where it is not told. */
function told(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1]?.replaceAll(",", "") ?? 0);
}

const packetsOf = (output: string) => told(output, /([\d,]+) packets? (?:in|captured)/);
const dropsOf = (output: string) => told(output, /([\d,]+) (?:packets )?dropped by (?:the )?kernel/);

async function started(space: NetworkNamespace, reader: Reader, nic: string): Promise<Started> {
  const process_ = startIn(space.name, reader.command(nic));
  const sockets = () => space.run("cat", "/proc/net/packet").trim().split("\n").length - 1;
  for (let wait = 0; sockets() < reader.sockets; wait++) {
    if (wait > 150 || process_.child.exitCode !== null) throw new Error(`${reader.name}: ${process_.output()}`);
    await sleep(100);
  }
  // the socket comes first; what else is opened comes behind it
  await sleep(reader.attributes ? 4_000 : 2_000);
  return process_;
}

async function flood(space: NetworkNamespace, sender: string, reader: Reader) {
  const run = await started(space, reader, "right");
  await runIn(space.name, [sender, "left", String(WARM_UP), "100"]);
  await sleep(300);
  const before = cpuNanoseconds(run.child.pid!);
  const [sent, took_s] = (await runIn(space.name, [sender, "left", String(count), "100"])).split(" ").map(Number);
  await sleep(500);
  const used = cpuNanoseconds(run.child.pid!) - before;
  await stopped(run);
  return {
    reader: reader.name,
    cpu: used / 1000 / sent,
    rate: sent / took_s,
    lost: sent + WARM_UP - packetsOf(run.output()),
    drops: dropsOf(run.output()),
    unseen: 0,
  };
}

interface Web {
  readonly peer: string;
  readonly log: string;
  readonly url: string;
}

async function http(space: NetworkNamespace, web: Web, reader: Reader) {
  // a point and a line end for each request
  const lines = () => statSync(web.log).size / 2;
  const load = (length_s: number) =>
    runIn(space.name, ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${length_s}`, web.url, "-H", "Cookie: session=0123456789"]);
  const run = await started(space, reader, "left");
  const first = lines();
  await load(1);
  await sleep(500);
  const before = cpuNanoseconds(run.child.pid!);
  const start = lines();
  await load(seconds);
  await sleep(1_200);
  const used = cpuNanoseconds(run.child.pid!) - before;
  const requests = lines() - start;
  await stopped(run);
  const seen = told(run.output(), /([\d,]+) exchanges?/);
  return {
    reader: reader.name,
    cpu: used / 1000 / requests,
    rate: requests / seconds,
    lost: 0,
    drops: dropsOf(run.output()),
    unseen: reader.name.startsWith("tcpdump") ? 0 : lines() - first - seen,
  };
}

function show(title: string, unit: string, runs: readonly Awaited<ReturnType<typeof http>>[]): void {
  const range = (values: number[], digits: number) =>
    `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`;
  console.log(title);
  console.table(
    [...Map.groupBy(runs, ({ reader }) => reader)].map(([reader, group]) => ({
      reader,
      [`CPU µs per ${unit}`]: range(
        group.map((run) => run.cpu),
        unit === "packet" ? 3 : 1,
      ),
      [`${unit}s/s`]: range(
        group.map((run) => run.rate),
        0,
      ),
      "lost, worst": Math.max(...group.map((run) => run.lost)),
      "dropped by the kernel, worst": Math.max(...group.map((run) => run.drops)),
      "in nginx's log and not seen": `${Math.min(...group.map((run) => run.unseen))} to ${Math.max(...group.map((run) => run.unseen))}`,
    })),
  );
}

/** nginx with two workers in a namespace of its own, behind the pair's right end. */
async function openWeb(space: NetworkNamespace, folder: string): Promise<{ web: Web; server: Started }> {
  const peer = `${space.name}-peer`;
  spawnSync("ip", ["netns", "add", peer]);
  space.run("ip", "link", "set", "right", "netns", peer);
  space.run("ip", "address", "add", "10.99.0.1/24", "dev", "left");
  for (const command of ["address add 10.99.0.2/24 dev right", "link set right up", "link set lo up"]) {
    spawnSync("ip", ["-n", peer, ...command.split(" ")]);
  }
  const log = join(folder, "access.log");
  writeFileSync(join(folder, "page.html"), "x".repeat(600));
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; user root; worker_processes 2; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http { log_format one .; access_log ${log} one buffer=64k flush=1s; keepalive_requests 1000000;
server { listen 10.99.0.2:${PORT}; root ${folder}; } }`,
  );
  writeFileSync(log, "");
  const server = startIn(peer, ["nginx", "-c", join(folder, "nginx.conf")]);
  await sleep(500);
  return { web: { peer, log, url: `http://10.99.0.2:${PORT}/page.html` }, server };
}

async function floods(folder: string): Promise<void> {
  const built = spawnSync("cc", ["-O2", "-o", join(folder, "sender"), join(here, "sender.c")]);
  if (built.status !== 0) throw new Error(`cc sender.c: ${built.stderr}`);
  const space = new NetworkNamespace("flood");
  try {
    const runs = [];
    for (let round = 0; round < rounds; round++) {
      for (const reader of [...QUIET, TCPDUMP]) runs.push(await flood(space, join(folder, "sender"), reader));
    }
    show("A flood of 100-byte packets", "packet", runs);
  } finally {
    space.close();
  }
}

async function webs(folder: string): Promise<void> {
  const space = new NetworkNamespace("web");
  const { web, server } = await openWeb(space, folder);
  try {
    const runs = [];
    for (let round = 0; round < rounds; round++) {
      for (const reader of [...HTTP, TCPDUMP]) runs.push(await http(space, web, reader));
    }
    show(`HTTP, ${CONNECTIONS} connections`, "request", runs);
  } finally {
    await stopped(server);
    space.close();
    spawnSync("ip", ["netns", "del", web.peer]);
  }
}

const missing = whyNoNamespace();
if (missing !== null) {
  console.error(`live benchmark skipped: ${missing}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "earshot-bench-"));
  // nginx's workers read the page
  spawnSync("chmod", ["755", folder]);
  try {
    if (count > 0) await floods(folder);
    await webs(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

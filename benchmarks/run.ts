/**
 * `npm run bench [-- OPTIONS] [FILE...]`: processor time of earshot beside other tools that read HTTP from capture
 * files, all on the same files, in turn, in one run, because machines are noisy and only ratios hold. Prints a table and
 * writes it to benchmarks/results/DATE.md.
 *
 *     --check          fail when a ratio is below its margin (wide: for CI)
 *     --rounds N       runs of each, of which the median counts; 5 when absent
 *     --size MB        size of each capture that is made when no FILE is given; 150 when absent
 *     --command TEXT   how to start earshot, instead of bin/earshot
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeCapture } from "./captures.ts";
import { type Measured, measure, median } from "./measure.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

interface Tool {
  readonly name: string;
  readonly command: (file: string) => readonly string[];
  /** Slow ones run once. */
  readonly slow?: boolean;
}

interface Subject {
  readonly name: string;
  readonly path: string;
  /** Null for a file that was given: then there is no rate. */
  readonly exchanges: number | null;
}

/** Ratios of processor time, other / ours, below which `--check` fails: a third below what quiet machines show. */
const MARGINS: readonly { readonly ours: string; readonly other: string; readonly atLeast: number }[] = [
  { ours: "earshot json", other: "httpry", atLeast: 0.35 },
  { ours: "earshot quiet", other: "httpry", atLeast: 0.5 },
  { ours: "earshot json", other: "tshark", atLeast: 4 },
];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    size: { type: "string", default: "150" },
    command: { type: "string", default: join(root, "bin", "earshot") },
  },
});

function installed(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => folder !== "" && existsSync(join(folder, program)));
}

/** The C loop, compiled when a compiler and libpcap's headers are there. */
function floor(work: string): Tool | string {
  const binary = join(work, "pcap-loop");
  const compiler = ["cc", "gcc", "clang"].find(installed);
  if (compiler === undefined) return "pcap_next_ex loop: no C compiler";
  try {
    execFileSync(compiler, ["-O2", "-o", binary, join(root, "benchmarks", "pcap-loop.c"), "-lpcap"], {
      stdio: "ignore",
    });
  } catch {
    return "pcap_next_ex loop: libpcap's headers are not installed";
  }
  return { name: "pcap_next_ex loop", command: (file) => [binary, file] };
}

const TSHARK_FIELDS =
  "frame.time_epoch ip.src tcp.srcport http.request.method http.host http.request.uri http.response.code http.time http.user_agent";

function tools(work: string): { readonly tools: readonly Tool[]; readonly absent: readonly string[] } {
  const earshot = options.command.split(" ");
  const list: (Tool | string)[] = [
    { name: "earshot json", command: (file) => [...earshot, "read", file, "-o", "json"] },
    { name: "earshot quiet", command: (file) => [...earshot, "read", file, "--quiet"] },
    installed("httpry")
      ? { name: "httpry", command: (file) => ["httpry", "-q", "-r", file, "-o", "/dev/null"] }
      : "httpry: not installed",
    installed("tcpdump")
      ? { name: "tcpdump -w", command: (file) => ["tcpdump", "-n", "-r", file, "-w", "/dev/null"] }
      : "tcpdump: not installed",
    floor(work),
    installed("tshark")
      ? {
          name: "tshark",
          slow: true,
          command: (file) => {
            const fields = TSHARK_FIELDS.split(" ").flatMap((field) => ["-e", field]);
            return ["tshark", "-n", "-r", file, "-Y", "http", "-T", "fields", ...fields];
          },
        }
      : "tshark: not installed",
  ];
  return {
    tools: list.filter((tool) => typeof tool !== "string"),
    absent: list.filter((tool) => typeof tool === "string"),
  };
}

function subjects(work: string): readonly Subject[] {
  if (positionals.length > 0) return positionals.map((path) => ({ name: basename(path), path, exchanges: null }));
  const size_bytes = Number(options.size) * 1e6;
  return (["keep-alive", "one-each"] as const).map((name) => makeCapture(name, join(work, `${name}.pcap`), size_bytes));
}

type Results = Map<string, Measured[]>;

/** All tools in turn, round after round, beginning with another one each time. */
async function compare(subject: Subject, list: readonly Tool[], rounds: number): Promise<Results> {
  const results: Results = new Map(list.map((tool) => [tool.name, []]));
  readFileSync(subject.path); // so that the first tool does not pay for the disk
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < list.length; i++) {
      const tool = list[(i + round) % list.length];
      if (tool.slow && round > 0) continue;
      results.get(tool.name)?.push(await measure(tool.command(subject.path)));
    }
  }
  return results;
}

/** At least half a tick, so that ratios stay numbers. */
const cpuOf = (runs: readonly Measured[]): number => Math.max(0.005, median(runs.map((run) => run.cpu_s)));

/** What a capture of a few exchanges costs: start, and nothing else. */
async function startUp(work: string, list: readonly Tool[]): Promise<string> {
  const { path } = makeCapture("one-each", join(work, "small.pcap"), 1);
  const lines: string[] = [];
  for (const tool of list.filter(({ name }) => name.startsWith("earshot"))) {
    const runs: Measured[] = [];
    for (let round = 0; round < 5; round++) runs.push(await measure(tool.command(path)));
    lines.push(`${tool.name} ${cpuOf(runs).toFixed(2)} s`);
  }
  return `Start-up (a capture of 4 MB): ${lines.join(", ")}.`;
}

function table(subject: Subject, results: Results): string {
  const megabytes = statSync(subject.path).size / 1e6;
  const ours = { json: cpuOf(results.get("earshot json")!), quiet: cpuOf(results.get("earshot quiet")!) };
  const lines = [
    `## ${subject.name}: ${megabytes.toFixed(0)} MB${subject.exchanges === null ? "" : `, ${subject.exchanges} exchanges`}`,
    "",
    "| | CPU s | min–max | MB/s | exchanges/s | peak MB | CPU / json | CPU / quiet |",
    "|---|---|---|---|---|---|---|---|",
  ];
  for (const [name, runs] of results) {
    const cpu = cpuOf(runs);
    const all = runs.map((run) => run.cpu_s);
    const rate = subject.exchanges === null ? "" : Math.round(subject.exchanges / cpu).toLocaleString("en");
    const peak = Math.max(...runs.map((run) => run.peak_mb ?? 0));
    const failed = runs.every((run) => run.ok) ? "" : " (failed)";
    lines.push(
      `| ${name}${failed} | ${cpu.toFixed(2)} | ${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)} | ` +
        `${(megabytes / cpu).toFixed(0)} | ${rate} | ${peak.toFixed(0)} | ${(cpu / ours.json).toFixed(2)} | ${(cpu / ours.quiet).toFixed(2)} |`,
    );
  }
  return lines.join("\n");
}

/** What is below its margin, one line each. */
function failures(subject: Subject, results: Results): string[] {
  const found: string[] = [];
  for (const name of ["earshot json", "earshot quiet"])
    if (!results.get(name)?.every((run) => run.ok)) found.push(`${subject.name}: ${name} failed`);
  for (const { ours, other, atLeast } of MARGINS) {
    const theirs = results.get(other);
    if (theirs === undefined) continue;
    const ratio = cpuOf(theirs) / cpuOf(results.get(ours)!);
    if (ratio < atLeast) found.push(`${subject.name}: ${other} / ${ours} is ${ratio.toFixed(2)}, margin ${atLeast}`);
  }
  return found;
}

async function main(): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), "earshot-bench-"));
  try {
    const { tools: list, absent } = tools(work);
    for (const reason of absent) console.log(`SKIPPED ${reason}`);
    const parts: string[] = [];
    const below: string[] = [];
    for (const subject of subjects(work)) {
      const results = await compare(subject, list, Number(options.rounds));
      parts.push(table(subject, results));
      console.log(`${parts.at(-1)}\n`);
      below.push(...failures(subject, results));
    }
    const start = await startUp(work, list);
    console.log(start);
    const date = new Date().toISOString().slice(0, 10);
    const about = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}. Median of ${options.rounds} rounds, in turn; tshark once.`;
    const skipped = absent.map((reason) => `Skipped ${reason}.`);
    mkdirSync(join(root, "benchmarks", "results"), { recursive: true });
    const text = [`# Benchmark of ${date}`, "", about, start, ...skipped, "", parts.join("\n\n"), ""].join("\n");
    writeFileSync(join(root, "benchmarks", "results", `${date}.md`), text);
    if (!options.check) return 0;
    for (const line of below) console.error(`BELOW ${line}`);
    return below.length > 0 ? 1 : 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

process.exitCode = await main();

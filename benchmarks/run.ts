/**
 * `npm run bench [-- OPTIONS] [FILE...]`: processor time of earshot beside other tools that read HTTP from capture
 * files, all on the same files, in turn, in one run, because machines are noisy and only ratios hold. Prints a table and
 * writes it to benchmarks/results/DATE.md.
 *
 *     --check          fails when what check.ts tells does not hold, and writes no table: for CI, some 20 seconds
 *     --rounds N       runs of each, of which the median counts; 5 when absent, 3 with --check
 *     --size MB        size of each capture that is made when no FILE is given; 150 when absent, 40 with --check
 *     --command TEXT   how to start earshot, instead of bin/earshot
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type MadeCapture, makeCapture } from "./captures.ts";
import { cpuOf, failures, JSON_RUN, missing, QUIET_RUN, type Results } from "./check.ts";
import { type Measured, measure } from "./measure.ts";
import { type Tool, tools } from "./tools.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: "boolean", default: false },
    rounds: { type: "string" },
    size: { type: "string" },
    command: { type: "string", default: join(root, "bin", "earshot") },
  },
});
const rounds = Number(options.rounds ?? (options.check ? 3 : 5));
const size_bytes = Number(options.size ?? (options.check ? 40 : 150)) * 1e6;
const earshot = options.command.split(" ");

/** Captures that are made know how many exchanges they hold. */
type Subject = Pick<MadeCapture, "name" | "path"> & Partial<MadeCapture>;

function subjects(work: string): readonly Subject[] {
  if (positionals.length > 0) return positionals.map((path) => ({ name: basename(path), path }));
  return (["keep-alive", "one-each"] as const).map((name) => makeCapture(name, join(work, `${name}.pcap`), size_bytes));
}

/** All tools in turn, round after round, beginning with another one each time. */
async function compare(path: string, list: readonly Tool[], rounds: number): Promise<Results> {
  const results = new Map<string, Measured[]>(list.map((tool) => [tool.name, []]));
  readFileSync(path); // so that the first tool does not pay for the disk
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < list.length; i++) {
      const tool = list[(i + round) % list.length];
      if (tool.slow && round > 0) continue;
      results.get(tool.name)?.push(await measure(tool.command(path)));
    }
  }
  return results;
}

function table(subject: Subject, results: Results): string {
  const megabytes = statSync(subject.path).size / 1e6;
  const ours = { json: cpuOf(results.get(JSON_RUN)!), quiet: cpuOf(results.get(QUIET_RUN)!) };
  const lines = [
    `## ${subject.name}: ${megabytes.toFixed(0)} MB${subject.exchanges === undefined ? "" : `, ${subject.exchanges} exchanges`}`,
    "",
    "| | CPU s | min–max | MB/s | exchanges/s | peak MB | CPU / json | CPU / quiet |",
    "|---|---|---|---|---|---|---|---|",
  ];
  for (const [name, runs] of results) {
    const cpu = cpuOf(runs);
    const all = runs.map((run) => run.cpu_s);
    const rate = subject.exchanges === undefined ? "" : Math.round(subject.exchanges / cpu).toLocaleString("en");
    const peak = Math.max(...runs.map((run) => run.peak_mb ?? 0));
    const failed = runs.every((run) => run.ok) ? "" : " (failed)";
    lines.push(
      `| ${name}${failed} | ${cpu.toFixed(2)} | ${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)} | ` +
        `${(megabytes / cpu).toFixed(0)} | ${rate} | ${peak.toFixed(0)} | ${(cpu / ours.json).toFixed(2)} | ${(cpu / ours.quiet).toFixed(2)} |`,
    );
  }
  return lines.join("\n");
}

function writeTable(parts: readonly string[], absent: readonly string[], start: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const about = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}. Median of ${rounds} rounds, in turn; tshark once.`;
  const skipped = absent.map((reason) => `Skipped ${reason}.`);
  mkdirSync(join(root, "benchmarks", "results"), { recursive: true });
  const text = [`# Benchmark of ${date}`, "", about, start, ...skipped, "", parts.join("\n\n"), ""].join("\n");
  writeFileSync(join(root, "benchmarks", "results", `${date}.md`), text);
}

async function main(): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), "earshot-bench-"));
  try {
    const { tools: list, absent } = tools(earshot, work, options.check);
    for (const reason of absent) console.log(`SKIPPED ${reason}`);
    // a capture of 4 MB costs a start, and nothing else
    const small = makeCapture("one-each", join(work, "small.pcap"), 1);
    const ours = list.filter(({ name }) => name === JSON_RUN || name === QUIET_RUN);
    const start = await compare(small.path, ours, rounds);
    const parts: string[] = [];
    const wrong: string[] = [];
    for (const subject of subjects(work)) {
      const results = await compare(subject.path, list, rounds);
      parts.push(table(subject, results));
      console.log(`${parts.at(-1)}\n`);
      wrong.push(...failures(subject.name, results, start));
      if (subject.exchanges !== undefined) wrong.push(...missing(earshot, subject as MadeCapture));
    }
    const starts = ours.map(({ name }) => `${name} ${cpuOf(start.get(name)!).toFixed(2)} s`);
    const told = `Start-up (a capture of 4 MB): ${starts.join(", ")}.`;
    console.log(told);
    if (!options.check) writeTable(parts, absent, told);
    for (const line of new Set(wrong)) console.error(`BELOW ${line}`);
    return options.check && wrong.length > 0 ? 1 : 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

process.exitCode = await main();

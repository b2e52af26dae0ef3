/**
 * Runs in the guest: tells what this kernel allows, holds every tier against processes that tell their own pids, and
 * prints each result as `@@` and a line of JSON for run.ts.
 */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { Ledger } from "../../../src/core/ledger.ts";
import { probeAttribution } from "../../../src/enrich/attribution.ts";
import { doctor, refusals } from "./refusals.ts";
import { openTier, SCENARIOS, Tally, type TierName } from "./scenarios.ts";
import { wholeProgram } from "./whole-program.ts";

interface Plan {
  readonly clients: number;
  /** Only these scenarios: part of a name. */
  readonly only: string;
}

const plan: Plan = JSON.parse(readFileSync("/earshot/plan.json", "utf8"));
const wanted = (name: string) => name.includes(plan.only);

function print(result: object): void {
  console.log(`@@${JSON.stringify(result)}`);
}

async function runTier(tier: TierName): Promise<void> {
  const ledger = new Ledger();
  const attribution = openTier(tier, ledger);
  for (const [scenario, run] of Object.entries(SCENARIOS)) {
    if (!wanted(scenario)) continue;
    const tally = new Tally();
    const stops: (() => void)[] = [];
    const start = performance.now();
    try {
      await run({ tier, attribution, clients: plan.clients }, tally, stops);
    } catch (error) {
      tally.fail(error);
    }
    for (const stop of stops) {
      try {
        stop();
      } catch (error) {
        tally.note(`clean-up: ${(error as Error).message}`);
      }
    }
    print({ tier, scenario, ...tally, seconds: Math.round(performance.now() - start) / 1000 });
  }
  attribution.close();
  print({ tier, lost: ledger.ownersLost, evicted: Object.fromEntries(ledger.evicted) });
}

print({ kernel: release(), architecture: process.arch, node: process.version, libc: libc() });
const facts = probeAttribution();
print({ tiers: facts.map(({ tier, works, why }) => ({ tier, works, why })) });
if (wanted("doctor")) print({ refusal: "earshot doctor", attribution: doctor([]) });
for (const { tier, works } of facts) if (works) await runTier(tier);
for (const result of refusals()) if (wanted(result.refusal)) print(result);
for (const options of [["auto"], ["auto", "--workers", "2"], ["proc"]]) {
  if (wanted("whole program")) print(await wholeProgram(options, plan.clients));
}
print({ done: true });
process.exit();

function libc(): string {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const version = report.header.glibcVersionRuntime;
  return version === undefined ? "musl" : `glibc ${version}`;
}

/** Judges what a guest printed against what its kernel must be able to do, and prints it for people. */
import type { Target } from "./list.ts";

interface Result {
  readonly [name: string]: unknown;
}

interface Tally {
  readonly tier?: string;
  readonly scenario?: string;
  readonly watch?: string;
  readonly right: number;
  readonly unknown: number;
  readonly wrong: number;
  readonly failed: number;
  readonly split?: number;
  readonly notes?: readonly string[];
  readonly notices?: readonly string[];
  readonly seconds: number;
}

export class Report {
  good = true;
  results = 0;
  /** Last lines of the guest that were no results: shown when something failed. */
  readonly noise: string[] = [];
  private readonly target: Target;
  private done = false;

  constructor(target: Target) {
    this.target = target;
  }

  take(result: Result): void {
    this.results++;
    const text = this.judge(result);
    if (text !== null) console.log(`  ${text}`);
  }

  fail(why: string): void {
    this.good = false;
    console.log(`  FAILED: ${why}`);
  }

  finish(): void {
    if (!this.done) this.fail("the guest did not come to its end");
    if (!this.good) for (const line of this.noise.slice(-30)) console.log(`  | ${line}`);
  }

  /** Line to print. */
  private judge(result: Result): string | null {
    if (result["done"]) {
      this.done = true;
      return null;
    }
    if (typeof result["failed"] === "string") this.good = false; // of a scenario it is a number
    if (Array.isArray(result["tiers"])) return this.judgeTiers(result["tiers"]);
    if (result["scenario"] !== undefined || result["watch"] !== undefined)
      return this.judgeTally(result as unknown as Tally);
    if (typeof result["lost"] === "number" && result["lost"] > 0) this.good = false;
    const { refusal, attribution } = result;
    if (attribution === undefined) return JSON.stringify(result);
    // whatever is taken away, somebody goes on
    if ((attribution as Record<string, string>)["D"] !== "runs") this.good = false;
    const said = Object.entries(attribution as Record<string, string>).map(([tier, text]) => `\n      ${tier} ${text}`);
    return `${refusal}:${said.join("")}`;
  }

  private judgeTiers(tiers: readonly { tier: string; works: boolean; why: string | null }[]): string {
    for (const { tier, works } of tiers) {
      const wanted = (this.target.tiers as readonly string[]).includes(tier);
      if (works !== wanted) this.fail(`tier ${tier} ${works ? "runs, which was not expected" : "does not run"}`);
    }
    return tiers.map(({ tier, works, why }) => `tier ${tier}: ${works ? "runs" : why}`).join("\n  ");
  }

  private judgeTally(result: Tally): string {
    const { tier, scenario, watch, right, unknown, wrong, split } = result;
    const exact = tier === "A" || tier === "B" || (watch?.startsWith("auto") === true && this.exactRuns());
    if (wrong > 0 || result.failed > 0 || (exact && unknown > 0)) this.good = false;
    const name = scenario === undefined ? `earshot watch --attribution ${watch}` : `${tier} ${scenario}`;
    const notes = [...(result.notes ?? []), ...(result.notices ?? [])].map((note) => `\n      ${note}`).join("");
    const times = split === undefined ? "" : `, ${split} with a time split`;
    return `${name}: ${right} right, ${unknown} unknown, ${wrong} wrong${times} (${Math.round(result.seconds)} s)${notes}`;
  }

  private exactRuns(): boolean {
    return this.target.tiers.includes("A") || this.target.tiers.includes("B");
  }
}

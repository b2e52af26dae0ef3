/** `earshot doctor`: each fact was tried just now; what does not work says how to fix it. */
import { basename } from "node:path";
import { probeAttribution } from "../enrich/attribution.ts";
import { probeRuntimes } from "../enrich/container/probe.ts";
import { type Fact, probe } from "../source/probe.ts";
import { choice } from "./values.ts";

export interface DoctorOptions {
  readonly output: string;
  readonly runtimeSocket?: readonly string[];
}

export async function doctor(options: DoctorOptions): Promise<void> {
  const format = choice("-o", ["table", "json"] as const)(options.output);
  const facts = [...probe(), ...attributionFacts(), ...(await containerFacts(options.runtimeSocket))];
  if (format === "json") {
    process.stdout.write(`${facts.map((fact) => JSON.stringify(fact)).join("\n")}\n`);
    return;
  }
  const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
  process.stdout.write(`${facts.flatMap((fact) => lines(fact, color)).join("\n")}\n`);
}

function attributionFacts(): Fact[] {
  return probeAttribution().map((tier) => ({
    name: `attribution.${tier.tier}`,
    ok: tier.works,
    detail: tier.works ? tier.what : `${tier.what} (not here: ${tier.why})`,
    fix: null,
  }));
}

async function containerFacts(sockets?: readonly string[]): Promise<Fact[]> {
  const found = await probeRuntimes({ sockets });
  if (found.length === 0) {
    return [{ name: "runtime", ok: null, detail: "no container runtime is in its usual place", fix: null }];
  }
  return found.map(({ place, works, detail }) => ({
    name: `runtime.${basename(place.split(" ", 1)[0], ".sock")}`,
    ok: works,
    detail: `${place}: ${detail}`,
    fix: /permission/.test(detail) ? "Run as root, or as a member of the socket's group." : null,
  }));
}

function lines(fact: Fact, color: boolean): string[] {
  const sign = fact.ok === null ? "·" : fact.ok ? "✓" : "✗";
  const code = fact.ok === null ? "2" : fact.ok ? "32" : "33";
  const painted = color ? `\u001b[${code}m${sign}\u001b[0m` : sign;
  const first = `${painted} ${fact.name.padEnd(26)} ${fact.detail}`;
  return fact.fix === null ? [first] : [first, `  ${"".padEnd(26)} → ${fact.fix}`];
}

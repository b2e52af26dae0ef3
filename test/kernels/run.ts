/**
 * Boots kernels that are not this machine's in software emulation and holds attribution against the truth in each:
 *
 *     node test/kernels/run.ts                   # all of list.ts
 *     node test/kernels/run.ts 6.1 6.12          # these
 *     node test/kernels/run.ts 6.1 --only cluster --clients 40 --limit-s 300
 *
 * Needs Debian's apt and qemu (says so, and ends with 77, where they are absent); minutes for each kernel. Packages and
 * images are kept in .cache/kernels. Exit: 0 all as expected, 1 something wrong, 77 skipped.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeImage } from "./image.ts";
import { TARGETS, type Target } from "./list.ts";
import { boot, EMULATOR } from "./machine.ts";
import { whyNot } from "./needs.ts";
import { Report } from "./report.ts";

const CACHE = join(import.meta.dirname, "../../.cache/kernels");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    clients: { type: "string", default: "150" },
    "limit-s": { type: "string", default: "900" },
    verbose: { type: "boolean", default: false },
  },
});

async function tryKernel(target: Target): Promise<boolean> {
  const missing = whyNot(EMULATOR[target.architecture]);
  if (missing !== null) {
    console.log(`${target.name}: SKIPPED: ${missing}`);
    return true;
  }
  const plan = { clients: Number(values.clients), only: values.only };
  const image = makeImage(CACHE, target, plan);
  console.log(`${target.name}: Linux ${image.version} (${target.architecture}, ${target.release})`);
  const report = new Report(target);
  const started = performance.now();
  const ended = await boot({
    target,
    ...image,
    limit_s: Number(values["limit-s"]),
    onLine(line) {
      const at = line.indexOf("@@{");
      if (at >= 0) report.take(JSON.parse(line.slice(at + 2)));
      else if (values.verbose || report.results === 0) console.log(`  | ${line}`);
      else report.noise.push(line);
    },
  });
  rmSync(image.initramfs); // its parts stay
  if (!ended) report.fail(`stopped after ${values["limit-s"]} s`);
  report.finish();
  console.log(
    `${target.name}: ${report.good ? "good" : "NOT GOOD"} in ${Math.round((performance.now() - started) / 1000)} s`,
  );
  return report.good;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130)); // and its machine
mkdirSync(CACHE, { recursive: true });
const unknown = positionals.filter((name) => !TARGETS.some((target) => target.name === name));
if (unknown.length > 0) {
  console.error(`no such kernel: ${unknown.join(", ")}; there are ${TARGETS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
const chosen = TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results: boolean[] = [];
for (const target of chosen) results.push(await tryKernel(target));
const allSkipped = chosen.every((target) => whyNot(EMULATOR[target.architecture]) !== null);
process.exit(allSkipped ? 77 : results.every(Boolean) ? 0 : 1);

/** What earshot says where the kernel, or the rights it is run with, refuse a tier: one line each, and the next one runs. */
import { spawnSync } from "node:child_process";

const MAIN = "/earshot/dist/cli/main.js";

export interface Refusal {
  readonly refusal: string;
  /** Of each tier, whether it runs and what is said. */
  readonly attribution: Readonly<Record<string, string>>;
}

/** Lines of `earshot doctor` about attribution, run through a command that takes something away. */
export function doctor(through: readonly string[]): Record<string, string> {
  const words = [...through, process.execPath, MAIN, "doctor", "-o", "json"];
  const { stdout, stderr, status } = spawnSync(words[0], words.slice(1), { encoding: "utf8", timeout: 120_000 });
  const facts = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  const said = facts.filter(({ name }) => name.startsWith("attribution."));
  if (said.length === 0) return { failed: `${status} ${stderr.slice(0, 300)}` };
  return Object.fromEntries(
    said.map(({ name, ok, detail }) => [
      name.slice(-1),
      ok ? "runs" : `not: ${/\(not here: (.*)\)$/.exec(detail)?.[1] ?? detail}`,
    ]),
  );
}

/** By number: older programs do not know the names. */
const BPF_AND_PERFMON = "+cap_38,+cap_39";

const WITHOUT: Readonly<Record<string, readonly string[]>> = {
  "an ordinary user": ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
  "root without capabilities": ["setpriv", "--bounding-set=-all"],
  "only CAP_BPF and CAP_PERFMON": [
    ...["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
    ...[`--bounding-set=-all,${BPF_AND_PERFMON}`, `--inh-caps=-all,${BPF_AND_PERFMON}`],
    `--ambient-caps=-all,${BPF_AND_PERFMON}`,
  ],
  "no BTF": ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf; exec "$@"', "without"],
  "no tracefs": ["unshare", "-m", "sh", "-c", 'umount /sys/kernel/tracing; exec "$@"', "without"],
  "a pid namespace of its own": ["unshare", "-m", "-p", "-f", "--mount-proc"],
  "no memory to lock": ["prlimit", "--memlock=65536:65536"],
};

export function* refusals(): Generator<Refusal> {
  for (const [refusal, through] of Object.entries(WITHOUT)) yield { refusal, attribution: doctor(through) };
}

/** One order of fields for every ProcessInfo, whatever told it first, so that the same process reads the same everywhere. */
import type { ProcessInfo } from "../../core/process.ts";

const ORDER: readonly (keyof ProcessInfo)[] = [
  ...(["pid", "tid", "ppid", "comm", "exe", "args", "uid", "user", "gid", "group"] as const),
  ...(["start_time", "cgroup", "namespaces", "container", "pod"] as const),
];

/** The same facts in that order; what is undefined is left out. */
export function inOrder(facts: ProcessInfo): ProcessInfo {
  return Object.fromEntries(
    ORDER.filter((key) => facts[key] !== undefined).map((key) => [key, facts[key]]),
  ) as unknown as ProcessInfo;
}

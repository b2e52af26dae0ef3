/** Behind the results of a test run: why tests were skipped, by the reason in their names, and what to install for them. */
import type { Reporter, TestModule } from "vitest/node";

/** The last thing in parentheses that speaks of it: `attribution by eBPF (SKIPPED: needs root) > …`. */
const REASON = /\((?:skipped:? |(?=needs ))([^()]*(?:\([^()]*\)[^()]*)*)\)(?= >|$)/gi;

export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const reason = [...test.fullName.matchAll(REASON)].at(-1)?.[1] ?? `${module.relativeModuleId}: no reason given`;
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    if (counts.size === 0) return;
    console.log("\nSkipped tests, and why:");
    for (const [reason, count] of [...counts].sort((a, b) => b[1] - a[1])) {
      console.log(`${String(count).padStart(6)}  ${reason}`);
    }
  }
}

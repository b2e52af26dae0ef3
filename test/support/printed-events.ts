/** What `-o json` of another earshot printed, while it runs and behind it. */
import type { ChildProcess } from "node:child_process";
import type { TransactionEvent } from "../../src/core/event.ts";

/** Exchanges of the whole lines so far. */
export function exchangesOf(lines: string): TransactionEvent[] {
  const whole = lines.slice(0, lines.lastIndexOf("\n") + 1).split("\n");
  return whole
    .filter((line) => line.startsWith("{") && line.includes('"transaction"'))
    .map((line) => JSON.parse(line) as TransactionEvent)
    .filter((event) => event.type === "transaction");
}

/** Standard output and standard error so far. */
export function textsOf(child: ChildProcess): { printed: () => string; said: () => string } {
  let printed = "";
  let said = "";
  child.stdout!.on("data", (text) => {
    printed += text;
  });
  child.stderr!.on("data", (text) => {
    said += text;
  });
  return { printed: () => printed, said: () => said };
}

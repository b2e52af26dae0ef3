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

/** Standard output and standard error so far; `rows` counts whole lines without taking megabytes apart at each look. */
export function textsOf(child: ChildProcess): { printed: () => string; rows: () => number; said: () => string } {
  let printed = "";
  let rows = 0;
  let said = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) rows++;
  });
  child.stderr?.on("data", (text) => {
    said += text;
  });
  return { printed: () => printed, rows: () => rows, said: () => said };
}

/** `earshot watch` on loopback in the guest: what its events say of curls and nginx workers that tell their own pids. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TransactionEvent } from "../../../src/core/event.ts";
import * as lab from "../../support/process-lab.ts";
import { Tally } from "./scenarios.ts";

const MAIN = "/earshot/dist/cli/main.js";
const START_MS = 20_000;

/** `options`: the value of `--attribution`, and more flags. */
export async function wholeProgram(options: readonly string[], count: number): Promise<object> {
  const tally = new Tally();
  const nginx = await lab.startNginx(["127.0.0.1"]);
  const watch = spawn(process.execPath, [MAIN, "watch", "-i", "lo", "-o", "json", "--attribution", ...options]);
  let printed = "";
  let said = "";
  watch.stdout.on("data", (text) => {
    printed += text;
  });
  watch.stderr.on("data", (text) => {
    said += text;
  });
  const started = performance.now();
  let split = 0;
  try {
    const url = `http://127.0.0.1:${nginx.port}/`;
    await lab.until(() => {
      lab.command("curl", "-s", "-o", "/dev/null", url);
      return printed.includes("transaction") || watch.exitCode !== null;
    }, START_MS);
    if (watch.exitCode !== null) throw new Error(`it ended with ${watch.exitCode}`);
    const curls = await lab.curls(count, 8, url);
    const workers = nginx.workers(curls.map(({ port }) => port));
    const seen = () => eventsByClient(printed);
    await lab.until(() => curls.every(({ port }) => seen().has(port))).catch(() => tally.note("not all were seen"));
    const events = seen();
    for (const { port, pid } of curls) {
      const event = events.get(port);
      if (event === undefined) continue;
      tally.judge("client", event.process.client, pid);
      tally.judge("server", event.process.server, workers.get(port));
      if (event.kernel_ms !== null) split++;
    }
    watch.kill("SIGINT");
    await once(watch, "close");
  } catch (error) {
    // threads are given some seconds to start, which is too little in an emulator on a busy machine
    if (/capture worker \d did not start/.test(said)) tally.note("too slow for --workers");
    else tally.fail(error);
    tally.note(`it said: ${said.slice(-600)}`);
  } finally {
    watch.kill("SIGKILL");
    nginx.stop();
  }
  const notices = said.split("\n").filter((line) => /process|attribution|owner/i.test(line));
  return { watch: options.join(" "), ...tally, split, notices, seconds: (performance.now() - started) / 1000 };
}

function eventsByClient(lines: string): Map<number, TransactionEvent> {
  const whole = lines
    .slice(0, lines.lastIndexOf("\n"))
    .split("\n")
    .filter((line) => line.startsWith("{"));
  const events = whole.map((line) => JSON.parse(line) as TransactionEvent).filter(({ type }) => type === "transaction");
  return new Map(events.map((event) => [event.flow.client.port, event]));
}

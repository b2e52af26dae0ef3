/**
 * Who, through the whole program: `earshot watch` on loopback names the processes that servers and clients say they are,
 * splits the server's time, and writes a capture from which `earshot read` tells the same.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TransactionEvent } from "../src/core/event.ts";
import { probeAttribution } from "../src/enrich/attribution.ts";
import * as lab from "./support/process-lab.ts";

const MAIN = join(import.meta.dirname, "../src/cli/main.ts");

function reason(): string {
  if (!lab.isRoot) return "needs root";
  if (!lab.installed("nginx", "curl", "bash")) return "needs nginx and curl";
  if (!process.features.typescript) return "needs a Node that runs TypeScript";
  return probeAttribution()[0].works ? "" : "needs tier A";
}

const why = reason();

test.skipIf(why !== "")(`watch and read name the same, right processes${why && ` (SKIPPED: ${why})`}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "earshot-who-"));
  const file = join(folder, "who.pcapng");
  const nginx = await lab.startNginx(["127.0.0.1"]);
  const watch = spawn(process.execPath, [MAIN, "watch", "-i", "lo", "-o", "json", "--write-pcapng", file]);
  try {
    let printed = "";
    watch.stdout.on("data", (text) => {
      printed += text;
    });
    const events = () => eventsOf(printed, nginx.port);
    // the first exchanges may pass before the capture is open
    await lab.until(() => {
      lab.command("curl", "-s", "-o", "/dev/null", `http://127.0.0.1:${nginx.port}/`);
      return events().length > 0;
    }, 15_000);
    const clients = await lab.curls(60, 4, `http://127.0.0.1:${nginx.port}/`);
    const seen = () => new Map(events().map((event) => [event.flow.client.port, event]));
    await lab.until(() => clients.every(({ port }) => seen().has(port)));
    watch.kill("SIGINT");
    await once(watch, "close");

    const workers = nginx.workers(clients.map(({ port }) => port));
    const pids = ({ process: { client, server } }: TransactionEvent) => [client?.pid, server?.pid];
    expect(clients.map(({ port }) => pids(seen().get(port)!))).toEqual(
      clients.map(({ port, pid }) => [pid, workers.get(port)]),
    );
    // a write that the kernel reports behind the packets it is looked at with comes too late: rare, and then null
    const split = clients.map(({ port }) => seen().get(port)!).filter(({ kernel_ms }) => kernel_ms !== null);
    expect(split.length).toBeGreaterThan(clients.length * 0.9);
    for (const { kernel_ms, latency_ms } of split) {
      const { request_wait, process: work, response_wait } = kernel_ms!;
      expect(request_wait! + work! + response_wait!).toBeCloseTo(latency_ms.think!, 1);
    }
    const read = lab.command(process.execPath, MAIN, "read", file, "-o", "json");
    const processes = (found: readonly TransactionEvent[]) => found.map((event) => event.process);
    expect(processes(eventsOf(read, nginx.port))).toEqual(processes(events()));
  } finally {
    watch.kill("SIGKILL");
    nginx.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

function eventsOf(lines: string, port: number): TransactionEvent[] {
  const whole = lines.slice(0, lines.lastIndexOf("\n"));
  return whole
    .split("\n")
    .filter((line) => line.includes(`"port":${port}`))
    .map((line) => JSON.parse(line) as TransactionEvent)
    .filter((event) => event.type === "transaction" && event.flow.server.port === port);
}

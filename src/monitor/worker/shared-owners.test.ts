/** Several workers read one attribution: every process right at both ends, as without workers, and loaded once. */
import { readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import * as lab from "../../../test/support/process-lab.ts";
import type { TransactionEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { probeAttribution } from "../../enrich/attribution.ts";
import { Redactor } from "../../redact/redactor.ts";
import type { SessionOptions } from "../session.ts";
import { WorkerRun } from "./worker-run.ts";

const CLIENTS = Math.min(Number(process.env.EARSHOT_TEST_CURLS ?? 200), 5_000);

function reason(): string {
  if (!lab.isRoot) return "needs root";
  if (!lab.installed("nginx", "curl", "bash")) return "needs nginx and curl";
  return probeAttribution()[0].works ? "" : "needs tier A";
}

const why = reason();

/** Programs attached by this process. */
const links = () =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return /bpf[-_]link|bpf-raw-tracepoint/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;

test.skipIf(why !== "")(
  `short clients and three workers${why && ` (SKIPPED: ${why})`}`,
  async () => {
    const nginx = await lab.startNginx(["127.0.0.1"]);
    const events: TransactionEvent[] = [];
    const ledger = new Ledger();
    const before = links();
    const ports = [nginx.port].map((port) => ({ from: port, to: port }));
    const run = await WorkerRun.open({
      workers: 3,
      attribution: "ebpf",
      settings: {
        capture: { interfaces: ["lo"], ports, tunnels: false, bufferBytes: 32 << 20 },
        redact: {},
        choosing: { filters: { texts: [] }, processes: {} },
        captureRequest: true,
        captureResponse: true,
        minLatency_ms: 0,
        maxBodyBytes: 0,
      },
      session: {
        live: true,
        ledger,
        outputs: [],
        redactor: new Redactor(),
        table: { width: 160, color: false, columns: null },
        formats: {} as SessionOptions["formats"],
        maxBodyBytes: 0,
        captureRequest: true,
        captureResponse: true,
        tests: [],
        observers: [(event) => void (event.type === "transaction" && events.push(event))],
        onOutputClosed: () => {},
        onNotice: () => {},
      },
      linesUnread: true,
      onFailed: (line) => expect.unreachable(line),
    });
    try {
      expect(links() - before).toBe(3);
      run.start();
      const clients = await lab.curls(CLIENTS, 16, `http://127.0.0.1:${nginx.port}/`);
      const ofPort = () => new Map(events.map((event) => [event.flow.client.port, event]));
      await lab.until(() => clients.every(({ port }) => ofPort().has(port)), 10_000);
      const found = ofPort();
      const workers = nginx.workers(clients.map(({ port }) => port));
      expect(
        clients.map(({ port }) => {
          const { client, server } = found.get(port)!.process;
          return [client?.pid, client?.comm, server?.pid];
        }),
      ).toEqual(clients.map(({ port, pid }) => [pid, "curl", workers.get(port)]));
      const split = clients.filter(({ port }) => found.get(port)!.kernel_ms !== null);
      expect(split.length).toBeGreaterThan(clients.length * 0.9);
      const used = new Set(clients.map(({ port }) => found.get(port)!.flow.id % 3));
      expect(used.size).toBe(3);
      expect([ledger.ownersLost, ledger.kernelDropped, ledger.evicted.size]).toEqual([0, 0, 0]);
      expect(run.attribution).toMatch(/^tier A, eBPF tracepoints.*, in 3 workers$/);
    } finally {
      await run.stop();
      nginx.stop();
    }
    expect(links()).toBe(before);
  },
  30_000 + 150 * CLIENTS,
);

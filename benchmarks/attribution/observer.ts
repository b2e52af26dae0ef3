/**
 * The attributing process of the benchmark: takes in what the kernel reports, as a monitor does before each batch.
 * Usage: observer.ts THREADS shared|apart. `shared` is what `--workers` does: opened once, read by all; `apart` is one
 * attribution for each thread, to compare with.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Ledger } from "../../src/core/ledger.ts";
import {
  type Attribution,
  createAttribution,
  joinAttribution,
  type SharedOwners,
  shareAttribution,
} from "../../src/enrich/attribution.ts";

const DRAIN_EVERY_MS = 10;

function observe(attribution: Attribution): () => void {
  const timer = setInterval(() => attribution.drain(), DRAIN_EVERY_MS);
  return () => {
    clearInterval(timer);
    attribution.drain();
    attribution.close();
  };
}

if (isMainThread) await main();
else thread(workerData as { readonly owners: SharedOwners | null; readonly reader: number });

async function main(): Promise<void> {
  const threads = Number(process.argv[2] ?? 1);
  const ledger = new Ledger();
  if (threads === 1) return untilEnd(observe(createAttribution({ mode: "ebpf", ledger })), ledger);
  const shared = process.argv[3] === "shared" ? shareAttribution({ mode: "ebpf" }, threads) : null;
  const owners = shared?.owners ?? null;
  const workers = Array.from(
    { length: threads },
    (_, reader) => new Worker(new URL(import.meta.url), { workerData: { owners, reader }, trackUnmanagedFds: false }),
  );
  await Promise.all(workers.map((worker) => once(worker, "message")));
  await untilEnd(async () => {
    for (const worker of workers) {
      worker.postMessage("end");
      const [lost] = await once(worker, "message");
      ledger.ownersLost += lost;
    }
    shared?.close();
  }, ledger);
}

async function untilEnd(stop: () => void | Promise<void>, ledger: Ledger): Promise<void> {
  console.log("ready");
  const start = process.cpuUsage();
  const alive = setInterval(() => {}, 1_000);
  await once(process, "SIGTERM");
  clearInterval(alive);
  const { user, system } = process.cpuUsage(start);
  await stop();
  console.log(`${(user + system) / 1e6} ${ledger.ownersLost}`);
}

function thread({ owners, reader }: { readonly owners: SharedOwners | null; readonly reader: number }): void {
  const ledger = new Ledger();
  const stop = observe(
    owners === null ? createAttribution({ mode: "ebpf", ledger }) : joinAttribution(owners, reader, { ledger }),
  );
  parentPort!.postMessage("ready");
  parentPort!.once("message", () => {
    stop();
    parentPort!.postMessage(ledger.ownersLost);
  });
}

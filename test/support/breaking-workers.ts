/**
 * Run by worker-run.test.ts in a process of its own, which may die of it: capture workers that are ended in the middle of
 * traffic. Prints how many were told of as lost. Usage: breaking-workers.ts ROUNDS
 */
import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { Ledger } from "../../src/core/ledger.ts";
import type { SessionOptions } from "../../src/monitor/session.ts";
import { WorkerRun } from "../../src/monitor/worker/worker-run.ts";
import { Redactor } from "../../src/redact/redactor.ts";

const rounds = Math.min(Number(process.argv[2] ?? 3), 20);
const server = createServer((_, response) => void response.end("x")).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
let going = true;

/** Requests one after the other, half of them on connections of their own. */
async function visit(): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  for (let turn = 0; going; turn++) {
    const call = request({ agent: turn % 2 ? agent : false, port, host: "127.0.0.1" }).end();
    const [response] = await once(call, "response");
    response.resume();
    await once(response, "close");
  }
  agent.destroy();
}

async function open(onFailed: () => void): Promise<WorkerRun> {
  const half = { maxBodyBytes: 0, captureRequest: true, captureResponse: true };
  const ports = [{ from: port, to: port }];
  return WorkerRun.open({
    workers: 2,
    attribution: "none",
    settings: {
      ...half,
      capture: { interfaces: ["lo"], ports, tunnels: false, bufferBytes: 8 << 20 },
      redact: {},
      choosing: { filters: { texts: [] }, processes: {} },
      minLatency_ms: 0,
    },
    session: {
      ...half,
      live: true,
      ledger: new Ledger(),
      outputs: [],
      redactor: new Redactor(),
      table: { width: 160, color: false, columns: null },
      formats: {} as SessionOptions["formats"],
      tests: [],
      observers: [() => {}],
      onOutputClosed: () => {},
      onNotice: () => {},
    },
    linesUnread: true,
    onFailed,
  });
}

const visitors = [visit(), visit(), visit(), visit()];
let lost = 0;
for (let round = 0; round < rounds; round++) {
  const run = await open(() => void lost++);
  run.start();
  await sleep(50 + 20 * round);
  const { shards } = run as unknown as { readonly shards: readonly { readonly worker: Worker }[] };
  if (round % 2 === 0) void shards[1].worker.terminate();
  // what is no message breaks it from within
  else shards[1].worker.postMessage(null);
  while (lost <= round) await sleep(10);
  await run.stop();
}
going = false;
await Promise.all(visitors);
server.close();
server.closeAllConnections();
console.log(`${lost} lost`);

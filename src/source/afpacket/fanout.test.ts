import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { fanoutValue } from "./fanout.ts";
import { LiveCapture } from "./live-capture.ts";
import { native } from "./native.ts";

test("the option's value is group, mode and flags", () => {
  expect(fanoutValue({ group: 7 })).toBe(0x8000_0007);
  expect(fanoutValue({ group: "new" })).toBe(0xa000_0000);
  expect(fanoutValue({ group: 0xffff, ignoreOutgoing: true })).toBe(0xc000_ffff);
});

const root = process.platform === "linux" && process.geteuid?.() === 0;
const WORKER = new URL("../../../test/support/capture-worker.ts", import.meta.url);

async function exchange(port: number): Promise<void> {
  const call = request({ port, host: "127.0.0.1", agent: false });
  call.end();
  const [response] = await once(call, "response");
  response.resume();
  await once(response, "close");
}

test.skipIf(!root)("worker threads share a capture and end without harm (needs Linux and root)", async () => {
  // a worker that is the only one to load koffi would take the process down when it ends
  native();
  const server = createServer((_, response) => void response.end("x")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // eight blocks: a test machine that is busy may let them wait
  const options = { interfaces: ["lo"], ports: [{ from: port, to: port }], tunnels: false, bufferBytes: 8 << 20 };
  let all = 0;
  const whole = new LiveCapture({ interfaceOpened() {}, packet: () => void all++ }, options);
  whole.start();
  const workers: Worker[] = [];
  let group: number | "new" = "new";
  for (let index = 0; index < 2; index++) {
    const worker: Worker = new Worker(WORKER, { workerData: { group, options } });
    workers.push(worker);
    [{ group }] = await once(worker, "message");
  }
  for (let index = 0; index < 100; index++) await exchange(port);
  server.close();
  await once(server, "close");
  await sleep(100);
  await whole.stop();
  const counts = await Promise.all(workers.map(finish));
  expect(all).toBeGreaterThan(800);
  expect(counts[0] + counts[1]).toBe(all);
  expect(Math.min(...counts)).toBeGreaterThan(100);
  expect(readFileSync("/proc/self/maps", "utf8")).not.toContain("socket:[");
});

async function finish(worker: Worker): Promise<number> {
  // asked for before: the last message and the exit may come in one go
  const exit = once(worker, "exit");
  worker.postMessage("stop");
  const [{ count }] = await once(worker, "message");
  await exit;
  return count;
}

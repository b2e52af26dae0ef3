/** What the writer remembers between lines must not outlive the flow it was made for. */
import { expect, test } from "vitest";
import type { TransactionEvent } from "../../core/event.ts";
import { Exchange } from "../../core/exchange.ts";
import { Flow } from "../../core/flow.ts";
import type { ProcessInfo } from "../../core/process.ts";
import { LineBuffer } from "./line-buffer.ts";
import { JsonWriter } from "./writer.ts";

test("a flow object that serves another flow does not keep the processes of the first", () => {
  let written = "";
  const lines = new LineBuffer((bytes, length) => {
    written += Buffer.from(bytes.subarray(0, length)).toString();
  });
  const writer = new JsonWriter(lines, () => null);
  const flow = new Flow();
  const exchange = new Exchange();
  exchange.blank(flow);
  exchange.responseStart = 1;
  for (const pid of [11, 22]) {
    flow.reset();
    flow.id = pid;
    flow.clientProcess = { pid, comm: "curl", uid: 0 };
    flow.ownerVersion = 1;
    writer.exchange(exchange);
  }
  lines.flush();
  const events = written
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TransactionEvent);
  expect(events.map((event) => [event.flow.id, event.process.client?.pid])).toEqual([
    [11, 11],
    [22, 22],
  ]);
});

test("processes and kernel times are written as JSON.stringify writes them, also large ones and those replaced later", () => {
  let written = "";
  const lines = new LineBuffer((bytes, length) => {
    written += Buffer.from(bytes.subarray(0, length)).toString();
  });
  const writer = new JsonWriter(lines, () => null);
  const flow = new Flow();
  const exchange = new Exchange();
  exchange.flow = flow;
  const large: ProcessInfo = { pid: 7, comm: 'c"\\é', uid: 0, args: ["x".repeat(600_000), "\n"] };
  const ends: readonly (ProcessInfo | null)[] = [null, { pid: 1, comm: "a", uid: null }, large];
  const times = [-1, 0, 1, 999, 1_000, 123_456, 3_600_000_000, 12.5];
  const wanted: string[] = [];
  for (const client of ends) {
    for (const server of ends) {
      for (const [index, time] of times.entries()) {
        flow.clientProcess = client;
        flow.serverProcess = server;
        exchange.kernelRequestWait = time;
        exchange.kernelProcess = times[(index + 1) % times.length];
        exchange.kernelResponseWait = times[(index + 3) % times.length];
        const of = (micros: number) => (micros < 0 ? null : micros / 1000);
        const kernel = {
          request_wait: of(time),
          process: of(exchange.kernelProcess),
          response_wait: of(exchange.kernelResponseWait),
        };
        wanted.push(`"process":${JSON.stringify({ client, server })},"kernel_ms":${JSON.stringify(kernel)},"quality"`);
        writer.exchange(exchange);
      }
    }
  }
  lines.flush();
  const found = written.trim().split("\n");
  expect(found.length).toBe(wanted.length);
  for (const [index, line] of found.entries()) expect(line.includes(wanted[index])).toBe(true);
});

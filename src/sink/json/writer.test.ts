/** What the writer remembers between lines must not outlive the flow it was made for. */
import { expect, test } from "vitest";
import type { TransactionEvent } from "../../core/event.ts";
import { Exchange } from "../../core/exchange.ts";
import { Flow } from "../../core/flow.ts";
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

/** The code of a worker thread: a Shard between the main thread's messages. */
import { parentPort, workerData } from "node:worker_threads";
import type { ShardData } from "./messages.ts";
import { Shard } from "./shard.ts";

const port = parentPort!;
const data = workerData as ShardData;
// a thread's own would name this file
process.argv[1] = data.program;
const shard = new Shard(
  data,
  (message, transfer) => port.postMessage(message, transfer),
  () => port.close(),
);
port.on("message", (message) => shard.message(message));

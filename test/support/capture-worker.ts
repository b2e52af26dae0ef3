/** A worker thread that joins a fanout group and counts: see fanout.test.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { LiveCapture } from "../../src/source/afpacket/live-capture.ts";

let count = 0;
const handler = { interfaceOpened() {}, packet: () => void count++ };
const capture = new LiveCapture(handler, { ...workerData.options, fanout: { group: workerData.group } });
capture.start();
parentPort?.postMessage({ group: capture.fanoutId });
parentPort?.once("message", async () => {
  await capture.stop();
  parentPort?.postMessage({ count });
});

/** Our reader for the benchmark: a LiveCapture whose handler touches each packet. Prints as reader.c does. */
import type { PacketHandler } from "../../src/core/packet.ts";
import { LiveCapture } from "../../src/source/afpacket/live-capture.ts";

let packets = 0;
let check = 0;
const handler: PacketHandler = {
  interfaceOpened() {},
  packet({ bytes, start, wireLength, time }) {
    packets++;
    check = (check + bytes[start + 23] + bytes[start + 36] + wireLength + (time > 0 ? 1 : 0)) | 0;
  },
};
const [name] = process.argv.slice(2);
const capture = new LiveCapture(handler, { interfaces: name === "any" ? [] : [name] });
capture.start();
process.on("SIGTERM", async () => {
  await capture.stop();
  console.log(`${packets} ${capture.statistics().drops} ${check & 1}`);
});
console.log("ready");

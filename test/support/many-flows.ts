/**
 * Runs a pipeline over connections that all wait for a response, made packet by packet, and tells on standard output
 * what they took: {"flows", "exchanges", "grown_mb"}. A process of its own:
 *
 *     node --expose-gc test/support/many-flows.ts 50000 quiet
 */
import { Ledger } from "../../src/core/ledger.ts";
import { RawPacket } from "../../src/core/packet.ts";
import { Pipeline } from "../../src/monitor/pipeline.ts";
import { Redactor } from "../../src/redact/redactor.ts";
import { eachPacket } from "./many-flows-packets.ts";

const [flows, mode] = process.argv.slice(2);
const raw = new RawPacket();
raw.linkType = 1;
let exchanges = 0;

function run(count: number): Pipeline {
  const redactor = new Redactor({});
  const pipeline = new Pipeline({
    ledger: new Ledger(),
    redactor: { head: redactor.head, body: (text) => text },
    keepHeads: mode === "json",
  });
  pipeline.onExchange({ exchange: () => void exchanges++ });
  eachPacket(count, (time, bytes) => {
    raw.time = time;
    raw.bytes = bytes;
    raw.end = raw.wireLength = bytes.length;
    pipeline.packet(raw);
  });
  return pipeline;
}

// what only the first packets take: compiled code, caches
run(2_000).end();
exchanges = 0;
(globalThis as { gc?: () => void }).gc?.();
const before = process.memoryUsage().rss;
const pipeline = run(Number(flows));
const grown_mb = (process.memoryUsage().rss - before) / 2 ** 20;
const { liveFlows } = pipeline.flows;
pipeline.end();
process.stdout.write(`${JSON.stringify({ flows: liveFlows, exchanges, grown_mb })}\n`);

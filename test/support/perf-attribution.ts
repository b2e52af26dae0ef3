/**
 * Run by attribution-perf.test.ts in a mount namespace of its own, where tracefs is mounted: attributes short curls, a
 * cluster and IPv6 with tier C and prints, as JSON, how many answers were right, unknown and wrong. With `older` it uses
 * only what kernels before 6.3 have.
 */
import type { Flow } from "../../src/core/flow.ts";
import { Ledger } from "../../src/core/ledger.ts";
import { publish } from "../../src/enrich/process/flow-owners.ts";
import { pageSize } from "../../src/enrich/process/page-size.ts";
import { PerfEvents } from "../../src/enrich/process/perf/perf-events.ts";
import { systemCalls } from "../../src/enrich/process/system-calls.ts";
import { readTier } from "../../src/enrich/tiers.ts";
import * as lab from "./process-lab.ts";

const ledger = new Ledger();
const attribution = open();
const result = { right: 0, unknown: 0, wrong: 0, lost: 0, comms: [] as string[] };
const comms = new Set<string>();

function open() {
  const events = new PerfEvents(systemCalls()!, pageSize(), process.argv[2] === "older");
  const { tier, names } = readTier(events.handle, null, { ledger });
  const timer = setInterval(() => tier.drain!(), 100);
  return {
    drain: () => tier.drain!(),
    flowUsed(flow: Flow) {
      tier.used(flow);
      publish(flow);
    },
    close() {
      clearInterval(timer);
      tier.close();
      names.close();
      events.close();
    },
  };
}

function judge(ip: string, client: lab.Client, serverPort: number, serverPid: number): void {
  const flow = lab.flowOf({ ip, port: client.port }, { ip, port: serverPort }, client.start);
  attribution.drain();
  attribution.flowUsed(flow);
  for (const [info, pid] of [
    [flow.clientProcess, client.pid],
    [flow.serverProcess, serverPid],
  ] as const) {
    result[info === null ? "unknown" : info.pid === pid ? "right" : "wrong"]++;
    if (info) comms.add(info.comm);
  }
}

const nginx = await lab.startNginx(["127.0.0.1"]);
const six = await lab.startNginx(["::1"]);
const cluster = await lab.startCluster();
const held = await lab.hold(lab.pythonClient({ ip: "127.0.0.1", port: nginx.port }));
const late = open();
try {
  for (const client of await lab.curls(100, 4, `http://127.0.0.1:${nginx.port}/`)) {
    judge("127.0.0.1", client, nginx.port, nginx.workers([client.port]).get(client.port)!);
  }
  for (const client of await lab.curls(10, 2, `http://[::1]:${six.port}/`)) {
    judge("::1", client, six.port, six.workers([client.port]).get(client.port)!);
  }
  for (const client of await lab.curls(10, 2, `http://127.0.0.1:${cluster.port}/`)) {
    judge("127.0.0.1", client, cluster.port, Number(client.body));
  }
  const old = lab.flowOf({ ip: "127.0.0.1", port: held.port }, { ip: "127.0.0.1", port: nginx.port }, lab.now(), false);
  late.flowUsed(old);
  result[old.clientProcess?.pid === held.pid ? "right" : "wrong"]++;
} finally {
  for (const one of [nginx, six, cluster, held]) one.stop();
  attribution.close();
  late.close();
}
result.lost = ledger.ownersLost;
result.comms = [...comms].sort();
console.log(JSON.stringify(result));
process.exit();

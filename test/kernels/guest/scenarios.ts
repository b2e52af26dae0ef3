/**
 * Servers and clients whose process ids are known from themselves, held against what one tier says of them. Each scenario
 * counts how many ends were told right, left unknown, and told wrong.
 */
import { once } from "node:events";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Ledger } from "../../../src/core/ledger.ts";
import type { ProcessInfo } from "../../../src/core/process.ts";
import { type Attribution, createAttribution, type TierFacts } from "../../../src/enrich/attribution.ts";
import * as lab from "../../support/process-lab.ts";
import { ANSWERING, ASKING, HANDING_ON, MANY, TALKING } from "./programs.ts";

export type TierName = TierFacts["tier"];

export class Tally {
  right = 0;
  unknown = 0;
  wrong = 0;
  /** The scenario itself did not work out. */
  failed = 0;
  readonly notes: string[] = [];

  judge(what: string, told: ProcessInfo | null, pid: number | undefined): void {
    if (told === null) this.unknown++;
    else if (told.pid === pid) this.right++;
    else {
      this.wrong++;
      this.note(`${what}: ${told.pid} (${told.comm}), not ${pid}`);
    }
  }

  /** Something besides a pid: a fact that has to hold. */
  expect(what: string, holds: boolean): void {
    if (holds) this.right++;
    else {
      this.wrong++;
      this.note(what);
    }
  }

  fail(error: unknown): void {
    this.failed++;
    this.note(`failed: ${(error as Error).message}`);
  }

  note(text: string): void {
    if (this.notes.length < 8) this.notes.push(text);
  }
}

export interface Context {
  readonly tier: TierName;
  readonly attribution: Attribution;
  readonly clients: number;
}

const LOCAL = "127.0.0.1";
/** Much longer than anything else takes in a slow guest. */
const WAIT_S = 2;

/** What was told about a connection whose ends are gone, or are still there, by now. */
function tell(attribution: Attribution, client: lab.Side, server: lab.Side, start: number, handshakeSeen = true) {
  const flow = lab.flowOf(client, server, start, handshakeSeen);
  attribution.drain();
  attribution.flowOpened(flow);
  attribution.flowUsed(flow);
  return flow;
}

function judgeCurl(
  tally: Tally,
  { attribution }: Context,
  ip: string,
  curl: lab.Client,
  port: number,
  pid?: number,
): void {
  const flow = tell(attribution, { ip, port: curl.port }, { ip, port }, curl.start);
  tally.judge("client", flow.clientProcess, curl.pid);
  tally.judge("server", flow.serverProcess, pid);
}

/** As a monitor does with every exchange of a connection: looks again until both ends are known. */
async function judgeHeld(
  tally: Tally,
  { attribution, tier }: Context,
  ip: string,
  client: Held,
  port: number,
): Promise<void> {
  const flow = tell(attribution, { ip, port: client.port }, { ip, port }, client.start);
  for (let count = 0; tier === "D" && count < 30 && !(flow.clientProcess && flow.serverProcess); count++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    attribution.flowUsed(flow);
  }
  tally.judge("client", flow.clientProcess, client.pid);
  tally.judge("server", flow.serverProcess, client.server);
}

type Held = Awaited<ReturnType<typeof lab.hold>>;
type Scenario = (context: Context, tally: Tally, stops: (() => void)[]) => Promise<void>;

/** `held` connections stay open while they are looked at, so that tier D can know them. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  async "prefork nginx, short curls"(context, tally, stops) {
    const nginx = await lab.startNginx([LOCAL]);
    stops.push(nginx.stop);
    const curls = await lab.curls(context.clients, 8, `http://${LOCAL}:${nginx.port}/`);
    const workers = nginx.workers(curls.map(({ port }) => port));
    for (const curl of curls) judgeCurl(tally, context, LOCAL, curl, nginx.port, workers.get(curl.port));
    if (new Set(workers.values()).size < 2) tally.note("only one of the workers answered");
  },

  async "IPv6, short curls"(context, tally, stops) {
    const nginx = await lab.startNginx(["::1"]);
    stops.push(nginx.stop);
    const curls = await lab.curls(context.clients / 5, 4, `http://[::1]:${nginx.port}/`);
    const workers = nginx.workers(curls.map(({ port }) => port));
    for (const curl of curls) judgeCurl(tally, context, "::1", curl, nginx.port, workers.get(curl.port));
  },

  async "IPv4 into a socket of IPv6"(context, tally, stops) {
    const server = await lab.startScript(lab.pythonServer("::"));
    stops.push(server.stop);
    const client = await lab.hold(lab.pythonClient({ ip: LOCAL, port: server.port }));
    stops.push(client.stop);
    await judgeHeld(tally, context, LOCAL, client, server.port);
  },

  async "Node cluster: the worker, not the primary"(context, tally, stops) {
    const cluster = await lab.startCluster();
    stops.push(cluster.stop);
    const curls = await lab.curls(context.clients / 5, 4, `http://${LOCAL}:${cluster.port}/`);
    for (const curl of curls) {
      judgeCurl(tally, context, LOCAL, curl, cluster.port, Number(curl.body));
      tally.expect("the primary answered", Number(curl.body) !== cluster.pid);
    }
  },

  async "Python http.server that forks"(context, tally, stops) {
    const server = await lab.startScript(lab.pythonServer(LOCAL, 0, 0, 0, "Forking"));
    stops.push(server.stop);
    const curls = await lab.curls(context.clients / 10, 2, `http://${LOCAL}:${server.port}/`);
    for (const curl of curls) judgeCurl(tally, context, LOCAL, curl, server.port, Number(curl.body));
  },

  async "a socket handed on (SCM_RIGHTS)"(context, tally, stops) {
    const server = await lab.startScript(["python3", "-c", HANDING_ON]);
    stops.push(server.stop);
    for (let count = 0; count < 5; count++) {
      const client = await lab.hold(lab.pythonClient({ ip: LOCAL, port: server.port }));
      stops.push(client.stop);
      await judgeHeld(tally, context, LOCAL, client, server.port);
    }
  },

  async "one client, connection after connection"(context, tally, stops) {
    const nginx = await lab.startNginx([LOCAL]);
    stops.push(nginx.stop);
    const start = lab.now();
    const [pid, ...ports] = lab.command("python3", "-c", MANY, String(nginx.port), "400").trim().split(" ").map(Number);
    const workers = nginx.workers(ports);
    for (const port of ports) {
      judgeCurl(tally, context, LOCAL, { pid, port, start, body: "" }, nginx.port, workers.get(port));
    }
  },

  async "Multipath TCP, TCP Fast Open"(context, tally, stops) {
    writeFileSync("/proc/sys/net/ipv4/tcp_fastopen", "3");
    const multipath = existsSync("/proc/sys/net/mptcp/enabled") ? [[262, 0]] : [];
    for (const [protocol, flag] of [...multipath, [6, 0x20000000]]) {
      const server = await lab.startScript(["python3", "-c", ANSWERING, String(protocol)]);
      stops.push(server.stop);
      // the first one gets the cookie with which the second one sends its request in its SYN
      for (const _ of flag === 0 ? [1] : [1, 2]) {
        const client = await lab.hold(["python3", "-c", ASKING, String(protocol), String(flag), String(server.port)]);
        stops.push(client.stop);
        await judgeHeld(tally, context, LOCAL, client, server.port);
      }
    }
  },

  async "sockets older than earshot"(context, tally, stops) {
    const server = await lab.startScript(lab.pythonServer());
    stops.push(server.stop);
    const client = await lab.hold(lab.pythonClient({ ip: LOCAL, port: server.port }));
    stops.push(client.stop);
    const late = openTier(context.tier);
    stops.push(() => late.close());
    const flow = tell(late, { ip: LOCAL, port: client.port }, { ip: LOCAL, port: server.port }, lab.now(), false);
    tally.judge("client", flow.clientProcess, client.pid);
    tally.judge("server", flow.serverProcess, client.server);
  },

  async "two network namespaces"(context, tally, stops) {
    const spaces = [`a-${context.tier}`, `b-${context.tier}`];
    for (const space of spaces) {
      lab.command("ip", "netns", "add", space);
      stops.push(() => lab.command("ip", "netns", "del", space));
    }
    lab.command("ip", "-n", spaces[0], "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", spaces[1]);
    for (const [index, space] of spaces.entries()) {
      lab.command("ip", "-n", space, "link", "set", "lo", "up");
      lab.command("ip", "-n", space, "addr", "add", `10.78.0.${index + 1}/24`, "dev", `v${index}`);
      lab.command("ip", "-n", space, "link", "set", `v${index}`, "up");
    }
    const inside = (index: number) => ["ip", "netns", "exec", spaces[index]];
    const server = await lab.startScript([...inside(1), ...lab.pythonServer("10.78.0.2")]);
    stops.unshift(server.stop);
    const curl = await lab.curl(`http://10.78.0.2:${server.port}/`, inside(0));
    const flow = tell(
      context.attribution,
      { ip: "10.78.0.1", port: curl.port },
      { ip: "10.78.0.2", port: server.port },
      curl.start,
    );
    tally.judge("client", flow.clientProcess, curl.pid);
    tally.judge("server", flow.serverProcess, Number(curl.body));
  },

  async "a cgroup named like a container's"(context, tally, stops) {
    const id = "ab".repeat(32);
    const cgroup = `/sys/fs/cgroup/docker-${id}.scope`;
    mkdirSync(cgroup);
    const nginx = await lab.startNginx([LOCAL]);
    stops.push(nginx.stop, () => rmdirSync(cgroup));
    const enter = ["bash", "-c", `echo $$ > ${cgroup}/cgroup.procs; exec "$@"`, "enter"];
    const curl = await lab.curl(`http://${LOCAL}:${nginx.port}/`, enter);
    const flow = tell(context.attribution, { ip: LOCAL, port: curl.port }, { ip: LOCAL, port: nginx.port }, curl.start);
    tally.judge("client", flow.clientProcess, curl.pid);
    if (flow.clientProcess === null || !exact(context.tier)) return;
    tally.expect(`container ${flow.clientProcess.container?.id}`, flow.clientProcess.container?.id === id);
    tally.expect("server in no container", flow.serverProcess?.container === undefined);
  },

  async "a shell that connects and becomes another program"(context, tally, stops) {
    const server = await lab.startScript(lab.pythonServer());
    stops.push(server.stop);
    const client = await lab.hold([
      "bash",
      "-c",
      `exec 3<>/dev/tcp/${LOCAL}/${server.port}; exec python3 -c '${TALKING}'`,
    ]);
    stops.push(client.stop);
    const flow = tell(
      context.attribution,
      { ip: LOCAL, port: client.port },
      { ip: LOCAL, port: server.port },
      client.start,
    );
    tally.judge("client", flow.clientProcess, client.pid);
    if (exact(context.tier))
      tally.expect(`comm ${flow.clientProcess?.comm}`, flow.clientProcess?.comm.startsWith("python3") === true);
  },

  async "details of processes that are gone"(context, tally, stops) {
    if (!exact(context.tier)) return;
    const nginx = await lab.startNginx([LOCAL]);
    stops.push(nginx.stop);
    for (const { port, start } of await lab.curls(10, 2, `http://${LOCAL}:${nginx.port}/`)) {
      const flow = tell(context.attribution, { ip: LOCAL, port }, { ip: LOCAL, port: nginx.port }, start);
      const { exe, args, cgroup, namespaces, user, comm } = flow.clientProcess ?? ({} as Partial<ProcessInfo>);
      tally.expect(`comm ${comm}`, comm === "curl");
      tally.expect(`exe ${exe}`, exe === "/usr/bin/curl");
      tally.expect(`args ${args}`, args?.slice(0, 3).join() === "curl,-g,-s");
      tally.expect(`cgroup ${cgroup}`, cgroup === "/");
      tally.expect(`user ${user}`, user === "root");
      tally.expect(JSON.stringify(namespaces), !!namespaces?.pid && !!namespaces.mnt && !!namespaces.net);
      tally.expect(`server ${flow.serverProcess?.exe}`, flow.serverProcess?.exe === "/usr/sbin/nginx");
    }
  },

  async "kernel time split"(context, tally, stops) {
    for (const [delay, before] of [
      [WAIT_S, 0],
      [0, WAIT_S],
    ] as const) {
      const server = await lab.startScript(lab.pythonServer(LOCAL, 0, delay, before));
      stops.push(server.stop);
      const socket = connect(server.port, LOCAL);
      stops.push(() => socket.destroy());
      await once(socket, "connect");
      const start = lab.now();
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(socket, "data");
      const end = lab.now();
      const local = { ip: LOCAL, port: socket.localPort! };
      const flow = tell(context.attribution, local, { ip: LOCAL, port: server.port }, start - 2_000_000);
      const times = context.attribution.kernelTimes(flow, start, start, end);
      if (!exact(context.tier)) {
        tally.expect("a tier that does not know gives null", times === null);
        continue;
      }
      tally.expect(`times ${JSON.stringify(times)}`, times !== null);
      if (times === null) continue;
      const sum = times.requestWait + times.process + times.responseWait;
      tally.expect(`sum ${sum} of ${end - start}`, sum > 0.95 * WAIT_S * 1e6 && sum <= end - start + 1_000);
      tally.expect(`${JSON.stringify(times)} with delay ${delay}`, times.process > 0.95 * WAIT_S * 1e6 === delay > 0);
      tally.expect(
        `${JSON.stringify(times)} with wait ${before}`,
        times.requestWait > 0.95 * WAIT_S * 1e6 === before > 0,
      );
    }
  },
};

export const exact = (tier: TierName) => tier === "A" || tier === "B";

export function openTier(tier: TierName, ledger = new Ledger()): Attribution {
  const mode = tier === "C" ? "perf" : "auto";
  return createAttribution({ mode, tiers: [tier], ledger });
}

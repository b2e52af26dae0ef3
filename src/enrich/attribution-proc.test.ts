/** Tier D (sock_diag and /proc) on this machine: it may say that it does not know, it may never be wrong. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpu_ms } from "../../test/support/duration.ts";
import * as lab from "../../test/support/process-lab.ts";
import { Ledger } from "../core/ledger.ts";
import { type Attribution, createAttribution } from "./attribution.ts";

const reason = !lab.isRoot
  ? "needs root"
  : lab.installed("nginx", "curl", "bash", "ip", "python3")
    ? ""
    : "needs nginx, curl, iproute2 and python3";

describe.skipIf(reason !== "")(`attribution by /proc${reason && ` (SKIPPED: ${reason})`}`, () => {
  const ledger = new Ledger();
  let attribution: Attribution;

  beforeAll(() => {
    attribution = createAttribution({ mode: "proc", ledger });
  });
  afterAll(() => attribution.close());

  type Pids = [number | undefined, number | undefined];

  function look(client: lab.Side, server: lab.Side, start: number): Pids {
    const flow = lab.flowOf(client, server, start);
    attribution.flowOpened(flow);
    attribution.flowUsed(flow);
    return [flow.clientProcess?.pid, flow.serverProcess?.pid];
  }

  /** Looks again as a monitor does with every exchange of a connection, until both ends are known. */
  async function lookOn(client: lab.Side, server: lab.Side, start: number): Promise<Pids> {
    const flow = lab.flowOf(client, server, start);
    attribution.flowOpened(flow);
    for (let count = 0; count < 60 && !(flow.clientProcess && flow.serverProcess); count++) {
      attribution.flowUsed(flow);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return [flow.clientProcess?.pid, flow.serverProcess?.pid];
  }

  /** Right or unknown. */
  function neverWrong(found: Pids, wanted: Pids): void {
    expect([undefined, wanted[0]]).toContain(found[0]);
    expect([undefined, wanted[1]]).toContain(found[1]);
  }

  test("kept connections: both ends, IPv4, IPv6 and v4-mapped, thread servers and nginx workers", async () => {
    const python = await lab.startScript(lab.pythonServer());
    const six = await lab.startScript(lab.pythonServer("::1"));
    const mapped = await lab.startScript(lab.pythonServer("::"));
    const nginx = await lab.startNginx(["127.0.0.1"]);
    const clients: { stop(): void }[] = [];
    try {
      for (const [ip, server] of [
        ["127.0.0.1", python],
        ["::1", six],
        ["127.0.0.1", mapped],
      ] as const) {
        const client = await lab.hold(lab.pythonClient({ ip, port: server.port }));
        clients.push(client);
        const found = await lookOn({ ip, port: client.port }, { ip, port: server.port }, client.start);
        expect(found).toEqual([client.pid, server.pid]);
      }
      const client = await lab.hold(lab.pythonClient({ ip: "127.0.0.1", port: nginx.port }));
      clients.push(client);
      const side = { ip: "127.0.0.1", port: nginx.port };
      const found = await lookOn({ ip: "127.0.0.1", port: client.port }, side, client.start);
      expect(found).toEqual([client.pid, nginx.workers([client.port]).get(client.port)]);
    } finally {
      for (const one of [...clients, python, six, mapped, nginx]) one.stop();
    }
  });

  test("short curls against prefork, cluster and forking servers: right or unknown", async () => {
    const nginx = await lab.startNginx(["127.0.0.1"]);
    const cluster = await lab.startCluster();
    const forking = await lab.startScript(lab.pythonServer("127.0.0.1", 0, 0, 0, "Forking"));
    try {
      const side = (port: number) => ({ ip: "127.0.0.1", port });
      for (const { port, pid, start } of await lab.curls(40, 4, `http://127.0.0.1:${nginx.port}/`)) {
        neverWrong(look(side(port), side(nginx.port), start), [pid, nginx.workers([port]).get(port)]);
      }
      for (const server of [cluster, forking]) {
        for (const { port, pid, start, body } of await lab.curls(20, 4, `http://127.0.0.1:${server.port}/`)) {
          neverWrong(look(side(port), side(server.port), start), [pid, Number(body)]);
        }
      }
    } finally {
      for (const server of [nginx, cluster, forking]) server.stop();
    }
  });

  test("cluster connections looked at while they are handed on: right or unknown", async () => {
    const cluster = await lab.startCluster();
    const held: { stop(): void }[] = [];
    try {
      for (let count = 0; count < 10; count++) {
        const client = await lab.hold(lab.pythonClient({ ip: "127.0.0.1", port: cluster.port }));
        held.push(client);
        const side = { ip: "127.0.0.1", port: cluster.port };
        const found = look({ ip: "127.0.0.1", port: client.port }, side, client.start);
        neverWrong(found, [client.pid, client.server]);
      }
    } finally {
      for (const one of [...held, cluster]) one.stop();
    }
  });

  test("a network namespace beside ours", async () => {
    const space = `earshot-d-${process.pid}`;
    lab.command("ip", "netns", "add", space);
    const stops: (() => void)[] = [() => lab.command("ip", "netns", "del", space)];
    try {
      lab.command("ip", "-n", space, "link", "set", "lo", "up");
      lab.command("ip", "-n", space, "addr", "add", "10.79.0.1/32", "dev", "lo");
      const inside = ["ip", "netns", "exec", space];
      const server = await lab.startScript([...inside, ...lab.pythonServer("10.79.0.1")]);
      stops.unshift(server.stop);
      const client = await lab.hold([...inside, ...lab.pythonClient({ ip: "10.79.0.1", port: server.port })]);
      stops.unshift(client.stop);
      attribution.close(); // the list of namespaces is two seconds old at most: start with a new one
      attribution = createAttribution({ mode: "proc", ledger });
      const side = { ip: "10.79.0.1", port: server.port };
      expect(await lookOn({ ip: "10.79.0.1", port: client.port }, side, client.start)).toEqual([
        client.pid,
        client.server,
      ]);
    } finally {
      for (const stop of stops) stop();
    }
  });

  test("a flood of flows that nobody here owns costs a bounded time", () => {
    const start = cpu_ms();
    for (let port = 1; port < 60_000; port++) {
      const flow = lab.flowOf({ ip: "127.0.0.1", port }, { ip: "127.0.0.1", port: 1 }, lab.now());
      attribution.flowOpened(flow);
    }
    expect(cpu_ms() - start).toBeLessThan(2_000);
    expect(ledger.evicted.get("owner-lookups")).toBeGreaterThan(0);
  });
});

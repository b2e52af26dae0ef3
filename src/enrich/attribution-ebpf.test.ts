/** Tier A on this machine's kernel, held against what clients and servers say of themselves. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, realpathSync, rmdirSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as lab from "../../test/support/process-lab.ts";
import { Ledger } from "../core/ledger.ts";
import { type Attribution, createAttribution } from "./attribution.ts";

function possible(): string {
  if (!lab.isRoot) return "needs root";
  if (!lab.installed("nginx", "curl", "bash", "ip", "python3")) return "needs nginx, curl, iproute2 and python3";
  try {
    const attribution = createAttribution({ mode: "ebpf", ledger: new Ledger() });
    attribution.close();
    return attribution.tier === "A" ? "" : "needs tier A";
  } catch (error) {
    return (error as Error).message;
  }
}

/** The kernel gives a group free a moment after its last process. */
function isRemoved(cgroup: string): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch {
    return false;
  }
}

const reason = possible();
const CURL = reason === "" ? realpathSync(lab.command("which", "curl").trim()) : "";

describe.skipIf(reason !== "")(`attribution by eBPF${reason && ` (SKIPPED: ${reason})`}`, () => {
  const ledger = new Ledger();
  let attribution: Attribution;

  beforeAll(() => {
    attribution = createAttribution({ mode: "ebpf", ledger });
  });
  afterAll(() => attribution.close());

  /** Client and server pid as attributed. */
  function owners(client: lab.Side, server: lab.Side, start: number): [number | undefined, number | undefined] {
    const flow = lab.flowOf(client, server, start);
    attribution.drain();
    attribution.flowUsed(flow);
    return [flow.clientProcess?.pid, flow.serverProcess?.pid];
  }

  test("200 short curls against nginx workers: every process right at both ends", async () => {
    const nginx = await lab.startNginx(["127.0.0.1"]);
    try {
      const clients = await lab.curls(200, 8, `http://127.0.0.1:${nginx.port}/`);
      const workers = nginx.workers(clients.map(({ port }) => port));
      const wanted = clients.map((client) => [client.pid, workers.get(client.port)]);
      const found = clients.map(({ port, start }) =>
        owners({ ip: "127.0.0.1", port }, { ip: "127.0.0.1", port: nginx.port }, start),
      );
      expect(found).toEqual(wanted);
      // whole also of processes that were gone, or on their way out, when they were looked at
      const partial = clients.filter(({ port, start }) => {
        const flow = lab.flowOf({ ip: "127.0.0.1", port }, { ip: "127.0.0.1", port: nginx.port }, start);
        attribution.flowUsed(flow);
        const { exe, args, cgroup, namespaces = {} } = flow.clientProcess!;
        const { pid, mnt, net } = namespaces;
        return !(exe === CURL && args?.[0] === "curl" && cgroup && pid && mnt && net);
      });
      expect(partial).toEqual([]);
      expect(new Set(workers.values()).size).toBe(2);
      const flow = lab.flowOf(
        { ip: "127.0.0.1", port: clients[9].port },
        { ip: "127.0.0.1", port: nginx.port },
        clients[9].start,
      );
      attribution.flowUsed(flow);
      expect(flow.clientProcess).toMatchObject({ comm: "curl", ppid: process.pid, uid: 0, user: "root" });
      expect(flow.clientProcess?.exe).toBe(CURL);
      expect(flow.clientProcess?.args?.slice(0, 3)).toEqual(["curl", "-g", "-s"]);
      expect(flow.serverProcess).toMatchObject({ comm: "nginx", exe: "/usr/sbin/nginx" });
      expect(ledger.ownersLost).toBe(0);
    } finally {
      nginx.stop();
    }
  }, 60_000);

  test("IPv6, and IPv4 into a socket of IPv6 (v4-mapped)", async () => {
    const nginx = await lab.startNginx(["::1"]);
    const python = await lab.startScript(lab.pythonServer("::", 0));
    try {
      const six = await lab.curls(10, 4, `http://[::1]:${nginx.port}/`);
      const workers = nginx.workers(six.map(({ port }) => port));
      for (const { pid, port, start } of six) {
        expect(owners({ ip: "::1", port }, { ip: "::1", port: nginx.port }, start)).toEqual([pid, workers.get(port)]);
      }
      const four = await lab.curl(`http://127.0.0.1:${python.port}/`);
      expect(owners({ ip: "127.0.0.1", port: four.port }, { ip: "127.0.0.1", port: python.port }, four.start)).toEqual([
        four.pid,
        python.pid,
      ]);
    } finally {
      nginx.stop();
      python.stop();
    }
  });

  test("a Node cluster: the worker, not the primary that accepted", async () => {
    const cluster = await lab.startCluster();
    try {
      const clients = await lab.curls(20, 4, `http://127.0.0.1:${cluster.port}/`);
      for (const { pid, port, start, body } of clients) {
        expect(owners({ ip: "127.0.0.1", port }, { ip: "127.0.0.1", port: cluster.port }, start)).toEqual([
          pid,
          Number(body),
        ]);
        expect(Number(body)).not.toBe(cluster.pid);
      }
    } finally {
      cluster.stop();
    }
  });

  test("sockets older than us are found at start", async () => {
    const python = await lab.startScript(lab.pythonServer());
    const client = await lab.hold(lab.pythonClient({ ip: "127.0.0.1", port: python.port }));
    const late = createAttribution({ mode: "ebpf", ledger });
    try {
      const flow = lab.flowOf(
        { ip: "127.0.0.1", port: client.port },
        { ip: "127.0.0.1", port: python.port },
        lab.now(),
        false,
      );
      late.flowUsed(flow);
      expect([flow.clientProcess?.pid, flow.serverProcess?.pid]).toEqual([client.pid, python.pid]);
      expect(flow.clientProcess).toMatchObject({ comm: "python3", ppid: process.pid });
    } finally {
      late.close();
      client.stop();
      python.stop();
    }
  });

  test("two network namespaces: both ends right; the same tuple in both: unknown, not a guess", async () => {
    const spaces = [`earshot-a-${process.pid}`, `earshot-b-${process.pid}`];
    const inside = (index: number) => ["ip", "netns", "exec", spaces[index]];
    const stops: (() => void)[] = [];
    try {
      for (const [index, space] of spaces.entries()) {
        lab.command("ip", "netns", "add", space);
        stops.push(() => lab.command("ip", "netns", "del", space));
        lab.command("ip", "-n", space, "link", "set", "lo", "up");
        lab.command("ip", "-n", space, "addr", "add", "10.77.0.9/32", "dev", "lo");
        if (index === 0) {
          lab.command("ip", "-n", space, "link", "add", "v0", "type", "veth", "peer", "name", "v1");
        } else lab.command("ip", "-n", spaces[0], "link", "set", "v1", "netns", space);
      }
      for (const [index, space] of spaces.entries()) {
        lab.command("ip", "-n", space, "addr", "add", `10.78.0.${index + 1}/24`, "dev", `v${index}`);
        lab.command("ip", "-n", space, "link", "set", `v${index}`, "up");
      }
      const far = await lab.startScript([...inside(1), ...lab.pythonServer("10.78.0.2")]);
      stops.unshift(far.stop);
      const client = await lab.curl(`http://10.78.0.2:${far.port}/`, inside(0));
      expect(owners({ ip: "10.78.0.1", port: client.port }, { ip: "10.78.0.2", port: far.port }, client.start)).toEqual(
        [client.pid, Number(client.body)],
      );

      const start = lab.now();
      const side = { ip: "10.77.0.9", port: 8077 };
      const hold = async (index: number) => {
        stops.unshift((await lab.startScript([...inside(index), ...lab.pythonServer(side.ip, side.port)])).stop);
        const client = await lab.hold([...inside(index), ...lab.pythonClient(side, 40_077)]);
        stops.unshift(client.stop);
        return client;
      };
      const first = await hold(0);
      expect(owners({ ip: side.ip, port: 40_077 }, side, start)).toEqual([first.pid, first.server]);
      await hold(1);
      expect(owners({ ip: side.ip, port: 40_077 }, side, start)).toEqual([undefined, undefined]);
    } finally {
      for (const stop of stops) stop();
    }
  }, 60_000);

  test("a process in a cgroup named like a container's shows the container, even when it is gone at once", async () => {
    const mount = /^\S+ \S+ \S+ \S+ (\S+) [^\n]* - cgroup2 /m.exec(readFileSync("/proc/self/mountinfo", "utf8"))?.[1];
    if (mount === undefined) return;
    const id = randomBytes(32).toString("hex");
    const cgroup = `${mount}/docker-${id}.scope`;
    mkdirSync(cgroup);
    const nginx = await lab.startNginx(["127.0.0.1"]);
    try {
      const enter = ["bash", "-c", `echo $$ > ${cgroup}/cgroup.procs; exec "$@"`, "enter"];
      const { pid, port, start } = await lab.curl(`http://127.0.0.1:${nginx.port}/`, enter);
      const flow = lab.flowOf({ ip: "127.0.0.1", port }, { ip: "127.0.0.1", port: nginx.port }, start);
      attribution.drain();
      attribution.flowUsed(flow);
      expect(flow.clientProcess).toMatchObject({ pid, container: { id, runtime: "docker" } });
      expect(flow.serverProcess?.container).toBeUndefined();
    } finally {
      nginx.stop();
      await lab.until(() => isRemoved(cgroup));
    }
  });

  test("Multipath TCP at both ends", async () => {
    const script = (code: string) => ["python3", "-c", `import os, socket, sys\ns = socket.socket(2, 1, 262)\n${code}`];
    const server = await lab.startScript(
      script(`s.bind(("127.0.0.1", 0)); s.listen()
print("ready", s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept(); c.recv(99); c.sendall(str(os.getpid()).encode())`),
    );
    const client = await lab.hold(
      script(`s.connect(("127.0.0.1", ${server.port})); s.sendall(b"x")
print("answer", os.getpid(), s.getsockname()[1], s.recv(99).decode(), flush=True)
sys.stdin.read()`),
    );
    try {
      expect(
        owners({ ip: "127.0.0.1", port: client.port }, { ip: "127.0.0.1", port: server.port }, client.start),
      ).toEqual([client.pid, server.pid]);
    } finally {
      client.stop();
      server.stop();
    }
  });

  test("a shell that connects and becomes another program: the program that talked, by name", async () => {
    const server = await lab.startScript(lab.pythonServer());
    const reader = `exec 3<>/dev/tcp/127.0.0.1/${server.port}; exec python3 -c '
import os, socket, sys
s = socket.socket(fileno=3)
s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
s.recv(1)
print("answer", os.getpid(), s.getsockname()[1], 0, flush=True)
sys.stdin.read()'`;
    const client = await lab.hold(["bash", "-c", reader]);
    try {
      const flow = lab.flowOf(
        { ip: "127.0.0.1", port: client.port },
        { ip: "127.0.0.1", port: server.port },
        client.start,
      );
      attribution.drain();
      attribution.flowUsed(flow);
      expect(flow.clientProcess).toMatchObject({ pid: client.pid, comm: "python3" });
    } finally {
      client.stop();
      server.stop();
    }
  });

  test("kernel time split: waiting to be read, being worked on", async () => {
    for (const { delay, before } of [
      // much longer than a busy machine lets anybody wait
      { delay: 0.5, before: 0 },
      { delay: 0, before: 0.5 },
    ]) {
      const python = await lab.startScript(lab.pythonServer("127.0.0.1", 0, delay, before));
      try {
        const socket = connect(python.port, "127.0.0.1");
        await once(socket, "connect");
        const start = lab.now();
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await once(socket, "data");
        const end = lab.now();
        const flow = lab.flowOf(
          { ip: "127.0.0.1", port: socket.localPort! },
          { ip: "127.0.0.1", port: python.port },
          start - 100_000,
        );
        attribution.flowUsed(flow);
        const times = attribution.kernelTimes(flow, start, start, end)!;
        const sum = times.requestWait + times.process + times.responseWait;
        expect(sum).toBeGreaterThan(490_000);
        expect(sum).toBeLessThanOrEqual(end - start + 1);
        expect(times.process > 490_000).toBe(delay > 0);
        expect(times.requestWait > 490_000).toBe(before > 0);
        expect(attribution.kernelTimes(flow, start, start, end)).toBeNull(); // given out once
        socket.destroy();
      } finally {
        python.stop();
      }
    }
  });
});

/**
 * Pods where no runtime can be asked, through the whole program: a process in a control group such as a pod's, and a
 * kubelet's read-only port made up by the test. Also the line that says why a name is absent.
 */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exchangesOf, textsOf } from "./support/printed-events.ts";
import { command, installed, isRoot, pythonServer, startScript, until } from "./support/process-lab.ts";

const MAIN = join(import.meta.dirname, "../src/cli/main.ts");
const READ_ONLY_PORT = 10_255;

/** Where version 2 of control groups is, alone or beside version 1. */
const ROOT = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].find((path) => existsSync(join(path, "cgroup.controllers")));

function reason(): string {
  if (!isRoot) return "needs root";
  if (ROOT === undefined) return "needs control groups v2";
  if (!installed("curl", "python3")) return "needs curl and python3";
  return process.features.typescript ? "" : "needs a Node that runs TypeScript";
}

const why = reason();

/** A control group as the kubelet makes it for a container; below one of its own, where no other test tidies up. */
class PodGroup {
  readonly uid = randomUUID();
  readonly container = randomBytes(32).toString("hex");
  private readonly made: string[] = [];

  constructor() {
    for (const part of [`earshot-${process.pid}`, "kubepods", "besteffort", `pod${this.uid}`, this.container]) {
      const path = join(this.made.at(-1) ?? ROOT!, part);
      mkdirSync(path);
      this.made.push(path);
    }
  }

  take(pid: number): void {
    writeFileSync(join(this.made.at(-1)!, "cgroup.procs"), `${pid}`);
  }

  /** The kernel gives a group free a moment after its last process. */
  async remove(): Promise<void> {
    for (const path of this.made.reverse()) await until(() => isRemoved(path)).catch(() => {});
  }
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
  } catch {
    // somebody is still in it
  }
  return !existsSync(path);
}

test.skipIf(why !== "")(
  `a pod by the kubelet, and why it has no name${why && ` (SKIPPED: ${why})`}`,
  async () => {
    const group = new PodGroup();
    const folder = mkdtempSync(join(tmpdir(), "earshot-pod-"));
    const server = await startScript(pythonServer());
    group.take(server.pid);
    const id = `containerd://${group.container}`;
    const labels = { app: "shop", "api-token": "hunter2" };
    const items = [
      {
        metadata: { uid: group.uid, name: "shop-0", namespace: "prod", labels },
        status: { containerStatuses: [{ name: "web", image: "shop:1.4", containerID: id }] },
      },
    ];
    const kubelet = createServer((_request, response) => response.end(JSON.stringify({ kind: "PodList", items })));
    const { NODE_IP: _node, HOST_IP: _host, ...env } = process.env;
    const words = [
      "watch",
      "-i",
      "lo",
      "-p",
      `${server.port}`,
      "-o",
      "json",
      "--runtime-socket",
      join(folder, "no.sock"),
    ];
    const file = join(folder, "pod.pcapng");
    const watch = spawn(process.execPath, [MAIN, ...words, "--write-pcapng", file], { env });
    const { printed, said } = textsOf(watch);
    const pods = () => exchangesOf(printed()).map((event) => event.process.server?.pod);
    const ask = () => command("curl", "-s", "-o", "/dev/null", `http://127.0.0.1:${server.port}/`);
    try {
      await until(() => {
        ask();
        return said().includes("containers: no name for");
      }, 15_000);
      expect(pods().at(-1)).toEqual({ uid: group.uid });
      // only what is not there: no socket, and no kubelet
      expect(said()).toMatch(/containers: no name for [0-9a-f]{12}: no runtime's socket is here/);
      kubelet.listen(READ_ONLY_PORT, "127.0.0.1");
      await once(kubelet, "listening");
      await until(() => {
        ask();
        return pods().at(-1)?.labels !== undefined;
      }, 30_000); // it is asked again after two seconds, four, eight
      watch.kill("SIGINT");
      await once(watch, "close");
      const known = exchangesOf(printed()).at(-1)!.process.server;
      expect(known).toMatchObject({
        container: { id: group.container, name: "web", image: "shop:1.4" },
        pod: {
          uid: group.uid,
          name: "shop-0",
          namespace: "prod",
          labels: { "api-token": "<redacted:7>", app: "shop" },
        },
      });
      expect(said()).toMatch(/1 of \d+ containers named \(kubelet at 127\.0\.0\.1:10255\)/);
      const read = command(process.execPath, MAIN, "read", file, "-o", "json");
      expect(exchangesOf(read).at(-1)!.process.server).toEqual(known);
    } finally {
      watch.kill("SIGKILL");
      kubelet.close();
      kubelet.closeAllConnections();
      server.stop();
      await until(() => !existsSync(`/proc/${server.pid}`)).catch(() => {});
      await group.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);

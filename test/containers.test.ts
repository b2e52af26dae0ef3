/**
 * Containers, through the whole program: real runtimes run real containers that talk HTTP, and `earshot watch` names
 * container, image, pod, namespace and labels at both ends.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { TransactionEvent } from "../src/core/event.ts";
import type { ProcessInfo } from "../src/core/process.ts";
import { RuntimeNames } from "../src/enrich/container/runtime-names.ts";
import * as containers from "./support/container-lab.ts";
import { CriPod, cgroupsHere, IMAGE, RuntimeLab, run } from "./support/container-lab.ts";
import { exchangesOf, textsOf } from "./support/printed-events.ts";
import { freePort, until } from "./support/process-lab.ts";

const MAIN = join(import.meta.dirname, "../src/cli/main.ts");
const TEST_MS = 60_000;
const WATCH_MS = 20_000;

const why = (...programs: string[]) =>
  containers.missing(...programs) || (process.features.typescript ? "" : "needs a Node that runs TypeScript");

/** Title of a test that may be skipped, with the reason. */
const titled = (title: string, reason: string) => (reason === "" ? title : `${title} (SKIPPED: ${reason})`);

interface Watching {
  readonly port: number;
  readonly socket: string;
  readonly wanted: (event: TransactionEvent) => boolean;
  /** Asked again and again, as soon as earshot sees anything. */
  readonly meanwhile?: () => Promise<void>;
  readonly filter?: string;
  readonly host?: string;
  /** Goes before commands, to run them elsewhere. */
  readonly inside?: readonly string[];
}

/** Watches a port until an exchange is as wanted; gives that one and what was said on standard error. */
async function watched({ port, socket, wanted, meanwhile, filter, host = "127.0.0.1", inside = [] }: Watching) {
  const args = ["watch", "-i", inside.length > 0 ? "any" : "lo", "-p", `${port}`, "-o", "json"];
  const more = ["--runtime-socket", socket, ...(filter === undefined ? [] : ["--filter", filter])];
  const [program, ...words] = [...inside, process.execPath, MAIN, ...args, ...more];
  const watch = spawn(program, words);
  const { printed, said } = textsOf(watch);
  const ended = once(watch, "close");
  try {
    const found = () => exchangesOf(printed()).find(wanted);
    const limit = performance.now() + WATCH_MS;
    while (found() === undefined && watch.exitCode === null && performance.now() < limit) {
      const [asks, ...words] = [...inside, "curl", "-s", "-o", "/dev/null", `http://${host}:${port}/`];
      spawnSync(asks, words, { timeout: 5_000 }); // the server may not listen yet
      if (printed().includes('"transaction"')) await meanwhile?.();
      await sleep(50);
    }
    if (found() === undefined) {
      throw new Error(`not seen: ${said()}${JSON.stringify(exchangesOf(printed()).at(-1)?.process)}`);
    }
    watch.kill("SIGINT");
    await ended;
    return { event: found()!, said: said() };
  } finally {
    watch.kill("SIGKILL");
    await ended;
  }
}

const named = (info: ProcessInfo | null) => info?.container?.name !== undefined;
const atServer = ({ process }: TransactionEvent) => named(process.server);
const server = (port: number, host = "127.0.0.1") => ["/bin/httpd", "-f", "-p", `${host}:${port}`, "-h", "/www"];
const hexId = () => randomBytes(32).toString("hex");

describe.each(["v1", "v2"] as const)("control groups %s", (cgroups) => {
  const here = cgroupsHere(cgroups) ? "" : `no control groups ${cgroups} here`;

  const noCri = here || why("containerd", "runc", "ctr", "curl");
  test.skipIf(noCri !== "")(
    titled("a pod of containerd's CRI, at both ends, and a container beside Kubernetes", noCri),
    async () => {
      const lab = new RuntimeLab();
      try {
        const { runc } = await containers.startContainerd(lab, cgroups);
        for (const namespace of ["k8s.io", "default"]) {
          containers.ctr(lab, namespace, "images", "import", "--snapshotter", "native", lab.image);
        }
        const port = await freePort();
        const wish = { name: "shop-0", namespace: "prod", uid: randomUUID() };
        const pod = new CriPod(lab.socket, {
          ...wish,
          labels: { tier: "front", app: "shop", "db-password": "hunter2" },
        });
        await pod.start();
        const web = await pod.container("web", IMAGE, server(port));
        const often = `while :; do wget -q -O /dev/null http://127.0.0.1:${port}/; sleep 0.2; done`;
        const loader = await pod.container("loader", IMAGE, ["/bin/sh", "-c", often]);

        const labelled = (info: ProcessInfo | null) => named(info) && info?.pod?.labels !== undefined;
        const both = ({ process }: TransactionEvent) => labelled(process.client) && labelled(process.server);
        const { event, said } = await watched({ port, socket: lab.socket, wanted: both });
        const inPod = { ...wish, labels: { app: "shop", "db-password": "<redacted:7>", tier: "front" } };
        const { client, server: serving } = event.process;
        expect(serving).toMatchObject({
          comm: "httpd",
          container: { id: web, runtime: "containerd", name: "web", image: IMAGE },
          pod: inPod,
        });
        expect(client).toMatchObject({
          comm: "wget",
          container: { id: loader, runtime: "containerd", name: "loader", image: IMAGE },
          pod: inPod,
        });
        // other tests may have containers, too
        expect(said).toMatch(/[2-9] of \d+ containers named \(.*runtime\.sock/);

        // a container that lives for one request was asked about while it was made
        const one = (number: number) => ["/bin/wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${port}/job${number}`];
        let jobs = 0;
        const ofJob = ({ request, process }: TransactionEvent) =>
          request?.path?.startsWith("/job") === true && labelled(process.client);
        const filter = "server.pod.label.app == shop and server.container.name == web";
        const meanwhile = async () => {
          if (jobs < 3) await pod.container(`job${++jobs}`, IMAGE, one(jobs));
        };
        const job = await watched({ port, socket: lab.socket, wanted: ofJob, meanwhile, filter });
        expect(job.event.process.client?.pod).toEqual(inPod);

        // nerdctl makes ids of hexadecimal digits and writes a name beside them; with `ctr` one takes any id
        const beside = async (id: string, ...label: string[]) => {
          const second = await freePort();
          const given = [
            "--runc-binary",
            runc,
            "--snapshotter",
            "native",
            "--net-host",
            "--null-io",
            ...label,
            IMAGE,
            id,
          ];
          run("ctr", "--address", lab.socket, "run", "--detach", ...given, ...server(second));
          const wanted = ({ process }: TransactionEvent) => process.server?.container?.image !== undefined;
          const { process } = (await watched({ port: second, socket: lab.socket, wanted })).event;
          expect(process.server?.pod).toBeUndefined();
          return process.server?.container;
        };
        const id = hexId();
        const known = { runtime: "containerd", image: IMAGE };
        expect(await beside(id, "--label", "nerdctl/name=db")).toEqual({ ...known, id, name: "db" });
        expect(await beside("my-shop.1")).toEqual({ ...known, id: "my-shop.1" });
      } finally {
        await lab.stop();
      }
    },
    TEST_MS,
  );

  const noDocker = here || why("dockerd", "docker", "containerd", "runc", "curl");
  test.skipIf(noDocker !== "")(
    titled("a container of docker", noDocker),
    async () => {
      const lab = new RuntimeLab();
      try {
        const quiet = [
          "--bridge=none",
          "--iptables=false",
          "--ip6tables=false",
          "--ip-masq=false",
          "--storage-driver=vfs",
        ];
        const places = [
          `--data-root=${lab.path("data")}`,
          `--exec-root=${lab.path("exec")}`,
          `--pidfile=${lab.path("pid")}`,
        ];
        await lab.start(cgroups, "dockerd", `--host=unix://${lab.socket}`, ...places, ...quiet);
        await until(() => lab.log().includes("API listen on"), 15_000);
        const docker = (...args: string[]) => run("docker", `--host=unix://${lab.socket}`, ...args);
        docker("load", "--quiet", "--input", lab.image);
        const port = await freePort();
        const id = docker("run", "--detach", "--name=web", "--network=host", IMAGE, ...server(port)).trim();
        const { event, said } = await watched({ port, socket: lab.socket, wanted: atServer });
        expect(event.process.server?.container).toEqual({ id, runtime: "docker", name: "web", image: IMAGE });
        expect(said).toMatch(/\d of \d+ containers named \(.*runtime\.sock/);
      } finally {
        await lab.stop();
      }
    },
    TEST_MS,
  );

  const noPodman = here || why("podman", "conmon", "runc", "curl");
  test.skipIf(noPodman !== "")(
    titled("a container of podman, by its service and by its files", noPodman),
    async () => {
      const lab = new RuntimeLab();
      try {
        const storage = containers.folderIn(lab, "var/lib/containers/storage");
        const state = containers.folderIn(lab, "run/containers/storage");
        const places = ["--root", storage, "--runroot", state, "--tmpdir", lab.path("tmp")];
        const kind = ["--cgroup-manager=cgroupfs", "--runtime=runc", "--storage-driver=vfs", "--events-backend=file"];
        await lab.start(cgroups, "podman", ...places, ...kind, "system", "service", "--time=0", `unix://${lab.socket}`);
        const podman = (...args: string[]) => run("podman", `--url=unix://${lab.socket}`, ...args);
        podman("load", "--quiet", "--input", lab.image);
        const port = await freePort();
        const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--pids-limit=-1"];
        const started = ["run", "--detach", "--name=web", "--network=host", ...limits, IMAGE, ...server(port)];
        const id = podman(...started).trim();
        const { event } = await watched({ port, socket: lab.socket, wanted: atServer });
        const known = { runtime: "podman", name: "web", image: IMAGE };
        expect(event.process.server?.container).toEqual({ id, ...known });

        const names = new RuntimeNames({ root: lab.folder, sockets: [lab.path("no.sock")] });
        const byFiles = await new Promise((told) => names.lookup({ container: { id, runtime: null } }, told));
        names.close();
        expect(byFiles).toEqual(known);
      } finally {
        await lab.stop();
      }
    },
    TEST_MS,
  );
});

const noNetwork = why("containerd", "runc", "ctr", "curl") || containers.noPodNetwork();
test.skipIf(noNetwork !== "")(
  titled("a pod with a network of its own, as server and as client", noNetwork),
  async () => {
    const lab = new RuntimeLab();
    try {
      lab.isolate();
      await containers.startContainerd(lab, cgroupsHere("v1") ? "v1" : "v2");
      containers.ctr(lab, "k8s.io", "images", "import", "--snapshotter", "native", lab.image);
      const wish = { name: "shop-0", namespace: "prod", uid: randomUUID(), labels: { app: "shop" } };
      const pod = new CriPod(lab.socket, { ...wish, ownNetwork: true });
      await pod.start();
      const web = await pod.container("web", IMAGE, server(80, "0.0.0.0"));
      const node = new CriPod(lab.socket, { ...wish, name: "node", uid: randomUUID(), ownNetwork: false });
      await node.start();
      await node.container("api", IMAGE, server(80, containers.NODE));
      const often = `while :; do wget -q -O /dev/null http://${containers.NODE}/; sleep 0.2; done`;
      const loader = await pod.container("loader", IMAGE, ["/bin/sh", "-c", often]);

      const both = { port: 80, socket: lab.socket, host: await pod.address(), inside: lab.inside };
      const labelled = (info: ProcessInfo | null) => info?.pod?.labels !== undefined;
      const asServer = await watched({
        ...both,
        wanted: ({ process }) => labelled(process.server) && !process.client?.pod,
      });
      expect(asServer.event.process).toMatchObject({
        client: { comm: "curl" },
        server: { comm: "httpd", container: { id: web, name: "web", image: IMAGE }, pod: wish },
      });
      const asClient = await watched({ ...both, wanted: ({ process }) => labelled(process.client) });
      expect(asClient.event.process).toMatchObject({
        client: { comm: "wget", container: { id: loader, name: "loader", image: IMAGE }, pod: wish },
        server: { comm: "httpd", container: { name: "api" }, pod: { name: "node" } },
      });
    } finally {
      await lab.stop();
    }
  },
  TEST_MS,
);

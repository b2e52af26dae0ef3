/**
 * Real container runtimes for tests, each in a folder, a mount namespace and a pid namespace of its own: when its first
 * process is killed, all its containers and mounts are gone; the control groups it made are removed behind it. Images come
 * from container-image.ts, never from a registry, and containers share the network of the test.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GrpcConnection } from "../../src/enrich/container/grpc-call.ts";
import { type Encodable, encode, Message } from "../../src/enrich/container/protobuf.ts";
import { staticBusybox, writeImage } from "./container-image.ts";
import { installed, isRoot, until } from "./process-lab.ts";

export const IMAGE = "localhost/shop-web:1.4";
const PAUSE = "localhost/pause:1";
/** Where Debian's containernetworking-plugins are. */
const CNI = "/usr/lib/cni";
/** The node's address as its pods see it. */
export const NODE = "10.99.7.1";
const READY_MS = 15_000;
const CALL_MS = 15_000;

export type Cgroups = "v1" | "v2";

/** Why the lab cannot be set up with these programs; empty when it can. */
export function missing(...programs: readonly string[]): string {
  if (!isRoot) return "needs root";
  if (staticBusybox() === undefined) return "needs busybox-static";
  const absent = ["setpriv", "unshare", "tar", ...programs].filter((program) => !installed(program));
  return absent.length === 0 ? "" : `needs ${absent.join(", ")}`;
}

/** Why pods cannot have a network of their own; empty when they can. */
export function noPodNetwork(): string {
  const plugins = ["ptp", "host-local", "loopback"].every((name) => existsSync(join(CNI, name)));
  return plugins ? missing("ip", "nsenter") : "needs containernetworking-plugins";
}

/** Whether containers can be put under this version of control groups here. */
export function cgroupsHere(version: Cgroups): boolean {
  if (version === "v2") return readFileSync("/proc/filesystems", "utf8").includes("cgroup2");
  return existsSync("/sys/fs/cgroup/memory") || existsSync("/sys/fs/cgroup/cpu");
}

export class RuntimeLab {
  /** podman takes no more than 50 characters, so it is not in the folder of the test run. One lab at a time. */
  readonly folder = join(process.env["EARSHOT_TEST_OUTER"] ?? tmpdir(), `earshot-rt-${process.pid}`);
  readonly socket = join(this.folder, "runtime.sock");
  readonly image = join(this.folder, "image.tar");
  private readonly cgroupsBefore = new Set(cgroupFolders());
  private child: ChildProcess | null = null;
  private isolated = false;

  constructor() {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { mode: 0o700 });
    writeImage(this.image, [PAUSE, IMAGE]);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Gives the lab a network of its own from the start; `inside` goes before commands that are to run there. */
  isolate(): void {
    this.isolated = true;
  }

  get inside(): readonly string[] {
    if (!this.isolated) return [];
    const { pid } = this.child!;
    const first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return ["nsenter", `--net=/proc/${first}/ns/net`];
  }

  /** Starts a runtime's daemon and waits for its socket. */
  async start(cgroups: Cgroups, program: string, ...args: readonly string[]): Promise<void> {
    const log = openSync(this.path("log"), "w");
    // what a runtime writes elsewhere than it is told is in /run
    const unified = cgroups === "v2" ? "mount -t cgroup2 none /sys/fs/cgroup && " : "";
    const mount = `mount -t tmpfs none /run && ${unified}${this.isolated ? "ip link set lo up && " : ""}`;
    const namespaces = [
      ...(this.isolated ? ["--net"] : []),
      "--mount",
      "--propagation",
      "private",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
    ];
    // also when the test itself is killed
    const tied = ["--pdeathsig", "KILL", "unshare"];
    this.child = spawn("setpriv", [...tied, ...namespaces, "sh", "-c", `${mount}exec "$0" "$@"`, program, ...args], {
      stdio: ["ignore", log, log],
      cwd: this.folder,
    });
    const ended = once(this.child, "exit").then(() => {
      throw new Error(`${program} ended: ${this.log().slice(-2_000)}`);
    });
    ended.catch(() => {});
    await Promise.race([ended, until(() => existsSync(this.socket), READY_MS)]);
  }

  log(): string {
    return readFileSync(this.path("log"), "utf8");
  }

  async stop(): Promise<void> {
    if (this.child !== null && this.child.exitCode === null) {
      this.child.kill("SIGKILL");
      await once(this.child, "exit").catch(() => {});
    }
    // the kernel empties them a moment after the last process
    const gone = () => {
      const made = cgroupFolders().filter((path) => !this.cgroupsBefore.has(path));
      for (const path of made.reverse()) removeFolder(path);
      return cgroupFolders().every((path) => this.cgroupsBefore.has(path));
    };
    await until(gone, 5_000).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // somebody is still in it
  }
}

/** Control groups that containers live in, parents first. */
function cgroupFolders(): string[] {
  const hierarchies = readdirSync("/sys/fs/cgroup", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const roots = ["/sys/fs/cgroup", ...hierarchies.map(({ name }) => `/sys/fs/cgroup/${name}`)];
  return roots.flatMap((root) =>
    ["kubepods", "default", "docker", "libpod_parent"].flatMap((name) => below(`${root}/${name}`)),
  );
}

function below(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...inside.flatMap(({ name }) => below(join(folder, name)))];
}

/**
 * containerd with its CRI; pods can share the host's network, or have one of their own if the lab has. Gives the runc that
 * works there.
 */
export async function startContainerd(lab: RuntimeLab, cgroups: Cgroups): Promise<{ runc: string }> {
  const runc = cgroups === "v2" ? runcWithoutLimits(lab) : "runc";
  const config = `version = 2
root = "${lab.path("root")}"
state = "${lab.folder}"
[grpc]
  address = "${lab.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  disable_tcp_service = true
  stream_server_port = "0"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "${runc}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI}"
    conf_dir = "${folderIn(lab, "cni")}"
`;
  const ipam = {
    type: "host-local",
    subnet: "10.99.7.0/24",
    dataDir: lab.path("ipam"),
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const network = { cniVersion: "0.4.0", name: "lab", plugins: [{ type: "ptp", ipam }] };
  writeFileSync(lab.path("cni/10-lab.conflist"), JSON.stringify(network));
  writeFileSync(lab.path("config.toml"), config);
  await lab.start(cgroups, "containerd", "-c", lab.path("config.toml"));
  await until(() => lab.log().includes("containerd successfully booted"), READY_MS);
  return { runc };
}

/** Where v1 has taken the controllers, v2 has none to set the limits with that containerd wants for every pod. */
function runcWithoutLimits(lab: RuntimeLab): string {
  const path = lab.path("runc-without-limits");
  const script = `#!${process.execPath}
const { readFileSync, writeFileSync } = require("node:fs");
const { spawnSync } = require("node:child_process");
const args = process.argv.slice(2);
if (args.includes("create")) {
  const path = args[args.indexOf("--bundle") + 1] + "/config.json";
  const config = JSON.parse(readFileSync(path, "utf8"));
  config.linux.resources = { devices: config.linux.resources.devices };
  writeFileSync(path, JSON.stringify(config));
}
process.exit(spawnSync("runc", args, { stdio: "inherit" }).status ?? 1);
`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}

/** `ctr` of containerd's own. */
export function ctr(lab: RuntimeLab, namespace: string, ...args: readonly string[]): string {
  return run("ctr", "--address", lab.socket, "--namespace", namespace, ...args);
}

export function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", timeout: CALL_MS, stdio: ["ignore", "pipe", "pipe"] });
}

export interface PodWish {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ownNetwork?: boolean;
}

/** A pod made by the CRI, as the kubelet makes it. */
export class CriPod {
  private readonly socket: string;
  private readonly config: Encodable;
  private sandbox = "";

  constructor(socket: string, { name, namespace, uid, labels, ownNetwork = false }: PodWish) {
    this.socket = socket;
    const network = ownNetwork ? 0 : 2; // NamespaceMode POD or NODE
    this.config = {
      1: { 1: name, 2: uid, 3: namespace },
      6: Object.entries(labels).map(([key, value]) => ({ 1: key, 2: value })),
      8: { 1: `/kubepods/besteffort/pod${uid}`, 2: { 1: { 1: network, 2: 1, 3: 1 } } },
    };
  }

  async start(): Promise<void> {
    this.sandbox = (await this.call("RunPodSandbox", { 1: this.config })).text(1);
  }

  /** Of the pod in its own network. */
  async address(): Promise<string> {
    const status = await this.call("PodSandboxStatus", { 1: this.sandbox });
    return status.message(1)?.message(5)?.text(1) ?? "";
  }

  /** Gives the container's id. */
  async container(name: string, image: string, command: readonly string[]): Promise<string> {
    const [program, ...args] = command;
    const container = { 1: { 1: name }, 2: { 1: image }, 3: [program], 4: args, 15: {} };
    const created = await this.call("CreateContainer", { 1: this.sandbox, 2: container, 3: this.config });
    const id = created.text(1);
    await this.call("StartContainer", { 1: id });
    return id;
  }

  private async call(method: string, request: Encodable): Promise<Message> {
    const connection = new GrpcConnection(this.socket, CALL_MS);
    // the connection does not keep the program alive
    const awake = setInterval(() => {}, 1_000);
    try {
      return new Message(await connection.call(`/runtime.v1.RuntimeService/${method}`, encode(request)));
    } finally {
      clearInterval(awake);
      connection.close();
    }
  }
}

export function folderIn(lab: RuntimeLab, path: string): string {
  mkdirSync(lab.path(path), { recursive: true });
  return lab.path(path);
}

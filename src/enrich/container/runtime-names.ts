/**
 * Name and image of a container, and the pod it belongs to, from what its runtime shows on this host: the Docker API
 * (docker and podman) over their sockets, and the files that containerd, cri-o and docker keep about a running container.
 * Asynchronous, cached, bounded: capture never waits for it, and a runtime that does not answer is not asked again soon.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { request } from "node:http";
import type { ContainerInfo, PodInfo } from "../../core/process.ts";

const MAX_CACHED = 2_048;
const MAX_RUNNING = 4;
const MAX_ANSWER_BYTES = 1 << 20;
const TIMEOUT_MS = 2_000;
const RETRY_MS = 30_000;

const SOCKETS = ["/var/run/docker.sock", "/run/podman/podman.sock"];
const TASKS = ["/run/containerd/io.containerd.runtime.v2.task", "/run/k3s/containerd/io.containerd.runtime.v2.task"];
const STORAGES = ["/run/containers/storage", "/var/lib/containers/storage"];

export interface RuntimeAnswer {
  readonly runtime: string | null;
  readonly name?: string;
  readonly image?: string;
  readonly pod?: PodInfo;
}

interface Known {
  answer: RuntimeAnswer | null;
  /** When a null answer may be asked for again (ms, monotonic). */
  retryAt: number;
  waiting: ((answer: RuntimeAnswer) => void)[] | null;
}

export class RuntimeNames {
  private readonly known = new Map<string, Known>();
  private readonly root: string;
  private running = 0;

  /** `root` is put before every path (tests). */
  constructor(root = "") {
    this.root = root;
  }

  /** Calls `tell`, now or later, when the runtime knows the container. */
  lookup(container: ContainerInfo, tell: (answer: RuntimeAnswer) => void): void {
    const known = this.known.get(container.id);
    if (known?.answer) tell(known.answer);
    else if (known?.waiting) known.waiting.push(tell);
    else if (this.running < MAX_RUNNING && (known === undefined || performance.now() > known.retryAt)) {
      this.start(container, tell);
    }
  }

  private start(container: ContainerInfo, tell: (answer: RuntimeAnswer) => void): void {
    const entry: Known = { answer: null, retryAt: 0, waiting: [tell] };
    if (this.known.size >= MAX_CACHED) this.known.delete(this.known.keys().next().value!);
    this.known.set(container.id, entry);
    this.running++;
    this.ask(container.id).then((answer) => {
      this.running--;
      entry.answer = answer;
      entry.retryAt = performance.now() + RETRY_MS;
      const waiting = entry.waiting ?? [];
      entry.waiting = null;
      if (answer !== null) for (const one of waiting) one(answer);
    });
  }

  private async ask(id: string): Promise<RuntimeAnswer | null> {
    for (const path of await this.bundles(id)) {
      const answer = fromBundle(await readJson(path));
      if (answer !== null) return answer;
    }
    for (const socket of SOCKETS) {
      const answer = fromInspection(await askSocket(this.root + socket, `/containers/${id}/json`), socket);
      if (answer !== null) return answer;
    }
    return fromInspection(await readJson(`${this.root}/var/lib/docker/containers/${id}/config.v2.json`), "docker");
  }

  /** OCI configurations of a running container, where containerd, cri-o and podman keep them. */
  private async bundles(id: string): Promise<string[]> {
    const paths: string[] = [];
    for (const task of TASKS) {
      const spaces = await readdir(this.root + task).catch(() => []);
      paths.push(...spaces.map((space) => `${this.root}${task}/${space}/${id}/config.json`));
    }
    return [...paths, ...STORAGES.map((path) => `${this.root}${path}/overlay-containers/${id}/userdata/config.json`)];
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    if ((await stat(path)).size > MAX_ANSWER_BYTES) return null;
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return null;
  }
}

function askSocket(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, timeout: TIMEOUT_MS, headers: { Host: "localhost" } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > MAX_ANSWER_BYTES) asked.destroy();
      });
      response.on("end", () => resolve(response.statusCode === 200 ? parse(body) : null));
      response.on("close", () => resolve(null));
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(null));
    asked.end();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

type Plain = Readonly<Record<string, unknown>>;

function plain(value: unknown): Plain {
  return typeof value === "object" && value !== null ? (value as Plain) : {};
}

const textOf = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

/** Annotations that the runtimes put into the OCI configuration for Kubernetes. */
function fromBundle(config: unknown): RuntimeAnswer | null {
  const notes = plain(plain(config)["annotations"]);
  const first = (...keys: string[]) => keys.map((key) => textOf(notes[key])).find((found) => found !== undefined);
  const name = first("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name");
  const image = first("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName", "nerdctl/image-ref");
  const pod = podOf(
    first("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"),
    first("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
    first("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"),
  );
  if (name === undefined && image === undefined && pod === undefined) return null;
  const crio = Object.keys(notes).some((key) => key.startsWith("io.kubernetes.cri-o."));
  const containerd = Object.keys(notes).some(
    (key) => key.startsWith("io.kubernetes.cri.") || key.startsWith("nerdctl/"),
  );
  return answerOf(crio ? "cri-o" : containerd ? "containerd" : null, name, image, pod);
}

/** What `docker inspect` shows. */
function fromInspection(value: unknown, source: string): RuntimeAnswer | null {
  const inspection = plain(value);
  const config = plain(inspection["Config"]);
  const labels = plain(config["Labels"]);
  const name = textOf(inspection["Name"])?.replace(/^\//, "");
  const image = textOf(config["Image"]);
  if (name === undefined && image === undefined) return null;
  const pod = podOf(
    textOf(labels["io.kubernetes.pod.uid"]),
    textOf(labels["io.kubernetes.pod.name"]),
    textOf(labels["io.kubernetes.pod.namespace"]),
  );
  return answerOf(source.includes("podman") ? "podman" : "docker", name, image, pod);
}

function podOf(uid?: string, name?: string, namespace?: string): PodInfo | undefined {
  if (uid === undefined) return undefined;
  return { uid, ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) };
}

function answerOf(runtime: string | null, name?: string, image?: string, pod?: PodInfo): RuntimeAnswer {
  return {
    runtime,
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
    ...(pod === undefined ? {} : { pod }),
  };
}

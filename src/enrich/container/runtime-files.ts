/**
 * What runtimes keep in files about a running container: the OCI configuration of containerd, cri-o and podman with the
 * annotations in it, docker's own file, and the list of containers of containers/storage (podman without its service).
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fromInspection } from "./inspection.ts";
import { type Plain, parseJson, plain } from "./json.ts";
import { type Asked, answerOf, merge, type NameSource, podOf, type RuntimeAnswer, textOf } from "./runtime-answer.ts";
import { MAX_ANSWER_BYTES } from "./source-trouble.ts";

const STATES = ["/run/containerd", "/run/k3s/containerd", "/run/k0s/containerd", "/run/docker/containerd/daemon"];
const TASKS = "io.containerd.runtime.v2.task";
const STORAGES = ["/run/containers/storage", "/var/lib/containers/storage"];
const DRIVERS = ["overlay", "vfs", "btrfs", "zfs"];
const MAX_NAMESPACES = 32;

export class RuntimeFiles implements NameSource {
  readonly place = "files of the runtime";
  private readonly root: string;
  /** Where containerd keeps what runs: a folder for each of its namespaces, and in it one for each container. */
  readonly tasks: readonly string[];
  /** The same of cri-o and podman, without namespaces. */
  readonly storages: readonly string[];

  /** `root` is put before the usual paths (tests); sockets that somebody named have their runtime's state beside them. */
  constructor(root = "", sockets: readonly string[] = []) {
    this.root = root;
    this.tasks = [...STATES.map((path) => root + path), ...sockets.map((path) => dirname(path))].map((path) =>
      join(path, TASKS),
    );
    this.storages = STORAGES.flatMap((path) => DRIVERS.map((driver) => `${root}${path}/${driver}-containers`));
  }

  async ask({ id }: Asked): Promise<RuntimeAnswer | null> {
    for (const path of await this.bundles(id)) {
      const found = fromBundle(await readJson(path));
      if (found !== null) return merge(found, await this.stored(id));
    }
    const stored = await this.stored(id);
    return (
      stored ?? fromInspection(await readJson(`${this.root}/var/lib/docker/containers/${id}/config.v2.json`), "docker")
    );
  }

  /** OCI configurations of a running container, where containerd, cri-o and podman keep them. */
  private async bundles(id: string): Promise<string[]> {
    const paths: string[] = [];
    for (const task of this.tasks) {
      const spaces = await readdir(task).catch(() => []);
      paths.push(...spaces.slice(0, MAX_NAMESPACES).map((space) => `${task}/${space}/${id}/config.json`));
    }
    return [...paths, ...this.storages.map((path) => `${path}/${id}/userdata/config.json`)];
  }

  private async stored(id: string): Promise<RuntimeAnswer | null> {
    for (const path of this.storages) {
      const found = fromStorage(await readJson(`${path}/containers.json`), id);
      if (found !== null) return found;
    }
    return null;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    const found = await stat(path);
    if (!found.isFile() || found.size > MAX_ANSWER_BYTES) return null;
    return parseJson(await readFile(path, "utf8"));
  } catch {
    return null;
  }
}

/** Annotations that the runtimes put into the OCI configuration. */
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
  return answerOf(runtimeOf(notes), name, image, pod);
}

function runtimeOf(notes: Plain): string | null {
  const keys = Object.keys(notes);
  if (keys.some((key) => key.startsWith("io.kubernetes.cri-o."))) return "cri-o";
  const containerd = keys.some((key) => key.startsWith("io.kubernetes.cri.") || key.startsWith("nerdctl/"));
  return containerd ? "containerd" : null;
}

/** containers/storage's list: cri-o's names are made of many parts, and stand in the bundle as they were given. */
function fromStorage(list: unknown, id: string): RuntimeAnswer | null {
  if (!Array.isArray(list)) return null;
  const found = plain(list.find((one) => plain(one)["id"] === id));
  const metadata = plain(parseJson(textFrom(found["metadata"])));
  const image = textOf(metadata["image-name"]);
  if (image === undefined) return null;
  const ofPod = textOf(metadata["pod-name"]) !== undefined;
  const name = ofPod
    ? textOf(metadata["container-name"])
    : (textOf(plain(found["names"])[0]) ?? textOf(metadata["name"]));
  return answerOf(ofPod ? "cri-o" : "podman", name, image);
}

const textFrom = (value: unknown) => (typeof value === "string" ? value : "");

/**
 * What runtimes keep in files about a running container: the OCI configuration of containerd, cri-o and podman with the
 * annotations in it, docker's own file, and the list of containers of containers/storage (podman without its service).
 */
import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
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

/** Folders and files to look into; those that are not there are left out when asked. */
export interface FilePlaces {
  /** Where containerd keeps what runs: a folder for each of its namespaces, and in it one for each container. */
  readonly tasks: readonly string[];
  /** The same of cri-o and podman, without namespaces, and with a list of all. */
  readonly storages: readonly string[];
  /** Docker's: a folder for each container. */
  readonly inspections: readonly string[];
}

/** `root` is put before the usual paths (tests); sockets that somebody named have their runtime's state beside them. */
export function hostPlaces(root = "", sockets: readonly string[] = []): FilePlaces {
  const states = [...STATES.map((path) => root + path), ...sockets.map((path) => dirname(path))];
  return {
    tasks: states.map((path) => join(path, TASKS)),
    storages: STORAGES.flatMap((path) => storagesIn(root + path)),
    inspections: [`${root}/var/lib/docker/containers`],
  };
}

/** In a folder of containers/storage. */
export function storagesIn(folder: string): string[] {
  return DRIVERS.map((driver) => `${folder}/${driver}-containers`);
}

export class RuntimeFiles implements NameSource {
  readonly place = "files of the runtime";
  readonly places: FilePlaces;

  constructor(places: FilePlaces) {
    this.places = places;
  }

  async ask({ id }: Asked): Promise<RuntimeAnswer | null> {
    for (const path of await this.bundles(id)) {
      const found = fromBundle(await readJson(path));
      if (found !== null) return merge(found, await this.stored(id));
    }
    let stored = await this.stored(id);
    for (const path of this.places.inspections) {
      stored ??= fromInspection(await readJson(`${path}/${id}/config.v2.json`), "docker");
    }
    return stored;
  }

  /** OCI configurations of a running container, where containerd, cri-o and podman keep them. */
  private async bundles(id: string): Promise<string[]> {
    const paths: string[] = [];
    for (const task of this.places.tasks) {
      const spaces = await readdir(task).catch(() => []);
      paths.push(...spaces.slice(0, MAX_NAMESPACES).map((space) => `${task}/${space}/${id}/config.json`));
    }
    return [...paths, ...this.places.storages.map((path) => `${path}/${id}/userdata/config.json`)];
  }

  private async stored(id: string): Promise<RuntimeAnswer | null> {
    for (const path of this.places.storages) {
      const found = fromStorage(await readJson(`${path}/containers.json`), id);
      if (found !== null) return found;
    }
    return null;
  }
}

async function readJson(path: string): Promise<unknown> {
  return parseJson((await readUntrusted(path)) ?? "");
}

/** A file that anybody may have put there: no link, no pipe that would never end, nothing long; null for all of that. */
export async function readUntrusted(path: string): Promise<string | null> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const found = await file.stat();
    return found.isFile() && found.size <= MAX_ANSWER_BYTES ? await file.readFile("utf8") : null;
  } catch {
    return null;
  } finally {
    await file?.close();
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

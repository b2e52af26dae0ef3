/**
 * What a container runtime, or the kubelet, told of one container: made of untrusted texts, so each is bounded here. What
 * was not told is absent. `merge` puts two answers together, the better first.
 */
import type { PodInfo } from "../../core/process.ts";

export interface RuntimeAnswer {
  readonly runtime: string | null;
  readonly name?: string;
  readonly image?: string;
  readonly pod?: PodInfo;
}

/** A container somebody asks about. */
export interface Asked {
  readonly id: string;
  /** From the cgroup path; null outside of Kubernetes. */
  readonly podUid: string | null;
  /** The user in whose slice it runs. */
  readonly userId?: number;
}

/** A container that somebody may have named himself. */
export interface PathAsked {
  /** Of containerd. */
  readonly namespace: string;
  readonly id: string;
  readonly cgroup: string;
}

/** A place that knows containers. */
export interface NameSource {
  /** For people: `containerd at /run/…`. */
  readonly place: string;
  /** null when it does not know the container. Rejects with a SourceTrouble when it could not be asked. */
  ask(asked: Asked): Promise<RuntimeAnswer | null>;
  /** null when no container of this namespace and id has this control group. */
  askPath?(asked: PathAsked): Promise<RuntimeAnswer | null>;
  /** All running containers by their ids, for the start: so that the first exchange of each has its name already. */
  list?(): Promise<Answers>;
}

export type Answers = ReadonlyMap<string, RuntimeAnswer>;

const MAX_TEXT = 512;
/** Kubernetes allows a label 317 octets of name and 63 of value; annotations are not taken. */
const MAX_LABELS = 64;

/** Labels of a sandbox or container that only repeat what the answer says elsewhere. */
const REPEATED = /^io\.kubernetes\.(?:pod|container)\./;

/** A text worth keeping: not empty, and of a sane length; control characters never come out. */
export function textOf(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  return value.slice(0, MAX_TEXT).replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** A pod without uid is none. */
export function podOf(
  uid?: string,
  name?: string,
  namespace?: string,
  labels?: PodInfo["labels"],
): PodInfo | undefined {
  if (uid === undefined) return undefined;
  return {
    uid,
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
  };
}

export function answerOf(runtime: string | null, name?: string, image?: string, pod?: PodInfo): RuntimeAnswer {
  return {
    runtime,
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image }),
    ...(pod === undefined ? {} : { pod }),
  };
}

/** Labels in the order of their names, at most 64; the runtime's own left out. */
export function labelsOf(entries: Iterable<readonly [string, unknown]>): Readonly<Record<string, string>> {
  const labels: [string, string][] = [];
  for (const [name, value] of entries) {
    if (labels.length >= MAX_LABELS) break;
    const shown = textOf(name);
    if (shown === undefined || typeof value !== "string" || REPEATED.test(shown)) continue;
    labels.push([shown, textOf(value) ?? ""]);
  }
  labels.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(labels); // defines `__proto__` as a key like any other
}

/** An image as its digest or number only, as Kubernetes hands it to the runtime. */
export function isBareDigest(image: string): boolean {
  return /^(?:sha256:)?[0-9a-f]{64}$/.test(image);
}

/** Both together; where both tell, the better counts, but an image with a name before a digest. */
export function merge(better: RuntimeAnswer | null, other: RuntimeAnswer | null): RuntimeAnswer | null {
  if (better === null || other === null) return better ?? other;
  const digest = better.image !== undefined && isBareDigest(better.image);
  const image = digest ? (other.image ?? better.image) : (better.image ?? other.image);
  // a pod of another uid is another pod: nothing is mixed
  const same = better.pod?.uid === other.pod?.uid;
  const pod = same && better.pod ? { ...other.pod, ...better.pod } : (better.pod ?? other.pod);
  return answerOf(better.runtime ?? other.runtime, better.name ?? other.name, image, pod);
}

/** Nothing is left to ask for. */
export function isComplete(answer: RuntimeAnswer | null, asked: Asked): boolean {
  if (answer?.name === undefined || answer.image === undefined || isBareDigest(answer.image)) return false;
  return asked.podUid === null && answer.pod === undefined ? true : answer.pod?.labels !== undefined;
}

/**
 * The kubelet's answer to `/pods`, a v1.PodList as JSON of possibly many megabytes: cut into its pods while it comes in, so
 * that only one is held and parsed at a time and packets wait for none. Pure.
 */

import type { PodInfo } from "../../core/process.ts";
import { type Plain, parseJson, plain } from "./json.ts";
import { labelsOf, podOf, textOf } from "./runtime-answer.ts";

/** etcd allows an object 1.5 MiB. */
const MAX_POD_BYTES = 2 << 20;
const MAX_PODS = 1_024;
const MAX_CONTAINERS = 64;

/** Nesting at which a pod begins: the list, its `items`, the pod. */
const POD_DEPTH = 3;

export interface KubeletPod {
  /** As in cgroup paths: a static pod goes by the hash of its configuration. */
  readonly uids: readonly string[];
  readonly info: PodInfo;
  /** By container id. */
  readonly containers: ReadonlyMap<string, { readonly name?: string; readonly image?: string }>;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENERS = new Set([0x7b, 0x5b]);
const CLOSERS = new Set([0x7d, 0x5d]);

export class PodListReader {
  readonly pods: KubeletPod[] = [];
  private depth = 0;
  private inText = false;
  private escaped = false;
  private held: Buffer[] = [];
  private heldBytes = 0;

  /** True when the list was read to its end. */
  get complete(): boolean {
    return this.started && this.depth === 0;
  }

  private started = false;

  /** False when it is no list of pods that is worth going on with. */
  push(chunk: Buffer): boolean {
    let from = this.depth >= POD_DEPTH ? 0 : -1;
    for (let at = 0; at < chunk.length; at++) {
      const octet = chunk[at];
      if (this.inText) {
        if (this.escaped) this.escaped = false;
        else if (octet === BACKSLASH) this.escaped = true;
        else if (octet === QUOTE) this.inText = false;
      } else if (octet === QUOTE) this.inText = true;
      else if (OPENERS.has(octet)) {
        this.started = true;
        if (++this.depth === POD_DEPTH) from = at;
      } else if (CLOSERS.has(octet)) {
        if (this.depth === POD_DEPTH && !this.end(chunk.subarray(from, at + 1))) return false;
        if (this.depth === POD_DEPTH) from = -1;
        this.depth--;
        if (this.depth < 0) return false;
      }
    }
    return from < 0 || this.hold(chunk.subarray(from));
  }

  private hold(part: Buffer): boolean {
    this.heldBytes += part.length;
    this.held.push(part);
    return this.heldBytes <= MAX_POD_BYTES;
  }

  private end(last: Buffer): boolean {
    if (!this.hold(last) || this.pods.length >= MAX_PODS) return false;
    const pod = readPod(plain(parseJson(Buffer.concat(this.held).toString("utf8"))));
    if (pod !== null) this.pods.push(pod);
    this.held = [];
    this.heldBytes = 0;
    return true;
  }
}

/** null for what has no uid: also for what stands at a pod's depth and is none. */
function readPod(pod: Plain): KubeletPod | null {
  const metadata = plain(pod["metadata"]);
  const uid = textOf(metadata["uid"]);
  const info = podOf(
    uid,
    textOf(metadata["name"]),
    textOf(metadata["namespace"]),
    labelsOf(Object.entries(plain(metadata["labels"]))),
  );
  if (uid === undefined || info === undefined) return null;
  const hash = textOf(plain(metadata["annotations"])["kubernetes.io/config.hash"]);
  return { uids: hash === undefined ? [uid] : [uid, hash], info, containers: containersOf(plain(pod["status"])) };
}

function containersOf(status: Plain): KubeletPod["containers"] {
  const containers = new Map<string, { name?: string; image?: string }>();
  for (const key of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]) {
    for (const one of Object.values(plain(status[key])).slice(0, MAX_CONTAINERS)) {
      const container = plain(one);
      const id = /^[a-z-]+:\/\/([0-9a-f]{64})$/.exec(textOf(container["containerID"]) ?? "")?.[1];
      if (id !== undefined) containers.set(id, { name: textOf(container["name"]), image: textOf(container["image"]) });
    }
  }
  return containers;
}

/**
 * Tells of containers while they are being made: containerd (also docker's), cri-o and podman make a folder with the
 * container's id some tens of milliseconds before its first process runs, so that even a container that lives for one
 * request can be named in time. Only a hint: what is missed here is asked for when its first process is met.
 */
import { existsSync, type FSWatcher, readdirSync, watch } from "node:fs";
import { join } from "node:path";

const ID = /^[0-9a-f]{64}$/;
const MAX_WATCHED = 64;

export class NewContainers {
  private readonly watchers = new Map<string, FSWatcher>();
  private readonly onNew: (id: string) => void;

  /** In `parents` are folders that hold containers' folders; `folders` hold them themselves. Those not there are not. */
  constructor(parents: readonly string[], folders: readonly string[], onNew: (id: string) => void) {
    this.onNew = onNew;
    for (const folder of folders) this.watch(folder);
    for (const parent of parents) {
      this.add(parent, (name) => this.changed(join(parent, name)));
      for (const name of inside(parent)) this.watch(join(parent, name));
    }
  }

  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  /** A folder that came or went: the first container is in it before it is watched, and a former watch has ended. */
  private changed(folder: string): void {
    this.drop(folder);
    this.watch(folder);
    if (this.watchers.has(folder)) for (const name of inside(folder)) if (ID.test(name)) this.onNew(name);
  }

  private watch(folder: string): void {
    this.add(folder, (name) => {
      // a folder that goes is told of in the same way
      if (ID.test(name) && existsSync(join(folder, name))) this.onNew(name);
    });
  }

  private add(folder: string, onName: (name: string) => void): void {
    if (this.watchers.has(folder) || this.watchers.size >= MAX_WATCHED || !existsSync(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, (_kind, name) => {
        if (name !== null) onName(name);
      });
      watcher.on("error", () => this.drop(folder));
      this.watchers.set(folder, watcher);
    } catch {
      // not ours to read, or the user's watches are used up: names come a little later
    }
  }

  private drop(folder: string): void {
    this.watchers.get(folder)?.close();
    this.watchers.delete(folder);
  }
}

function inside(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

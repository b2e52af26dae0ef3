/**
 * Is a process a descendant of another (`--follow PID`)? Remembers every descendant met, because a parent may be gone
 * when its child first talks. Live it also asks /proc; for capture files it goes by the parents that the file tells.
 */
import type { ProcessInfo } from "../../core/process.ts";
import { childPids, readStat } from "./proc-files.ts";

const MAX_DEPTH = 64;
const MAX_REMEMBERED = 65_536;
const REFRESH_MS = 200;

export class Descendants {
  private readonly followed = new Set<number>();
  private readonly live: boolean;
  private refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(roots: readonly number[], live: boolean) {
    this.live = live;
    for (const root of roots) this.followed.add(root);
  }

  has(process: Pick<ProcessInfo, "pid" | "ppid">): boolean {
    if (this.followed.has(process.pid)) return true;
    if (this.live) this.refresh();
    if (!this.followed.has(process.pid) && !this.descends(process.ppid)) return false;
    this.remember(process.pid);
    return true;
  }

  private descends(parent: number | undefined): boolean {
    const path: number[] = [];
    for (let pid = parent; pid !== undefined && pid > 1 && path.length < MAX_DEPTH; ) {
      if (this.followed.has(pid)) {
        for (const one of path) this.remember(one);
        return true;
      }
      path.push(pid);
      pid = this.live ? readStat(pid)?.ppid : undefined;
    }
    return false;
  }

  /** Children are looked up before they talk, so that they are known when their parent has gone. */
  private refresh(): void {
    const now = performance.now();
    if (now - this.refreshedAt < REFRESH_MS) return;
    const queue = [...this.followed];
    for (let at = 0; at < queue.length && at < MAX_DEPTH; at++) {
      for (const child of childPids(queue[at])) {
        if (this.followed.has(child)) continue;
        this.remember(child);
        queue.push(child);
      }
    }
    this.refreshedAt = performance.now();
  }

  private remember(pid: number): void {
    if (this.followed.size < MAX_REMEMBERED) this.followed.add(pid);
  }
}

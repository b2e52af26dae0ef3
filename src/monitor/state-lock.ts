/**
 * One earshot keeps the state of a folder: a lock file that names its process, by number, start time and boot, so that
 * neither a crash nor another process with the same number looks like a running earshot.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writePrivate } from "./state-folder.ts";

export interface LockHolder {
  readonly pid: number;
  /** In the kernel's clock ticks since the boot; null where the system does not tell. */
  readonly started: string | null;
  readonly boot: string | null;
}

const FILE = "lock";

export class StateLock {
  private readonly path: string;
  private readonly text: string;

  private constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  /** The lock, or who has it. Throws what the system says when nothing can be written there. */
  static take(folder: string): StateLock | LockHolder {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, FILE);
    const own = `${path}.${process.pid}`;
    const text = JSON.stringify(describe(process.pid));
    writePrivate(own, text);
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          // a link is made whole or not at all, and never over one that is there
          linkSync(own, path);
          return new StateLock(path, text);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 3) throw error;
        }
        const holder = lockHolder(folder);
        if (holder !== null) return holder;
        removeStale(path, own);
      }
    } finally {
      rmSync(own, { force: true });
    }
  }

  release(): void {
    if (read(this.path) === this.text) rmSync(this.path, { force: true });
  }
}

/** Who keeps the state of this folder; null when nobody that is alive does. */
export function lockHolder(folder: string): LockHolder | null {
  return aliveHolder(read(join(folder, FILE)));
}

function aliveHolder(text: string | null): LockHolder | null {
  if (text === null) return null;
  let holder: LockHolder;
  try {
    holder = JSON.parse(text) as LockHolder;
  } catch {
    return null;
  }
  if (!Number.isSafeInteger(holder?.pid) || holder.pid <= 0 || !isAlive(holder.pid)) return null;
  const now = describe(holder.pid);
  return now.started === holder.started && now.boot === holder.boot ? holder : null;
}

/** Takes away the lock of a process that is gone; puts it back if another has taken it in between. */
function removeStale(path: string, own: string): void {
  const aside = `${own}.stale`;
  try {
    renameSync(path, aside);
    if (aliveHolder(read(aside)) !== null) linkSync(aside, path);
  } catch {
    // somebody else did
  }
  rmSync(aside, { force: true });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function describe(pid: number): LockHolder {
  // the name before the last bracket may hold blanks and brackets; field 22 is the 20th behind it
  const fields = read(`/proc/${pid}/stat`)?.split(")").at(-1)?.trim().split(" ");
  return { pid, started: fields?.[19] ?? null, boot: read("/proc/sys/kernel/random/boot_id")?.trim() ?? null };
}

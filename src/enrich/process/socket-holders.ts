/**
 * Which process holds a socket: looks for `socket:[inode]` behind /proc/PID/fd. Recent holders are looked at first, then
 * the newest processes, because a new connection is most often of a new process or of a busy one. An answer is given
 * only when no relative of the holder has the same socket: two holders are no answer.
 */
import { readlinkSync } from "node:fs";
import { childPids, list, listPids, readStat } from "./proc-files.ts";

const RECENT = 16;
/** More relatives than this (a shell, an init) are not looked through one by one. */
const MAX_RELATIVES = 512;

export class SocketHolders {
  private recent: number[] = [];

  /** The one process that holds the socket; null when none or more than one was found. */
  sole(inode: number): number | null {
    const wanted = `socket:[${inode}]`;
    const holder = this.first(wanted);
    if (holder === null) return null;
    this.recent = [holder, ...this.recent.filter((pid) => pid !== holder)].slice(0, RECENT);
    const family = relatives(holder);
    return family === null || family.some((pid) => holds(pid, wanted)) ? null : holder;
  }

  /** Every process that holds any of these sockets: a full pass over /proc. */
  all(inodes: ReadonlySet<number>): Set<number> {
    const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
    const found = new Set<number>();
    for (const pid of listPids()) {
      if (someLink(pid, (link) => wanted.has(link))) found.add(pid);
    }
    return found;
  }

  private first(wanted: string): number | null {
    for (const pid of this.recent) if (holds(pid, wanted)) return pid;
    const pids = listPids();
    for (let index = pids.length - 1; index >= 0; index--) {
      if (!this.recent.includes(pids[index]) && holds(pids[index], wanted)) return pids[index];
    }
    return null;
  }
}

export function holds(pid: number, wanted: string): boolean {
  return someLink(pid, (link) => link === wanted);
}

function someLink(pid: number, test: (link: string) => boolean): boolean {
  const folder = `/proc/${pid}/fd/`;
  const fds = list(folder);
  for (let index = fds.length - 1; index >= 0; index--) {
    try {
      if (test(readlinkSync(folder + fds[index]))) return true;
    } catch {
      // closed meanwhile
    }
  }
  return false;
}

/** Parent, siblings and children: those who share a socket through fork(2). null when that cannot be told. */
function relatives(pid: number): number[] | null {
  const stat = readStat(pid);
  if (stat === null) return null;
  const parent = stat.ppid > 1 ? [stat.ppid] : [];
  const siblings = stat.ppid > 1 ? childPids(stat.ppid) : [];
  const family = [...parent, ...siblings, ...childPids(pid)].filter((other) => other !== pid);
  return family.length > MAX_RELATIVES ? null : family;
}

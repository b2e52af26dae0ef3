/**
 * Which process holds a socket: looks for `socket:[inode]` behind /proc/PID/fd. Recent holders are looked at first, then
 * the newest processes, because a new connection is most often of a new process or of a busy one. An answer is given
 * only when no relative of the holder has the same socket: two holders are no answer.
 */
import { childPids, listDescriptors, listPids, readLink, readStat } from "./proc-files.ts";

const RECENT = 16;
/** More relatives than this (a shell, an init) are not looked through one by one. */
const MAX_RELATIVES = 512;

/** Does a process hold a socket? `hidden`: it may, but its descriptors are not for us to see. */
type Holding = "yes" | "no" | "hidden";

export class SocketHolders {
  private recent: number[] = [];
  /** A /proc mounted with hidepid shows only some processes: then nobody can be said to be alone. */
  private readonly allShown = readStat(1) !== null;

  /** The one process that holds the socket; null when none or more than one was found, or one may be hidden. */
  sole(inode: number): number | null {
    const wanted = new Set([`socket:[${inode}]`]);
    const holder = this.allShown ? this.first(wanted) : null;
    if (holder === null) return null;
    this.recent = [holder, ...this.recent.filter((pid) => pid !== holder)].slice(0, RECENT);
    const family = relatives(holder);
    return family?.every((pid) => holding(pid, wanted) === "no") ? holder : null;
  }

  /** The one process that holds any of these sockets: a full pass over /proc. */
  soleOfAny(inodes: ReadonlySet<number>): number | null {
    const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
    let sole: number | null = null;
    if (!this.allShown) return null;
    for (const pid of listPids()) {
      const answer = holding(pid, wanted);
      if (answer === "no") continue;
      if (answer === "hidden" || sole !== null) return null;
      sole = pid;
    }
    return sole;
  }

  private first(wanted: ReadonlySet<string>): number | null {
    for (const pid of this.recent) if (holding(pid, wanted) === "yes") return pid;
    const pids = listPids();
    for (let index = pids.length - 1; index >= 0; index--) {
      if (!this.recent.includes(pids[index]) && holding(pids[index], wanted) === "yes") return pids[index];
    }
    return null;
  }
}

export function holds(pid: number, inode: number): boolean {
  return holding(pid, new Set([`socket:[${inode}]`])) === "yes";
}

function holding(pid: number, wanted: ReadonlySet<string>): Holding {
  const folder = `/proc/${pid}/fd/`;
  const fds = listDescriptors(pid);
  if (fds === null) return "hidden";
  for (let index = fds.length - 1; index >= 0; index--) {
    const link = readLink(folder + fds[index]);
    if (link !== null && wanted.has(link)) return "yes";
  }
  return "no";
}

/** Parent, siblings and children: those who share a socket through fork(2). null when that cannot be told. */
function relatives(pid: number): number[] | null {
  const stat = readStat(pid);
  if (stat === null) return null;
  const hasParent = stat.ppid > 1; // whose parent is init has no family to speak of there
  const family = hasParent ? [stat.ppid, ...childPids(pid, stat.ppid)] : childPids(pid);
  return family.length > MAX_RELATIVES ? null : family.filter((other) => other !== pid);
}

/**
 * Everything /proc tells about one living process, as a ProcessInfo. What a file does not say, or an unprivileged reader
 * may not see, is absent.
 */
import type { ContainerInfo, ProcessInfo } from "../../core/process.ts";
import { formatTime, type Micros } from "../../core/units.ts";
import { type CgroupFacts, readCgroups } from "../container/cgroup-path.ts";
import { Accounts } from "./accounts.ts";
import { isEnding, namespaceNumber, type ProcessStat, readLink, readStat, readText } from "./proc-files.ts";

/** Kernel clock ticks of /proc are hundredths of a second on every architecture Node runs on (USER_HZ). */
export const TICK: Micros = 10_000;
const MAX_ARGS = 64;
const MAX_ARGS_LENGTH = 4_096;

export type RedactArguments = (args: string[]) => string[];

export class DetailReader {
  private readonly accounts = new Accounts();
  private readonly redactArguments: RedactArguments;
  private readonly bootTime: Micros;
  private readonly ownMount = namespaceNumber("self", "mnt");
  private readonly ownUser = namespaceNumber("self", "user");

  constructor(redactArguments: RedactArguments) {
    this.redactArguments = redactArguments;
    const uptime = Number.parseFloat(readText("/proc/uptime") ?? "");
    this.bootTime = Number.isFinite(uptime) ? Math.round((Date.now() - uptime * 1000) / 10) * TICK : 0;
  }

  /** A process that lives; null when it is gone. `stat` is what the caller has read already. */
  read(pid: number, stat: ProcessStat | null = readStat(pid)): ProcessInfo | null {
    if (stat === null) return null;
    const status = readText(`/proc/${pid}/status`);
    if (status === null) return null;
    const cgroups = readText(`/proc/${pid}/cgroup`);
    const mount = namespaceNumber(pid, "mnt");
    const exe = readLink(`/proc/${pid}/exe`);
    const info = {
      pid,
      ppid: stat.ppid,
      comm: stat.comm,
      ...(exe === null ? {} : { exe }),
      ...this.arguments(readText(`/proc/${pid}/cmdline`)),
      ...this.identity(pid, mount, statusIds(status, "Uid"), statusIds(status, "Gid")),
      ...this.started(stat.startTicks),
      ...(cgroups === null ? {} : cgroupDetails(readCgroups(cgroups))),
      ...namespaces(namespaceNumber(pid, "pid"), mount, namespaceNumber(pid, "net")),
    };
    return isEnding(pid) ? null : info;
  }

  /** Time of start from the ticks since boot; far in the future when the time of boot is not known. */
  startOf(startTicks: number): Micros {
    return this.bootTime > 0 ? this.bootTime + startTicks * TICK : Number.MAX_SAFE_INTEGER;
  }

  started(startTicks: number): { start_time?: string } {
    return this.bootTime > 0 ? { start_time: formatTime(this.startOf(startTicks)) } : {};
  }

  /** `text` is a command line with NUL behind every argument. */
  arguments(text: string | null): { args?: readonly string[] } {
    if (text === null || text === "") return {};
    const whole = text.slice(0, MAX_ARGS_LENGTH);
    const args = (whole.endsWith("\0") ? whole.slice(0, -1) : whole).split("\0", MAX_ARGS);
    return { args: this.redactArguments(args) };
  }

  /** Names as the process itself would print them; none when its user numbers are not ours (user namespace). */
  identity(
    pid: number,
    mount: number,
    uid: number | null,
    gid: number | null,
  ): Pick<ProcessInfo, "uid" | "user" | "gid" | "group"> {
    const identity: { uid: number | null; user?: string; gid?: number; group?: string } = { uid };
    if (gid !== null) identity.gid = gid;
    const root = this.accountsRoot(pid, mount);
    if (root === null) return identity;
    const now = Date.now();
    const user = uid === null ? undefined : this.accounts.user(uid, root, mount, now);
    const group = gid === null ? undefined : this.accounts.group(gid, root, mount, now);
    if (user !== undefined) identity.user = user;
    if (group !== undefined) identity.group = group;
    return identity;
  }

  /** The folder whose etc/passwd the process sees; null when it cannot be reached, or numbers users in its own way. */
  private accountsRoot(pid: number, mount: number): string | null {
    if (mount !== 0 && mount === this.ownMount) return "/";
    const own = this.ownUser !== 0 && namespaceNumber(pid, "user") === this.ownUser;
    // the pid may belong to somebody else by now
    return own && mount !== 0 && namespaceNumber(pid, "mnt") === mount ? `/proc/${pid}/root` : null;
  }
}

/** The effective id: second number of a line like `Uid:\t1000\t1000\t1000\t1000`. */
function statusIds(status: string, name: string): number | null {
  const line = new RegExp(`^${name}:\\t\\d+\\t(\\d+)`, "m").exec(status);
  return line ? Number(line[1]) : null;
}

export function namespaces(pid: number, mnt: number, net: number): { namespaces?: ProcessInfo["namespaces"] } {
  const found: { pid?: number; mnt?: number; net?: number } = {};
  if (pid !== 0) found.pid = pid;
  if (mnt !== 0) found.mnt = mnt;
  if (net !== 0) found.net = net;
  return Object.keys(found).length === 0 ? {} : { namespaces: found };
}

export function cgroupDetails(facts: CgroupFacts): Pick<ProcessInfo, "cgroup" | "container" | "pod"> {
  const container: ContainerInfo | null =
    facts.containerId === null ? null : { id: facts.containerId, runtime: facts.runtime };
  return {
    cgroup: facts.path,
    ...(container === null ? {} : { container }),
    ...(facts.podUid === null ? {} : { pod: { uid: facts.podUid } }),
  };
}

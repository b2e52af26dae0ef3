/** Small reads of /proc that never throw: a process may be gone at any moment, which is an answer, not an error. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Text of a /proc file; null when the process is gone or hides it. */
export function readText(path: string, encoding: BufferEncoding = "utf8"): string | null {
  try {
    return readFileSync(path, encoding);
  } catch {
    return null;
  }
}

export function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** Pids of all processes in view, in the order of /proc. */
export function listPids(): number[] {
  const pids: number[] = [];
  for (const name of list("/proc")) {
    const first = name.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) pids.push(Number(name));
  }
  return pids;
}

/** Names in a folder; none when it cannot be read. */
export function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Descriptors of a process; none when it is gone, null when it is there and hides them. */
export function listDescriptors(pid: number): string[] | null {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH" ? [] : null;
  }
}

/** Number in a link like `net:[4026531840]`; 0 when it cannot be read. */
export function namespaceNumber(pid: number | "self", name: string): number {
  const link = readLink(`/proc/${pid}/ns/${name}`);
  return link === null ? 0 : bracketNumber(link);
}

/**
 * Is the process gone, or past the point of its end where it has left its namespaces? Its control group and what else
 * /proc still says is not the living one's any more.
 */
export function isEnding(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/ns/mnt`);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH";
  }
}

/** The number in `socket:[12345]`, `net:[4026531840]`; 0 when there is none. */
export function bracketNumber(link: string): number {
  const open = link.indexOf("[");
  if (open < 0) return 0;
  const value = Number.parseInt(link.slice(open + 1), 10);
  return Number.isSafeInteger(value) ? value : 0;
}

/** What /proc/PID/stat says (proc_pid_stat(5)). Times in clock ticks of 10 ms. */
export interface ProcessStat {
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  /** Page faults of children that were waited for: above zero once the process has had a child. */
  readonly childFaults: number;
  readonly childTicks: number;
  /** Since boot: with the pid it names a process for good. */
  readonly startTicks: number;
}

export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")"); // a process may call itself anything, brackets too
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(" ");
  const number = (index: number) => Number(fields[index]);
  if (fields.length < 20 || !Number.isSafeInteger(number(19))) return null;
  return {
    comm: text.slice(open + 1, close),
    state: fields[0],
    ppid: number(1),
    childFaults: number(8) + number(10),
    childTicks: number(13) + number(14),
    startTicks: number(19),
  };
}

export function readStat(pid: number): ProcessStat | null {
  const text = readText(`/proc/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** Children of these processes that are there now. */
export function childPids(...parents: readonly number[]): number[] {
  const told = parents.map(toldChildren);
  if (told.every((children) => children !== null)) return told.flat() as number[];
  // a kernel without CONFIG_PROC_CHILDREN: ask every process for its parent
  return listPids().filter((other) => parents.includes(readStat(other)?.ppid ?? 0));
}

/** What /proc/PID/task/TID/children say; null where the kernel has no such files. */
function toldChildren(pid: number): number[] | null {
  const texts = list(`/proc/${pid}/task`).map((thread) => readText(`/proc/${pid}/task/${thread}/children`));
  if (texts.length === 0 || texts.includes(null)) return null;
  return texts
    .flatMap((text) => text!.trim().split(" "))
    .filter(Boolean)
    .map(Number);
}

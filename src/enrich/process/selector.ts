/**
 * Filters by process: `--pid`, `--comm`, `--user`, `--container`, `--follow`. A transaction is selected when one of its
 * ends fits every kind of condition given; several values of one kind are alternatives. Who is unknown does not fit.
 */
import { type ProcessInfo, shownName } from "../../core/process.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { Descendants } from "./descendants.ts";

export interface ProcessSelection {
  readonly pid?: readonly number[];
  /** Process name as the kernel or as earshot shows it; `*` stands for anything. */
  readonly comm?: readonly string[];
  /** User name or number. */
  readonly user?: readonly string[];
  /** Container name (`*` stands for anything) or the start of its id. */
  readonly container?: readonly string[];
  /** These processes and their descendants. */
  readonly follow?: readonly number[];
}

export type ProcessSelector = (client: ProcessInfo | null, server: ProcessInfo | null) => boolean;

/** null when nothing is asked for. `live` allows to look at /proc for the family of a process. */
export function processSelector(selection: ProcessSelection, live: boolean): ProcessSelector | null {
  const tests: ((process: ProcessInfo) => boolean)[] = [];
  const { pid, comm, user, container, follow } = selection;
  if (pid?.length) tests.push((process) => pid.includes(process.pid));
  if (comm?.length) tests.push(anyOf(comm, (pattern) => named(pattern)));
  if (user?.length) tests.push(anyOf(user, userTest));
  if (container?.length) tests.push(anyOf(container, containerTest));
  if (follow?.length) {
    const descendants = new Descendants(follow, live);
    tests.push((process) => descendants.has(process));
  }
  if (tests.length === 0) return null;
  const fits = (process: ProcessInfo | null) => process !== null && tests.every((test) => test(process));
  return (client, server) => fits(client) || fits(server);
}

/** A process id as the command line gives it. */
export function parsePid(text: string, option: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new Trouble(`${option}: not a process id: ${text}`, {
    exitCode: EXIT.usage,
    hint: "Give a number, e.g. 4711.",
  });
}

function anyOf(values: readonly string[], make: (value: string) => (process: ProcessInfo) => boolean) {
  const tests = values.map(make);
  return (process: ProcessInfo) => tests.some((test) => test(process));
}

function matching(pattern: string, value: (process: ProcessInfo) => string | undefined) {
  const parts = pattern.split("*");
  return (process: ProcessInfo) => {
    const text = value(process);
    return text !== undefined && matches(text, parts);
  };
}

/** `parts` are the pieces of a pattern between its stars: no backtracking, so no pattern takes long. */
function matches(text: string, parts: readonly string[]): boolean {
  if (parts.length === 1) return text === parts[0];
  const last = parts[parts.length - 1];
  if (!text.startsWith(parts[0]) || !text.endsWith(last)) return false;
  let at = parts[0].length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** `--comm node` finds Node's processes too, whose main threads are all called MainThread. */
function named(pattern: string) {
  const byTask = matching(pattern, (process) => process.comm);
  const byShown = matching(pattern, shownName);
  return (process: ProcessInfo) => byTask(process) || byShown(process);
}

function userTest(value: string) {
  return (process: ProcessInfo) => process.user === value || (process.uid !== null && String(process.uid) === value);
}

function containerTest(value: string) {
  const named = matching(value, (process) => process.container?.name);
  const isId = /^[0-9a-f]{4,64}$/.test(value);
  return (process: ProcessInfo) => named(process) || (isId && process.container?.id.startsWith(value) === true);
}

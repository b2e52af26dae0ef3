/**
 * User and group names by number, from passwd(5) and group(5) files: those that the process itself sees, because number
 * 101 is one user on the host and another in a container. Files are read again when they change; what cannot be read
 * gives no name.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

const MAX_FILE_BYTES = 1 << 20;
const MAX_FILES = 64;
const RECHECK_MS = 5_000;

interface NamesFile {
  readonly names: ReadonlyMap<number, string>;
  readonly modified: number;
  checkedAt: number;
}

export class Accounts {
  private readonly files = new Map<string, NamesFile>();

  /** `root` is the folder whose etc/ counts (`/`, `/proc/PID/root`); `space` names it for the cache. */
  user(uid: number, root: string, space: number, now: number): string | undefined {
    return this.names("passwd", root, space, now).get(uid);
  }

  group(gid: number, root: string, space: number, now: number): string | undefined {
    return this.names("group", root, space, now).get(gid);
  }

  private names(file: "passwd" | "group", root: string, space: number, now: number): ReadonlyMap<number, string> {
    const key = `${file}:${space}`;
    const known = this.files.get(key);
    if (known && now - known.checkedAt < RECHECK_MS) return known.names;
    const read = readNames(`${root.replace(/\/$/, "")}/etc/${file}`, known ?? null);
    if (!known && this.files.size >= MAX_FILES) this.files.delete(this.files.keys().next().value!);
    this.files.set(key, { ...read, checkedAt: now });
    return read.names;
  }
}

const NONE: ReadonlyMap<number, string> = new Map();

/** A container's file is not trusted: no symbolic link, no pipe that would block, no size without end. */
function readNames(path: string, known: NamesFile | null): Omit<NamesFile, "checkedAt"> {
  let fd = -1;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const facts = fstatSync(fd);
    if (known && known.modified === facts.mtimeMs) return known;
    if (!facts.isFile() || facts.size > MAX_FILE_BYTES) return { names: NONE, modified: facts.mtimeMs };
    const bytes = Buffer.alloc(facts.size);
    const length = readSync(fd, bytes, 0, bytes.length, 0);
    return { names: parseNames(bytes.toString("utf8", 0, length)), modified: facts.mtimeMs };
  } catch {
    return { names: NONE, modified: -1 };
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** Lines `name:x:number:…`; the first of several names for a number counts, as in getpwuid(3). */
export function parseNames(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const fields = line.split(":", 3);
    if (fields.length < 3 || fields[0] === "" || !/^\d+$/.test(fields[2])) continue;
    const number = Number(fields[2]);
    if (!names.has(number)) names.set(number, fields[0]);
  }
  return names;
}

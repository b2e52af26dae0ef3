/**
 * Path of a cgroup v2 by the id that the kernel gives with an event, also when every process of it is gone by now: the id
 * is a file handle, opened with open_by_handle_at(2) (CAP_DAC_READ_SEARCH). Falls back to null.
 */
import { closeSync, constants, openSync } from "node:fs";

const MAX_CACHED = 4_096;
/** The number differs between processors. */
const O_RDONLY_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const FILEID_KERNFS = 0xfe;
const SYSCALL_NUMBER: Readonly<Record<string, number>> = { x64: 304, arm64: 265 };

export interface HandleCalls {
  raw(number: number, first: number, pointer: Uint8Array | null, third: number, fourth: number, fifth: number): number;
}

export class CgroupIds {
  private readonly paths = new Map<bigint, string | null>();
  private readonly calls: HandleCalls;
  private readonly readLink: (path: string) => string | null;
  private readonly mount: string | null;
  private mountFd = -1;

  constructor(
    calls: HandleCalls,
    readText: (path: string) => string | null,
    readLink: (path: string) => string | null,
  ) {
    this.calls = calls;
    this.readLink = readLink;
    this.mount = /^\S+ \S+ \S+ \S+ (\S+) [^\n]* - cgroup2 /m.exec(readText("/proc/self/mountinfo") ?? "")?.[1] ?? null;
  }

  /** Path below the root of the hierarchy, e.g. `/system.slice/docker-….scope`; null when it cannot be told. */
  path(id: bigint): string | null {
    const known = this.paths.get(id);
    if (known !== undefined) return known;
    const path = this.resolve(id);
    if (this.paths.size >= MAX_CACHED) this.paths.clear();
    this.paths.set(id, path);
    return path;
  }

  close(): void {
    if (this.mountFd >= 0) closeSync(this.mountFd);
    this.mountFd = -1;
  }

  private resolve(id: bigint): string | null {
    const number = SYSCALL_NUMBER[process.arch];
    if (this.mount === null || number === undefined || id === 0n) return null;
    try {
      if (this.mountFd < 0) this.mountFd = openSync(this.mount, "r");
    } catch {
      return null;
    }
    const handle = Buffer.alloc(16);
    handle.writeUInt32LE(8, 0);
    handle.writeUInt32LE(FILEID_KERNFS, 4);
    handle.writeBigUInt64LE(id, 8);
    const fd = this.calls.raw(number, this.mountFd, handle, O_RDONLY_DIRECTORY, 0, 0);
    if (fd < 0) return null;
    const link = this.readLink(`/proc/self/fd/${fd}`);
    closeSync(fd);
    if (link === null || !link.startsWith(this.mount)) return null;
    return link.slice(this.mount.length) || "/";
  }
}

/**
 * The perf events of tier C: on every processor the tracepoints of sockets and, for names of processes that are gone when
 * we look, of program starts and forks. Opened once; what threads need to read them is plain data (`handle`). Linux
 * 4.18 and newer, tracefs mounted, root or CAP_PERFMON.
 */
import { closeSync, openSync } from "node:fs";
import { release } from "node:os";
import { isConfidential, readLockdown } from "../lockdown.ts";
import { readText } from "../proc-files.ts";
import { ERRNO, errorName, type Mapping, type SystemCalls } from "../system-calls.ts";
import { mapPerfRing } from "./perf-ring.ts";
import { parseTraceFormat, type TraceFormat } from "./trace-format.ts";

const TRACEFS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
const SYSCALL_NUMBER: Readonly<Record<string, number>> = { x64: 298, arm64: 241 };
const TYPE_SOFTWARE = 1;
const TYPE_TRACEPOINT = 2;
const SOFTWARE_DUMMY = 9;
const SAMPLE_TID_TIME_RAW = 0x2 | 0x4 | 0x400;
const CLOCK_MONOTONIC = 1;
const DISABLED = 1n << 0n;
const COMM = 1n << 9n;
const TASK = 1n << 13n;
/** Every record ends with thread and time, so that all can be put in order. */
const SAMPLE_ID_ALL = 1n << 18n;
const USE_CLOCKID = 1n << 25n;
const FLAG_CLOEXEC = 8;
const ENABLE = 0x2400;
const SET_OUTPUT = 0x2405;
const SET_FILTER = 0x40082406;
/** For each processor. Without CAP_IPC_LOCK the kernel allows less, and with many processors much less. */
const RING_BYTES = [2 << 20, 512 << 10, 128 << 10];
/** No wake-ups: the ring is looked at when its owner drains. */
const WAKEUP_NEVER = 1 << 30;

const STATE_FIELDS = [
  ...["skaddr", "oldstate", "newstate", "sport", "dport", "family", "saddr", "daddr", "saddr_v6", "daddr_v6"],
];

/** A tracepoint that a process passes when it reads from or writes to a socket. */
export interface SocketUse {
  readonly id: number;
  /** Offset of the kernel's address of the socket. */
  readonly socketAt: number;
  /** Of the events that the kernel writes down; empty: all. */
  readonly filter: string;
}

export interface SocketFormats {
  readonly state: TraceFormat;
  readonly uses: readonly SocketUse[];
}

/** Descriptors are the process's: every thread may use them while the events are open. */
export interface PerfHandle {
  readonly tier: "C";
  /** For each processor the descriptor of the ring. */
  readonly rings: readonly number[];
  readonly ringSize_bytes: number;
  readonly formats: SocketFormats;
}

export class PerfEvents {
  private readonly formats: SocketFormats;
  private readonly calls: SystemCalls;
  private readonly page: number;
  private readonly fds: number[] = [];
  private readonly leaders: number[] = [];
  /** A ring is there as long as somebody maps it, and has to be before other events write to it. */
  private readonly mappings: Mapping[] = [];
  private ringSize = 0;

  /** Throws an Error that says why this kernel does not do it. `older`: as before 6.3, for tests on a newer one. */
  constructor(calls: SystemCalls, page: number, older = false) {
    this.calls = calls;
    this.page = page;
    this.formats = {
      state: format("sock/inet_sock_set_state", STATE_FIELDS) ?? refuse("inet_sock_set_state", "4.16"),
      uses: (older ? null : usesByLength()) ?? usesBySpace(),
    };
    let refused: unknown;
    for (const bytes of RING_BYTES) {
      this.ringSize = Math.max(bytes, page);
      try {
        for (const cpu of processors()) this.openProcessor(cpu);
        return;
      } catch (error) {
        this.close();
        refused = error;
      }
    }
    throw refused;
  }

  get handle(): PerfHandle {
    return { tier: "C", rings: this.leaders, ringSize_bytes: this.ringSize, formats: this.formats };
  }

  close(): void {
    for (const mapping of this.mappings) mapping.unmap();
    for (const fd of this.fds) closeSync(fd);
    this.mappings.length = this.fds.length = this.leaders.length = 0;
  }

  private openProcessor(cpu: number): void {
    const { state, uses } = this.formats;
    const leader = this.openEvent(TYPE_SOFTWARE, SOFTWARE_DUMMY, cpu, COMM | TASK);
    this.leaders.push(leader);
    this.mappings.push(mapPerfRing(this.calls, leader, this.ringSize, this.page));
    for (const { id, filter } of [{ id: state.id, filter: "protocol==6" }, ...uses]) {
      const fd = this.openEvent(TYPE_TRACEPOINT, id, cpu, 0n);
      if (filter !== "") this.check(this.calls.ioctlBytes(fd, SET_FILTER, Buffer.from(`${filter}\0`)), "filter");
      this.check(this.calls.ioctl(fd, SET_OUTPUT, leader), "output");
      this.check(this.calls.ioctl(fd, ENABLE, 0), "enable");
    }
    this.check(this.calls.ioctl(leader, ENABLE, 0), "enable");
  }

  /** struct perf_event_attr. */
  private openEvent(type: number, config: number, cpu: number, flags: bigint): number {
    const attributes = Buffer.alloc(128);
    attributes.writeUInt32LE(type, 0);
    attributes.writeUInt32LE(attributes.length, 4);
    attributes.writeBigUInt64LE(BigInt(config), 8);
    attributes.writeBigUInt64LE(1n, 16);
    attributes.writeBigUInt64LE(BigInt(SAMPLE_TID_TIME_RAW), 24);
    attributes.writeBigUInt64LE(DISABLED | SAMPLE_ID_ALL | USE_CLOCKID | flags, 40);
    attributes.writeUInt32LE(WAKEUP_NEVER, 48);
    attributes.writeInt32LE(CLOCK_MONOTONIC, 92);
    const number = SYSCALL_NUMBER[process.arch];
    if (number === undefined) throw new Error(`not made for ${process.arch}`);
    const fd = this.calls.rawPointer(number, attributes, -1, cpu, -1, FLAG_CLOEXEC);
    this.check(fd, "perf_event_open");
    this.fds.push(fd);
    return fd;
  }

  private check(result: number, what: string): void {
    if (result >= 0) return;
    const errno = this.calls.errno();
    if (errno !== ERRNO.EPERM && errno !== ERRNO.EACCES) throw new Error(`${what}: ${errorName(errno)}`);
    throw new Error("not permitted: needs root, or CAP_PERFMON and a readable tracefs");
  }
}

/** Reads and writes that moved something; null before Linux 6.3. */
function usesByLength(): SocketUse[] | null {
  const filter = "protocol==6 && ret>0";
  const uses: SocketUse[] = [];
  for (const name of ["sock_send_length", "sock_recv_length"]) {
    const found = format(`sock/${name}`, ["sk", "ret"]);
    if (found === null) return null;
    uses.push({ id: found.id, socketAt: found.offsets["sk"], filter });
  }
  return uses;
}

/** What older kernels have passes only who reads: a server does before it answers, and a client is told by its connect. */
function usesBySpace(): SocketUse[] {
  const name = "tcp_rcv_space_adjust";
  const found = format(`tcp/${name}`, ["skaddr"]) ?? refuse(name, "4.18");
  return [{ id: found.id, socketAt: found.offsets["skaddr"], filter: "" }];
}

/** null when the kernel has no such tracepoint, or does not let us see it. */
function format(path: string, fields: readonly string[]): TraceFormat | null {
  for (const root of TRACEFS) {
    const text = readText(`${root}/events/${path}/format`);
    if (text === null) continue;
    const parsed = parseTraceFormat(text, fields);
    if (parsed === null) throw new Error(`the tracepoint ${path} has another form`);
    return parsed;
  }
  return null;
}

/** `since`: version of Linux that the tracepoint came with. */
function refuse(name: string, since: string): never {
  if (isConfidential(readLockdown()))
    throw new Error("the kernel is locked down (lockdown=confidentiality), tracefs is empty");
  const codes = TRACEFS.map((root) => openError(`${root}/events/header_page`));
  // tracefs is there, the tracepoint is not
  if (codes.includes(""))
    throw new Error(`the kernel (${release()}) has no tracepoint ${name}, which came with Linux ${since}`);
  if (codes.includes("EACCES")) throw new Error("tracefs is not readable: needs root");
  throw new Error("tracefs is not mounted (mount -t tracefs none /sys/kernel/tracing)");
}

/** Name of the error, empty when the file can be opened. */
function openError(path: string): string {
  try {
    closeSync(openSync(path, "r"));
    return "";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "error";
  }
}

/** Numbers of the processors that run, from a list like `0-3,6`. */
function processors(): number[] {
  const numbers: number[] = [];
  for (const part of (readText("/sys/devices/system/cpu/online") ?? "0").trim().split(",")) {
    const [first, last] = part.split("-").map(Number);
    for (let cpu = first; cpu <= (last ?? first); cpu++) numbers.push(cpu);
  }
  return numbers;
}

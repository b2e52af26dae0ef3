/**
 * The perf events of tier C: on every processor the tracepoints of sockets and, for names of processes that are gone when
 * we look, of program starts and forks. Opened once; what threads need to read them is plain data (`handle`). Linux 6.3
 * and newer, tracefs mounted, root or CAP_PERFMON.
 */
import { closeSync, openSync } from "node:fs";
import { release } from "node:os";
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

export interface SocketFormats {
  readonly state: TraceFormat;
  readonly send: TraceFormat;
  readonly receive: TraceFormat;
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

  /** Throws an Error that says why this kernel does not do it. */
  constructor(calls: SystemCalls, page: number) {
    this.calls = calls;
    this.page = page;
    this.formats = {
      state: format("inet_sock_set_state", STATE_FIELDS),
      send: format("sock_send_length", ["sk", "ret"]),
      receive: format("sock_recv_length", ["sk", "ret"]),
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
    const { state, send, receive } = this.formats;
    const leader = this.openEvent(TYPE_SOFTWARE, SOFTWARE_DUMMY, cpu, COMM | TASK);
    this.leaders.push(leader);
    this.mappings.push(mapPerfRing(this.calls, leader, this.ringSize, this.page));
    for (const { id } of [state, send, receive]) {
      const fd = this.openEvent(TYPE_TRACEPOINT, id, cpu, 0n);
      const filter = id === state.id ? "protocol==6" : "protocol==6 && ret>0";
      this.check(this.calls.ioctlBytes(fd, SET_FILTER, Buffer.from(`${filter}\0`)), "filter");
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

function format(name: string, fields: readonly string[]): TraceFormat {
  for (const root of TRACEFS) {
    const text = readText(`${root}/events/sock/${name}/format`);
    const parsed = text === null ? undefined : parseTraceFormat(text, fields);
    if (parsed) return parsed;
    if (parsed === null) throw new Error(`the tracepoint ${name} has another form`);
  }
  throw new Error(whyNoFormat(name));
}

function whyNoFormat(name: string): string {
  const codes = TRACEFS.map((root) => openError(`${root}/events/sock/inet_sock_set_state/format`));
  // one that every kernel with tracepoints has can be read, this one cannot
  if (codes.includes("")) return `the kernel (${release()}) has no tracepoint ${name}, which came with Linux 6.3`;
  if (codes.includes("EACCES")) return "tracefs is not readable: needs root";
  if (codes.includes("EPERM")) return "the kernel is locked down: it does not let tracefs be read";
  return "tracefs is not mounted (mount -t tracefs none /sys/kernel/tracing)";
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

/** Tiers A and B: BPF programs in the kernel report sockets and processes through a ring buffer (owner.bpf.c). */
import { existsSync } from "node:fs";
import type { Flow } from "../../../core/flow.ts";
import type { Ledger } from "../../../core/ledger.ts";
import type { Micros } from "../../../core/units.ts";
import { CgroupIds } from "../../container/cgroup-ids.ts";
import type { DetailReader } from "../details.ts";
import { KernelClock } from "../kernel-clock.ts";
import { KernelProcesses } from "../kernel-processes.ts";
import { pageSize } from "../page-size.ts";
import { namespaceNumber, readLink, readText } from "../proc-files.ts";
import type { ProcessTable } from "../process-table.ts";
import { SocketTable } from "../socket-table.ts";
import { SocketTier } from "../socket-tier.ts";
import { ERRNO, type Mapping, type SystemCalls } from "../system-calls.ts";
import type { KernelTimes, Tier } from "../tier.ts";
import { BpfError, LightSkeleton, readBlob } from "./light-skeleton.ts";
import * as record from "./record.ts";
import { RingBuffer } from "./ring-buffer.ts";

const RING_BYTES = 4 << 20;
/** Number of the first pid namespace (PROC_PID_INIT_INO). */
const FIRST_PID_NAMESPACE = 0xeffffffc;
const PROGRAMS = {
  A: ["on_state", "on_send", "on_receive"],
  B: ["on_state", "on_send", "on_send6", "on_receive", "on_receive6"],
} as const;

export interface BpfTierOptions {
  readonly tier: "A" | "B";
  readonly calls: SystemCalls;
  readonly table: ProcessTable;
  readonly details: DetailReader;
  readonly ledger: Ledger;
}

/** Throws an Error whose message says in a few words why the kernel does not run it. */
export class BpfTier implements Tier {
  readonly used: (flow: Flow) => void;
  readonly kernelTimes: (flow: Flow, requestEnd: Micros, responseStart: Micros) => KernelTimes | null;
  private readonly ledger: Ledger;
  private readonly skeleton: LightSkeleton;
  private readonly ring: RingBuffer;
  private readonly lostMapping: Mapping;
  private readonly lost: BigUint64Array;
  private lostBefore = 0;
  private readonly clock: KernelClock;
  private readonly sockets: SocketTable;
  private readonly processes: KernelProcesses;
  private readonly cgroups: CgroupIds;
  private open = true;

  constructor(options: BpfTierOptions) {
    const { calls, ledger } = options;
    this.ledger = ledger;
    this.skeleton = loadAndAttach(options);
    const page = pageSize();
    this.ring = new RingBuffer(calls, this.skeleton.map("ring"), RING_BYTES, page);
    this.lostMapping = calls.map(this.skeleton.map("lost"), page, 0, false);
    this.lost = new BigUint64Array(this.lostMapping.buffer, 0, 1);
    this.clock = new KernelClock(calls);
    this.sockets = new SocketTable(namespaceNumber("self", "net"), ledger);
    this.cgroups = new CgroupIds(calls, readText, readLink);
    const procUsable = namespaceNumber("self", "pid") === FIRST_PID_NAMESPACE;
    this.processes = new KernelProcesses(options.table, options.details, this.cgroups, ledger, procUsable);
    const tier = new SocketTier(this.sockets, () => this.drain());
    this.used = (flow) => tier.used(flow);
    this.kernelTimes = (flow, requestEnd, responseStart) => tier.kernelTimes(flow, requestEnd, responseStart);
    // the programs run already: what opens while the old sockets are listed is told by both, and events win
    this.skeleton.iterate("old_sockets", record.SOCKET_RECORD_LENGTH, (bytes) => this.seed(bytes));
  }

  /** Nothing to look up yet: the kernel tells by itself. */
  opened(): void {}

  drain(): void {
    if (!this.open) return;
    this.clock.refresh();
    this.ring.drain(this.take);
    const lost = Number(Atomics.load(this.lost, 0));
    if (lost !== this.lostBefore) {
      this.ledger.ownersLost += lost - this.lostBefore;
      this.lostBefore = lost;
    }
    this.sockets.expire(Date.now() * 1000);
    this.processes.readDetails();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.skeleton.close();
    this.ring.close();
    this.lostMapping.unmap();
    this.cgroups.close();
  }

  private readonly take = (view: DataView, at: number, bytes: Uint8Array): void => {
    const kind = record.kindOf(view, at);
    if (kind === record.KIND_TURN) this.takeTurn(view, at);
    else if (kind === record.KIND_OWNER) this.takeOwner(view, at, bytes);
    else if (kind === record.KIND_CLOSE) {
      this.sockets.close(record.cookieOf(view, at), this.clock.toRealTime(record.timeOf(view, at)));
    } else if (kind === record.KIND_PROCESS) {
      this.processes.introduce(view, at, record.processRecordAt(at), bytes);
    }
  };

  private takeTurn(view: DataView, at: number): void {
    const read = this.clock.toRealTime(record.turnReadOf(view, at));
    const write = this.clock.toRealTime(record.timeOf(view, at));
    this.sockets.known(record.cookieOf(view, at))?.addTurn(read, write);
  }

  private takeOwner(view: DataView, at: number, bytes: Uint8Array): void {
    const cookie = record.cookieOf(view, at);
    const time = this.clock.toRealTime(record.timeOf(view, at));
    const entry = this.sockets.entry(cookie, record.netOf(view, at), record.tupleOf(view, at), time);
    const process = record.socketProcessAt(at);
    entry.client = (record.roleOf(view, at) & record.ROLE_CLIENT) !== 0;
    entry.record = this.processes.record(view, process, bytes);
    entry.tid = this.processes.tid(view, process);
    entry.shared = false;
  }

  /** A socket older than us, once for every process that holds it. */
  private seed(bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const cookie = record.cookieOf(view, 0);
    const process = this.processes.record(view, record.socketProcessAt(0), bytes);
    const known = this.sockets.known(cookie);
    if (known !== undefined) {
      if (known.seed && known.record !== process) known.shared = true;
      return;
    }
    const time = this.clock.toRealTime(record.timeOf(view, 0));
    const entry = this.sockets.entry(cookie, record.netOf(view, 0), record.tupleOf(view, 0), time);
    entry.seed = true;
    entry.record = process;
    entry.tid = process.pid;
  }
}

function loadAndAttach(options: BpfTierOptions): LightSkeleton {
  if (!existsSync("/sys/kernel/btf/vmlinux")) throw new Error("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)");
  const skeleton = new LightSkeleton(options.calls);
  try {
    skeleton.load(readBlob(new URL(`./blobs/owner-${options.tier.toLowerCase()}.blob`, import.meta.url)));
    for (const name of PROGRAMS[options.tier]) skeleton.attach(name);
    return skeleton;
  } catch (error) {
    skeleton.close();
    throw error instanceof BpfError ? new Error(explain(options.tier, error)) : error;
  }
}

function explain(tier: "A" | "B", { errno, message }: BpfError): string {
  if (errno === ERRNO.EPERM || errno === ERRNO.EACCES) {
    return process.getuid?.() === 0
      ? `the kernel refuses it to root (${message}): locked down, or limits of a container`
      : "not permitted: needs root, or CAP_BPF and CAP_PERFMON";
  }
  if (tier === "A" && errno === ERRNO.ENOENT) return `the kernel is older than 6.3 (${message})`;
  return `the kernel cannot run it (${message})`;
}

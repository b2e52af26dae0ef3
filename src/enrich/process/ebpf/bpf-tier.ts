/**
 * Tiers A and B: takes in what the programs in the kernel report of sockets and processes through their ring buffer
 * (bpf-programs.ts), and finds the owners of flows in it. Of several threads each has one of these and all it remembers.
 */
import type { Flow } from "../../../core/flow.ts";
import type { Ledger } from "../../../core/ledger.ts";
import type { Micros } from "../../../core/units.ts";
import { CgroupIds } from "../../container/cgroup-ids.ts";
import type { DetailReader } from "../details.ts";
import { KernelClock } from "../kernel-clock.ts";
import { KernelProcesses } from "../kernel-processes.ts";
import { KernelSplit } from "../kernel-split.ts";
import { pageSize } from "../page-size.ts";
import { namespaceNumber, readLink, readText } from "../proc-files.ts";
import type { ProcessTable } from "../process-table.ts";
import type { RingReaders } from "../ring-readers.ts";
import { SocketTable } from "../socket-table.ts";
import { SocketTier } from "../socket-tier.ts";
import type { Mapping, SystemCalls } from "../system-calls.ts";
import type { KernelTimes, Tier } from "../tier.ts";
import type { BpfHandle } from "./bpf-programs.ts";
import * as record from "./record.ts";
import { RingBuffer } from "./ring-buffer.ts";

/** Number of the first pid namespace (PROC_PID_INIT_INO). */
const FIRST_PID_NAMESPACE = 0xeffffffc;

export interface BpfTierOptions {
  readonly handle: BpfHandle;
  /** Null for the only reader. */
  readonly readers: RingReaders | null;
  readonly calls: SystemCalls;
  readonly table: ProcessTable;
  readonly details: DetailReader;
  /** Of what every reader meets alike. */
  readonly common: Ledger;
}

export class BpfTier implements Tier {
  readonly used: (flow: Flow) => void;
  readonly kernelTimes: (flow: Flow, requestEnd: Micros, responseStart: Micros) => KernelTimes | null;
  private readonly ledger: Ledger;
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
    const { calls, handle, common, readers } = options;
    this.ledger = common;
    const page = pageSize();
    this.ring = new RingBuffer(calls, handle.ring, handle.ringSize_bytes, page, readers);
    this.lostMapping = calls.map(handle.lost, page, 0, false);
    this.lost = new BigUint64Array(this.lostMapping.buffer, 0, 1);
    this.clock = new KernelClock(calls);
    this.sockets = new SocketTable(namespaceNumber("self", "net"), common);
    this.cgroups = new CgroupIds(calls, readText, readLink);
    const procUsable = namespaceNumber("self", "pid") === FIRST_PID_NAMESPACE;
    this.processes = new KernelProcesses(options.table, options.details, this.cgroups, common, procUsable);
    const tier = new SocketTier(this.sockets, () => this.drain());
    this.used = (flow) => tier.used(flow);
    const split = new KernelSplit(this.sockets.turns, this.clock, () => this.drain());
    this.kernelTimes = (flow, requestEnd, responseStart) => split.times(flow, requestEnd, responseStart);
    this.seedAll(handle.oldSockets);
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
    const entry = this.sockets.known(record.cookieOf(view, at));
    if (entry === undefined) return;
    this.sockets.turns.add(entry, record.turnReadOf(view, at) / 1000, record.timeOf(view, at) / 1000);
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

  /** Sockets older than us, each once for every process that holds it. */
  private seedAll(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += record.SOCKET_RECORD_LENGTH) this.seed(view, at, bytes);
  }

  private seed(view: DataView, at: number, bytes: Uint8Array): void {
    const cookie = record.cookieOf(view, at);
    const process = this.processes.record(view, record.socketProcessAt(at), bytes);
    const known = this.sockets.known(cookie);
    if (known !== undefined) {
      if (known.seed && known.record !== process) known.shared = true;
      return;
    }
    const time = this.clock.toRealTime(record.timeOf(view, at));
    const entry = this.sockets.entry(cookie, record.netOf(view, at), record.tupleOf(view, at), time);
    entry.seed = true;
    entry.record = process;
    entry.tid = process.pid;
  }
}

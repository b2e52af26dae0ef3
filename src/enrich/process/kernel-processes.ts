/**
 * Processes as the kernel reports them with a socket: makes records of them at once, and reads the rest (executable, full
 * command line, control group) from /proc soon after, in the order they were met and within a budget. A process that is
 * gone by then keeps what the kernel told.
 */
import type { Ledger } from "../../core/ledger.ts";
import type { ProcessInfo } from "../../core/process.ts";
import type { CgroupIds } from "../container/cgroup-ids.ts";
import { readCgroupPath } from "../container/cgroup-path.ts";
import { Budget } from "./budget.ts";
import { cgroupDetails, type DetailReader, namespaces } from "./details.ts";
import {
  type KernelProcess,
  processGeneration,
  processPid,
  processStart,
  processTid,
  readArguments,
  readExecutable,
  readProcess,
} from "./ebpf/record.ts";
import { readText } from "./proc-files.ts";
import { ProcessRecord, type ProcessTable } from "./process-table.ts";

const NANOSECONDS_PER_TICK = 10_000_000;
const MAX_WAITING = 4_096;
/** A command line near the length that the kernel program sends may be cut. */
const TOLD_ARGUMENTS = 480;
const TIME_SHARE = 0.1;
const TIME_RESERVE_MS = 50;

export class KernelProcesses {
  private readonly table: ProcessTable;
  private readonly details: DetailReader;
  private readonly cgroups: CgroupIds;
  private readonly ledger: Ledger;
  private readonly waiting: ProcessRecord[] = [];
  private readonly budget = new Budget(TIME_SHARE, TIME_RESERVE_MS);
  /** Containers may show only in the hierarchies of cgroup v1, which the kernel program does not look at. */
  private readonly olderCgroups = /^[1-9]/m.test(readText("/proc/self/cgroup") ?? "");
  /** /proc shows other pid numbers than the kernel's own when we run inside a pid namespace. */
  private readonly procUsable: boolean;

  constructor(table: ProcessTable, details: DetailReader, cgroups: CgroupIds, ledger: Ledger, procUsable: boolean) {
    this.table = table;
    this.details = details;
    this.cgroups = cgroups;
    this.ledger = ledger;
    this.procUsable = procUsable;
  }

  /** Record of the `struct process` at `at`. */
  record(view: DataView, at: number, bytes: Uint8Array): ProcessRecord {
    const pid = processPid(view, at);
    const startTicks = Math.floor(processStart(view, at) / NANOSECONDS_PER_TICK);
    const generation = processGeneration(view, at);
    const known = this.table.known(pid);
    if (known !== null && known.startTicks === startTicks && known.generation === generation) return known;
    const facts = this.factsOf(pid, startTicks, readProcess(view, at, bytes));
    const record = this.table.keep(new ProcessRecord(pid, startTicks, generation, facts));
    if (!this.procUsable) return record;
    if (this.waiting.length < MAX_WAITING) this.waiting.push(record);
    else this.ledger.evict("process-details");
    return record;
  }

  tid(view: DataView, at: number): number {
    return processTid(view, at);
  }

  /** A process record: the command line and the executable come with it. */
  introduce(view: DataView, at: number, processAt: number, bytes: Uint8Array): void {
    const record = this.record(view, processAt, bytes);
    if (record.info.args !== undefined || record.info.exe !== undefined) return;
    const exe = readExecutable(view, at, bytes);
    const args = this.details.arguments(readArguments(view, at, bytes));
    record.replace({ ...record.info, ...(exe === null ? {} : { exe }), ...args });
  }

  /** Reads details of processes that wait for it, as long as the budget lasts. */
  readDetails(): void {
    let done = 0;
    while (done < this.waiting.length && this.budget.open) {
      const record = this.waiting[done++];
      if (this.lacks(record.info)) this.budget.spend(() => this.table.complete(record));
    }
    if (done > 0) this.waiting.splice(0, done);
  }

  /** Is there more to read about the process than the kernel told? */
  private lacks({ exe, args, cgroup }: ProcessInfo): boolean {
    if (exe === undefined || args === undefined || cgroup === undefined || this.olderCgroups) return true;
    return args.reduce((sum, arg) => sum + arg.length + 1, 0) > TOLD_ARGUMENTS;
  }

  private factsOf(pid: number, startTicks: number, kernel: KernelProcess): ProcessInfo {
    const cgroup = this.cgroups.path(kernel.cgroupId);
    return {
      pid,
      ppid: kernel.ppid,
      comm: kernel.comm,
      ...this.details.identity(this.procUsable ? pid : -1, kernel.mnt, kernel.uid, kernel.gid),
      ...this.details.started(startTicks),
      ...(cgroup === null ? {} : cgroupDetails(readCgroupPath(cgroup))),
      ...namespaces(kernel.pidNamespace, kernel.mnt, kernel.net),
    };
  }
}

/**
 * Processes met so far: one record each, named by pid, start time and program generation, so that a pid used again or an
 * exec never lends its name to another. Records grow as more becomes known; `info` is replaced, never changed.
 */
import type { Ledger } from "../../core/ledger.ts";
import type { ProcessInfo } from "../../core/process.ts";
import type { RuntimeAnswer } from "../container/runtime-names.ts";
import type { DetailReader } from "./details.ts";
import { type ProcessStat, readStat } from "./proc-files.ts";
import { inOrder } from "./process-order.ts";

/** Enough for every process of a busy host; about 1 KB each. */
const MAX_PROCESSES = 8_192;
const MAX_THREADS = 64;

export class ProcessRecord {
  readonly pid: number;
  /** Since boot, in ticks of 10 ms. */
  readonly startTicks: number;
  /** Counts the programs that the process has run (exec); -1 where nobody told. */
  readonly generation: number;
  private facts: ProcessInfo;
  private readonly threads = new Map<number, ProcessInfo>();

  constructor(pid: number, startTicks: number, generation: number, facts: ProcessInfo) {
    this.pid = pid;
    this.startTicks = startTicks;
    this.generation = generation;
    this.facts = inOrder(facts);
  }

  get info(): ProcessInfo {
    return this.facts;
  }

  /** The same with the thread in it; one object per thread, so that renderings of it can be kept. */
  ofThread(tid: number): ProcessInfo {
    let info = this.threads.get(tid);
    if (info === undefined) {
      info = inOrder({ ...this.facts, tid });
      if (this.threads.size >= MAX_THREADS) this.threads.clear();
      this.threads.set(tid, info);
    }
    return info;
  }

  replace(facts: ProcessInfo): void {
    this.facts = inOrder(facts);
    this.threads.clear();
  }

  /** Adds what a container runtime told of the container that the process is in. */
  addContainer(id: string, answer: RuntimeAnswer): void {
    const { container = { id, runtime: null } } = this.facts;
    const { pod, ...names } = answer;
    const runtime = container.runtime ?? names.runtime;
    this.replace({
      ...this.facts,
      container: { ...container, ...names, runtime },
      ...(pod === undefined ? {} : { pod: { ...this.facts.pod, ...pod } }),
    });
  }
}

export class ProcessTable {
  private readonly records = new Map<number, ProcessRecord>();
  private readonly details: DetailReader;
  private readonly ledger: Ledger;
  /** Told of every new record, and again when its details were read. */
  onFacts: ((record: ProcessRecord) => void) | null = null;

  constructor(details: DetailReader, ledger: Ledger) {
    this.details = details;
    this.ledger = ledger;
  }

  get size(): number {
    return this.records.size;
  }

  /** The process that has this pid now, read from /proc when it is new; null when there is none. */
  current(pid: number): ProcessRecord | null {
    const stat = readStat(pid);
    if (stat === null || stat.state === "Z" || stat.state === "X") return null;
    const known = this.records.get(pid);
    // an exec keeps pid and start time, and changes comm unless both programs have the same name
    if (known && known.startTicks === stat.startTicks && known.info.comm === stat.comm) return known;
    const info = this.details.read(pid, stat);
    if (info === null) return null;
    return this.keep(new ProcessRecord(pid, stat.startTicks, -1, info));
  }

  known(pid: number): ProcessRecord | null {
    return this.records.get(pid) ?? null;
  }

  keep(record: ProcessRecord): ProcessRecord {
    this.records.delete(record.pid);
    if (this.records.size >= MAX_PROCESSES) {
      this.records.delete(this.records.keys().next().value!);
      this.ledger.evict("processes");
    }
    this.records.set(record.pid, record);
    this.onFacts?.(record);
    return record;
  }

  /** Reads the rest about a process that the kernel told of, if it still lives and still runs the same program. */
  complete(record: ProcessRecord): void {
    const stat = readStat(record.pid);
    if (stat === null || !this.sameProgram(record, stat)) return;
    const info = this.details.read(record.pid, stat);
    const after = info && readStat(record.pid);
    if (!info || !after || !this.sameProgram(record, after)) return;
    const { info: before } = record;
    record.replace({ ...before, ...info, comm: before.comm, uid: before.uid, gid: before.gid });
    this.onFacts?.(record);
  }

  private sameProgram(record: ProcessRecord, stat: ProcessStat): boolean {
    return stat.startTicks === record.startTicks && stat.comm === record.info.comm;
  }
}

/**
 * Processes met so far: one record each, named by pid, start time and program generation, so that a pid used again or an
 * exec never lends its name to another. Records grow as more becomes known; `info` is replaced, never changed.
 */
import type { Ledger } from "../../core/ledger.ts";
import type { ProcessInfo } from "../../core/process.ts";
import type { DetailReader } from "./details.ts";
import { readStat } from "./proc-files.ts";

/** Enough for every process of a busy host; about 1 KB each. */
const MAX_PROCESSES = 8_192;

export class ProcessRecord {
  readonly pid: number;
  readonly startTicks: number;
  info: ProcessInfo;

  constructor(pid: number, startTicks: number, info: ProcessInfo) {
    this.pid = pid;
    this.startTicks = startTicks;
    this.info = info;
  }
}

export class ProcessTable {
  private readonly records = new Map<number, ProcessRecord>();
  private readonly details: DetailReader;
  private readonly ledger: Ledger;
  /** Told of every record that got new facts. */
  onSeen: ((record: ProcessRecord) => void) | null = null;

  constructor(details: DetailReader, ledger: Ledger) {
    this.details = details;
    this.ledger = ledger;
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
    return this.keep(new ProcessRecord(pid, stat.startTicks, info));
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
    this.onSeen?.(record);
    return record;
  }
}

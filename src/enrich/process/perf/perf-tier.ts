/**
 * Tier C: perf tracepoints, no BPF. The kernel tells which thread changed, read or wrote which socket; who that is comes
 * from /proc, or for a process that is gone from the names that program starts and forks told. Sockets older than us are
 * left to tier D.
 */
import { type Flow, UNKNOWN_HALF } from "../../../core/flow.ts";
import type { Ledger } from "../../../core/ledger.ts";
import { type DetailReader, TICK } from "../details.ts";
import { ownersOf } from "../flow-owners.ts";
import { KernelClock } from "../kernel-clock.ts";
import { pageSize } from "../page-size.ts";
import { ProcTier } from "../proc-tier.ts";
import { ProcessRecord, type ProcessTable } from "../process-table.ts";
import type { RingReaders } from "../ring-readers.ts";
import { ANY_NET, SocketTable } from "../socket-table.ts";
import { SocketTier } from "../socket-tier.ts";
import { SocketTuple } from "../socket-tuple.ts";
import type { SystemCalls } from "../system-calls.ts";
import type { Tier } from "../tier.ts";
import type { PerfHandle } from "./perf-events.ts";
import { PerfRing } from "./perf-ring.ts";
import { ProcessNames } from "./process-names.ts";
import type { TraceFormat } from "./trace-format.ts";

const RECORD_LOST = 2;
const RECORD_COMM = 3;
const RECORD_FORK = 7;
const RECORD_SAMPLE = 9;
/** Of a sample: pid, tid, time, size of the raw data, then the tracepoint's own fields. */
const RAW_AT = 20;
/** Of a tracepoint's flags, its third octet: inside of an interrupt, hard or soft. */
const IN_INTERRUPT = 0x18;
const TCP_ESTABLISHED = 1;
const TCP_SYN_SENT = 2;
const TCP_SYN_RECV = 3;
const TCP_CLOSE = 7;
const AF_INET6 = 10;
const MAX_SOCKETS = 65_536;
/** Nanoseconds between an event's time and its being readable; what takes longer is sorted out by the rules below. */
const IN_FLIGHT = 20_000;

/** One kernel socket between its first state change and its close. */
interface TracedSocket {
  /** Number given by us: the kernel uses addresses again. */
  readonly cookie: number;
  pid: number;
  tid: number;
  record: ProcessRecord | null;
  readonly client: boolean;
  /** Time of its first state change: what is older was another socket's at the same address. */
  readonly since: number;
  connected: boolean;
}

/** Something that happened, to be looked at in the order of time. */
interface Waiting {
  readonly time: number;
  readonly act: () => void;
}

interface Sample {
  readonly time: number;
  readonly pid: number;
  readonly tid: number;
  readonly socket: number;
  /** 0 for a read or a write. */
  readonly before: number;
  readonly after: number;
  readonly tuple: SocketTuple | null;
}

export interface PerfTierOptions {
  readonly handle: PerfHandle;
  /** Null for the only reader. */
  readonly readers: RingReaders | null;
  readonly calls: SystemCalls;
  readonly table: ProcessTable;
  readonly details: DetailReader;
  /** Of what every reader meets alike, and of what is looked up for this thread's flows. */
  readonly common: Ledger;
  readonly ledger: Ledger;
}

export class PerfTier implements Tier {
  private readonly table: ProcessTable;
  private readonly details: DetailReader;
  private readonly ledger: Ledger;
  private readonly state: TraceFormat;
  /** Where the socket's address is, by number of the tracepoint. */
  private readonly socketAt: ReadonlyMap<number, number>;
  private readonly rings: readonly PerfRing[];
  private readonly clock: KernelClock;
  private readonly sockets: SocketTable;
  private readonly finder: SocketTier;
  private readonly fallback: ProcTier;
  private readonly names = new ProcessNames();
  private readonly traced = new Map<number, TracedSocket>();
  private waiting: Waiting[] = [];
  private cookies = 0;
  private open = true;

  constructor(tools: PerfTierOptions) {
    this.table = tools.table;
    this.details = tools.details;
    this.ledger = tools.common;
    const { calls, handle, readers } = tools;
    this.state = handle.formats.state;
    this.socketAt = new Map(handle.formats.uses.map(({ id, socketAt }) => [id, socketAt]));
    this.rings = handle.rings.map(
      (fd, number) => new PerfRing(calls, fd, handle.ringSize_bytes, pageSize(), readers, number),
    );
    this.clock = new KernelClock(tools.calls);
    // the events do not tell the namespace: one for all, and equal tuples are no answer
    this.sockets = new SocketTable(ANY_NET, tools.common);
    this.finder = new SocketTier(this.sockets, () => this.drain());
    this.fallback = new ProcTier(tools.table, tools.details, tools.ledger);
  }

  /** A client's socket that is older than us can be looked up at once; others are told. */
  opened(flow: Flow): void {
    if (flow.clientHalf === UNKNOWN_HALF) this.fallback.opened(flow);
  }

  used(flow: Flow): void {
    const { ends } = ownersOf(flow);
    this.finder.used(flow);
    if (!flow.handshakeSeen && (ends[0].info === null || ends[1].info === null)) this.fallback.used(flow);
  }

  drain(): void {
    if (!this.open) return;
    this.clock.refresh();
    // each processor has its own ring: they are in order only together, and only up to when the first was looked at
    const complete = Number(process.hrtime.bigint()) - IN_FLIGHT;
    for (const ring of this.rings) ring.drain(this.take);
    this.waiting.sort((a, b) => a.time - b.time);
    let done = 0;
    while (done < this.waiting.length && this.waiting[done].time < complete) this.waiting[done++].act();
    this.waiting = this.waiting.slice(done);
    this.sockets.expire(Date.now() * 1000);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    for (const ring of this.rings) ring.close();
    this.fallback.close();
  }

  private readonly take = (type: number, view: DataView, at: number, length: number): void => {
    if (type === RECORD_SAMPLE) this.takeSample(view, at);
    else if (type === RECORD_LOST) this.ledger.ownersLost += Number(view.getBigUint64(at + 8, true));
    else if (type === RECORD_COMM || type === RECORD_FORK) this.takeName(type, view, at, length);
  };

  private takeName(type: number, view: DataView, at: number, length: number): void {
    const time = Number(view.getBigUint64(at + length - 8, true));
    const pid = view.getUint32(at, true);
    const second = view.getUint32(at + 4, true);
    if (type === RECORD_FORK) this.waiting.push({ time, act: () => this.names.forked(pid, second) });
    else if (pid === second) {
      const comm = textOf(view, at + 8, length - 8);
      this.waiting.push({ time, act: () => this.names.started(pid, comm) });
    }
  }

  private takeSample(view: DataView, at: number): void {
    const raw = at + RAW_AT;
    const { id, offsets } = this.state;
    const tracepoint = view.getUint16(raw, true);
    const changes = tracepoint === id;
    // the kernel itself reads, in the time of whoever the processor was running
    if (!changes && view.getUint8(raw + 2) & IN_INTERRUPT) return;
    const sample: Sample = {
      pid: view.getUint32(at, true),
      tid: view.getUint32(at + 4, true),
      time: Number(view.getBigUint64(at + 8, true)),
      socket: addressOf(view, raw + (changes ? offsets["skaddr"] : this.socketAt.get(tracepoint)!)),
      before: changes ? view.getInt32(raw + offsets["oldstate"], true) : 0,
      after: changes ? view.getInt32(raw + offsets["newstate"], true) : 0,
      tuple: changes ? tupleOf(view, raw, offsets) : null,
    };
    this.waiting.push({ time: sample.time, act: () => this.follow(sample) });
  }

  private follow(sample: Sample): void {
    if (sample.tuple === null) this.usedBy(sample);
    else if (sample.after === TCP_SYN_SENT) this.trace(sample, true).record = this.process(sample.pid, sample.time);
    else if (sample.after === TCP_ESTABLISHED) this.connected(sample, sample.tuple);
    else if (sample.after === TCP_CLOSE) this.closed(sample);
  }

  private connected(sample: Sample, tuple: SocketTuple): void {
    const accepted = sample.before === TCP_SYN_RECV;
    const traced = accepted ? this.trace(sample, false) : this.traced.get(sample.socket);
    // a client whose connect comes late (a processor was held up): whose it is is not known
    if (traced === undefined || traced.connected || traced.since > sample.time) return;
    traced.connected = true;
    const entry = this.sockets.entry(traced.cookie, ANY_NET, tuple, this.clock.toRealTime(sample.time));
    entry.client = traced.client;
    entry.record = traced.record;
    entry.tid = traced.tid;
  }

  private closed({ socket, time }: Sample): void {
    const traced = this.traced.get(socket);
    if (traced === undefined || traced.since > time) return;
    this.sockets.close(traced.cookie, this.clock.toRealTime(time));
    this.traced.delete(socket);
  }

  private usedBy({ socket, pid, tid, time }: Sample): void {
    const traced = this.traced.get(socket);
    if (traced === undefined || traced.pid === pid || traced.since > time) return;
    traced.pid = pid;
    traced.tid = tid;
    traced.record = this.process(pid, time);
    const entry = this.sockets.known(traced.cookie);
    if (entry === undefined) return;
    entry.record = traced.record;
    entry.tid = tid;
  }

  private trace({ socket, time, pid, tid }: Sample, client: boolean): TracedSocket {
    if (this.traced.size >= MAX_SOCKETS) {
      this.traced.delete(this.traced.keys().next().value!);
      this.ledger.evict("sockets");
    }
    // a server's socket is made by whoever the processor was running: it has no owner yet
    const owner = client ? { pid, tid } : { pid: 0, tid: 0 };
    const traced = { cookie: ++this.cookies, ...owner, record: null, client, since: time, connected: false };
    this.traced.set(socket, traced);
    return traced;
  }

  /** The process that had this pid at that time. */
  private process(pid: number, time: number): ProcessRecord | null {
    const record = this.table.current(pid);
    if (record !== null) {
      const started = this.details.startOf(record.startTicks) - 2 * TICK; // both clocks count in ticks
      return started <= this.clock.toRealTime(time) ? record : null;
    }
    const gone = this.names.of(pid);
    if (gone === null) return null;
    const { comm, ppid } = gone;
    return new ProcessRecord(pid, -1, -1, { pid, ...(ppid === 0 ? {} : { ppid }), comm, uid: null });
  }
}

/** A kernel address by its lower 48 bits, which a double holds exactly. */
function addressOf(view: DataView, at: number): number {
  return view.getUint16(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function textOf(view: DataView, at: number, length: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + at, Math.min(length, 16));
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function tupleOf(view: DataView, raw: number, offsets: Readonly<Record<string, number>>): SocketTuple {
  const tuple = new SocketTuple();
  tuple.localPort = view.getUint16(raw + offsets["sport"], true);
  tuple.remotePort = view.getUint16(raw + offsets["dport"], true);
  if (view.getUint16(raw + offsets["family"], true) !== AF_INET6) {
    tuple.local2 = tuple.remote2 = 0xffff;
    tuple.local3 = view.getInt32(raw + offsets["saddr"]);
    tuple.remote3 = view.getInt32(raw + offsets["daddr"]);
    return tuple;
  }
  const local = raw + offsets["saddr_v6"];
  const remote = raw + offsets["daddr_v6"];
  tuple.local0 = view.getInt32(local);
  tuple.local1 = view.getInt32(local + 4);
  tuple.local2 = view.getInt32(local + 8);
  tuple.local3 = view.getInt32(local + 12);
  tuple.remote0 = view.getInt32(remote);
  tuple.remote1 = view.getInt32(remote + 4);
  tuple.remote2 = view.getInt32(remote + 8);
  tuple.remote3 = view.getInt32(remote + 12);
  return tuple;
}

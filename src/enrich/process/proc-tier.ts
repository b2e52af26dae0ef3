/**
 * Tier D: who owns a socket, from sock_diag and /proc alone. Exact for what lives long enough to be looked at; a process
 * that is gone before is unknown. Never a guess:
 *  - a process counts only when it alone among its relatives holds the very socket, and still did after its start time
 *    was read (so a pid used again cannot slip in);
 *  - a process with children that listens on the port may be about to hand the socket on (prefork, cluster), so it has
 *    to be found twice, a while apart;
 *  - for a connection that is closed already, the listener's holder counts only when it is alone and never had a child.
 */
import { type Flow, UNKNOWN_HALF } from "../../core/flow.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Micros } from "../../core/units.ts";
import { Budget } from "./budget.ts";
import { type DetailReader, TICK } from "./details.ts";
import { clientEnd, type FlowEnd, ownersOf } from "./flow-owners.ts";
import { NetSpaces } from "./net-spaces.ts";
import { childPids, type ProcessStat, readStat, readText } from "./proc-files.ts";
import { findConnection, findListeners } from "./proc-net.ts";
import type { ProcessRecord, ProcessTable } from "./process-table.ts";
import { SocketDiagnosis } from "./sock-diag.ts";
import { holds, SocketHolders } from "./socket-holders.ts";
import { type End, SocketTuple, socketOf } from "./socket-tuple.ts";
import { systemCalls } from "./system-calls.ts";

/** Asking for a socket takes microseconds, looking for its holder milliseconds: each has a share of its own. */
const ASK_SHARE = 0.05;
const LOOK_SHARE = 0.1;
const RESERVE_MS = 100;
const MAX_ATTEMPTS = 6;
const RETRY_MS = 100;
const CONFIRM_MS = 200;
const LISTENER_CACHE_MS = 2_000;
const MAX_LISTENERS = 1_024;
const SIGCHLD = 17;

interface ListenerAnswer {
  readonly pid: number | null;
  readonly at: number;
}

export class ProcTier {
  private readonly table: ProcessTable;
  private readonly details: DetailReader;
  private readonly ledger: Ledger;
  private readonly asking = new Budget(ASK_SHARE, RESERVE_MS);
  private readonly looking = new Budget(LOOK_SHARE, RESERVE_MS);
  private readonly diagnosis: SocketDiagnosis | null;
  private readonly holders = new SocketHolders();
  private readonly spaces = new NetSpaces();
  private readonly listeners = new Map<string, ListenerAnswer>();
  private readonly tuple = new SocketTuple();

  constructor(table: ProcessTable, details: DetailReader, ledger: Ledger) {
    this.table = table;
    this.details = details;
    this.ledger = ledger;
    const calls = systemCalls();
    this.diagnosis = calls && SocketDiagnosis.open(calls);
  }

  /** A new flow: the client has its socket already; the server's is accepted later, unless the flow is older than us. */
  opened(flow: Flow): void {
    const owners = ownersOf(flow);
    const client = clientEnd(flow);
    this.search(flow, owners.ends[client], client, false);
    if (!begins(flow)) this.search(flow, owners.ends[1 - client], (1 - client) as End, false);
  }

  /** An exchange is done: both ends have read or written, so both sockets have their final holder. */
  used(flow: Flow): void {
    const owners = ownersOf(flow);
    const client = clientEnd(flow);
    this.search(flow, owners.ends[client], client, false);
    this.search(flow, owners.ends[1 - client], (1 - client) as End, flow.clientHalf !== UNKNOWN_HALF);
  }

  close(): void {
    this.diagnosis?.close();
  }

  private search(flow: Flow, end: FlowEnd, which: End, server: boolean): void {
    if (end.record !== null) {
      end.info = end.record.info; // more may have become known
      return;
    }
    if (end.settled) return;
    if (performance.now() < end.notBefore) return;
    if (!this.asking.open) {
      this.ledger.evict("owner-lookups");
      return;
    }
    const tuple = socketOf(flow, which, this.tuple);
    const inode = this.asking.spend(() => this.inodeOf(tuple, end));
    const listener = inode < 0 && server;
    if (end.settled || (inode <= 0 && !listener)) this.failed(end);
    else if (this.looking.open) this.looking.spend(() => this.look(flow, tuple, end, inode));
    else this.ledger.evict("owner-lookups");
  }

  private failed(end: FlowEnd): void {
    end.candidate = null;
    end.attempts++;
    end.notBefore = performance.now() + RETRY_MS * end.attempts;
    if (end.attempts >= MAX_ATTEMPTS) end.settled = true;
  }

  private look(flow: Flow, tuple: SocketTuple, end: FlowEnd, inode: number): void {
    const record = inode > 0 ? this.holderOf(inode) : this.listenerOf(tuple, flow.startTime);
    if (record === null) this.failed(end);
    else if (end.candidate === record || !this.mayHandOn(record, tuple)) {
      end.record = record;
      end.info = record.info;
    } else {
      end.candidate = record;
      end.notBefore = performance.now() + CONFIRM_MS;
    }
  }

  /** Inode of the connected socket; 0 when it has no holder, -1 when there is no such socket (any more). */
  private inodeOf(tuple: SocketTuple, end: FlowEnd): number {
    const own = this.diagnosis?.find(tuple);
    if (own) return own.inode;
    const spaces = this.spaces.of(tuple);
    if (spaces.length === 0) end.settled = true; // not on this host
    const found = spaces
      .filter((space) => this.diagnosis === null || space.id !== this.spaces.own)
      .map((space) => connectionInode(space.pid, tuple))
      .filter((inode) => inode >= 0);
    if (found.length > 1) end.settled = true; // the same tuple in two namespaces: cannot be told apart
    return found.length === 1 ? found[0] : -1;
  }

  private holderOf(inode: number): ProcessRecord | null {
    const pid = this.holders.sole(inode);
    if (pid === null) return null;
    const record = this.table.current(pid);
    // the start time was read behind the look at the fd: only a second look makes both of the same process
    if (record === null || !holds(pid, inode)) return null;
    const stat = readStat(pid);
    return stat !== null && stat.startTicks === record.startTicks ? record : null;
  }

  /** The process listens on the port and has children: it may be on the way to pass the connection to one of them. */
  private mayHandOn(record: ProcessRecord, tuple: SocketTuple): boolean {
    const stat = readStat(record.pid);
    if (stat === null || neverHadChild(record.pid, stat)) return false;
    const inodes = this.listenerInodes(tuple);
    return [...inodes].some((inode) => holds(record.pid, inode));
  }

  /** The one process that can have accepted a connection that is gone by now. */
  private listenerOf(tuple: SocketTuple, flowStart: Micros): ProcessRecord | null {
    const inodes = this.listenerInodes(tuple);
    const pid = inodes.size === 0 ? null : this.soleHolder(inodes);
    if (pid === null) return null;
    const record = this.table.current(pid);
    const stat = readStat(pid);
    if (record === null || stat === null || stat.startTicks !== record.startTicks) return null;
    // a server restarted meanwhile did not answer the old one's connections
    if (this.details.startOf(stat.startTicks) > flowStart - TICK) return null;
    return neverHadChild(pid, stat) ? record : null;
  }

  /** A new holder of the same sockets would be a child of the holder, for which the caller looks. */
  private soleHolder(inodes: ReadonlySet<number>): number | null {
    const key = [...inodes].sort().join();
    const now = performance.now();
    const known = this.listeners.get(key);
    if (known && now - known.at < LISTENER_CACHE_MS) return known.pid;
    const pid = this.holders.soleOfAny(inodes);
    if (!known && this.listeners.size >= MAX_LISTENERS) this.listeners.delete(this.listeners.keys().next().value!);
    this.listeners.set(key, { pid, at: now });
    return pid;
  }

  private listenerInodes(tuple: SocketTuple): Set<number> {
    const inodes = new Set<number>();
    for (const space of this.spaces.of(tuple)) {
      const told = space.id === this.spaces.own ? this.diagnosis?.listeners(tuple.localPort) : null;
      for (const inode of told ?? []) inodes.add(inode);
      if (told) continue;
      for (const file of ["tcp", "tcp6"]) {
        findListeners(readText(`/proc/${space.pid}/net/${file}`) ?? "", tuple.localPort, inodes);
      }
    }
    return inodes;
  }
}

/** The flow was opened by its handshake: then its client is known from the start. */
function begins(flow: Flow): boolean {
  return flow.handshakeSeen || flow.clientHalf !== UNKNOWN_HALF;
}

function connectionInode(pid: number, tuple: SocketTuple): number {
  const narrow = tuple.local0 === 0 && tuple.local1 === 0 && tuple.local2 === 0xffff;
  const inode = narrow ? findConnection(readText(`/proc/${pid}/net/tcp`) ?? "", tuple, false) : -1;
  return inode >= 0 ? inode : findConnection(readText(`/proc/${pid}/net/tcp6`) ?? "", tuple, true);
}

/**
 * No child now, none waited for before, and none that could have come and gone unseen (SIGCHLD ignored). A process that
 * had one may have given the connection to it.
 */
function neverHadChild(pid: number, stat: ProcessStat): boolean {
  if (stat.childFaults > 0 || stat.childTicks > 0) return false;
  const ignored = /^SigIgn:\s*([0-9a-f]{1,16})$/m.exec(readText(`/proc/${pid}/status`) ?? "");
  if (!ignored || (BigInt(`0x${ignored[1]}`) >> BigInt(SIGCHLD - 1)) & 1n) return false;
  return childPids(pid).length === 0;
}

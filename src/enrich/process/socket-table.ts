/**
 * Sockets as the kernel reports them, found again by tuple for a flow. Pure: records in, entries out; times are capture
 * time (microseconds since the epoch). Knows about port reuse (an entry has a life, the flow must fit into it) and about
 * equal tuples in several network namespaces (no answer, unless one of them is the capture's own). Bounded.
 */
import type { Flow } from "../../core/flow.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Micros } from "../../core/units.ts";
import type { ProcessRecord } from "./process-table.ts";
import { isLoopback, SocketTuple } from "./socket-tuple.ts";
import { NO_TURN, TurnLog, type TurnOwner } from "./turn-log.ts";

/** About 300 octets each. */
const MAX_SOCKETS = 65_536;
/** A closed socket is kept until the packets captured before have surely been looked at, */
const GRACE: Micros = 10_000_000;
/** and while there is room, as long as an exchange without a response may take to be given up. */
const LONG_GRACE: Micros = 300_000_000;
const ROOMY = MAX_SOCKETS / 4;
/** Two clocks, read one after the other, differ by less. */
const SLACK: Micros = 500;
/** Number for sockets whose namespace is not told. */
export const ANY_NET = 0;

export class SocketEntry implements TurnOwner {
  readonly tuple = new SocketTuple();
  cookie = 0;
  /** Inode number of the network namespace. */
  net = 0;
  client = false;
  record: ProcessRecord | null = null;
  /** Thread that connected, or that first used the socket. */
  tid = 0;
  /** Held by several processes when it was found at start: whose it is shows when one of them uses it. */
  shared = false;
  /** Found at start, so open since before then. */
  seed = false;
  openedAt: Micros = 0.5;
  /** 0 while open. */
  closedAt: Micros = 0.5;
  hash = 0;
  chain: SocketEntry | null = null;
  /** Both for the log of turns alone. */
  firstTurn = NO_TURN;
  lastTurn = NO_TURN;
}

export class SocketTable {
  /** Of these sockets. */
  readonly turns = new TurnLog();
  /** Network namespace in which packets are captured. */
  private readonly captureNet: number;
  private readonly ledger: Ledger;
  private readonly byHash = new Map<number, SocketEntry>();
  private readonly byCookie = new Map<number, SocketEntry>();
  /** In the order of closing; those before `firstClosed` are gone already. */
  private closed: SocketEntry[] = [];
  private firstClosed = 0;

  constructor(captureNet: number, ledger: Ledger) {
    this.captureNet = captureNet;
    this.ledger = ledger;
  }

  get size(): number {
    return this.byCookie.size;
  }

  /** The entry of a socket, known or new. `tuple` is copied. */
  entry(cookie: number, net: number, tuple: SocketTuple, openedAt: Micros): SocketEntry {
    const known = this.byCookie.get(cookie);
    if (known !== undefined) return known;
    if (this.byCookie.size >= MAX_SOCKETS) this.evict();
    const entry = new SocketEntry();
    entry.cookie = cookie;
    entry.net = net;
    entry.tuple.copy(tuple);
    entry.hash = hashOf(tuple);
    entry.openedAt = openedAt;
    entry.closedAt = 0;
    const chain = this.byHash.get(entry.hash) ?? null;
    if (net !== ANY_NET) this.closeFormer(chain, entry);
    entry.chain = chain;
    this.byHash.set(entry.hash, entry);
    this.byCookie.set(cookie, entry);
    return entry;
  }

  /** A namespace has a tuple once at a time: of a former socket with it the close was lost. */
  private closeFormer(chain: SocketEntry | null, entry: SocketEntry): void {
    for (let former = chain; former !== null; former = former.chain) {
      if (former.closedAt !== 0 || former.net !== entry.net || !sameTuple(former.tuple, entry.tuple)) continue;
      this.close(former.cookie, Math.max(former.openedAt, entry.openedAt));
    }
  }

  known(cookie: number): SocketEntry | undefined {
    return this.byCookie.get(cookie);
  }

  close(cookie: number, time: Micros): void {
    const entry = this.byCookie.get(cookie);
    if (entry === undefined || entry.closedAt !== 0) return;
    entry.closedAt = time;
    this.closed.push(entry);
  }

  /** Lets go of sockets that closed long before `now`. */
  expire(now: Micros): void {
    while (this.firstClosed < this.closed.length) {
      const grace = this.byCookie.size > ROOMY ? GRACE : LONG_GRACE;
      if (this.closed[this.firstClosed].closedAt > now - grace) break;
      this.remove(this.nextClosed()!);
    }
  }

  /** The socket at one end of a flow; null when there is none, or more than one that cannot be told apart. */
  find(tuple: SocketTuple, flow: Flow): SocketEntry | null {
    let best: SocketEntry | null = null;
    const ownOnly = isLoopback(tuple.local0, tuple.local1, tuple.local2, tuple.local3);
    let entry = this.byHash.get(hashOf(tuple)) ?? null;
    for (; entry !== null; entry = entry.chain) {
      if (!sameTuple(entry.tuple, tuple) || !fits(entry, flow)) continue;
      const own = entry.net === this.captureNet;
      if (ownOnly && !own) continue;
      if (best === null || (own && best.net !== this.captureNet)) best = entry;
      else if (entry.net === best.net) best = likelier(best, entry, flow);
      else if (!own && best.net !== this.captureNet) return null;
      if (best === null) return null;
    }
    return best;
  }

  private evict(): void {
    this.ledger.evict("sockets");
    const oldest = this.nextClosed() ?? this.byCookie.values().next().value;
    if (oldest !== undefined) this.remove(oldest);
  }

  private nextClosed(): SocketEntry | undefined {
    if (this.firstClosed === this.closed.length) return undefined;
    const entry = this.closed[this.firstClosed++];
    if (this.firstClosed * 2 > this.closed.length) {
      this.closed = this.closed.slice(this.firstClosed);
      this.firstClosed = 0;
    }
    return entry;
  }

  private remove(entry: SocketEntry): void {
    this.byCookie.delete(entry.cookie);
    this.turns.forget(entry);
    let at = this.byHash.get(entry.hash) ?? null;
    if (at === entry) {
      if (entry.chain === null) this.byHash.delete(entry.hash);
      else this.byHash.set(entry.hash, entry.chain);
    } else {
      while (at !== null && at.chain !== entry) at = at.chain;
      if (at !== null) at.chain = entry.chain;
    }
    entry.chain = null;
  }
}

/** Could this socket have carried this flow? Their lives must overlap, and a handshake starts a new life. */
function fits(entry: SocketEntry, flow: Flow): boolean {
  if (entry.closedAt !== 0 && entry.closedAt < flow.startTime - SLACK) return false;
  if (entry.openedAt > flow.lastTime + SLACK && !entry.seed) return false;
  if (!flow.handshakeSeen) return true;
  return entry.seed ? flow.startTime < entry.openedAt + SLACK : entry.openedAt > flow.startTime - SLACK;
}

/** Of two sockets of one namespace that fit, one after the other: a handshake's is the first that opened behind it. */
function likelier(one: SocketEntry, other: SocketEntry, flow: Flow): SocketEntry | null {
  if (one.record === other.record) return one;
  const [first, second] = one.openedAt < other.openedAt ? [one, other] : [other, one];
  // both open at once: two namespaces, where those are not told
  if (first.closedAt === 0 || first.closedAt > second.openedAt + SLACK) return null;
  return flow.handshakeSeen && !first.seed ? first : null;
}

function hashOf(tuple: SocketTuple): number {
  const local = Math.imul(
    tuple.local0 ^ Math.imul(tuple.local1, 31) ^ Math.imul(tuple.local2, 961) ^ tuple.local3,
    0x9e3779b1,
  );
  const remote = tuple.remote0 ^ Math.imul(tuple.remote1, 31) ^ Math.imul(tuple.remote2, 961) ^ tuple.remote3;
  return (
    (Math.imul(local ^ remote, 0x85ebca6b) ^ Math.imul((tuple.localPort << 16) | tuple.remotePort, 0xc2b2ae35)) | 0
  );
}

function sameTuple(one: SocketTuple, other: SocketTuple): boolean {
  return (
    one.localPort === other.localPort &&
    one.remotePort === other.remotePort &&
    one.local3 === other.local3 &&
    one.remote3 === other.remote3 &&
    one.local2 === other.local2 &&
    one.remote2 === other.remote2 &&
    one.local1 === other.local1 &&
    one.remote1 === other.remote1 &&
    one.local0 === other.local0 &&
    one.remote0 === other.remote0
  );
}

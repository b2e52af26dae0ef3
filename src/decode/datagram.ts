/**
 * Datagrams that wait for fragments: found by addresses, id, protocol (IPv4), interface and scope; in the order of their
 * first fragment. Everything is used again, since a flood of fragments would otherwise allocate faster than memory is
 * given back.
 */
import type { Micros } from "../core/units.ts";
import type { Cursor } from "./cursor.ts";
import type { Piece } from "./piece-pool.ts";

export class Datagram {
  /** What it is found by. */
  id = 0;
  keyProtocol = 0;
  interfaceId = 0;
  scope = 0;
  readonly addresses = new Int32Array(8);
  hash = 0;
  /** Next of the same bucket; neighbours in age. The table's own. */
  chain: Datagram | null = null;
  older: Datagram | null = null;
  newer: Datagram | null = null;

  startTime: Micros = 0.5;
  /** In order, not overlapping. */
  readonly pieces: Piece[] = [];
  /** Payload octets covered by pieces. */
  covered = 0;
  /** Payload octets of the whole, -1 until the last fragment came. */
  total = -1;
  /** Protocol number that the first fragment names. */
  protocol = 0;
  fragments = 0;
  ipLength = 0;
  /** Memory that its pieces take. */
  cost = 0;
  overlapped = false;

  reset(): void {
    this.pieces.length = 0;
    this.covered = this.protocol = this.fragments = this.ipLength = this.cost = 0;
    this.total = -1;
    this.overlapped = false;
    this.chain = this.older = this.newer = null;
  }
}

export class DatagramTable {
  size = 0;
  oldest: Datagram | null = null;
  private newest: Datagram | null = null;
  private readonly buckets: (Datagram | null)[];
  private readonly free: Datagram[] = [];

  /** `limit` is what the owner keeps `size` at; it only sets the number of buckets. */
  constructor(limit: number) {
    this.buckets = Array.from({ length: 2 ** Math.ceil(Math.log2(limit + 1)) }, () => null);
  }

  /**
   * The datagram that a fragment at the cursor belongs to, a new one when there is none. The interface is part of what
   * tells datagrams apart: copies seen on two interfaces make two datagrams, which are known as copies later, instead of
   * one and a left-over half.
   */
  find(cursor: Cursor, id: number): Datagram {
    const protocol = cursor.packet.family === 4 ? cursor.type : -1;
    const hash = hashOf(cursor, id);
    const bucket = hash & (this.buckets.length - 1);
    for (let datagram = this.buckets[bucket]; datagram !== null; datagram = datagram.chain) {
      if (datagram.hash === hash && matches(datagram, cursor, id, protocol)) return datagram;
    }
    const datagram = this.free.pop() ?? new Datagram();
    datagram.reset();
    identify(datagram, cursor, id, protocol);
    datagram.hash = hash;
    datagram.startTime = cursor.time;
    datagram.chain = this.buckets[bucket];
    this.buckets[bucket] = datagram;
    datagram.older = this.newest;
    if (this.newest === null) this.oldest = datagram;
    else this.newest.newer = datagram;
    this.newest = datagram;
    this.size++;
    return datagram;
  }

  remove(datagram: Datagram): void {
    const bucket = datagram.hash & (this.buckets.length - 1);
    let before: Datagram | null = this.buckets[bucket];
    if (before === datagram) this.buckets[bucket] = datagram.chain;
    else {
      while (before !== null && before.chain !== datagram) before = before.chain;
      if (before !== null) before.chain = datagram.chain;
    }
    const { older, newer } = datagram;
    if (older === null) this.oldest = newer;
    else older.newer = newer;
    if (newer === null) this.newest = older;
    else newer.older = older;
    this.size--;
    this.free.push(datagram);
  }
}

function identify(datagram: Datagram, cursor: Cursor, id: number, protocol: number): void {
  const p = cursor.packet;
  datagram.id = id;
  datagram.keyProtocol = protocol;
  datagram.interfaceId = cursor.interfaceId;
  datagram.scope = cursor.scope;
  const a = datagram.addresses;
  a[0] = p.source0;
  a[1] = p.source1;
  a[2] = p.source2;
  a[3] = p.source3;
  a[4] = p.destination0;
  a[5] = p.destination1;
  a[6] = p.destination2;
  a[7] = p.destination3;
}

function matches(datagram: Datagram, cursor: Cursor, id: number, protocol: number): boolean {
  const p = cursor.packet;
  const a = datagram.addresses;
  return (
    datagram.id === id &&
    datagram.keyProtocol === protocol &&
    datagram.interfaceId === cursor.interfaceId &&
    datagram.scope === cursor.scope &&
    a[3] === p.source3 &&
    a[7] === p.destination3 &&
    a[2] === p.source2 &&
    a[6] === p.destination2 &&
    a[1] === p.source1 &&
    a[5] === p.destination1 &&
    a[0] === p.source0 &&
    a[4] === p.destination0
  );
}

function hashOf(cursor: Cursor, id: number): number {
  const p = cursor.packet;
  const words = p.source0 ^ p.source1 ^ Math.imul(p.source3, 0x85ebca6b) ^ p.destination1 ^ (p.destination3 << 7);
  const hash = Math.imul(words ^ Math.imul(id, 0x9e3779b1), 0x2c1b3c6d);
  return hash ^ (hash >>> 15);
}

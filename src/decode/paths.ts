/**
 * Numbers for encapsulation paths: `vlan:7/vxlan:42` becomes a small integer, so that a flow key can hold it and a
 * packet costs no string. Takes a parent path and one more element, gives the number of the longer path. Bounded; a
 * path that no longer fits gets the number of `other`.
 */
import type { Ledger } from "../core/ledger.ts";

/** Kinds of encapsulation and their numbers; the names are what users see. */
export const KIND = {
  vlan: 1,
  isl: 2,
  pbb: 3,
  mpls: 4,
  pppoe: 5,
  gre: 6,
  erspan: 7,
  vxlan: 8,
  geneve: 9,
  gtp: 10,
  teredo: 11,
  ayiya: 12,
  capwap: 13,
  l2tp: 14,
  ipip: 15,
  "6in4": 16,
  "4in6": 17,
  "6in6": 18,
  etherip: 19,
  wccp: 20,
  eoip: 21,
  gue: 22,
  lisp: 23,
  nsh: 24,
  srv6: 25,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

const KIND_NAMES = ["", ...Object.keys(KIND)];

/** Element without an id. */
export const NO_ID = -1;

export class PathTable {
  /** Paths kept at most. A trunk has up to 4,094 VLANs; more paths than this are an attack or a scan. */
  readonly limit: number;
  private readonly ledger: Ledger;
  private readonly tableName: string;
  private readonly names: (string | null)[] = [null];
  private readonly mask: number;
  /** Open addressing: the slot of a path holds its number, 0 when free. */
  private readonly slots: Int32Array;
  private readonly parents: Int32Array;
  private readonly kinds: Uint8Array;
  private readonly ids: Int32Array;

  constructor(ledger: Ledger, tableName: string, limit = 8192) {
    this.ledger = ledger;
    this.tableName = tableName;
    this.limit = limit;
    const size = 2 ** Math.ceil(Math.log2(limit * 2));
    this.mask = size - 1;
    this.slots = new Int32Array(size);
    this.parents = new Int32Array(limit + 1);
    this.kinds = new Uint8Array(limit + 1);
    this.ids = new Int32Array(limit + 1);
  }

  /** The number of `parent` with one more element inside. */
  child(parent: number, kind: number, id: number): number {
    // everything under the path that did not fit is that path
    if (parent > this.limit) return parent;
    let slot = mix(parent, kind, id) & this.mask;
    for (;;) {
      const number = this.slots[slot];
      if (number === 0) return this.add(slot, parent, kind, id);
      if (this.parents[number] === parent && this.kinds[number] === kind && this.ids[number] === (id | 0)) {
        return number;
      }
      slot = (slot + 1) & this.mask;
    }
  }

  /** Text of a path, outermost element first; null for 0. */
  name(number: number): string | null {
    return number > this.limit ? "other" : (this.names[number] ?? null);
  }

  private add(slot: number, parent: number, kind: number, id: number): number {
    const number = this.names.length;
    if (number > this.limit) {
      this.ledger.evict(this.tableName);
      return this.limit + 1;
    }
    this.slots[slot] = number;
    this.parents[number] = parent;
    this.kinds[number] = kind;
    this.ids[number] = id;
    const element = id === NO_ID ? KIND_NAMES[kind] : `${KIND_NAMES[kind]}:${id >>> 0}`;
    this.names.push(parent === 0 ? element : `${this.names[parent]}/${element}`);
    return number;
  }
}

function mix(parent: number, kind: number, id: number): number {
  let hash = Math.imul(id, 0x9e3779b1) ^ Math.imul((parent << 5) | kind, 0x85ebca6b);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 8;
}

/**
 * Series by group key, with a cap: the largest keys have a series of their own, the rest share `other`. A key that has
 * grown well past the smallest series takes its place. Used by every rule that can be grouped. Pure, bounded.
 */

/** Name of the series that holds what has none of its own. */
export const OTHER = "other";
/** Waiting keys counted at most. */
const CANDIDATES = 512;
/** How much larger a waiting key must be than the smallest series. */
const LARGER = 2;

interface Member<Item> {
  readonly item: Item;
  /** Events in the current period, and in the last whole one. */
  now: number;
  last: number;
}

export class Groups<Item> {
  readonly #limit: number;
  readonly #create: (group: string) => Item;
  readonly #members = new Map<string, Member<Item>>();
  #candidates = new Map<string, number>();

  constructor(limit: number, create: (group: string) => Item) {
    this.#limit = limit;
    this.#create = create;
  }

  /** The item that counts an event with this key. */
  at(key: string | null): Item {
    const known = key === null ? undefined : this.#members.get(key);
    if (known !== undefined) {
      known.now++;
      return known.item;
    }
    if (key !== null && key !== OTHER) {
      if (this.#members.size < this.#limit) return this.#admit(key).item;
      const waiting = this.#candidates.get(key);
      if (waiting !== undefined || this.#candidates.size < CANDIDATES) this.#candidates.set(key, (waiting ?? 0) + 1);
    }
    return (this.#members.get(OTHER) ?? this.#admit(OTHER)).item;
  }

  /**
   * Ends a period: lets the largest waiting key in when it has outgrown the smallest series. `keep` protects series
   * with an open alert. Returns the key that lost its place.
   */
  turn(keep: (item: Item) => boolean): string | null {
    let smallest: { key: string; size: number } | null = null;
    for (const [key, member] of this.#members) {
      const size = Math.max(member.now, member.last);
      member.last = member.now;
      member.now = 0;
      if (key !== OTHER && !keep(member.item) && (smallest === null || size < smallest.size)) smallest = { key, size };
    }
    let largest: { key: string; size: number } | null = null;
    for (const [key, size] of this.#candidates) if (largest === null || size > largest.size) largest = { key, size };
    this.#candidates = new Map();
    if (smallest === null || largest === null || largest.size <= LARGER * smallest.size) return null;
    this.#members.delete(smallest.key);
    this.#admit(largest.key);
    return smallest.key;
  }

  *items(): IterableIterator<Item> {
    for (const member of this.#members.values()) yield member.item;
  }

  serialize<Saved>(save: (item: Item) => Saved) {
    return {
      members: [...this.#members].map(([key, { item, now, last }]) => ({ key, now, last, item: save(item) })),
      candidates: [...this.#candidates],
    };
  }

  restore<Saved>(saved: GroupsSnapshot<Saved>, load: (item: Item, saved: Saved) => void): void {
    this.#members.clear();
    for (const { key, now, last, item } of saved.members.slice(0, this.#limit + 1)) {
      const member = this.#admit(key);
      member.now = now;
      member.last = last;
      load(member.item, item);
    }
    this.#candidates = new Map(saved.candidates.slice(0, CANDIDATES));
  }

  #admit(key: string): Member<Item> {
    const member = { item: this.#create(key), now: 1, last: 0 };
    this.#members.set(key, member);
    return member;
  }
}

export interface GroupsSnapshot<Saved> {
  readonly members: readonly { key: string; now: number; last: number; item: Saved }[];
  readonly candidates: readonly (readonly [string, number])[];
}

/**
 * Where an excess comes from. Counts each series' amounts by key in every dimension over the sliding window, learns
 * what is usual for each key, and names the keys that hold most of the excess. Pure. Bounded: a step holds so many keys
 * of a dimension and no more (the rest is counted together); so does the memory of what is usual.
 */
import type { AlertEvent, TransactionEvent } from "../core/event.ts";
import { type KeyReader, keyReader } from "./dimension.ts";
import type { Direction } from "./machine.ts";

export type Contributor = AlertEvent["contributors"][number];

/** Keys told apart in one step and dimension; of one series among many, fewer. What is usual is kept for twice as many. */
export const KEYS_PER_STEP = 256;
export const KEYS_PER_STEP_GROUPED = 32;
/** Windows that the memory of a key spans. */
const USUAL_WINDOWS = 30;
const LEAST_SHARE = 0.1;
const MOST_PER_DIMENSION = 3;
/** What did not fit; never named. */
const REST = "\u0000rest";

type Keys = Map<string, number>;

/** Pairs, not objects: keys come from the wire, and their order decides between equals. */
type KeyPairs = readonly (readonly [key: string, amount: number])[];
export type KeySnapshot = readonly (readonly [step: number, dimensions: readonly KeyPairs[]])[];

export class KeyCounters {
  readonly dimensions: readonly string[];
  readonly #readers: readonly KeyReader[];
  readonly #limit: number;
  readonly #slots: { step: number; keys: Keys[] }[];

  /** Holds `steps` steps. */
  constructor(dimensions: readonly string[], steps: number, limit = KEYS_PER_STEP) {
    this.#limit = limit;
    this.dimensions = dimensions;
    this.#readers = dimensions.map(keyReader);
    this.#slots = Array.from({ length: steps }, () => ({ step: -1, keys: dimensions.map(() => new Map()) }));
  }

  /** The event's key in each dimension. */
  keysOf(event: TransactionEvent): (string | null)[] {
    return this.#readers.map((read) => read(event));
  }

  add(step: number, keys: readonly (string | null)[], amount: number): void {
    const slot = this.#slot(step);
    if (slot === null || amount === 0) return;
    keys.forEach((key, index) => {
      if (key !== null) addKey(slot[index], key, amount, this.#limit);
    });
  }

  /** Amounts by key over the steps `[from, to)`, for each dimension. */
  window(from: number, to: number): Keys[] {
    const total: Keys[] = this.dimensions.map(() => new Map());
    for (const slot of this.#slots) {
      if (slot.step < from || slot.step >= to) continue;
      slot.keys.forEach((keys, index) => {
        for (const [key, amount] of keys) total[index].set(key, (total[index].get(key) ?? 0) + amount);
      });
    }
    return total;
  }

  clear(): void {
    for (const slot of this.#slots) slot.step = -1;
  }

  serialize(): KeySnapshot {
    return this.#slots
      .filter((slot) => slot.step >= 0)
      .sort((a, b) => a.step - b.step)
      .map((slot) => [slot.step, slot.keys.map((keys) => [...keys])]);
  }

  /** Law 3: counters of the same steps add up. */
  merge(other: KeyCounters): void {
    this.#load(other.serialize());
  }

  restore(saved: KeySnapshot): void {
    this.clear();
    this.#load(saved);
  }

  #load(saved: KeySnapshot): void {
    for (const [step, dimensions] of saved) {
      const slot = this.#slot(step);
      dimensions.slice(0, this.dimensions.length).forEach((keys, index) => {
        for (const [key, amount] of keys) if (slot !== null) addKey(slot[index], key, amount, this.#limit);
      });
    }
  }

  #slot(step: number): Keys[] | null {
    const slot = this.#slots[((step % this.#slots.length) + this.#slots.length) % this.#slots.length];
    if (slot.step > step) return null;
    if (slot.step < step) {
      slot.step = step;
      for (const keys of slot.keys) keys.clear();
    }
    return slot.keys;
  }
}

function addKey(keys: Keys, key: string, amount: number, limit: number): void {
  const held = keys.get(key);
  if (held !== undefined) keys.set(key, held + amount);
  else if (keys.size < limit) keys.set(key, amount);
  else keys.set(REST, (keys.get(REST) ?? 0) + amount);
}

export interface UsualSnapshot {
  readonly windows: number;
  readonly usual: readonly KeyPairs[];
  readonly last: readonly KeyPairs[] | null;
}

/** What a window usually holds of each key. */
export class UsualKeys {
  #usual: Keys[] = [];
  readonly #limit: number;
  #windows = 0;
  /** The last window: learned once the next one is usual too, as it may hold the first seconds of an incident. */
  #last: readonly Keys[] | null = null;

  constructor(limit = KEYS_PER_STEP) {
    this.#limit = 2 * limit;
  }

  learn(window: readonly Keys[]): void {
    if (this.#last !== null) this.#add(this.#last);
    this.#last = window;
  }

  /** What follows the last window is not usual. */
  doubt(): void {
    this.#last = null;
  }

  #add(window: readonly Keys[]): void {
    this.#windows++;
    const weight = 1 / Math.min(this.#windows, USUAL_WINDOWS);
    window.forEach((now, index) => {
      const usual = (this.#usual[index] ??= new Map());
      for (const [key, amount] of usual) usual.set(key, amount + weight * ((now.get(key) ?? 0) - amount));
      for (const [key, amount] of now) if (!usual.has(key)) usual.set(key, weight * amount);
      if (usual.size > this.#limit)
        this.#usual[index] = new Map([...usual].sort((a, b) => b[1] - a[1]).slice(0, this.#limit));
    });
  }

  of(index: number): ReadonlyMap<string, number> {
    return this.#usual[index] ?? new Map();
  }

  reset(): void {
    this.#usual = [];
    this.#windows = 0;
    this.#last = null;
  }

  serialize(): UsualSnapshot {
    const pairs = (windows: readonly Keys[]) => windows.map((keys) => [...keys]);
    return {
      windows: this.#windows,
      usual: pairs(this.#usual),
      last: this.#last === null ? null : pairs(this.#last),
    };
  }

  restore(saved: UsualSnapshot): void {
    const maps = (windows: readonly KeyPairs[]) => windows.map((keys) => new Map(keys));
    this.#windows = saved.windows;
    this.#usual = maps(saved.usual);
    this.#last = saved.last === null ? null : maps(saved.last);
  }
}

/** Keys that hold at least a tenth of the excess (for a low alert: of what is missing), at most three a dimension. */
export function contributors(
  dimensions: readonly string[],
  window: readonly Keys[],
  usual: UsualKeys,
  direction: Direction,
): Contributor[] {
  return dimensions.flatMap((dimension, index) => {
    const now = window[index];
    const known = usual.of(index);
    const sign = direction === "low" ? -1 : 1;
    const excess = [...new Set([...now.keys(), ...known.keys()])]
      .map((key) => ({ key, excess: sign * ((now.get(key) ?? 0) - (known.get(key) ?? 0)) }))
      .filter((row) => row.excess > 0)
      .sort((a, b) => b.excess - a.excess);
    const total = excess.reduce((sum, row) => sum + row.excess, 0);
    return excess
      .filter((row) => row.key !== REST && row.excess >= LEAST_SHARE * total)
      .slice(0, MOST_PER_DIMENSION)
      .map((row) => ({
        dimension,
        key: row.key,
        now: round(now.get(row.key) ?? 0),
        usual: round(known.get(row.key) ?? 0),
        share_of_excess: round(row.excess / total, 1000),
        new: !known.has(row.key),
      }));
  });
}

const round = (value: number, parts = 10): number => Math.round(value * parts) / parts;

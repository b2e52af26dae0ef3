/**
 * A series' amounts by key in every dimension, step by step of its sliding window. Pure. Bounded: a step holds so many
 * keys of a dimension and no more; the rest is counted together. Law 3 holds.
 */
import type { TransactionEvent } from "../core/event.ts";
import { type KeyReader, keyReader } from "./dimension.ts";

/** Keys told apart in one step and dimension; of one series among many, fewer. */
export const KEYS_PER_STEP = 256;
export const KEYS_PER_STEP_GROUPED = 32;
/** What did not fit; never named. */
export const REST = "\u0000rest";

/** Amounts by key. */
export type Keys = Map<string, number>;

/** Pairs, not objects: keys come from the wire, and their order decides between equals. */
export type KeyPairs = readonly (readonly [key: string, amount: number])[];
export type KeySnapshot = readonly (readonly [step: number, dimensions: readonly KeyPairs[]])[];

/** An object, so that adding to a known key is one look-up. */
interface Cell {
  amount: number;
}

/** One dimension in one step. */
class StepKeys {
  readonly cells = new Map<string, Cell>();
  /** The key counted last: most events have the key of the one before. */
  private lastKey = "";
  private last: Cell | null = null;

  add(key: string, amount: number, limit: number): void {
    if (this.last === null || key !== this.lastKey) {
      this.last = this.cellOf(key, limit);
      this.lastKey = key;
    }
    this.last.amount += amount;
  }

  clear(): void {
    this.cells.clear();
    this.last = null;
  }

  private cellOf(key: string, limit: number): Cell {
    const known = this.cells.get(key);
    if (known !== undefined) return known;
    if (this.cells.size >= limit && key !== REST) return this.cellOf(REST, limit);
    const made = { amount: 0 };
    this.cells.set(key, made);
    return made;
  }
}

export class KeyCounters {
  readonly dimensions: readonly string[];
  readonly #readers: readonly KeyReader[];
  readonly #limit: number;
  readonly #slots: { step: number; readonly keys: readonly StepKeys[] }[];
  /** Filled again for every event. */
  readonly #keys: (string | null)[];

  /** Holds `steps` steps. */
  constructor(dimensions: readonly string[], steps: number, limit = KEYS_PER_STEP) {
    this.#limit = limit;
    this.dimensions = dimensions;
    this.#readers = dimensions.map(keyReader);
    this.#keys = dimensions.map(() => null);
    this.#slots = Array.from({ length: steps }, () => ({ step: -1, keys: dimensions.map(() => new StepKeys()) }));
  }

  /** The event's key in each dimension, lent until the next call. */
  keysOf(event: TransactionEvent): readonly (string | null)[] {
    for (let index = 0; index < this.#keys.length; index++) this.#keys[index] = this.#readers[index](event);
    return this.#keys;
  }

  add(step: number, keys: readonly (string | null)[], amount: number): void {
    const slot = this.#slot(step);
    if (slot === null || amount === 0) return;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index];
      if (key !== null) slot[index].add(key, amount, this.#limit);
    }
  }

  /** Amounts by key over the steps `[from, to)`, for each dimension. */
  window(from: number, to: number): Keys[] {
    const total: Keys[] = this.dimensions.map(() => new Map());
    for (const slot of this.#slots) {
      if (slot.step < from || slot.step >= to) continue;
      slot.keys.forEach(({ cells }, index) => {
        for (const [key, { amount }] of cells) total[index].set(key, (total[index].get(key) ?? 0) + amount);
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
      .map((slot) => [slot.step, slot.keys.map(({ cells }) => [...cells].map(([key, { amount }]) => [key, amount]))]);
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
        for (const [key, amount] of keys) slot?.[index].add(key, amount, this.#limit);
      });
    }
  }

  #slot(step: number): readonly StepKeys[] | null {
    const slot = this.#slots[((step % this.#slots.length) + this.#slots.length) % this.#slots.length];
    if (slot.step > step) return null;
    if (slot.step < step) {
      slot.step = step;
      for (const keys of slot.keys) keys.clear();
    }
    return slot.keys;
  }
}

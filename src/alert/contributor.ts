/**
 * Where an excess comes from: what a window usually holds of each key, and the keys that hold most of what is more (or
 * less) than that. Takes windows of KeyCounters; gives contributors. Pure, bounded.
 */
import type { AlertEvent } from "../core/event.ts";
import { KEYS_PER_STEP, type KeyPairs, type Keys, REST } from "./key-counters.ts";
import type { Direction } from "./machine.ts";

export type Contributor = AlertEvent["contributors"][number];

/** Windows that the memory of a key spans. */
const USUAL_WINDOWS = 30;
const LEAST_SHARE = 0.1;
const MOST_PER_DIMENSION = 3;
export interface UsualSnapshot {
  readonly windows: number;
  readonly usual: readonly KeyPairs[];
  readonly last: readonly KeyPairs[] | null;
}

/** What a window usually holds of each key: of twice as many keys as a step tells apart. */
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

/** Keys that hold at least a tenth of all there is, at most three a dimension: where nothing is usual. */
export function largest(dimensions: readonly string[], window: readonly Keys[]): Contributor[] {
  return contributors(dimensions, window, new UsualKeys(), "high").map((row) => ({ ...row, new: false }));
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

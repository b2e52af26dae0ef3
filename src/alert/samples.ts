/**
 * The newest exchanges that a series counted, as examples for an alert: their ids, with their keys in each dimension.
 * Bounded: a ring, whose places are filled again.
 */
import type { Contributor } from "./contributor.ts";

const KEPT = 32;
const SHOWN = 3;

interface Sample {
  id: string;
  second: number;
  keys: (string | null)[];
}

/** Oldest first. */
export type SamplesSnapshot = readonly Readonly<Sample>[];

export class Samples {
  readonly #ring: Sample[] = [];
  /** Place of the oldest once the ring is full. */
  #next = 0;

  keep(id: string, second: number, keys: readonly (string | null)[]): void {
    if (this.#ring.length < KEPT) {
      this.#ring.push({ id, second, keys: [...keys] });
      return;
    }
    const sample = this.#ring[this.#next];
    if (++this.#next === KEPT) this.#next = 0;
    sample.id = id;
    sample.second = second;
    for (let index = 0; index < keys.length; index++) sample.keys[index] = keys[index];
  }

  /** Ids of the newest from a second on, of the largest contributor where there is one. */
  since(from: number, dimensions: readonly string[], found: readonly Contributor[]): string[] {
    const recent = this.serialize()
      .filter((sample) => sample.second >= from)
      .reverse();
    const top = found.reduce<Contributor | null>(
      (best, row) => (best === null || row.share_of_excess > best.share_of_excess ? row : best),
      null,
    );
    const place = top === null ? -1 : dimensions.indexOf(top.dimension);
    const matching = recent.filter((sample) => top !== null && sample.keys[place] === top.key);
    return (matching.length > 0 ? matching : recent).slice(0, SHOWN).map((sample) => sample.id);
  }

  clear(): void {
    this.#ring.length = this.#next = 0;
  }

  serialize(): SamplesSnapshot {
    const inOrder = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
    return inOrder.map((sample) => ({ ...sample, keys: [...sample.keys] }));
  }

  restore(saved: SamplesSnapshot): void {
    this.clear();
    for (const { id, second, keys } of saved.slice(-KEPT)) this.keep(id, second, keys);
  }
}

/**
 * Counters over the last hour at most, by second: what sliding windows are summed from. A slot remembers which second
 * it holds, so nothing needs clearing when time jumps. Law 3 holds: `merge` adds two rings that count the same seconds.
 */

export type RingSnapshot = readonly (readonly [second: number, amount: number])[];

export class SecondRing {
  readonly #amounts: Float64Array;
  readonly #seconds: Float64Array;
  readonly #size: number;
  #newest = -1;

  /** Holds `size` seconds. */
  constructor(size: number) {
    this.#size = size;
    this.#amounts = new Float64Array(size);
    this.#seconds = new Float64Array(size).fill(-1);
  }

  /** Adds to a second; false when the slot already holds a later second: it came too late to count. */
  add(second: number, amount: number): boolean {
    const slot = this.#slot(second);
    const held = this.#seconds[slot];
    if (held === second) this.#amounts[slot] += amount;
    else if (held > second) return false;
    else {
      this.#seconds[slot] = second;
      this.#amounts[slot] = amount;
      if (second > this.#newest) this.#newest = second;
    }
    return true;
  }

  /** Sum over the seconds `[from, to)`. */
  sum(from: number, to: number): number {
    if (this.#newest < from) return 0;
    let total = 0;
    let slot = this.#slot(from);
    for (let second = from; second < to; second++) {
      if (this.#seconds[slot] === second) total += this.#amounts[slot];
      if (++slot === this.#size) slot = 0;
    }
    return total;
  }

  clear(): void {
    this.#seconds.fill(-1);
    this.#newest = -1;
  }

  merge(other: SecondRing): void {
    for (const [second, amount] of other.serialize()) this.add(second, amount);
  }

  serialize(): RingSnapshot {
    const rows: [number, number][] = [];
    for (let slot = 0; slot < this.#size; slot++)
      if (this.#seconds[slot] >= 0) rows.push([this.#seconds[slot], this.#amounts[slot]]);
    return rows.sort((a, b) => a[0] - b[0]);
  }

  restore(rows: RingSnapshot): void {
    this.clear();
    for (const [second, amount] of rows) this.add(second, amount);
  }

  #slot(second: number): number {
    return ((second % this.#size) + this.#size) % this.#size;
  }
}

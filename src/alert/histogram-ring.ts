/**
 * A value's distribution over a sliding window: one histogram with logarithmic steps for each evaluation step. Values
 * come back within 2 %. Bounded: steps × buckets. Law 3 holds.
 */

const GAMMA = 1.04;
const LOG_GAMMA = Math.log(GAMMA);
/** Smallest value told apart, and the number of buckets: 0.01 to 400 thousand million. */
const SMALLEST = 0.01;
const BUCKETS = 800;

function bucketOf(value: number): number {
  if (!(value > SMALLEST)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(value / SMALLEST) / LOG_GAMMA));
}

/** Middle of a bucket: at most 2 % from anything in it. */
function middleOf(bucket: number): number {
  return bucket === 0 ? SMALLEST : (SMALLEST * GAMMA ** bucket * 2) / (1 + GAMMA);
}

export type HistogramSnapshot = readonly (readonly [step: number, ...pairs: number[]])[];

export class HistogramRing {
  readonly #size: number;
  readonly #counts: Uint32Array;
  readonly #steps: Float64Array;

  /** Holds `size` steps. */
  constructor(size: number) {
    this.#size = size;
    this.#counts = new Uint32Array(size * BUCKETS);
    this.#steps = new Float64Array(size).fill(-1);
  }

  /** Counts a value in a step; false when it came too late. */
  add(step: number, value: number): boolean {
    return this.#addTo(step, bucketOf(value), 1);
  }

  /** The quantile over the steps `[from, to)`; null when they hold nothing. */
  quantile(share: number, from: number, to: number): number | null {
    const merged = new Float64Array(BUCKETS);
    let total = 0;
    for (let step = from; step < to; step++) {
      const slot = this.#slot(step);
      if (this.#steps[slot] !== step) continue;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const count = this.#counts[slot * BUCKETS + bucket];
        merged[bucket] += count;
        total += count;
      }
    }
    if (total === 0) return null;
    let rank = Math.ceil(share * total);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      rank -= merged[bucket];
      if (rank <= 0) return middleOf(bucket);
    }
    return middleOf(BUCKETS - 1);
  }

  clear(): void {
    this.#steps.fill(-1);
  }

  merge(other: HistogramRing): void {
    this.#load(other.serialize());
  }

  serialize(): HistogramSnapshot {
    const rows: [number, ...number[]][] = [];
    for (let slot = 0; slot < this.#size; slot++) {
      if (this.#steps[slot] < 0) continue;
      const row: [number, ...number[]] = [this.#steps[slot]];
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const count = this.#counts[slot * BUCKETS + bucket];
        if (count > 0) row.push(bucket, count);
      }
      rows.push(row);
    }
    return rows.sort((a, b) => a[0] - b[0]);
  }

  restore(rows: HistogramSnapshot): void {
    this.clear();
    this.#load(rows);
  }

  #load(rows: HistogramSnapshot): void {
    for (const [step, ...pairs] of rows)
      for (let index = 0; index + 1 < pairs.length; index += 2)
        if (pairs[index] >= 0 && pairs[index] < BUCKETS) this.#addTo(step, pairs[index], pairs[index + 1]);
  }

  #addTo(step: number, bucket: number, count: number): boolean {
    const slot = this.#slot(step);
    if (this.#steps[slot] > step) return false;
    if (this.#steps[slot] < step) {
      this.#steps[slot] = step;
      this.#counts.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
    }
    this.#counts[slot * BUCKETS + bucket] += count;
    return true;
  }

  #slot(step: number): number {
    return ((step % this.#size) + this.#size) % this.#size;
  }
}

/**
 * Quantiles of a stream of non-negative numbers in little memory: exact for the first few values, then a DDSketch whose
 * answer is within 1 % of the true value. The state depends only on which values came, not on their order or on how
 * they were split over parts, so that merging keeps law 3.
 */
import { DDSketch } from "@datadog/sketches-js";

/** Relative error of a quantile, at most. */
export const RELATIVE_ERROR = 0.01;

/** So many values are kept as they are: most keys of a ranking see few, and a sketch weighs a kilobyte. */
const EXACT = 16;

/**
 * Values go into the sketch multiplied by this, for two reasons: its bucket numbers then stay positive (merging the
 * library's stores goes wrong around bucket 0), and what is under a millionth counts as zero.
 */
const SCALE = 1e6;
const LARGEST = 1e12;

export interface QuantileReport {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface SavedQuantiles {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** The values themselves while they are few. */
  readonly values?: readonly number[];
  /** The sketch: how many were zero, and the counts of the buckets from `first` on. */
  readonly zeros?: number;
  readonly first?: number;
  readonly buckets?: readonly number[];
}

export class Quantiles {
  count = 0;
  min = Number.POSITIVE_INFINITY;
  max = 0;
  /** Sum in thousandths, whole numbers: adding in any order gives the same. */
  private thousandths = 0;
  private values: number[] | null = null;
  private sketch: DDSketch | null = null;

  /**
   * Negative and not-a-number values are not counted: they mean "not known". `bucket` is `bucketOf(value)`, for whoever
   * adds one value to many.
   */
  add(value: number, bucket = bucketOf(value)): void {
    if (!(value >= 0)) return;
    if (value > LARGEST) value = LARGEST;
    this.count++;
    this.thousandths += Math.round(value * 1_000);
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    this.keep(value, bucket);
  }

  private keep(value: number, bucket: number): void {
    if (this.sketch !== null) addToSketch(this.sketch, bucket);
    else if (this.values === null) this.values = [value];
    else if (this.values.length < EXACT) this.values.push(value);
    else addToSketch(this.toSketch(), bucket);
  }

  private toSketch(): DDSketch {
    if (this.sketch === null) {
      this.sketch = new DDSketch({ relativeAccuracy: RELATIVE_ERROR });
      for (const value of this.values ?? []) addToSketch(this.sketch, bucketOf(value));
      this.values = null;
    }
    return this.sketch;
  }

  merge(other: Quantiles): void {
    if (other.count === 0) return;
    this.count += other.count;
    this.thousandths += other.thousandths;
    if (other.min < this.min) this.min = other.min;
    if (other.max > this.max) this.max = other.max;
    if (other.sketch !== null) this.toSketch().merge(other.sketch);
    else for (const value of other.values!) this.keep(value, bucketOf(value));
  }

  /** Nearest-rank quantile: the smallest value that at least a share `q` of all values does not exceed. NaN when empty. */
  at(q: number): number {
    if (this.count === 0) return Number.NaN;
    const rank = Math.min(this.count, Math.max(1, Math.ceil(q * this.count))) - 1;
    if (rank === 0) return this.min;
    if (rank === this.count - 1) return this.max;
    if (this.sketch === null) return this.values!.toSorted((a, b) => a - b)[rank];
    // half a rank up, so that rounding cannot fall to the value before
    const found = this.sketch.getValueAtQuantile((rank + 0.5) / (this.count - 1)) / SCALE;
    return Math.min(this.max, Math.max(this.min, found));
  }

  get mean(): number {
    return this.count === 0 ? Number.NaN : this.thousandths / 1_000 / this.count;
  }

  get sum(): number {
    return this.thousandths / 1_000;
  }

  /** null when there was nothing to measure. */
  report(): QuantileReport | null {
    if (this.count === 0) return null;
    return {
      count: this.count,
      min: this.min,
      mean: tidy(this.mean),
      p50: tidy(this.at(0.5)),
      p90: tidy(this.at(0.9)),
      p95: tidy(this.at(0.95)),
      p99: tidy(this.at(0.99)),
      max: this.max,
    };
  }

  save(): SavedQuantiles {
    const { count, thousandths: sum, min, max, values, sketch } = this;
    const head = { count, sum, min: count === 0 ? 0 : min, max };
    if (sketch === null) return { ...head, values: [...(values ?? [])].sort((a, b) => a - b) };
    const { bins, offset, minKey, maxKey } = sketch.store;
    const buckets = sketch.store.count === 0 ? [] : bins.slice(minKey - offset, maxKey - offset + 1);
    return { ...head, zeros: sketch.zeroCount, first: buckets.length === 0 ? 0 : minKey, buckets };
  }

  static load(saved: SavedQuantiles): Quantiles {
    const loaded = new Quantiles();
    if (saved.count === 0) return loaded;
    if (saved.values !== undefined) loaded.values = [...saved.values];
    else {
      const sketch = loaded.toSketch();
      saved.buckets?.forEach((count, index) => {
        if (count > 0) sketch.store.add((saved.first ?? 0) + index, count);
      });
      sketch.zeroCount = saved.zeros ?? 0;
      sketch.count = saved.count;
    }
    loaded.count = saved.count;
    loaded.thousandths = saved.sum;
    loaded.min = saved.min;
    loaded.max = saved.max;
    return loaded;
  }
}

const { mapping } = new DDSketch({ relativeAccuracy: RELATIVE_ERROR });

/** The sketch's bucket of a value; -1 for what counts as zero. */
export function bucketOf(value: number): number {
  return value * SCALE > 1 ? mapping.key(Math.min(value, LARGEST) * SCALE) : -1;
}

/** What `DDSketch.accept` does, with the bucket known: finding it is most of the work. */
function addToSketch(sketch: DDSketch, bucket: number): void {
  sketch.count++;
  if (bucket < 0) sketch.zeroCount++;
  else sketch.store.add(bucket, 1);
}

/** Six significant digits: more would claim what a sketch does not know. */
function tidy(value: number): number {
  return Number(value.toPrecision(6));
}

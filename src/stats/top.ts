/**
 * The largest keys of a stream, with what each did, in bounded memory.
 *
 * Up to `capacity` keys everything is exact. When there are more, the smaller half gives way by the rule of Misra and
 * Gries (in the mergeable form of Agarwal and others, 2012): every key has a credit, its weight so far; the credit of
 * the largest key that must go is taken from all, and those with none left go. `floor`, the sum of what was taken, is
 * then the most any key that is not here can weigh, and it never exceeds total weight / (capacity / 2 + 1).
 *
 * A key that comes (back) later counts from that moment; `missed` is the floor at that moment, so that its true weight
 * is between what is shown and that plus `missed`. What those that gave way had counted is in `gone`: sums stay exact.
 */
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import type { Measure } from "./measure.ts";
import { Quantiles, type SavedQuantiles } from "./quantile.ts";

/** What a ranking is ordered by, and (but for latencies) which keys are kept when there are too many. */
export const METRICS = [
  "requests",
  "responses",
  "errors",
  "bytes",
  "bytes-in",
  "bytes-out",
  "retransmitted",
  "latency-mean",
  "latency-p50",
  "latency-p90",
  "latency-p95",
  "latency-p99",
  "latency-max",
] as const;
export type Metric = (typeof METRICS)[number];

/** The metric of a name; `latency` alone means its 95th percentile. Throws Trouble (exit code 2) for a name that is none. */
export function metricNamed(name: string): Metric {
  const found = METRICS.find((metric) => metric === (name === "latency" ? "latency-p95" : name));
  if (found !== undefined) return found;
  const meant = nearest(name, METRICS);
  const hint = meant === null ? `Use one of: ${METRICS.join(", ")}.` : `Did you mean ${meant}?`;
  throw new Trouble(`there is no metric "${printable(name)}"`, { exitCode: EXIT.usage, hint });
}

const COUNTERS = [
  "requests",
  "responses",
  "errors",
  "bytesIn",
  "bytesOut",
  "retransmittedIn",
  "retransmittedOut",
] as const;

/** What one key did. */
export class Tally {
  requests = 0;
  responses = 0;
  errors = 0;
  bytesIn = 0;
  bytesOut = 0;
  retransmittedIn = 0;
  retransmittedOut = 0;
  lastSeen: Micros = -1;
  latency: Quantiles | null = null;
  /** Misra-Gries credit. */
  credit = 0;
  /** Weight that this key may have had before it was (again) noticed, at most. */
  missed = 0;

  add(measure: Measure): void {
    this.requests += measure.requests;
    this.responses += measure.responses;
    this.errors += measure.errors;
    this.bytesIn += measure.bytesIn;
    this.bytesOut += measure.bytesOut;
    this.retransmittedIn += measure.retransmittedIn;
    this.retransmittedOut += measure.retransmittedOut;
    if (measure.time > this.lastSeen) this.lastSeen = measure.time;
  }

  /** Adds (or with -1 takes away) another's counters. */
  addCounters(other: Tally, sign: 1 | -1 = 1): void {
    for (const counter of COUNTERS) this[counter] += sign * other[counter];
  }

  merge(other: Tally): void {
    this.addCounters(other);
    this.lastSeen = Math.max(this.lastSeen, other.lastSeen);
    this.credit += other.credit;
    this.missed += other.missed;
    if (other.latency !== null) (this.latency ??= new Quantiles()).merge(other.latency);
  }
}

export interface TopOptions {
  /** Keys kept, at most; up to so many the ranking is exact. */
  readonly capacity: number;
  /** Metric that decides which keys are kept when there are too many; latencies keep the most requested. */
  readonly metric: Metric;
  /** Keep latency quantiles of each key. */
  readonly latency: boolean;
}

export interface SavedTop {
  readonly floor: number;
  readonly gone: SavedTally;
  readonly none: SavedTally;
  readonly entries: readonly (readonly [key: string, tally: SavedTally])[];
}

type SavedTally = readonly [numbers: readonly number[], latency: SavedQuantiles | null];

export class Top {
  readonly options: TopOptions;
  readonly entries = new Map<string, Tally>();
  /** What keys counted that gave way. */
  readonly gone = new Tally();
  /** Events that have no such key. */
  readonly none = new Tally();
  /** The most that a key which is not in `entries` can weigh. 0 while the ranking is exact. */
  floor = 0;

  constructor(options: TopOptions) {
    this.options = options;
  }

  add(key: string | null, measure: Measure): void {
    const entry = key === null ? this.none : (this.entries.get(key) ?? this.insert(key));
    entry.add(measure);
    entry.credit += counterOf(measure, this.options.metric) ?? measure.requests;
    if (this.options.latency && measure.latency_ms >= 0) {
      (entry.latency ??= new Quantiles()).add(measure.latency_ms, measure.bucket);
    }
    if (this.entries.size > this.options.capacity) this.prune();
  }

  private insert(key: string): Tally {
    const entry = new Tally();
    entry.missed = this.floor;
    this.entries.set(ownCopy(key), entry);
    return entry;
  }

  private prune(): void {
    const keep = Math.max(1, this.options.capacity >> 1);
    const ordered = [...this.entries].sort(
      ([keyA, a], [keyB, b]) => b.credit - a.credit || b.lastSeen - a.lastSeen || (keyA < keyB ? -1 : 1),
    );
    const taken = ordered[keep][1].credit;
    this.floor += taken;
    for (let index = keep; index < ordered.length; index++) {
      const [key, entry] = ordered[index];
      this.entries.delete(key);
      this.gone.addCounters(entry);
    }
    for (const entry of this.entries.values()) entry.credit -= taken;
  }

  merge(other: Top): void {
    this.gone.addCounters(other.gone);
    this.none.merge(other.none);
    // who is only on one side may have weighed up to the other side's floor there
    for (const [key, entry] of this.entries) if (!other.entries.has(key)) entry.missed += other.floor;
    for (const [key, entry] of other.entries) this.include(key, entry);
    this.floor += other.floor;
    if (this.entries.size > this.options.capacity) this.prune();
  }

  /** Everything, whatever the key. */
  total(): Tally {
    const total = new Tally();
    total.addCounters(this.gone);
    total.addCounters(this.none);
    for (const entry of this.entries.values()) total.addCounters(entry);
    return total;
  }

  /** Adds what was counted elsewhere to a key. */
  include(key: string, tally: Tally): void {
    (this.entries.get(key) ?? this.insert(key)).merge(tally);
  }

  /** Lets go of keys not seen since `before`, and of what they counted. */
  retire(before: Micros): void {
    for (const [key, entry] of this.entries) {
      if (entry.lastSeen < before) this.entries.delete(key);
    }
  }

  save(): SavedTop {
    return {
      floor: this.floor,
      gone: saveTally(this.gone),
      none: saveTally(this.none),
      entries: [...this.entries].map(([key, entry]) => [key, saveTally(entry)]),
    };
  }

  static load(saved: SavedTop, options: TopOptions): Top {
    const loaded = new Top(options);
    loaded.floor = saved.floor;
    loaded.gone.merge(loadTally(saved.gone));
    loaded.none.merge(loadTally(saved.none));
    for (const [key, tally] of saved.entries) loaded.entries.set(key, loadTally(tally));
    return loaded;
  }
}

type Counters = Pick<Tally, (typeof COUNTERS)[number]>;

/** null for latencies, which are not counted but measured. */
function counterOf(counters: Counters, metric: Metric): number | null {
  switch (metric) {
    case "requests":
    case "responses":
    case "errors":
      return counters[metric];
    case "bytes":
      return counters.bytesIn + counters.bytesOut;
    case "bytes-in":
      return counters.bytesIn;
    case "bytes-out":
      return counters.bytesOut;
    case "retransmitted":
      return counters.retransmittedIn + counters.retransmittedOut;
    default:
      return null;
  }
}

/** What a key has of a metric; NaN for a latency that was never measured. */
export function metricOf(tally: Tally, metric: Metric): number {
  const counted = counterOf(tally, metric);
  if (counted !== null) return counted;
  if (tally.latency === null) return Number.NaN;
  if (metric === "latency-mean") return tally.latency.mean;
  return metric === "latency-max" ? tally.latency.max : tally.latency.at(Number(metric.slice(-2)) / 100);
}

function saveTally(tally: Tally): SavedTally {
  const numbers = [...COUNTERS.map((counter) => tally[counter]), tally.lastSeen, tally.credit, tally.missed];
  return [numbers, tally.latency?.save() ?? null];
}

function loadTally([numbers, latency]: SavedTally): Tally {
  const tally = new Tally();
  COUNTERS.forEach((counter, index) => {
    tally[counter] = numbers[index];
  });
  [tally.lastSeen, tally.credit, tally.missed] = numbers.slice(COUNTERS.length);
  tally.latency = latency === null ? null : Quantiles.load(latency);
  return tally;
}

/** Shorter strings are never cut out of others by V8. */
const SHORT = 13;
const LATIN1 = /^[\0-\xff]*$/;
const scratch = Buffer.alloc(4_096);

/** A string of its own: a key cut out of a request's head would otherwise keep the whole head in memory. */
function ownCopy(key: string): string {
  if (key.length < SHORT) return key;
  if (key.length > scratch.length || !LATIN1.test(key)) return Buffer.from(key, "utf16le").toString("utf16le");
  return scratch.toString("latin1", 0, scratch.write(key, "latin1"));
}

/**
 * Request rates in event time: now, 10 s, 2 min, hour, day, week, month, and the busiest hour, day, week and month.
 * Four rings of counters (seconds, minutes, hours, days); what is older than a ring goes. What is in a ring depends only
 * on which times came, not on their order, so merging keeps law 3.
 */
import { DAY, HOUR, MINUTE, type Micros, SECOND } from "../core/units.ts";

/** Counts by slot of `step` microseconds, for the newest `slots` of them. */
export class Ring {
  readonly step: Micros;
  private readonly counts: Float64Array;
  /** Number of the newest slot: its start divided by step; -1 before the first event. */
  newest = -1;

  constructor(step: Micros, slots: number) {
    this.step = step;
    this.counts = new Float64Array(slots);
  }

  add(time: Micros, count = 1): void {
    const slot = Math.floor(time / this.step);
    if (slot < 0) return;
    if (slot > this.newest) this.advance(slot);
    else if (slot <= this.newest - this.counts.length) return;
    this.counts[slot % this.counts.length] += count;
  }

  private advance(slot: number): void {
    const { counts } = this;
    if (this.newest < 0 || slot - this.newest >= counts.length) counts.fill(0);
    else for (let passed = this.newest + 1; passed <= slot; passed++) counts[passed % counts.length] = 0;
    this.newest = slot;
  }

  /** Count of one slot; 0 when it is not held. */
  at(slot: number): number {
    if (slot > this.newest || slot <= this.newest - this.counts.length || slot < 0) return 0;
    return this.counts[slot % this.counts.length];
  }

  /** Sum of slots `[from, to]`. */
  sum(from: number, to: number): number {
    let sum = 0;
    for (let slot = Math.max(from, this.oldest); slot <= Math.min(to, this.newest); slot++) sum += this.at(slot);
    return sum;
  }

  get oldest(): number {
    return Math.max(0, this.newest - this.counts.length + 1);
  }

  merge(other: Ring): void {
    if (other.newest < 0) return;
    for (let slot = other.oldest; slot <= other.newest; slot++) {
      const count = other.at(slot);
      if (count > 0) this.add(slot * this.step, count);
    }
  }

  save(): SavedRing {
    const slots: [number, number][] = [];
    for (let slot = this.oldest; slot <= this.newest; slot++) if (this.at(slot) > 0) slots.push([slot, this.at(slot)]);
    return slots;
  }

  load(saved: SavedRing): void {
    for (const [slot, count] of saved) this.add(slot * this.step, count);
  }
}

export type SavedRing = readonly (readonly [slot: number, count: number])[];

export interface RateReport {
  /** The point in event time that the report speaks of. */
  readonly at_us: Micros;
  readonly total: number;
  readonly spans: readonly {
    readonly name: "now" | "10 s" | "2 min" | "hour" | "day" | "week" | "month";
    readonly requests: number;
    /** Seconds that the number speaks of: less than the span while there is less, or in its last step. */
    readonly covered_s: number;
    readonly per_s: number;
  }[];
  /** Busiest whole hour, day, week (from Monday) and 30 days, in UTC, among those still held (33 to 400 days). */
  readonly peaks: readonly {
    readonly name: "hour" | "day" | "week" | "month";
    readonly requests: number;
    readonly start_us: Micros;
  }[];
}

const WEEK_DAYS = 7;
const MONTH_DAYS = 30;
/** 1970-01-01 was a Thursday: Mondays are days 4, 11, … */
const MONDAY = 4;

export interface SavedRates {
  readonly total: number;
  readonly first: Micros;
  readonly newest: Micros;
  readonly rings: readonly SavedRing[];
}

export class Rates {
  total = 0;
  first: Micros = Number.POSITIVE_INFINITY;
  newest: Micros = Number.NEGATIVE_INFINITY;
  private readonly seconds = new Ring(SECOND, 128);
  private readonly minutes = new Ring(MINUTE, 1_500);
  private readonly hours = new Ring(HOUR, 800);
  private readonly days = new Ring(DAY, 400);
  private readonly rings = [this.seconds, this.minutes, this.hours, this.days];

  add(time: Micros): void {
    this.total++;
    if (time < this.first) this.first = time;
    if (time > this.newest) this.newest = time;
    this.seconds.add(time);
    this.minutes.add(time);
    this.hours.add(time);
    this.days.add(time);
  }

  merge(other: Rates): void {
    this.total += other.total;
    this.first = Math.min(this.first, other.first);
    this.newest = Math.max(this.newest, other.newest);
    this.rings.forEach((ring, index) => {
      ring.merge(other.rings[index]);
    });
  }

  /** Requests in the `seconds` whole seconds before `at`: at most 120. */
  inLast(seconds: number, at: Micros): number {
    const end = Math.floor(at / SECOND);
    return this.seconds.sum(end - seconds, end - 1);
  }

  /** Requests in each of the `count` seconds, minutes, hours or days up to the one `at` is in, oldest first. */
  series(unit: "second" | "minute" | "hour" | "day", count: number, at: Micros = this.newest): number[] {
    const ring = { second: this.seconds, minute: this.minutes, hour: this.hours, day: this.days }[unit];
    const last = Math.floor(at / ring.step);
    return Array.from({ length: count }, (_, index) => ring.at(last - count + 1 + index));
  }

  /** `at`: the present in event time; the newest event when not given. */
  report(at: Micros = this.newest): RateReport {
    if (this.total === 0) return { at_us: 0, total: 0, spans: [], peaks: [] };
    const spans = [
      this.now(at),
      this.span("10 s", this.seconds, 10, at),
      this.span("2 min", this.seconds, 120, at),
      this.span("hour", this.minutes, 60, at),
      this.span("day", this.minutes, 1_440, at),
      this.span("week", this.hours, 168, at),
      this.span("month", this.hours, 720, at),
    ];
    const peaks = [
      this.peak("hour", this.hours, 1, 0),
      this.peak("day", this.days, 1, 0),
      this.peak("week", this.days, WEEK_DAYS, MONDAY),
      this.peak("month", this.days, MONTH_DAYS, 0),
    ];
    return { at_us: at, total: this.total, spans, peaks };
  }

  /** The last whole second. */
  private now(at: Micros): RateReport["spans"][number] {
    const slot = Math.floor(at / SECOND) - 1;
    const requests = this.seconds.at(slot);
    const covered_s = Math.min(1, Math.max(0, ((slot + 1) * SECOND - this.first) / SECOND));
    return { name: "now", requests, covered_s, per_s: requests };
  }

  /** The slot that `at` is in, and the `count - 1` before it. */
  private span(name: RateReport["spans"][number]["name"], ring: Ring, count: number, at: Micros) {
    const last = Math.floor(at / ring.step);
    const requests = ring.sum(last - count + 1, last);
    const from = Math.max((last - count + 1) * ring.step, this.first);
    const covered_s = Math.max(at - from, 0) / SECOND;
    return { name, requests, covered_s, per_s: covered_s > 0 ? requests / covered_s : 0 };
  }

  private peak(name: RateReport["peaks"][number]["name"], ring: Ring, slots: number, phase: number) {
    let best = { name, requests: 0, start_us: 0 };
    const first = Math.floor((ring.oldest - phase) / slots) * slots + phase;
    for (let slot = first; slot <= ring.newest; slot += slots) {
      const requests = ring.sum(slot, slot + slots - 1);
      if (requests > best.requests) best = { name, requests, start_us: slot * ring.step };
    }
    return best;
  }

  save(): SavedRates {
    const { total, first, newest } = this;
    const rings = this.rings.map((ring) => ring.save());
    return total === 0 ? { total, first: 0, newest: 0, rings } : { total, first, newest, rings };
  }

  static load(saved: SavedRates): Rates {
    const loaded = new Rates();
    if (saved.total === 0) return loaded;
    loaded.total = saved.total;
    loaded.first = saved.first;
    loaded.newest = saved.newest;
    loaded.rings.forEach((ring, index) => {
      ring.load(saved.rings[index]);
    });
    return loaded;
  }
}

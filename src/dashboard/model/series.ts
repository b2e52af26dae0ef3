/**
 * Counters over time in buckets of equal width, in flat arrays of fixed size. Two ways to stay bounded: `slide` keeps
 * the newest buckets (the last minutes, second by second), `coarsen` keeps the whole run and doubles up neighbouring
 * buckets when it runs out of them (from a millisecond to days).
 */
import type { TransactionEvent } from "../../core/event.ts";
import { DAY, HOUR, MILLISECOND, MINUTE, type Micros, SECOND } from "../../core/units.ts";
import { LATENCY_ROW, latencySlot, quantiles } from "./latency.ts";

/** Status classes: none (no response seen), 1xx … 5xx. */
export const STATUS_CLASSES = 6;

/** Columns of one bucket. */
const REQUESTS = 0;
const CLASS = 1;
const FAILED = CLASS + STATUS_CLASSES;
const BYTES_IN = FAILED + 1;
const BYTES_OUT = BYTES_IN + 1;
const COLUMNS = BYTES_OUT + 1;

/** One bucket, or several put together. */
export interface Slice {
  readonly start: Micros;
  readonly end: Micros;
  readonly requests: number;
  /** Exchanges by status class; index 0 has those without a response. */
  readonly classes: readonly number[];
  /** 5xx answers and exchanges that got none. */
  readonly failed: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  /** Time to the first byte of the response, milliseconds; null when there is none to tell. */
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
}

/** Widths a coarsening series goes through: each is a whole multiple of the one before. */
const LADDER: readonly Micros[] = [
  ...[1, 2, 10, 20, 100, 200].map((width) => width * MILLISECOND),
  ...[1, 2, 10, 30].map((width) => width * SECOND),
  ...[1, 5, 10, 30].map((width) => width * MINUTE),
  ...[1, 6].map((width) => width * HOUR),
];

function nextWidth(width: Micros): Micros {
  return LADDER.find((step) => step > width && step % width === 0) ?? Math.max(DAY, width * 2);
}

export class Series {
  width: Micros;
  readonly capacity: number;
  private readonly overflow: "slide" | "coarsen";
  private readonly counts: Float64Array;
  private readonly latencies: Uint32Array;
  /** Number of the oldest bucket kept (time divided by width), and how many are in use from there. */
  private first = 0;
  private used = 0;
  /** Exchanges too old for a sliding series. */
  late = 0;

  constructor(options: { width: Micros; capacity: number; overflow: "slide" | "coarsen" }) {
    this.width = options.width;
    this.capacity = options.capacity;
    this.overflow = options.overflow;
    this.counts = new Float64Array(this.capacity * COLUMNS);
    this.latencies = new Uint32Array(this.capacity * LATENCY_ROW);
  }

  get empty(): boolean {
    return this.used === 0;
  }

  /** Start of the oldest bucket. */
  get start(): Micros {
    return this.first * this.width;
  }

  /** End of the newest bucket. */
  get end(): Micros {
    return (this.first + this.used) * this.width;
  }

  add(event: TransactionEvent): void {
    const slot = this.reach(event.time_us);
    if (slot < 0) {
      this.late++;
      return;
    }
    const at = slot * COLUMNS;
    const status = event.response === null ? 0 : event.response.status;
    const statusClass = Math.floor(status / 100);
    this.counts[at + REQUESTS]++;
    this.counts[at + CLASS + (statusClass >= 1 && statusClass <= 5 ? statusClass : 0)]++;
    if (isFailure(event)) this.counts[at + FAILED]++;
    this.counts[at + BYTES_IN] += event.bytes.in;
    this.counts[at + BYTES_OUT] += event.bytes.out;
    const latency = event.latency_ms.ttfb;
    if (latency !== null) this.latencies[slot * LATENCY_ROW + latencySlot(latency)]++;
  }

  /** Moves the newest bucket on to a time: seconds without traffic are zeros, not missing. */
  advance(now: Micros): void {
    if (this.used > 0) this.reach(now);
  }

  /** The buckets between two times put together. */
  between(from: Micros, to: Micros): Slice {
    const low = Math.max(this.first, Math.floor(from / this.width));
    const high = Math.min(this.first + this.used, Math.ceil(to / this.width));
    const sum = new Float64Array(COLUMNS);
    const row = new Uint32Array(LATENCY_ROW);
    for (let bucket = low; bucket < high; bucket++) {
      const slot = this.slotOf(bucket);
      for (let column = 0; column < COLUMNS; column++) sum[column] += this.counts[slot * COLUMNS + column];
      const base = slot * LATENCY_ROW;
      for (let index = 0; index < LATENCY_ROW; index++) row[index] += this.latencies[base + index];
    }
    const [p50, p95, p99] = quantiles(row, [0.5, 0.95, 0.99]);
    return {
      start: from,
      end: to,
      requests: sum[REQUESTS],
      classes: Array.from(sum.subarray(CLASS, CLASS + STATUS_CLASSES)),
      failed: sum[FAILED],
      bytes_in: sum[BYTES_IN],
      bytes_out: sum[BYTES_OUT],
      p50_ms: p50,
      p95_ms: p95,
      p99_ms: p99,
    };
  }

  /** Slot of the bucket that has a time, made if need be; -1 for a time that slid out. */
  private reach(time: Micros): number {
    let bucket = Math.floor(time / this.width);
    if (this.used === 0) {
      this.first = bucket;
      this.used = 1;
      this.wipe(bucket);
      return this.slotOf(bucket);
    }
    if (this.overflow === "coarsen") {
      while (this.spanWith(bucket) > this.capacity) {
        this.coarsen();
        bucket = Math.floor(time / this.width);
      }
      if (bucket < this.first) this.openBefore(bucket);
    } else if (bucket < this.first) return -1;
    this.openUpTo(bucket);
    return this.slotOf(bucket);
  }

  private spanWith(bucket: number): number {
    return Math.max(bucket + 1, this.first + this.used) - Math.min(bucket, this.first);
  }

  private openUpTo(bucket: number): void {
    const last = this.first + this.used - 1;
    if (bucket <= last) return;
    // after a jump in time only what will be kept needs wiping
    for (let opened = Math.max(last + 1, bucket - this.capacity + 1); opened <= bucket; opened++) this.wipe(opened);
    this.used += bucket - last;
    if (this.used > this.capacity) {
      this.first += this.used - this.capacity;
      this.used = this.capacity;
    }
  }

  private openBefore(bucket: number): void {
    for (let opened = bucket; opened < this.first; opened++) this.wipe(opened);
    this.used += this.first - bucket;
    this.first = bucket;
  }

  private slotOf(bucket: number): number {
    const slot = bucket % this.capacity;
    return slot < 0 ? slot + this.capacity : slot;
  }

  private wipe(bucket: number): void {
    const slot = this.slotOf(bucket);
    this.counts.fill(0, slot * COLUMNS, (slot + 1) * COLUMNS);
    this.latencies.fill(0, slot * LATENCY_ROW, (slot + 1) * LATENCY_ROW);
  }

  /** Makes buckets wider. Rare: at most some twenty times in a run. */
  private coarsen(): void {
    const width = nextWidth(this.width);
    const factor = width / this.width;
    const counts = this.counts.slice();
    const latencies = this.latencies.slice();
    const { first, used } = this;
    const slots = Array.from({ length: used }, (_, index) => this.slotOf(first + index));
    this.counts.fill(0);
    this.latencies.fill(0);
    this.width = width;
    this.first = Math.floor(first / factor);
    this.used = Math.floor((first + used - 1) / factor) - this.first + 1;
    for (let index = 0; index < used; index++) {
      const to = this.slotOf(Math.floor((first + index) / factor));
      const from = slots[index];
      for (let column = 0; column < COLUMNS; column++) {
        this.counts[to * COLUMNS + column] += counts[from * COLUMNS + column];
      }
      for (let slot = 0; slot < LATENCY_ROW; slot++) {
        this.latencies[to * LATENCY_ROW + slot] += latencies[from * LATENCY_ROW + slot];
      }
    }
  }
}

/** What counts as an error in every view: a 5xx answer, or a request that got no answer. */
export function isFailure(event: TransactionEvent): boolean {
  if (event.response !== null) return event.response.status >= 500;
  return event.outcome === "no-response" || event.outcome === "aborted";
}

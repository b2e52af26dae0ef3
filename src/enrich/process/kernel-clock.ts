/**
 * The kernel's monotonic clock (BPF) and capture time (microseconds since the epoch), one in terms of the other. They
 * differ by a constant until somebody sets the wall clock; then what happened before still goes by the former constant.
 */
import type { Micros } from "../../core/units.ts";
import type { SystemCalls } from "./system-calls.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const RECHECK_MS = 1;
/** Readings that disagree by more have the wall clock set between them. Microseconds. */
const SAME = 1;
const ATTEMPTS = 3;
/** What was before a step is looked at for so long after it, and so many of them are remembered. Microseconds. */
const REMEMBERED = 60_000_000;
const MOST_ERAS = 4;
/** Of a clock set back by more, no exchange takes as long as what it showed twice. */
const REPEATED = 10_000_000;

/** A time in which nobody set the wall clock. */
export interface Era {
  /** Microseconds of the monotonic clock, both within. What is between two eras was not told. */
  readonly from: number;
  readonly to: number;
  /** Monotonic microseconds of a capture time: `time - seconds * 1e6 - rest`, in this order to be exact. */
  readonly seconds: number;
  readonly rest: number;
}

export class KernelClock {
  private readonly calls: SystemCalls;
  private readonly time = Buffer.alloc(16);
  private readonly known: Era[] = [];
  /** Bounds of `rest` of the newest era: every reading narrows them. */
  private least = 0;
  private most = 0;
  /** When the newest era was last seen to last. */
  private seen = 0;
  private checkedAt = Number.NEGATIVE_INFINITY;

  constructor(calls: SystemCalls) {
    this.calls = calls;
    this.refresh();
  }

  /** Oldest first; the last one is now. Lent. */
  get eras(): readonly Era[] {
    return this.known;
  }

  toRealTime(nanoseconds: number): Micros {
    const time = nanoseconds / 1000;
    let at = this.known.length - 1;
    while (at > 0 && time < this.known[at - 1].to) at--;
    const { seconds, rest } = this.known[at];
    return Math.floor(time + rest + seconds * 1_000_000);
  }

  /** Reads both clocks again, at most once in a millisecond. `now_ms` of a clock that nobody sets. */
  refresh(now_ms: number = performance.now()): void {
    if (now_ms - this.checkedAt < RECHECK_MS) return;
    this.checkedAt = now_ms;
    if (this.known.length === 0) this.begin(Number.NEGATIVE_INFINITY, 0);
    else this.check();
  }

  private check(): void {
    const { seconds } = this.known[this.known.length - 1];
    const { before, least, most } = this.read(seconds);
    if (least > this.most + SAME || most < this.least - SAME) {
      this.begin(before, (least + most - this.least - this.most) / 2);
      return;
    }
    this.seen = before;
    if (least > this.least || most < this.most) {
      this.least = Math.max(this.least, least);
      this.most = Math.min(this.most, most);
      this.newest = { ...this.newest, rest: (this.least + this.most) / 2 };
    }
    if (this.known.length > 1 && before > this.newest.from + REMEMBERED) this.known.splice(0, this.known.length - 1);
  }

  /** The wall clock was set between the last reading and this one, by `step` microseconds. */
  private begin(now: number, step: number): void {
    // what a clock that was set back shows twice may have been either: belongs to none
    const twice = step < 0 && step >= -REPEATED ? -step : 0;
    if (this.known.length > 0) this.newest = { ...this.newest, to: this.seen - twice };
    if (this.known.length === MOST_ERAS) this.known.shift();
    const seconds = this.whole();
    let narrow = this.read(seconds);
    for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
      const other = this.read(seconds);
      if (other.most - other.least < narrow.most - narrow.least) narrow = other;
    }
    this.least = narrow.least;
    this.most = narrow.most;
    this.seen = narrow.before;
    const rest = (narrow.least + narrow.most) / 2;
    this.known.push({ from: now + twice, to: Number.POSITIVE_INFINITY, seconds, rest });
  }

  private get newest(): Era {
    return this.known[this.known.length - 1];
  }

  private set newest(era: Era) {
    this.known[this.known.length - 1] = era;
  }

  /** Between which two numbers `rest` is, and the monotonic time before. */
  private read(seconds: number): { before: number; least: number; most: number } {
    const before = this.clock(CLOCK_MONOTONIC, 0);
    const real = this.clock(CLOCK_REALTIME, seconds);
    const after = this.clock(CLOCK_MONOTONIC, 0);
    return { before, least: real - after, most: real - before };
  }

  /** Microseconds of a clock since its second `since`. */
  private clock(clock: number, since: number): number {
    this.calls.clockGetTime(clock, this.time);
    return (Number(this.time.readBigInt64LE(0)) - since) * 1_000_000 + Number(this.time.readBigInt64LE(8)) / 1000;
  }

  /** Whole seconds between the clocks. */
  private whole(): number {
    return Math.floor((this.clock(CLOCK_REALTIME, 0) - this.clock(CLOCK_MONOTONIC, 0)) / 1_000_000);
  }
}

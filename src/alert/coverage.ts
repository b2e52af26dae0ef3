/**
 * Which stretches of time were really captured. Idle time was; time before the start, while the machine slept, while
 * the interface was down, and time that a clock step took away were not. Windows with too little of it are neither
 * learned nor judged. Pure.
 */
import type { Micros } from "../core/units.ts";

interface Stretch {
  readonly from: Micros;
  readonly to: Micros;
}

/** Stretches remembered; they only matter within the longest window. */
const LIMIT = 64;

export interface CoverageSnapshot {
  readonly start: Micros | null;
  readonly down_since: Micros | null;
  readonly gaps: readonly Stretch[];
}

export class Coverage {
  #start: Micros | null = null;
  #gaps: Stretch[] = [];
  #downSince: Micros | null = null;

  get start(): Micros | null {
    return this.#start;
  }

  get downSince(): Micros | null {
    return this.#downSince;
  }

  begin(time: Micros): void {
    this.#start ??= time;
  }

  /** Forgets everything: capture begins at `time`. */
  restartAt(time: Micros): void {
    this.#start = time;
    this.#gaps = [];
    if (this.#downSince !== null) this.#downSince = time;
  }

  gap(from: Micros, to: Micros): void {
    this.#gaps.push({ from, to });
    if (this.#gaps.length > LIMIT) this.#gaps.shift();
  }

  down(time: Micros): void {
    this.#downSince ??= time;
  }

  up(time: Micros): void {
    if (this.#downSince !== null && time > this.#downSince) this.gap(this.#downSince, time);
    this.#downSince = null;
  }

  /** Share of `[from, to)` that was captured. */
  share(from: Micros, to: Micros): number {
    return this.captured(from, to) / (to - from);
  }

  /** Captured time within `[from, to)`. */
  captured(from: Micros, to: Micros): Micros {
    if (this.#start === null) return 0;
    let covered = to - Math.max(from, this.#start);
    for (const gap of this.#gaps) covered -= overlap(gap.from, gap.to, Math.max(from, this.#start), to);
    if (this.#downSince !== null) covered -= overlap(this.#downSince, to, Math.max(from, this.#start), to);
    return Math.max(covered, 0);
  }

  serialize(): CoverageSnapshot {
    return { start: this.#start, down_since: this.#downSince, gaps: [...this.#gaps] };
  }

  restore(saved: CoverageSnapshot): void {
    this.#start = saved.start;
    this.#downSince = saved.down_since;
    this.#gaps = saved.gaps.slice(-LIMIT);
  }
}

function overlap(from: Micros, to: Micros, low: Micros, high: Micros): Micros {
  return Math.max(0, Math.min(to, high) - Math.max(from, low));
}

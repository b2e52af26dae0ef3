/** The learned band over time, as it was when each second was judged: for the shading of the rate graph. */
import type { Micros } from "../../core/units.ts";

/** Limits and middle per window of `window_s` seconds. */
export interface Band {
  readonly low: number;
  readonly middle: number;
  readonly up: number;
  readonly window_s: number;
}

const BANDS_KEPT = 2_000;

export class Bands {
  private readonly changes: { readonly time: Micros; readonly band: Band | null }[] = [];

  /** From now on this is usual; null while nothing is known. */
  set(time: Micros, band: Band | null): void {
    const last = this.changes.at(-1)?.band ?? null;
    if (last?.low === band?.low && last?.up === band?.up && last?.middle === band?.middle) return;
    this.changes.push({ time, band });
    if (this.changes.length > BANDS_KEPT) this.changes.splice(0, BANDS_KEPT / 2);
  }

  /** What was usual at a time; null when nothing was known yet. */
  at(time: Micros): Band | null {
    let low = 0;
    let high = this.changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.changes[middle].time <= time) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : this.changes[low - 1].band;
  }
}

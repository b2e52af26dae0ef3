/**
 * A small excess that stays. One window tells little of it: chance moves a window about as far. Of the last five windows
 * the median strays half as far, and one burst does not move it. So a series that sums is also judged by that median,
 * against a limit as much nearer to the centre. Each window counts by its own band, as what is usual changes with the
 * hour. Takes the scores of evaluated windows (0 the centre, 1 the limit); gives their median and its limit. Pure,
 * bounded.
 */
import type { Micros } from "../core/units.ts";
import type { Band } from "./band.ts";
import type { BaselineRuleConfig } from "./schema.ts";

/** Windows that the median is of. */
export const SUSTAINED_WINDOWS = 5;
/** With more steps in a window it is not kept: the table would be large, and such windows are long in any case. */
const MOST_STEPS = 120;
/** Variance of the median of a few values, that of their mean being 1. */
const MEDIAN_VARIANCE = 1.44;
/** The same for the centre, the median of many. */
const CENTRE_VARIANCE = Math.PI / 2;
/** A median that is beyond its limit by chance stays there for longer than a window: the limit is a little further out. */
const MARGIN = 1.15;

export class Sustained {
  /** Evaluations in a window; 0 when nothing is kept. */
  readonly #steps: number;
  /** Scores of the last evaluations without a break, oldest first. */
  #scores: number[] = [];

  constructor(window: Micros, step: Micros) {
    const steps = Math.round(window / step);
    this.#steps = steps <= MOST_STEPS ? steps : 0;
  }

  /** The score of one evaluation. */
  add(score: number): void {
    if (this.#steps === 0) return;
    this.#scores.push(score);
    if (this.#scores.length > (SUSTAINED_WINDOWS - 1) * this.#steps + 1) this.#scores.shift();
  }

  /** What comes now has nothing to do with what was. */
  clear(): void {
    this.#scores = [];
  }

  /** Of the last five windows, that do not overlap; null before there are so many. */
  get median(): number | null {
    if (this.#steps === 0 || this.#scores.length <= (SUSTAINED_WINDOWS - 1) * this.#steps) return null;
    const last = Array.from({ length: SUSTAINED_WINDOWS }, (_, index) => this.#scores[index * this.#steps]);
    return last.sort((a, b) => a - b)[SUSTAINED_WINDOWS >> 1];
  }

  serialize(): readonly number[] {
    return [...this.#scores];
  }

  restore(saved: readonly number[]): void {
    this.#scores = saved.slice(-(SUSTAINED_WINDOWS - 1) * this.#steps - 1);
  }
}

/**
 * The band that the median is judged by: as `band`, its upper limit as near as the median's smaller spread allows. Only
 * what chance does (`floor`) strays less in five windows than in one; what the series strays beyond that may well go on
 * for five windows. `learned`: windows that the centre is the median of.
 */
export function sustainedBand(
  config: BaselineRuleConfig,
  least: number,
  band: Band,
  floor: number,
  learned: number,
): Band {
  const chance = Math.min(floor, band.s) ** 2;
  const share = MEDIAN_VARIANCE / SUSTAINED_WINDOWS + CENTRE_VARIANCE / learned;
  const spread = Math.sqrt(Math.max(0, band.s ** 2 - chance) + Math.min(1, share) * chance);
  const single = Math.max(config.p * band.m, config.z * band.s, least);
  const median = Math.max(config.p * band.m, config.z * MARGIN * spread, least);
  return { ...band, up: band.m + Math.min(1, median / single) * (band.up - band.m) };
}

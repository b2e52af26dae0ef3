/**
 * How far a series strays when nothing is wrong. A band of so many spreads is quiet for traffic that comes by chance
 * alone; real traffic comes in bursts, and strays further. So the rule listens to itself: it keeps the largest score
 * that held for `for` in each block of calm time, and from those maxima reckons the score that chance reaches once in
 * the return period (Gumbel's law of maxima). A limit is never nearer than that. Pure, bounded.
 */
import { HOUR, type Micros } from "../core/units.ts";
import { mean } from "./robust.ts";

/** A block is so many windows; the memory so many blocks (five days at the default window); it speaks after so many. */
const BLOCK_WINDOWS = 10;
const BLOCKS = 360;
const LEAST_BLOCKS = 6;
/** One alert in this time for nothing: well under one in 20 days, as the law of maxima only holds roughly. */
const RETURN_PERIOD: Micros = 60 * 24 * HOUR;
/** A limit is moved out by this factor at most. */
const MOST = 10;
const EULER = 0.5772;
/** So many alerts in the memory are taken as what they say, incidents; more of them speak of the band. */
const INCIDENTS = 3;
/** Scores of this many evaluations are kept to find what held for `for`. */
const HELD_LIMIT = 720;

/** Of one block; `fired`: it ended in an alert. */
type Maximum = readonly [score: number, fired: boolean];

export interface TailSnapshot {
  readonly maxima: readonly Maximum[];
  readonly factor: number;
  readonly block_end: Micros | null;
  readonly highest: number | null;
  readonly held: readonly number[];
  readonly waiting: readonly number[];
  readonly cooling: number;
}

export class Tail {
  readonly #block: Micros;
  /** Evaluations in `for`, both ends included. */
  readonly #holds: number;
  /** Evaluations in two windows. */
  readonly #edge: number;
  #maxima: Maximum[] = [];
  #blockEnd: Micros | null = null;
  #highest: number | null = null;
  #held: number[] = [];
  /** Scores not learned yet: an alert that fires now began before it fired. */
  #waiting: number[] = [];
  /** Evaluations after an alert that are not learned: its end is no calm. */
  #cooling = 0;
  #factor = 1;

  constructor(window: Micros, step: Micros, holds: Micros) {
    this.#block = BLOCK_WINDOWS * window;
    this.#holds = Math.min(Math.floor(holds / step) + 1, HELD_LIMIT);
    this.#edge = Math.ceil((2 * window) / step);
  }

  /** By how much the distance from the centre to a limit is to be multiplied, from 1. */
  get factor(): number {
    return this.#factor;
  }

  /** The score of one evaluation without an open alert, by the band before this factor. */
  learn(score: number, time: Micros): void {
    if (this.#cooling > 0) {
      this.#cooling--;
      return;
    }
    // on the other side of the centre it does not stray: a night far below the usual says nothing of the days
    this.#held.push(Math.max(score, 0));
    if (this.#held.length > this.#holds) this.#held.shift();
    if (this.#held.length === this.#holds) this.#waiting.push(lowest(this.#held));
    if (this.#waiting.length > this.#edge) this.#seen(this.#waiting.shift() as number);
    this.#blockEnd ??= time + this.#block;
    if (time < this.#blockEnd) return;
    this.#blockEnd = time + this.#block;
    this.#endBlock();
  }

  /**
   * An alert fired: all that is known is that the score reached the limit. It counts once, and no higher; the limit
   * stays where it is until the alert is over.
   */
  fired(): void {
    this.#keep([this.#factor, true]);
    this.#highest = null;
    this.#held = [];
    this.#waiting = [];
    this.#cooling = this.#edge;
    this.#blockEnd = null;
  }

  reset(): void {
    this.restore({ maxima: [], factor: 1, block_end: null, highest: null, held: [], waiting: [], cooling: 0 });
  }

  serialize(): TailSnapshot {
    return {
      maxima: [...this.#maxima],
      factor: this.#factor,
      block_end: this.#blockEnd,
      highest: this.#highest,
      held: [...this.#held],
      waiting: [...this.#waiting],
      cooling: this.#cooling,
    };
  }

  restore(saved: TailSnapshot): void {
    this.#maxima = saved.maxima.slice(-BLOCKS);
    this.#blockEnd = saved.block_end;
    this.#highest = saved.highest;
    this.#held = saved.held.slice(-this.#holds);
    this.#waiting = saved.waiting.slice(-this.#edge);
    this.#cooling = saved.cooling;
    this.#factor = saved.factor;
  }

  #keep(maximum: Maximum): void {
    this.#maxima.push(maximum);
    if (this.#maxima.length > BLOCKS) this.#maxima.shift();
  }

  #seen(score: number): void {
    if (this.#highest === null || score > this.#highest) this.#highest = score;
  }

  #endBlock(): void {
    if (this.#highest === null) return;
    this.#keep([this.#highest, false]);
    this.#highest = null;
    this.#factor = this.#reckon();
  }

  #reckon(): number {
    const incidents = this.#maxima.filter(([, fired]) => fired).length;
    const maxima = this.#maxima.filter(([, fired]) => !fired || incidents > INCIDENTS).map(([score]) => score);
    const count = maxima.length;
    if (count < LEAST_BLOCKS) return 1;
    const middle = mean(maxima);
    const spread = Math.sqrt(maxima.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (count - 1));
    const scale = (spread * Math.sqrt(6)) / Math.PI;
    // few maxima tell little of their spread
    const doubt = 1 + 2 / count;
    const level = middle + scale * doubt * (Math.log(RETURN_PERIOD / this.#block) - EULER);
    return Math.min(Math.max(level, 1), MOST);
  }
}

function lowest(values: readonly number[]): number {
  let least = values[0];
  for (const value of values) if (value < least) least = value;
  return least;
}

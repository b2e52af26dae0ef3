/**
 * What is usual for one series, learned from windows that did not overlap and in which nothing was wrong. Takes windows;
 * gives centre `m` and spread `s`. Modes: frozen (learned once), robust (median and MAD of the last windows), ewma,
 * seasonal (robust here; the hours of the week are in season.ts). Pure, bounded.
 */
import { HOUR, type Micros } from "../core/units.ts";
import type { Measure } from "./measure.ts";
import { centreAndSpread, mean } from "./robust.ts";
import type { BaselineRuleConfig } from "./schema.ts";

/** Hours that the drift guard must have been at its limit, and how near to the limit counts. */
const DRIFT_HOURS = 6;
const DRIFT_NEARNESS = 0.8;

/** Most that the spread moves in an hour, as a share of it. */
const SPREAD_PER_HOUR = 0.2;
/** A spread this many times the least that chance makes is not by chance alone: more makes calm days of restless traffic alert. */
const CLEARLY = 1.4;
/** Weight of the doubt that few windows leave. */
const DOUBT_WINDOWS = 3;

export interface BaselineSnapshot {
  readonly values: readonly number[];
  readonly counts: readonly number[];
  readonly learned: number;
  readonly m: number;
  readonly variance: number;
  readonly s: number;
  readonly since: Micros | null;
  readonly checkpoints: readonly number[];
}

export class Baseline {
  readonly #config: BaselineRuleConfig;
  readonly #measure: Measure;
  #values: number[] = [];
  /** Events in each window, for the floor. */
  #counts: number[] = [];
  #learned = 0;
  #m = 0;
  #s = 0;
  #variance = 0;
  #since: Micros | null = null;
  /** `m` at the end of every learned hour. */
  #checkpoints: number[] = [];

  constructor(config: BaselineRuleConfig, measure: Measure) {
    this.#config = config;
    this.#measure = measure;
  }

  get m(): number {
    return this.#m;
  }

  get s(): number {
    return this.#s;
  }

  /** Windows that the baseline rests on. */
  get windows(): number {
    return this.#values.length;
  }

  /** Windows learned in all. */
  get learned(): number {
    return this.#learned;
  }

  /** End of the first window. */
  get since(): Micros | null {
    return this.#since;
  }

  /** Enough windows to judge by. */
  get provisional(): boolean {
    return this.#learned >= this.#config.learn_provisional;
  }

  /** All the windows it wants. */
  get final(): boolean {
    return this.#learned >= this.#config.learn_windows;
  }

  /** How much wider a band must be while it rests on few windows: 1.5 at five windows, 1 once final. */
  get doubt(): number {
    if (this.final) return 1;
    return Math.max(1, 1 + DOUBT_WINDOWS * (1 / this.#learned - 1 / this.#config.learn_windows));
  }

  /** Events in a usual window. */
  get count(): number {
    return this.#counts.length === 0 ? 0 : mean(this.#counts);
  }

  /** Nothing at all in the windows so far. */
  get nothing(): boolean {
    return this.#values.every((value) => value === 0);
  }

  reset(): void {
    this.#values = [];
    this.#counts = [];
    this.#learned = 0;
    this.#m = this.#s = this.#variance = 0;
    this.#since = null;
    this.#checkpoints = [];
  }

  /** A window that was as usual. True when the baseline has been drifting as fast as it may, for hours. */
  learn(value: number, count: number, time: Micros): boolean {
    if (this.#config.mode === "frozen" && this.final) return false;
    const wasFinal = this.final;
    this.#since ??= time;
    this.#learned++;
    this.#values.push(value);
    this.#counts.push(count);
    if (this.#values.length > this.#config.learn_windows) {
      this.#values.shift();
      this.#counts.shift();
    }
    if (this.#config.mode === "ewma" && wasFinal) this.#learnEwma(value);
    else this.#learnRobust(wasFinal);
    return wasFinal && this.#drifting();
  }

  #learnRobust(wasFinal: boolean): void {
    const { m, s } = centreAndSpread(this.#values);
    this.#m = wasFinal ? this.#held(m) : m;
    this.#variance = s * s;
    this.#s = this.#atLeast(wasFinal ? this.#heldSpread(s) : s);
  }

  /** The spread is guarded too: windows of before and after a change, taken together, look like a wide spread. */
  #heldSpread(target: number): number {
    const most = (SPREAD_PER_HOUR * this.#s * this.#config.window) / HOUR;
    return Math.min(Math.max(target, this.#s - most), this.#s + most);
  }

  #learnEwma(value: number): void {
    const { window, half_life } = this.#config;
    const alpha = 1 - 2 ** (-window / half_life);
    const clipped = Math.min(Math.max(value - this.#m, -2 * this.#s), 2 * this.#s);
    this.#m = this.#held(this.#m + alpha * clipped);
    this.#variance = (1 - alpha) * this.#variance + alpha * clipped * clipped;
    this.#s = this.#atLeast(Math.sqrt(this.#variance));
  }

  /** What chance alone does, unless the windows clearly strayed further: the MAD of thirty is often half as much off. */
  #atLeast(s: number): number {
    const floor = Math.max(this.#measure.floor(this.#m, this.count), 0.01 * this.#m);
    return s > CLEARLY * floor ? s : floor;
  }

  /** The drift guard: the centre moves by a small share in an hour, whatever the windows say. */
  #held(target: number): number {
    const most = (this.#mostPerHour(this.#m) * this.#config.window) / HOUR;
    return Math.min(Math.max(target, this.#m - most), this.#m + most);
  }

  /** A share of the centre; near zero a share of the least distance that matters. */
  #mostPerHour(m: number): number {
    return this.#config.drift_per_hour * Math.max(m, this.#config.a ?? this.#measure.absolute);
  }

  #drifting(): boolean {
    if (this.#learned % Math.max(1, Math.round(HOUR / this.#config.window)) !== 0) return false;
    this.#checkpoints.push(this.#m);
    if (this.#checkpoints.length <= DRIFT_HOURS) return false;
    if (this.#checkpoints.length > DRIFT_HOURS + 1) this.#checkpoints.shift();
    const moved = Math.abs(this.#m - this.#checkpoints[0]);
    if (moved < DRIFT_HOURS * DRIFT_NEARNESS * this.#mostPerHour(this.#checkpoints[0]) || moved < this.#s) return false;
    this.#checkpoints = [this.#m];
    return true;
  }

  serialize(): BaselineSnapshot {
    return {
      values: [...this.#values],
      counts: [...this.#counts],
      learned: this.#learned,
      m: this.#m,
      variance: this.#variance,
      s: this.#s,
      since: this.#since,
      checkpoints: [...this.#checkpoints],
    };
  }

  restore(saved: BaselineSnapshot): void {
    this.#values = saved.values.slice(-this.#config.learn_windows);
    this.#counts = saved.counts.slice(-this.#config.learn_windows);
    this.#learned = saved.learned;
    this.#m = saved.m;
    this.#variance = saved.variance;
    this.#s = saved.s;
    this.#since = saved.since;
    this.#checkpoints = saved.checkpoints.slice(-DRIFT_HOURS - 1);
  }
}

/**
 * The hours of the day and of the week: what a series does at this hour. One sample for each hour that passes (median
 * and spread of its windows); a cell counts once it has three, and then takes the median of them, so that one bad hour
 * among them changes nothing. Cells widen a band and never narrow it. Local time comes as a UTC offset with each
 * window, so a change of daylight saving moves windows to the right cell. Pure, bounded: 192 cells of 8 samples.
 */
import { HOUR, MINUTE, type Micros } from "../core/units.ts";
import { MAD_TO_SIGMA, mad, median } from "./robust.ts";

const DAY_CELLS = 24;
const WEEK_CELLS = 168;
const SAMPLES = 8;
/** Samples from which a cell counts. */
const READY = 3;
/** Windows that an hour needs to give a sample, at most this many are kept. */
const LEAST_WINDOWS = 5;
const MOST_WINDOWS = 240;
/** Hour of the week of the Unix epoch, a Thursday, counted from Monday 0:00. */
const EPOCH_HOUR = 3 * 24;

type Sample = readonly [centre: number, spread: number, count: number];

export interface SeasonCell {
  readonly m: number;
  /** Without any floor. */
  readonly s: number;
  /** Events in a usual window. */
  readonly count: number;
  /** Smallest centre of its samples. */
  readonly least: number;
  /** Enough samples to count. */
  readonly ready: boolean;
}

export interface SeasonSnapshot {
  readonly day: readonly (readonly Sample[])[];
  readonly week: readonly (readonly Sample[])[];
  readonly hour: number | null;
  readonly values: readonly number[];
  readonly counts: readonly number[];
}

export class Season {
  #day: Sample[][] = Array.from({ length: DAY_CELLS }, () => []);
  #week: Sample[][] = Array.from({ length: WEEK_CELLS }, () => []);
  /** Local hour since the epoch whose windows are being gathered. */
  #hour: number | null = null;
  #values: number[] = [];
  #counts: number[] = [];
  /** The cell asked for last, and its hour: asked at every evaluation, changed once an hour. */
  #asked: { readonly hour: number; readonly cell: SeasonCell | null } | null = null;

  /** A window ending at `time`, where local time is `offset_min` minutes ahead of UTC. */
  learn(value: number, count: number, time: Micros, offset_min: number): void {
    const hour = localHour(time - 1, offset_min);
    if (hour !== this.#hour) this.#endHour();
    this.#hour = hour;
    if (this.#values.length >= MOST_WINDOWS) return;
    this.#values.push(value);
    this.#counts.push(count);
  }

  /** The cell for a window ending at `time`: of the week when it is ready, else of the day; null when both are empty. */
  cell(time: Micros, offset_min: number): SeasonCell | null {
    const hour = localHour(time - 1, offset_min);
    if (this.#asked?.hour !== hour) this.#asked = { hour, cell: this.#cellOf(hour) };
    return this.#asked.cell;
  }

  #cellOf(hour: number): SeasonCell | null {
    const week = this.#week[remainder(hour + EPOCH_HOUR, WEEK_CELLS)];
    const samples = week.length >= READY ? week : this.#day[remainder(hour, DAY_CELLS)];
    if (samples.length === 0) return null;
    const centres = samples.map((sample) => sample[0]);
    const m = median(centres);
    return {
      m,
      s: Math.max(MAD_TO_SIGMA * mad(centres, m), median(samples.map((sample) => sample[1]))),
      count: median(samples.map((sample) => sample[2])),
      least: Math.min(...centres),
      ready: samples.length >= READY,
    };
  }

  reset(): void {
    this.restore(new Season().serialize());
  }

  #endHour(): void {
    if (this.#hour !== null && this.#values.length >= LEAST_WINDOWS) {
      const centre = median(this.#values);
      const sample: Sample = [centre, MAD_TO_SIGMA * mad(this.#values, centre), median(this.#counts)];
      keep(this.#day[remainder(this.#hour, DAY_CELLS)], sample);
      keep(this.#week[remainder(this.#hour + EPOCH_HOUR, WEEK_CELLS)], sample);
    }
    this.#values = [];
    this.#counts = [];
    this.#asked = null;
  }

  serialize(): SeasonSnapshot {
    return {
      day: this.#day.map((cell) => [...cell]),
      week: this.#week.map((cell) => [...cell]),
      hour: this.#hour,
      values: [...this.#values],
      counts: [...this.#counts],
    };
  }

  restore(saved: SeasonSnapshot): void {
    const cells = (count: number, from: readonly (readonly Sample[])[]): Sample[][] =>
      Array.from({ length: count }, (_, index) => (from[index] ?? []).slice(-SAMPLES));
    this.#asked = null;
    this.#day = cells(DAY_CELLS, saved.day);
    this.#week = cells(WEEK_CELLS, saved.week);
    this.#hour = saved.hour;
    this.#values = saved.values.slice(-MOST_WINDOWS);
    this.#counts = saved.counts.slice(-MOST_WINDOWS);
  }
}

function keep(cell: Sample[], sample: Sample): void {
  cell.push(sample);
  if (cell.length > SAMPLES) cell.shift();
}

const localHour = (time: Micros, offset_min: number): number => Math.floor((time + offset_min * MINUTE) / HOUR);
const remainder = (value: number, by: number): number => ((value % by) + by) % by;

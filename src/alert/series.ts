/**
 * One series' counters over its sliding window: amounts, weights, keys, and the last exchanges as samples. Takes
 * transactions; gives the value of a window. Pure, bounded.
 */
import type { TransactionEvent } from "../core/event.ts";
import { type Micros, SECOND } from "../core/units.ts";
import type { Contributor } from "./contributor.ts";
import { HistogramRing, type HistogramSnapshot } from "./histogram-ring.ts";
import { KEYS_PER_STEP, KEYS_PER_STEP_GROUPED, KeyCounters, type KeySnapshot } from "./key-counters.ts";
import type { Measure } from "./measure.ts";
import { type RingSnapshot, SecondRing } from "./ring.ts";
import { Samples, type SamplesSnapshot } from "./samples.ts";

/** Seconds (and steps) kept beside the window: events that come late, and the time not yet evaluated. */
const SLACK_S = 64;
const SLACK_STEPS = 8;

export interface WindowValue {
  /** Null: too few events to say. */
  readonly value: number | null;
  /** Events in the window. */
  readonly count: number;
}

const DEFAULT_QUANTILE = 0.95;

export interface SeriesSnapshot {
  readonly amounts: RingSnapshot;
  readonly weights: RingSnapshot;
  readonly histogram: HistogramSnapshot | null;
  readonly keys: KeySnapshot;
  readonly samples: SamplesSnapshot;
  readonly last_flow: number;
}

export interface SeriesShape {
  readonly window: Micros;
  readonly step: Micros;
  readonly dimensions: readonly string[];
  readonly minimum_count: number;
  /** Set for one series among many: it keeps fewer keys. */
  readonly group_by: string | null;
}

export class Series {
  readonly #shape: SeriesShape;
  readonly #measure: Measure;
  readonly #amounts: SecondRing;
  readonly #weights: SecondRing;
  readonly #histogram: HistogramRing | null;
  readonly keys: KeyCounters;
  readonly #samples = new Samples();
  #lastFlow = -1;

  constructor(shape: SeriesShape, measure: Measure) {
    this.#shape = shape;
    this.#measure = measure;
    const seconds = (shape.window + shape.step) / SECOND + SLACK_S;
    const steps = shape.window / shape.step + SLACK_STEPS;
    this.#amounts = new SecondRing(Math.ceil(seconds));
    this.#weights = new SecondRing(Math.ceil(seconds));
    this.#histogram = measure.kind === "quantile" ? new HistogramRing(steps) : null;
    const keys = shape.group_by === null ? KEYS_PER_STEP : KEYS_PER_STEP_GROUPED;
    this.keys = new KeyCounters(shape.dimensions, steps, keys);
  }

  /** Counts a transaction. */
  observe(event: TransactionEvent): void {
    const amount = this.#measure.amount(event);
    if (amount === null) return;
    if (this.#measure.name === "connections_without_response" && this.#sameFlow(event.flow.id)) return;
    const step = Math.floor(event.time_us / this.#shape.step);
    this.observeAmount(event.time_us, amount);
    if (this.#histogram !== null) this.#histogram.add(step, amount);
    const keys = this.keys.keysOf(event);
    this.keys.add(step, keys, amount);
    if (amount > 0) this.#samples.keep(event.id, Math.floor(event.time_us / SECOND), keys);
  }

  /** Counts an amount of `events` events without a transaction to show for it. */
  observeAmount(time: Micros, amount: number, events = 1): void {
    const second = Math.floor(time / SECOND);
    if (this.#amounts.add(second, amount)) this.#weights.add(second, events);
  }

  /** The window that ends at `end`, a whole number of steps. */
  at(end: Micros): WindowValue {
    const { window, step, minimum_count } = this.#shape;
    const to = Math.floor(end / SECOND);
    const from = Math.floor((end - window) / SECOND);
    const count = this.#weights.sum(from, to);
    if (this.#measure.kind === "sum") return { value: this.#amounts.sum(from, to), count };
    if (count < minimum_count) return { value: null, count };
    if (this.#measure.kind === "share") return { value: (100 * this.#amounts.sum(from, to)) / count, count };
    const value =
      this.#histogram?.quantile(this.#measure.quantile ?? DEFAULT_QUANTILE, (end - window) / step, end / step) ?? null;
    return { value, count };
  }

  /**
   * Of a series that sums: what the last quarter of the window that ends at `end` would make of a whole one. Whether
   * what the window holds is still going on.
   */
  lately(end: Micros): number | null {
    if (this.#measure.kind !== "sum") return null;
    const { window, step } = this.#shape;
    const length = Math.max(Math.ceil(window / 4 / step), 1) * step;
    return (this.#amounts.sum(Math.floor((end - length) / SECOND), Math.floor(end / SECOND)) * window) / length;
  }

  keysAt(end: Micros): Map<string, number>[] {
    return this.keys.window((end - this.#shape.window) / this.#shape.step, end / this.#shape.step);
  }

  /** Ids of the newest exchanges of the window, of the largest contributor where there is one. */
  samples(end: Micros, found: readonly Contributor[]): string[] {
    return this.#samples.since((end - this.#shape.window) / SECOND, this.#shape.dimensions, found);
  }

  clear(): void {
    this.#amounts.clear();
    this.#weights.clear();
    this.#histogram?.clear();
    this.keys.clear();
    this.#samples.clear();
  }

  serialize(): SeriesSnapshot {
    return {
      amounts: this.#amounts.serialize(),
      weights: this.#weights.serialize(),
      histogram: this.#histogram?.serialize() ?? null,
      keys: this.keys.serialize(),
      samples: this.#samples.serialize(),
      last_flow: this.#lastFlow,
    };
  }

  restore(saved: SeriesSnapshot): void {
    this.#amounts.restore(saved.amounts);
    this.#weights.restore(saved.weights);
    if (saved.histogram !== null) this.#histogram?.restore(saved.histogram);
    this.keys.restore(saved.keys);
    this.#samples.restore(saved.samples);
    this.#lastFlow = saved.last_flow;
  }

  /** Requests that a flow left without an answer end together: they count as one connection. */
  #sameFlow(flow: number): boolean {
    const same = flow === this.#lastFlow;
    this.#lastFlow = flow;
    return same;
  }
}

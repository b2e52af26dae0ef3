/**
 * Statistics that count where the exchanges are: a worker counts for a moment, hands over what that came to, and starts
 * anew; whoever reports merges it (law 3). Everything that passes between threads is plain data: which statistic, and its
 * saved state. Pure.
 */
import type { EarshotEvent, TlsEvent, TransactionEvent } from "../../core/event.ts";
import type { Statistic } from "../../core/roles.ts";
import type { Micros } from "../../core/units.ts";
import { bytesBy } from "../../stats/bytes.ts";
import { dimension } from "../../stats/dimension.ts";
import type { Wire } from "../../stats/measure.ts";
import { Overview, type OverviewState, type SavedOverview } from "../../stats/overview.ts";
import { ranking } from "../../stats/ranking.ts";
import { type Metric, type SavedTop, Top } from "../../stats/top.ts";
import { countries } from "../country-database.ts";

interface Common {
  readonly capacity?: number;
  readonly maxLength?: number;
  /** Path of a country database, null for the installed one. */
  readonly country: string | null;
}

/** A statistic as plain data. */
export type CounterSpec =
  | (Common & { readonly kind: "ranking"; readonly by: string; readonly metric: Metric })
  | (Common & { readonly kind: "bytes"; readonly by: string; readonly wire: Wire })
  | (Common & { readonly kind: "overview" });

export interface Counter {
  readonly spec: CounterSpec;
  /** Counted apart for each step of this length; null for all together. */
  readonly step: Micros | null;
}

/** What a worker has counted for one of the counters, in one step, since it last told. */
export interface Counted {
  readonly counter: number;
  /** Start of the step divided by its length; 0 for all together. */
  readonly slot: number;
  /** Newest event time in it. */
  readonly newest: Micros;
  readonly saved: unknown;
}

/** A statistic whose state can be sent. */
export interface Sendable<State> extends Pick<Statistic<State>, "create" | "observe" | "merge"> {
  save(state: State): unknown;
  /** Of what `save` gave. */
  load(saved: unknown): State;
}

/** Throws Trouble for what is no dimension or database. */
export function sendable(spec: CounterSpec): Sendable<unknown> {
  return statisticOf(spec) as Sendable<unknown>;
}

function statisticOf(spec: CounterSpec): Sendable<Top> | Sendable<OverviewState> {
  const { capacity, maxLength } = spec;
  const country = countries(spec.country);
  if (spec.kind === "overview") {
    const overview = new Overview({ capacity, maxLength, country });
    const parts: Sendable<OverviewState> = {
      create: () => overview.create(),
      observe: (state, event) => overview.observe(state, event),
      merge: (into, from) => overview.merge(into, from),
      save: (state) => overview.save(state),
      load: (saved) => overview.load(saved as SavedOverview),
    };
    return parts;
  }
  const { by, kind } = spec;
  if (kind === "bytes") return ofTop(bytesBy({ by, wire: spec.wire, capacity, maxLength, country }));
  return ofTop(ranking({ dimension: dimension(by, { country, maxLength }), metric: spec.metric, capacity }));
}

function ofTop({ create, observe, merge }: Statistic<Top>): Sendable<Top> {
  const { options } = create();
  return {
    create,
    observe,
    merge,
    save: (state) => state.save(),
    load: (saved) => Top.load(saved as SavedTop, options),
  };
}

interface Slot {
  readonly state: unknown;
  newest: Micros;
}

/** A worker's side. */
export class Counters {
  private readonly statistics: readonly Sendable<unknown>[];
  private readonly steps: readonly (Micros | null)[];
  /** For each counter what came since the last `take`, by slot: as many as there were steps in that moment. */
  private readonly slots: readonly Map<number, Slot>[];

  /** Throws Trouble. */
  constructor(counters: readonly Counter[]) {
    this.statistics = counters.map(({ spec }) => sendable(spec));
    this.steps = counters.map(({ step }) => step);
    this.slots = counters.map(() => new Map());
  }

  readonly observe = (event: EarshotEvent): void => {
    if (event.type === "alert") return;
    for (let index = 0; index < this.statistics.length; index++) this.count(index, event);
  };

  private count(index: number, event: TransactionEvent | TlsEvent): void {
    const step = this.steps[index];
    const number = step === null ? 0 : Math.floor(event.time_us / step);
    let slot = this.slots[index].get(number);
    if (slot === undefined) {
      slot = { state: this.statistics[index].create(), newest: event.time_us };
      this.slots[index].set(number, slot);
    }
    if (event.time_us > slot.newest) slot.newest = event.time_us;
    this.statistics[index].observe(slot.state, event);
  }

  /** What was counted since the last call. */
  take(): Counted[] {
    return this.slots.flatMap((slots, counter) => {
      const { save } = this.statistics[counter];
      const counted = [...slots].map(([slot, { state, newest }]) => ({ counter, slot, newest, saved: save(state) }));
      slots.clear();
      return counted;
    });
  }
}

/**
 * Rankings kept up with the exchanges as they come in: of the whole run, at a bounded cost a second; and of what a
 * filter and a time span leave of the exchanges held. Lists are put in order once a second, so that rows of nearly equal
 * count do not dance.
 */
import type { TransactionEvent } from "../../core/event.ts";
import { type Micros, SECOND } from "../../core/units.ts";
import type { Dimension } from "./dimension.ts";
import type { CompiledFilter } from "./filter.ts";
import { inSpan, type TimeSpan } from "./list.ts";
import type { Ring } from "./ring.ts";
import { rank, type TopList, Tops } from "./tops.ts";

/** Exchanges looked at in a second, live; of more, a sample. */
const LOOKED_AT_PER_SECOND = 2_000;
/** A burst of so many is still looked at one by one. */
const LOOKED_AT_ONCE = 5_000;

export interface Conditions {
  readonly filter: CompiledFilter | null;
  readonly span: TimeSpan | null;
  readonly now: Micros;
}

export class Rankings {
  private readonly exchanges: Ring<TransactionEvent>;
  private readonly live: boolean;
  private readonly tops = new Tops();
  private readonly lists = new Map<string, { readonly of: readonly unknown[]; readonly list: TopList }>();
  /** Newest exchange that was counted, and when. */
  private counted = 0;
  private countedAt: Micros = 0;
  private budget = LOOKED_AT_ONCE;
  /** State of the generator that picks samples: a linear congruence is random enough against periodic traffic. */
  private seed = 1;

  constructor(exchanges: Ring<TransactionEvent>, live: boolean) {
    this.exchanges = exchanges;
    this.live = live;
  }

  /** Exchanges not counted yet. */
  get behind(): number {
    return this.exchanges.newest - this.counted;
  }

  /** The most requests that a value in no ranking can have had. */
  get floor(): number {
    return this.tops.floor;
  }

  /** Counts what is new: all of it, or of each run of `stride` one picked at random. */
  catchUp(now: Micros): void {
    const { newest } = this.exchanges;
    const { behind } = this;
    this.budget = Math.min(
      LOOKED_AT_ONCE,
      this.budget + (LOOKED_AT_PER_SECOND * Math.max(0, now - this.countedAt)) / SECOND,
    );
    this.countedAt = now;
    if (behind <= 0) return;
    const stride = this.live ? Math.ceil(behind / Math.max(1, this.budget)) : 1;
    for (let from = this.counted + 1; from <= newest; from += stride) {
      const run = Math.min(stride, newest - from + 1);
      this.seed = (Math.imul(this.seed, 1_103_515_245) + 12_345) >>> 0;
      const event = this.exchanges.get(from + ((this.seed >>> 8) % run));
      if (event !== undefined) this.tops.add(event, run);
    }
    this.budget -= behind / stride;
    this.counted = newest;
  }

  list(dimension: Dimension, count: number, conditions: Conditions): TopList {
    const { filter, span, now } = conditions;
    const key = `${dimension.name} ${count}`;
    const of = [this.live ? Math.floor(now / SECOND) : this.counted, filter, span?.from, span?.to];
    const known = this.lists.get(key);
    if (known !== undefined && of.every((value, index) => value === known.of[index])) return known.list;
    const whole = span === null && filter === null;
    const list = whole ? this.tops.list(dimension, count) : rank(dimension, this.remaining(filter, span), count);
    this.lists.set(key, { of, list });
    return list;
  }

  /** Exchanges held that a filter and a time span leave. */
  private *remaining(filter: CompiledFilter | null, span: TimeSpan | null): Generator<TransactionEvent> {
    for (let number = this.exchanges.oldest; number <= this.exchanges.newest; number++) {
      const event = this.exchanges.get(number)!;
      if (span !== null && !inSpan(event.time_us, span)) continue;
      if (filter === null || filter.matches(event)) yield event;
    }
  }
}

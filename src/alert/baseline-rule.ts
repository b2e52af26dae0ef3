/**
 * A learned-baseline rule: one series, or one for each value of a dimension. Takes events and evaluation times; gives
 * records to the context. Pure.
 */
import type { EarshotEvent } from "../core/event.ts";
import type { Micros } from "../core/units.ts";
import { BaselineSeries, type BaselineSeriesSnapshot } from "./baseline-series.ts";
import type { Predicate, Rule, RuleContext, SeriesStatus } from "./context.ts";
import { type KeyReader, keyReader } from "./dimension.ts";
import { fingerprint } from "./fingerprint.ts";
import { Groups, type GroupsSnapshot } from "./groups.ts";
import { MEASURES, type Measure } from "./measure.ts";
import type { BaselineRuleConfig } from "./schema.ts";

interface Snapshot {
  readonly single: BaselineSeriesSnapshot | null;
  readonly groups: GroupsSnapshot<BaselineSeriesSnapshot> | null;
  readonly turned: Micros;
  readonly begin: Micros;
}

export class BaselineRule implements Rule {
  readonly name: string;
  readonly step: Micros;
  readonly fingerprint: string;
  readonly #config: BaselineRuleConfig;
  readonly #context: RuleContext;
  readonly #matches: Predicate | null;
  readonly #group: KeyReader | null;
  readonly #single: BaselineSeries | null;
  readonly #groups: Groups<BaselineSeries> | null;
  /** When the groups were last compared. */
  #turned: Micros = 0;
  #begin: Micros = 0;

  constructor(config: BaselineRuleConfig, matches: Predicate | null, context: RuleContext) {
    this.name = config.name;
    this.step = config.step;
    this.fingerprint = fingerprint(config.scope, config.series, config.window, config.step, config.group_by);
    this.#config = config;
    this.#context = context;
    this.#matches = matches;
    this.#group = config.group_by === null ? null : keyReader(config.group_by);
    const measure: Measure = MEASURES[config.series];
    const create = (group: string | null) => new BaselineSeries(config, measure, group, context, this.#begin);
    this.#single = config.group_by === null ? create(null) : null;
    this.#groups = config.group_by === null ? null : new Groups(config.group_limit, create);
  }

  observe(event: EarshotEvent): void {
    if (event.type !== "transaction" || (this.#matches !== null && !this.#matches(event))) return;
    const series = this.#group === null ? this.#single : this.#groups?.at(this.#group(event));
    series?.observe(event);
  }

  observeCount(time: Micros, requests: number): void {
    if (this.#config.series === "requests") this.#single?.series.observeAmount(time, requests, requests);
  }

  evaluate(time: Micros): void {
    for (const series of this.#all()) series.evaluate(time);
    if (this.#groups === null || time - this.#turned < this.#config.window) return;
    this.#turned = time;
    if (this.#groups.turn((series) => series.open) !== null) this.#context.evict(`alert.groups.${this.name}`);
  }

  begin(time: Micros): void {
    this.#begin = this.#turned = time;
    for (const series of this.#all()) series.begin(time);
  }

  gap(): void {
    for (const series of this.#all()) series.gap();
  }

  rebase(shift: Micros): void {
    for (const series of this.#all()) series.rebase(shift);
  }

  relearn(time: Micros): void {
    for (const series of this.#all()) series.relearn(time);
  }

  status(): SeriesStatus[] {
    return [...this.#all()].map((series) => series.status());
  }

  serialize(): Snapshot {
    return {
      single: this.#single?.serialize() ?? null,
      groups: this.#groups?.serialize((series) => series.serialize()) ?? null,
      turned: this.#turned,
      begin: this.#begin,
    };
  }

  restore(saved: unknown): void {
    const { single, groups, turned, begin } = saved as Snapshot;
    this.#begin = begin;
    if (single !== null) this.#single?.restore(single);
    if (groups !== null) this.#groups?.restore(groups, (series, state) => series.restore(state));
    this.#turned = turned;
  }

  #all(): Iterable<BaselineSeries> {
    return this.#groups?.items() ?? [this.#single as BaselineSeries];
  }
}

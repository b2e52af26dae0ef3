/**
 * One series under a learned baseline: its window, what is usual for it, and the state of its alert. Takes
 * transactions and evaluation times; gives alert records and notes to the context. Pure.
 */
import type { AlertEvent, TransactionEvent } from "../core/event.ts";
import type { Micros } from "../core/units.ts";
import { DAY, SECOND } from "../core/units.ts";
import { type Band, bandOf, explains } from "./band.ts";
import { Baseline, type BaselineSnapshot } from "./baseline.ts";
import { BaselineJudge, type JudgeSnapshot } from "./baseline-judge.ts";
import { BaselineReport, type Look } from "./baseline-report.ts";
import type { RuleContext, SeriesState, SeriesStatus } from "./context.ts";
import { contributors, UsualKeys, type UsualSnapshot } from "./contributor.ts";
import { KEYS_PER_STEP, KEYS_PER_STEP_GROUPED } from "./key-counters.ts";
import type { Transition } from "./machine.ts";
import type { Measure } from "./measure.ts";
import { stateOf } from "./record.ts";
import type { BaselineRuleConfig } from "./schema.ts";
import { Season, type SeasonSnapshot } from "./season.ts";
import { Series, type SeriesSnapshot } from "./series.ts";
import { sustainedBand } from "./sustained.ts";

/** Restarts of the learning that are told one by one; then only every doubling. */
const TOLD_RESTARTS = 3;

export interface BaselineSeriesSnapshot extends JudgeSnapshot {
  readonly series: SeriesSnapshot;
  readonly usual: UsualSnapshot;
  readonly baseline: BaselineSnapshot;
  readonly season: SeasonSnapshot | null;
  readonly learned_to: Micros;
  readonly season_to: Micros;
  readonly attempt: number;
  readonly contributors: AlertEvent["contributors"];
}

export class BaselineSeries {
  readonly group: string | null;
  readonly #config: BaselineRuleConfig;
  readonly #measure: Measure;
  readonly #context: RuleContext;
  readonly #report: BaselineReport;
  readonly series: Series;
  readonly #usual: UsualKeys;
  readonly baseline: Baseline;
  readonly #season: Season | null;
  readonly #judge: BaselineJudge;
  /** End of the last window that was learned, or that must not be. */
  #learnedTo: Micros;
  #seasonTo: Micros;
  #attempt = 1;
  #look: Look | null = null;
  #covered = false;
  /** Of the open alert: named when it fired. */
  #contributors: AlertEvent["contributors"] = [];

  constructor(config: BaselineRuleConfig, measure: Measure, group: string | null, context: RuleContext, begin: Micros) {
    this.group = group;
    this.#learnedTo = this.#seasonTo = begin;
    this.#config = config;
    this.#measure = measure;
    this.#context = context;
    this.#report = new BaselineReport(config, measure, group, (time) => context.utcOffset(time));
    this.series = new Series(config, measure);
    this.#usual = new UsualKeys(config.group_by === null ? KEYS_PER_STEP : KEYS_PER_STEP_GROUPED);
    this.baseline = new Baseline(config, measure);
    this.#season = config.mode === "seasonal" ? new Season() : null;
    this.#judge = new BaselineJudge(config);
  }

  /** An alert of this series is open. */
  get open(): boolean {
    return this.#judge.machine.open;
  }

  observe(event: TransactionEvent): void {
    this.series.observe(event);
  }

  /** Looks at the window that ends at `time`: learns it or judges it. */
  evaluate(time: Micros): void {
    const { window } = this.#config;
    const { coverage, loss, leastCoverage, trace } = this.#context;
    this.#covered = coverage.share(time - window, time) >= leastCoverage;
    const quality = loss.quality((time - window) / SECOND, time / SECOND);
    const value = this.series.at(time);
    const narrow = this.baseline.provisional ? this.#band(time) : null;
    const band = narrow === null ? null : this.#judge.widened(narrow, this.baseline.doubt);
    this.#look = { time, ...value, band, quality };
    if (!this.#covered) this.#judge.unjudged();
    else {
      if (band !== null) this.#judgeWindow(this.#look, band);
      if (narrow !== null) this.#judge.learn(this.#look, narrow);
      this.#learnIfDue(this.#look);
    }
    if (trace !== null) trace(this.#tracePoint(this.#look));
  }

  begin(time: Micros): void {
    this.#learnedTo = this.#seasonTo = time;
  }

  gap(): void {
    this.#judge.unjudged();
  }

  rebase(shift: Micros): void {
    this.#judge.rebase(shift);
    this.series.clear();
  }

  /** Begins learning anew; an open alert ends, as there is nothing left to judge it by. */
  relearn(time: Micros): void {
    const look = this.#look;
    for (const transition of this.#judge.machine.close(time))
      if (look !== null) this.#say(transition, { ...look, time });
    this.baseline.reset();
    this.#usual.reset();
    this.#season?.reset();
    this.#judge.reset();
    this.#attempt = 1;
    this.#learnedTo = time;
  }

  #band(time: Micros): Band {
    const cell = this.#season?.cell(time, this.#context.utcOffset(time)) ?? null;
    return bandOf(this.#config, this.#measure, this.baseline, cell);
  }

  #judgeWindow(look: Look, window: Band): void {
    const bands = { window, sustained: this.#sustainedBand(window), lowSide: this.#lowSide() };
    const judged = this.#judge.judge(look, bands, () => this.series.lately(look.time));
    for (const transition of judged.transitions) this.#say(transition, judged.look);
  }

  #sustainedBand(band: Band): Band | null {
    if (this.#measure.kind !== "sum" || !this.baseline.final) return null;
    const floor = Math.max(this.#measure.floor(band.m, this.baseline.count), 0.01 * band.m);
    const least = this.#config.a ?? this.#measure.absolute;
    return sustainedBand(this.#config, least, band, floor, this.baseline.windows);
  }

  #lowSide(): boolean {
    const { low_side, window } = this.#config;
    return low_side === "on" || (low_side === "auto" && this.baseline.learned * window >= DAY);
  }

  #learnIfDue(look: Look): void {
    const { window } = this.#config;
    const { time, value, count, quality } = look;
    if (quality.suspect) this.#seasonTo = time;
    if (this.#season !== null && value !== null && time - window >= this.#seasonTo) {
      this.#season.learn(value, count, time, this.#context.utcOffset(time));
      this.#seasonTo = time;
    }
    if (quality.suspect || this.#judge.machine.now.state !== "normal") {
      this.#learnedTo = time;
      this.#usual.doubt();
    }
    if (value === null || time - window < this.#learnedTo) return;
    this.#learnedTo = time;
    this.#usual.learn(this.series.keysAt(time));
    if (this.baseline.learn(value, count, time)) this.#sayDrift(look);
    this.#tellLearning(look, value);
  }

  #tellLearning(look: Look, value: number): void {
    const { learn_provisional, learn_windows, zero_baseline } = this.#config;
    const { learned } = this.baseline;
    const restarts = (zero_baseline ?? (this.#measure.zeroIsUsual ? "floor" : "restart")) === "restart";
    if (learned === learn_provisional && restarts && this.baseline.nothing) {
      this.#restart(look.time);
      return;
    }
    if (learned > learn_windows || (learned > learn_provisional && learned < learn_windows)) return;
    this.#note(look.time, this.#report.learning(value, this.baseline));
    if (learned === learn_provisional || learned === learn_windows)
      this.#note(look.time, this.#report.learned(this.baseline));
  }

  #restart(time: Micros): void {
    const watched = this.baseline.windows * this.#config.window;
    this.baseline.reset();
    this.#attempt++;
    const told = this.#attempt <= TOLD_RESTARTS + 1 || Number.isInteger(Math.log2(this.#attempt));
    if (told) this.#context.emit(this.#report.restarted(time, this.#attempt, watched), "notice");
  }

  #sayDrift(look: Look): void {
    const cell = this.#season?.cell(look.time, this.#context.utcOffset(look.time)) ?? null;
    if (cell?.ready && explains(this.#config, this.#measure, cell, look.value)) return;
    this.#context.emit(this.#report.drift(look, this.baseline), "notice");
  }

  #say(transition: Transition, look: Look): void {
    const state = stateOf(transition);
    if (state === null) return;
    const direction = this.#judge.machine.now.direction ?? "high";
    if (transition !== "resolving" && transition !== "resolved") {
      const { dimensions } = this.#config;
      this.#contributors = contributors(dimensions, this.series.keysAt(look.time), this.#usual, direction);
    }
    const samples = this.series.samples(look.time, this.#contributors);
    const told = { contributors: this.#contributors, samples };
    this.#context.emit(this.#report.transition(state, look, this.#judge.machine, this.baseline, told), transition);
    if (transition === "resolved") this.#contributors = [];
  }

  #note(time: Micros, text: string): void {
    this.#context.note({ time_us: time, rule: this.#config.name, group: this.group, text });
  }

  #state(): SeriesState {
    if (this.#look !== null && !this.#covered && !this.open)
      return this.#context.coverage.downSince === null ? "not-covered" : "no-data";
    return this.baseline.provisional ? this.#judge.machine.now.state : "learning";
  }

  #tracePoint(look: Look) {
    return {
      time_us: look.time,
      rule: this.#config.name,
      group: this.group,
      value: look.value,
      m: look.band?.m ?? null,
      up: look.band?.up ?? null,
      low: look.band === null || !this.#lowSide() ? null : look.band.low,
      state: this.#state(),
      suspect: look.quality.suspect,
    };
  }

  status(): SeriesStatus {
    const look = this.#look;
    const { learn_windows, name } = this.#config;
    const band = look?.band ?? null;
    return {
      rule: name,
      group: this.group,
      series: this.#measure.name,
      unit: this.#measure.unit,
      state: this.#state(),
      value: look?.value ?? null,
      m: band?.m ?? null,
      s: band?.s ?? null,
      up: band?.up ?? null,
      low: band?.low ?? null,
      windows: this.baseline.windows,
      windows_wanted: learn_windows,
      attempt: this.#attempt,
      suspect: look?.quality.suspect ?? false,
      text: this.#report.status(look, this.baseline, this.#state()),
    };
  }

  serialize(): BaselineSeriesSnapshot {
    return {
      series: this.series.serialize(),
      usual: this.#usual.serialize(),
      baseline: this.baseline.serialize(),
      season: this.#season?.serialize() ?? null,
      ...this.#judge.serialize(),
      learned_to: this.#learnedTo,
      season_to: this.#seasonTo,
      attempt: this.#attempt,
      contributors: this.#contributors,
    };
  }

  restore(saved: BaselineSeriesSnapshot): void {
    this.series.restore(saved.series);
    this.#usual.restore(saved.usual);
    this.baseline.restore(saved.baseline);
    if (saved.season !== null) this.#season?.restore(saved.season);
    this.#judge.restore(saved);
    this.#learnedTo = saved.learned_to;
    this.#seasonTo = saved.season_to;
    this.#attempt = saved.attempt;
    this.#contributors = saved.contributors;
  }
}

/**
 * Judges the windows of one series by its band, and keeps the state of its alert. Takes looks (what one evaluation saw)
 * and the bands for them; gives the transitions that follow, with the look they rest on. Pure.
 */
import type { Micros } from "../core/units.ts";
import { type Band, scoreOf, widened } from "./band.ts";
import type { Look } from "./baseline-report.ts";
import { AlertMachine, type Direction, type MachineSnapshot, type Transition, type Verdict } from "./machine.ts";
import type { BaselineRuleConfig } from "./schema.ts";
import { Sustained } from "./sustained.ts";
import { Tail, type TailSnapshot } from "./tail.ts";

/** How far toward the limit the last quarter of the window must be for a breach to be still going on. */
const STILL = 0.25;

export interface JudgeSnapshot {
  readonly machine: MachineSnapshot;
  readonly tails: Readonly<Record<Direction, TailSnapshot>>;
  /** Absent in states saved before there was such a thing. */
  readonly sustained?: { readonly values: readonly number[]; readonly shown: boolean };
}

/** What one evaluation is judged by. */
export interface Bands {
  readonly window: Band;
  /** For the median of the last windows; null when it is not looked at. */
  readonly sustained: Band | null;
  /** Below the lower limit is a breach too. */
  readonly lowSide: boolean;
}

export interface Judgement {
  readonly transitions: readonly Transition[];
  /** As given, or with the median in place of the window's value. */
  readonly look: Look;
}

export class BaselineJudge {
  readonly #config: BaselineRuleConfig;
  readonly #machine: AlertMachine;
  readonly #tails: Readonly<Record<Direction, Tail>>;
  readonly #sustained: Sustained;
  /** No single window was beyond its limit so far: the median of the last ones shows the alert. */
  #shownBySustained = false;

  constructor(config: BaselineRuleConfig) {
    this.#config = config;
    const tail = () => new Tail(config.window, config.step, config.for);
    this.#tails = { high: tail(), low: tail() };
    this.#sustained = new Sustained(config.window, config.step);
    this.#machine = new AlertMachine({
      for: config.for,
      keepFiringFor: config.keep_firing_for,
      criticalScore: config.critical_score,
    });
  }

  get machine(): AlertMachine {
    return this.#machine;
  }

  /** The band moved out: while it rests on few windows, and to where this traffic strays by chance. */
  widened(narrow: Band, doubt: number): Band {
    return widened(narrow, Math.max(doubt, this.#tails.high.factor), Math.max(doubt, this.#tails.low.factor));
  }

  /** `lately`: what the last part of the window makes of a whole one; null where there is no such thing. */
  judge(given: Look, bands: Bands, lately: () => number | null): Judgement {
    const { open } = this.#machine;
    if (given.value !== null && (!open || this.#shownBySustained))
      this.#sustained.add(scoreOf(given.value, bands.window, "high") ?? 0);
    const look = this.#lookFor(given, bands);
    const verdict = this.#verdict(look, bands, lately);
    // what was lost can only be missing: a high value stands, anything else is not known
    const unknown = look.quality.suspect && verdict.breach !== "high" && (open || verdict.breach === "low");
    const transitions = unknown ? this.#machine.unjudged() : this.#machine.step(look.time, verdict);
    this.#follow(transitions, look);
    return { transitions, look };
  }

  /** The time of this window cannot be judged. */
  unjudged(): void {
    this.#machine.unjudged();
    this.#sustained.clear();
  }

  /** What chance does: the scores by the band that knows nothing of them yet. */
  learn({ value, time, quality }: Look, narrow: Band): void {
    if (value === null || quality.suspect || this.#machine.open) return;
    this.#tails.high.learn(scoreOf(value, narrow, "high") ?? 0, time);
    this.#tails.low.learn(scoreOf(value, narrow, "low") ?? 0, time);
  }

  reset(): void {
    this.#tails.high.reset();
    this.#tails.low.reset();
    this.#sustained.clear();
  }

  /** The clock was set back by `shift` (negative). */
  rebase(shift: Micros): void {
    this.#machine.shift(shift);
    this.#sustained.clear();
  }

  /** The window itself when it is beyond its limit; else the median of the last ones, when that is beyond its own. */
  #lookFor(look: Look, bands: Bands): Look {
    const { median } = this.#sustained;
    const band = bands.sustained;
    if (band === null || median === null || look.value === null || look.value > bands.window.up) return look;
    const value = bands.window.m + median * (bands.window.up - bands.window.m);
    const judged = { ...look, value, band, sustained: true };
    if (this.#machine.open) return this.#shownBySustained ? judged : look;
    return value > band.up ? judged : look;
  }

  #verdict({ value, band, sustained }: Look, { lowSide }: Bands, lately: () => number | null): Verdict {
    // too few events for a share or a percentile: no sign of anything wrong
    if (value === null || band === null) return { breach: null, clear: true, value, score: null };
    const breach: Direction | null = value > band.up ? "high" : value < band.low && lowSide ? "low" : null;
    const upClear = band.m + this.#config.h * (band.up - band.m);
    const lowClear = band.lowM - this.#config.h * (band.lowM - band.low);
    const clear = this.#machine.now.direction === "low" ? value >= lowClear : value <= upClear;
    // a quarter of a window says too little of an excess that shows only in five
    const last = breach === null || sustained ? null : lately();
    const still =
      last === null ||
      (breach === "high"
        ? last > band.m + STILL * (band.up - band.m)
        : last < band.lowM - STILL * (band.lowM - band.low));
    return { breach, clear, value, score: breach === null ? null : scoreOf(value, band, breach), still };
  }

  #follow(transitions: readonly Transition[], look: Look): void {
    const { value, band } = look;
    if (!look.sustained && value !== null && band !== null && value > band.up) this.#shownBySustained = false;
    for (const transition of transitions) {
      if (transition === "firing") {
        this.#tails[this.#machine.now.direction ?? "high"].fired();
        this.#shownBySustained = look.sustained ?? false;
      }
      // windows of the incident are not held against the calm behind it
      if (transition === "resolved") this.#sustained.clear();
    }
    if (this.#machine.open && !this.#shownBySustained) this.#sustained.clear();
  }

  serialize(): JudgeSnapshot {
    return {
      machine: this.#machine.now,
      tails: { high: this.#tails.high.serialize(), low: this.#tails.low.serialize() },
      sustained: { values: this.#sustained.serialize(), shown: this.#shownBySustained },
    };
  }

  restore(saved: JudgeSnapshot): void {
    this.#machine.now = saved.machine;
    this.#tails.high.restore(saved.tails.high);
    this.#tails.low.restore(saved.tails.low);
    this.#sustained.restore(saved.sustained?.values ?? []);
    this.#shownBySustained = saved.sustained?.shown ?? false;
  }
}

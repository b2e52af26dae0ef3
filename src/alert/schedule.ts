/**
 * The rules of an engine and when each is due. Takes times; calls the rules. A rule is evaluated at every whole multiple
 * of its step, all of them together in the order of time. Pure.
 */
import { HOUR, type Micros } from "../core/units.ts";
import type { Rule } from "./context.ts";

export interface RuleSnapshot {
  readonly name: string;
  readonly fingerprint: string;
  readonly next: Micros;
  readonly state: unknown;
}

interface Entry {
  readonly rule: Rule;
  next: Micros;
}

export class Schedule {
  /** In the order of the configuration. */
  readonly rules: readonly Rule[];
  readonly #entries: readonly Entry[];

  constructor(rules: readonly Rule[]) {
    this.rules = rules;
    this.#entries = rules.map((rule) => ({ rule, next: 0 }));
  }

  get names(): string[] {
    return this.rules.map(({ name }) => name);
  }

  /** Every rule but these begins to listen at `now`. */
  begin(now: Micros, but: readonly string[] = []): void {
    for (const entry of this.#entries) if (!but.includes(entry.rule.name)) begin(entry, now);
  }

  /** Evaluates every rule at each of its steps up to `limit`, in the order of time; says when the next one is due. */
  evaluateTo(limit: Micros): Micros {
    for (;;) {
      let due: Entry | null = null;
      for (const entry of this.#entries) if (due === null || entry.next < due.next) due = entry;
      if (due === null || due.next > limit) return due?.next ?? Number.POSITIVE_INFINITY;
      due.rule.evaluate(due.next);
      due.next += due.rule.step;
    }
  }

  /** The time before `to` was not captured. */
  skipTo(to: Micros): void {
    for (const entry of this.#entries) {
      entry.rule.gap();
      entry.next = Math.max(entry.next, Math.ceil(to / entry.rule.step) * entry.rule.step);
    }
  }

  /** The clock was set back by `shift` (negative) and shows `now`. */
  rebase(shift: Micros, now: Micros): void {
    for (const entry of this.#entries) {
      entry.rule.rebase(shift, now);
      begin(entry, now);
    }
  }

  serialize(): RuleSnapshot[] {
    return this.#entries.map(({ rule, next }) => ({
      name: rule.name,
      fingerprint: rule.fingerprint,
      next,
      state: rule.serialize(),
    }));
  }

  /** Takes up what was saved at `then` of rules that watch the same; gives their names. */
  restore(saved: readonly RuleSnapshot[], then: Micros): string[] {
    const resumed: string[] = [];
    for (const entry of this.#entries) {
      const state = saved.find(({ name }) => name === entry.rule.name);
      if (state === undefined || state.fingerprint !== entry.rule.fingerprint) continue;
      // a damaged time would have all the time since then evaluated
      if (!(state.next >= then - 2 * HOUR)) continue;
      entry.rule.restore(state.state);
      entry.next = state.next;
      resumed.push(entry.rule.name);
    }
    return resumed;
  }
}

function begin(entry: Entry, now: Micros): void {
  entry.next = (Math.floor(now / entry.rule.step) + 1) * entry.rule.step;
  entry.rule.begin(now);
}

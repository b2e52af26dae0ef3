/**
 * Absence rules: something that should come has not come. Only time that was really captured counts. Takes events and
 * evaluation times; gives records to the context. Pure.
 */
import type { EarshotEvent } from "../core/event.ts";
import { HOUR, type Micros, SECOND } from "../core/units.ts";
import type { Predicate, Rule, RuleContext, SeriesStatus } from "./context.ts";
import { fingerprint } from "./fingerprint.ts";
import { AlertMachine, type MachineSnapshot, type Transition } from "./machine.ts";
import { lengthText, subjectText } from "./messages.ts";
import { alertId, alertRecord, machineParts, qualityParts, stateOf } from "./record.ts";
import type { AbsenceRuleConfig } from "./schema.ts";
import { fillTemplates } from "./template.ts";

interface Snapshot {
  readonly last: Micros | null;
  readonly last_id: string | null;
  readonly expected: Micros | null;
  readonly machine: MachineSnapshot;
}

export class AbsenceRule implements Rule {
  readonly name: string;
  readonly step: Micros;
  readonly fingerprint: string;
  readonly #config: AbsenceRuleConfig;
  readonly #context: RuleContext;
  readonly #matches: Predicate | null;
  readonly #machine = new AlertMachine({ for: 0, keepFiringFor: 0, criticalScore: null });
  /** The last one, and its id. */
  #last: Micros | null = null;
  #lastId: string | null = null;
  /** Since when one is expected. */
  #expected: Micros | null = null;

  constructor(config: AbsenceRuleConfig, matches: Predicate | null, context: RuleContext) {
    this.name = config.name;
    this.step = config.step;
    this.fingerprint = fingerprint(config.scope, config.after_first);
    this.#config = config;
    this.#context = context;
    this.#matches = matches;
  }

  observe(event: EarshotEvent): void {
    if (event.type !== "transaction" || (this.#matches !== null && !this.#matches(event))) return;
    if (this.#last !== null && event.time_us < this.#last) return;
    this.#last = this.#expected = event.time_us;
    this.#lastId = event.id;
  }

  evaluate(time: Micros): void {
    if (!this.#config.after_first) this.#expected ??= this.#context.coverage.start;
    if (this.#expected === null) return;
    const { coverage, loss } = this.#context;
    const waited = coverage.captured(this.#expected, time);
    const absent = waited >= this.#config.for;
    const from = Math.max(time - Math.min(this.#config.for, HOUR), 0);
    const quality = loss.quality(Math.floor(from / SECOND), time / SECOND);
    const held = absent && quality.suspect && !this.#machine.open;
    if (held) return;
    const verdict = { breach: absent ? ("low" as const) : null, clear: true, value: waited / SECOND, score: null };
    for (const transition of this.#machine.step(time, verdict))
      this.#say(transition, time, waited, qualityParts(quality));
  }

  begin(): void {}

  gap(): void {}

  rebase(shift: Micros, now: Micros): void {
    this.#machine.shift(shift);
    if (this.#last !== null) this.#last = Math.min(this.#last + shift, now);
    if (this.#expected !== null) this.#expected = Math.min(this.#expected + shift, now);
  }

  relearn(): void {}

  status(): SeriesStatus[] {
    const state = this.#machine.now.state;
    return [
      {
        ...{ rule: this.name, group: null, series: "absence", unit: "s", state, value: null },
        ...{ m: null, s: null, up: null, low: null, windows: 0, windows_wanted: 0, attempt: 1, suspect: false },
        text: `${this.name}: at least one exchange every ${lengthText(this.#config.for)}, ${this.#expected === null ? "waiting for the first" : state}`,
      },
    ];
  }

  serialize(): Snapshot {
    return { last: this.#last, last_id: this.#lastId, expected: this.#expected, machine: this.#machine.now };
  }

  restore(saved: unknown): void {
    const { last, last_id, expected, machine } = saved as Snapshot;
    this.#last = last;
    this.#lastId = last_id;
    this.#expected = expected;
    this.#machine.now = machine;
  }

  #say(transition: Transition, time: Micros, waited: Micros, quality: ReturnType<typeof qualityParts>): void {
    const state = stateOf(transition);
    if (state === null || state === "pending") return;
    const { name, scope, severity, labels, annotations } = this.#config;
    const { now } = this.#machine;
    const subject = subjectText(scope, null);
    const title = subject === "" ? name : `${name} ${subject}`;
    const length = (now.resolved_at ?? time) - (now.active_at ?? time);
    const names = { rule: name, scope, state, severity, value: Math.round(waited / SECOND) };
    const event = alertRecord(time, {
      ...machineParts(this.#machine),
      id: alertId("a", name, null, now.active_at),
      rule: name,
      scope,
      state,
      severity,
      summary:
        state === "resolved"
          ? `RESOLVED ${title} after ${lengthText(length)}: seen again`
          : `ABSENT ${title}: nothing for ${lengthText(waited)}`,
      window_s: this.#config.for / SECOND,
      value: Math.round(waited / SECOND),
      samples: this.#lastId === null ? [] : [this.#lastId],
      quality,
      labels: fillTemplates(labels, names),
      annotations: fillTemplates(annotations, names),
    });
    this.#context.emit(event, transition);
  }
}

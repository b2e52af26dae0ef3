/**
 * Fixed-threshold rules, after Prometheus: an expression over a window, `for`, labels and annotations. Takes events and
 * evaluation times; gives records to the context. Pure.
 */
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { type Micros, SECOND } from "../core/units.ts";
import type { Predicate, Rule, RuleContext, SeriesStatus } from "./context.ts";
import { largest } from "./contributor.ts";
import { type KeyReader, keyReader } from "./dimension.ts";
import { type Expression, measureOf, parseExpression } from "./expression.ts";
import { fingerprint } from "./fingerprint.ts";
import { Groups, type GroupsSnapshot } from "./groups.ts";
import type { WindowQuality } from "./loss.ts";
import { AlertMachine, type MachineSnapshot, type Transition, type Verdict } from "./machine.ts";
import { lengthText, mostly, ruleTitleText } from "./messages.ts";
import { alertId, alertRecord, machineParts, qualityParts, stateOf } from "./record.ts";
import type { ThresholdRuleConfig } from "./schema.ts";
import { Series, type SeriesSnapshot } from "./series.ts";
import { fillTemplates } from "./template.ts";

const DIMENSIONS = ["section", "client"] as const;

interface Member {
  readonly group: string | null;
  readonly series: Series;
  readonly machine: AlertMachine;
  value: number | null;
}

interface MemberSnapshot {
  readonly series: SeriesSnapshot;
  readonly machine: MachineSnapshot;
  readonly value: number | null;
}

interface Snapshot {
  readonly single: MemberSnapshot | null;
  readonly groups: GroupsSnapshot<MemberSnapshot> | null;
  readonly turned: Micros;
  readonly begin: Micros;
}

export class ThresholdRule implements Rule {
  readonly name: string;
  readonly step: Micros;
  readonly fingerprint: string;
  readonly #config: ThresholdRuleConfig;
  readonly #context: RuleContext;
  readonly #matches: Predicate | null;
  readonly #group: KeyReader | null;
  readonly #expression: Expression;
  readonly #single: Member | null;
  readonly #groups: Groups<Member> | null;
  /** A number below the limit is what it waits for: lost packets look just like it. */
  readonly #low: boolean;
  #turned: Micros = 0;
  #begin: Micros = 0;

  constructor(config: ThresholdRuleConfig, matches: Predicate | null, context: RuleContext) {
    this.#config = config;
    this.#context = context;
    this.#matches = matches;
    this.#group = config.group_by === null ? null : keyReader(config.group_by);
    this.#expression = parseExpression(config.expr);
    const { window } = this.#expression;
    this.name = config.name;
    this.step = Math.min(config.step, window);
    if (window % this.step !== 0)
      throw new Trouble(`alert rule ${config.name}: its window is not a multiple of its step`, {
        exitCode: EXIT.usage,
        hint: "Change `step`, or the window in `expr`.",
      });
    this.fingerprint = fingerprint(config.scope, config.expr, this.step, config.group_by);
    this.#low = this.#expression.operator.startsWith("<");
    this.#single = config.group_by === null ? this.#create(null) : null;
    this.#groups = config.group_by === null ? null : new Groups(config.group_limit, (group) => this.#create(group));
  }

  observe(event: EarshotEvent): void {
    if (event.type !== "transaction" || (this.#matches !== null && !this.#matches(event))) return;
    const member = this.#group === null ? this.#single : this.#groups?.at(this.#group(event));
    member?.series.observe(event);
  }

  evaluate(time: Micros): void {
    for (const member of this.#all()) this.#evaluate(member, time);
    if (this.#groups === null || time - this.#turned < this.#expression.window) return;
    this.#turned = time;
    if (this.#groups.turn((member) => member.machine.open) !== null) this.#context.evict(`alert.groups.${this.name}`);
  }

  begin(time: Micros): void {
    this.#begin = this.#turned = time;
  }

  gap(): void {
    for (const member of this.#all()) member.machine.unjudged();
  }

  rebase(shift: Micros): void {
    for (const member of this.#all()) {
      member.machine.shift(shift);
      member.series.clear();
    }
  }

  relearn(): void {}

  status(): SeriesStatus[] {
    return [...this.#all()].map((member) => ({
      rule: this.name,
      group: member.group,
      series: this.#expression.source,
      unit: this.#expression.unit,
      state: member.machine.now.state,
      value: member.value,
      m: null,
      s: null,
      up: this.#low ? null : this.#expression.limit,
      low: this.#low ? this.#expression.limit : null,
      windows: 0,
      windows_wanted: 0,
      attempt: 1,
      suspect: false,
      text: `${this.#title(member)}: ${member.value === null ? "no value" : figure(member.value)} (${this.#expression.text}), ${member.machine.now.state}`,
    }));
  }

  serialize(): Snapshot {
    return {
      single: this.#single === null ? null : save(this.#single),
      groups: this.#groups?.serialize(save) ?? null,
      turned: this.#turned,
      begin: this.#begin,
    };
  }

  restore(saved: unknown): void {
    const { single, groups, turned, begin } = saved as Snapshot;
    this.#begin = begin;
    if (single !== null && this.#single !== null) load(this.#single, single);
    if (groups !== null) this.#groups?.restore(groups, load);
    this.#turned = turned;
  }

  #create(group: string | null): Member {
    const { minimum_count, for: holds, keep_firing_for } = this.#config;
    const { window } = this.#expression;
    return {
      group,
      series: new Series(
        { window, step: this.step, dimensions: DIMENSIONS, minimum_count, group_by: this.#config.group_by },
        measureOf(this.#expression),
      ),
      machine: new AlertMachine({ for: holds, keepFiringFor: keep_firing_for, criticalScore: null }),
      value: null,
    };
  }

  #all(): Iterable<Member> {
    return this.#groups?.items() ?? [this.#single as Member];
  }

  #evaluate(member: Member, time: Micros): void {
    const { window } = this.#expression;
    const { coverage, loss, leastCoverage, trace } = this.#context;
    const quality = loss.quality((time - window) / SECOND, time / SECOND);
    member.value = this.#expression.value(member.series.at(time));
    const holds = member.value !== null && this.#expression.holds(member.value);
    const captured = coverage.captured(Math.max(time - window, this.#begin), time);
    const covered = captured >= leastCoverage * window;
    const doubtful = quality.suspect && (this.#low ? holds : !holds && member.machine.open);
    const verdict: Verdict = {
      breach: holds ? (this.#low ? "low" : "high") : null,
      clear: true,
      value: member.value,
      score: null,
    };
    const transitions = !covered || doubtful ? member.machine.unjudged() : member.machine.step(time, verdict);
    for (const transition of transitions) this.#say(transition, member, time, quality);
    trace?.({
      time_us: time,
      rule: this.name,
      group: member.group,
      value: member.value,
      m: null,
      up: this.#low ? null : this.#expression.limit,
      low: this.#low ? this.#expression.limit : null,
      state: covered ? member.machine.now.state : "not-covered",
      suspect: quality.suspect,
    });
  }

  #say(transition: Transition, member: Member, time: Micros, quality: WindowQuality): void {
    const state = stateOf(transition);
    if (state === null) return;
    const { name, scope, severity, labels, annotations } = this.#config;
    const { now } = member.machine;
    const names = {
      ...{ rule: name, scope, group: member.group, state, severity },
      ...{ value: member.value === null ? null : figure(member.value), limit: this.#expression.limit },
    };
    const found = state === "firing" ? this.#contributors(member, time) : [];
    const event = alertRecord(time, {
      ...machineParts(member.machine),
      id: alertId("a", name, member.group, now.active_at),
      rule: name,
      scope,
      group: member.group,
      state,
      severity,
      summary: `${this.#summary(state, member, time)}${mostly(found, "")}`,
      window_s: this.#expression.window / SECOND,
      value: member.value,
      contributors: found,
      samples: member.series.samples(time, found),
      quality: qualityParts(quality),
      labels: fillTemplates(labels, names),
      annotations: fillTemplates(annotations, names),
    });
    this.#context.emit(event, transition);
  }

  #summary(state: AlertEvent["state"], member: Member, time: Micros): string {
    const { now } = member.machine;
    const title = this.#title(member);
    if (state === "resolved") {
      const length = (now.resolved_at ?? time) - (now.active_at ?? time);
      return `RESOLVED ${title} after ${lengthText(length)} (${this.#expression.text})`;
    }
    const value = member.value === null ? "no value" : `${figure(member.value)} ${this.#expression.unit}`;
    return `${state.toUpperCase()} ${title}: ${value} (${this.#expression.text})`;
  }

  #title(member: Member): string {
    return ruleTitleText(this.name, this.#config.scope, member.group);
  }

  /** Who and what the number is made of; of one that is too low, or no sum, there is nothing to tell. */
  #contributors(member: Member, time: Micros): AlertEvent["contributors"] {
    if (this.#low || !this.#expression.adds) return [];
    return largest(DIMENSIONS, member.series.keysAt(time)).filter(
      ({ dimension }) => dimension !== this.#config.group_by,
    );
  }
}

const save = (member: Member): MemberSnapshot => ({
  series: member.series.serialize(),
  machine: member.machine.now,
  value: member.value,
});

function load(member: Member, saved: MemberSnapshot): void {
  member.series.restore(saved.series);
  member.machine.now = saved.machine;
  member.value = saved.value;
}

const figure = (value: number): string => String(Math.round(value * 100) / 100);

/** The laws that a statistic keeps, checked: merging, bounds, no surprises. Takes a statistic, throws LawBroken. */
import { isDeepStrictEqual } from "node:util";
import type { TlsEvent, TransactionEvent } from "../../core/event.ts";
import type { Statistic } from "../../core/roles.ts";
import { distinctEvents, numbers, sampleEvents } from "./sample-events.ts";

type Observed = TransactionEvent | TlsEvent;

export class LawBroken extends Error {
  override readonly name = "LawBroken";
  /** Number of the law (docs/plugins.md). */
  readonly law: number;

  constructor(law: number, what: string, detail: unknown = undefined) {
    super(`law ${law}: ${what}${detail === undefined ? "" : `\n${shown(detail)}`}`);
    this.law = law;
  }
}

function shown(detail: unknown): string {
  try {
    return JSON.stringify(detail, null, 1).slice(0, 2_000);
  } catch {
    return String(detail);
  }
}

export interface StatisticLawOptions {
  /** Different keys after which the state must have stopped growing: more than the statistic's own limit. */
  readonly keys?: number;
  /** Ways to cut the events in parts that are tried. */
  readonly rounds?: number;
}

/** Checks laws 3 to 6. `events`: what it is to be tried on beside a mixed list of all kinds. */
export function checkStatisticLaws<State, Report>(
  statistic: Statistic<State, Report>,
  events: readonly Observed[] = [],
  options: StatisticLawOptions = {},
): void {
  const all = [...events, ...sampleEvents()].map(frozen);
  checkTotal(statistic, all);
  checkMerge(statistic, all, options.rounds ?? 20);
  checkBound(statistic, options.keys ?? 20_000);
  checkReplay(statistic, all);
}

function observed<State>(statistic: Statistic<State>, events: readonly Observed[]): State {
  const state = statistic.create();
  for (const event of events) statistic.observe(state, event);
  return state;
}

/** Law 4: no event makes it throw, and none is changed. */
function checkTotal<State>(statistic: Statistic<State>, events: readonly Observed[]): void {
  for (const event of events) {
    try {
      statistic.report(observed(statistic, [event]));
    } catch (error) {
      throw new LawBroken(4, `${statistic.name} throws: ${(error as Error).message}`, event);
    }
  }
  try {
    statistic.report(statistic.create());
  } catch (error) {
    throw new LawBroken(4, `${statistic.name} cannot report on nothing: ${(error as Error).message}`);
  }
}

/** Law 3: what parts observed, merged in any order, is what one would have observed. */
function checkMerge<State>(statistic: Statistic<State>, events: readonly Observed[], rounds: number): void {
  const whole = statistic.report(observed(statistic, events));
  const random = numbers(7);
  for (let round = 0; round < rounds; round++) {
    const cuts = [0, ...Array.from({ length: 1 + random(3) }, () => random(events.length)), events.length];
    cuts.sort((a, b) => a - b);
    const states = cuts.slice(1).map((to, index) => observed(statistic, events.slice(cuts[index], to)));
    if (random(2) === 0) states.reverse();
    const merged = statistic.create();
    for (const state of states) statistic.merge(merged, state);
    const report = statistic.report(merged);
    if (!same(report, whole)) {
      throw new LawBroken(3, `${statistic.name}: parts merged say otherwise than the whole`, { cuts, report, whole });
    }
    for (const [index, state] of states.entries()) {
      // a window is merged again and again: what is merged from must stay what it was
      const part = cuts.slice(1).map((to, place) => events.slice(cuts[place], to));
      const ordered = same(statistic.report(state), statistic.report(observed(statistic, part[index])));
      const reversed = same(
        statistic.report(state),
        statistic.report(observed(statistic, part[part.length - 1 - index])),
      );
      if (!ordered && !reversed) throw new LawBroken(3, `${statistic.name}: merge changes the state it takes from`);
    }
  }
}

/** Law 5: the state stops growing. */
function checkBound<State>(statistic: Statistic<State>, keys: number): void {
  const state = statistic.create();
  const feed = (from: number) => {
    for (const event of distinctEvents(keys, from)) statistic.observe(state, event);
    return parts(state);
  };
  const once = feed(0);
  const twice = feed(keys);
  if (twice > once * 1.5 && twice > 1_000) {
    const what = `${statistic.name} grows with the number of different keys: ${once} parts after ${keys}, ${twice} after ${2 * keys}`;
    throw new LawBroken(5, `${what} (give \`keys\` when its limit is higher)`);
  }
}

/** Law 6: the same events give the same report, whatever the time of day; and reporting changes nothing. */
function checkReplay<State>(statistic: Statistic<State>, events: readonly Observed[]): void {
  const state = observed(statistic, events);
  const first = structuredClone(statistic.report(state));
  if (!same(statistic.report(state), first)) throw new LawBroken(6, `${statistic.name}: reporting changes the state`);
  const realNow = Date.now;
  try {
    Date.now = () => realNow() + 86_400_000;
    if (same(statistic.report(observed(statistic, events)), first)) return;
  } finally {
    Date.now = realNow;
  }
  throw new LawBroken(6, `${statistic.name}: the same events give another report the second time`);
}

/** Equal, but for the last digits of sums that were added up in another order. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Object.is(a, b) || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (a instanceof Map || a instanceof Set || ArrayBuffer.isView(a)) return isDeepStrictEqual(a, b);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length || Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]));
}

/** Everything that a state holds on to: objects, entries, elements. */
function parts(state: unknown): number {
  const seen = new Set<object>();
  const open: unknown[] = [state];
  let count = 0;
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) {
      count += value.byteLength / 8;
      continue;
    }
    const inner =
      value instanceof Map
        ? [...value.keys(), ...value.values()]
        : value instanceof Set
          ? [...value]
          : Object.values(value);
    count += inner.length;
    for (const one of inner) open.push(one);
  }
  return count;
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) frozen(inner);
  }
  return value;
}

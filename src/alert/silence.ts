/**
 * Silences: alert records that match a filter are given out marked `silenced`, and nobody is notified, until a time.
 * Takes records; gives them with the mark. Pure, bounded.
 */
import type { AlertEvent } from "../core/event.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import type { Predicate } from "./context.ts";
import { alertId } from "./record.ts";

const LIMIT = 500;

export interface Silence {
  readonly id: string;
  /** Filter over alert records, e.g. `rule == "requests"`. */
  readonly filter: string;
  readonly from_us: Micros;
  readonly until_us: Micros;
  readonly comment: string | null;
}

export class Silences {
  readonly #compile: (filter: string) => Predicate;
  #active = new Map<string, { silence: Silence; matches: Predicate }>();

  constructor(compile: (filter: string) => Predicate) {
    this.#compile = compile;
  }

  /** Throws Trouble when the filter is wrong or there are too many. */
  add(filter: string, now: Micros, until: Micros, comment: string | null): Silence {
    this.#expire(now);
    if (this.#active.size >= LIMIT)
      throw new Trouble(`there are ${LIMIT} silences already`, { exitCode: EXIT.usage, hint: "Remove one first." });
    const silence: Silence = { id: alertId("q", filter, now, until), filter, from_us: now, until_us: until, comment };
    this.#active.set(silence.id, { silence, matches: this.#compile(filter) });
    return silence;
  }

  remove(id: string): boolean {
    return this.#active.delete(id);
  }

  list(now: Micros): Silence[] {
    this.#expire(now);
    return [...this.#active.values()].map(({ silence }) => silence);
  }

  /** The silence that holds for a record, if one does. */
  find(event: AlertEvent): Silence | null {
    for (const { silence, matches } of this.#active.values())
      if (event.time_us >= silence.from_us && event.time_us < silence.until_us && matches(event)) return silence;
    return null;
  }

  serialize(): Silence[] {
    return [...this.#active.values()].map(({ silence }) => silence);
  }

  restore(saved: readonly Silence[]): void {
    this.#active = new Map(
      saved.slice(-LIMIT).flatMap((silence) => {
        const matches = this.#compiled(silence.filter);
        return matches === null ? [] : [[silence.id, { silence, matches }] as const];
      }),
    );
  }

  /** A named filter it rests on may be gone: one silence less is no reason to lose everything that was saved. */
  #compiled(filter: string): Predicate | null {
    try {
      return this.#compile(filter);
    } catch {
      return null;
    }
  }

  #expire(now: Micros): void {
    for (const [id, { silence }] of this.#active) if (silence.until_us <= now) this.#active.delete(id);
  }
}

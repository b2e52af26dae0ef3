/**
 * A saved state as people look at it and change it while no engine runs: nothing is judged and no time passes in it, so
 * that an engine goes on from it as if nobody had looked. Takes the state; gives it back changed. Pure.
 */
import type { Micros } from "../core/units.ts";
import type { AlertDesk } from "./command.ts";
import type { Predicate } from "./context.ts";
import { AlertHistory, type DurationStatistics, type KeptAlert } from "./history.ts";
import { type Silence, Silences } from "./silence.ts";
import type { EngineSnapshot } from "./state.ts";

export interface SavedAlertsOptions {
  readonly compile: (filter: string) => Predicate;
  /** Closed alerts older than this are not shown. */
  readonly retention: Micros;
  /** The present. */
  readonly now: Micros;
}

export class SavedAlerts<State extends EngineSnapshot> implements AlertDesk {
  readonly #state: State;
  readonly #now: Micros;
  readonly #history: AlertHistory;
  readonly #silences: Silences;
  #rules: EngineSnapshot["rules"];

  constructor(state: State, { compile, retention, now }: SavedAlertsOptions) {
    this.#state = state;
    this.#now = now;
    this.#history = new AlertHistory(retention);
    this.#history.restore(state.history);
    this.#silences = new Silences(compile);
    this.#silences.restore(state.silences);
    this.#rules = state.rules;
  }

  /** Newest first, open ones before closed ones. */
  alerts(): KeptAlert[] {
    return this.#history.list(this.#now);
  }

  alert(id: string): KeptAlert | null {
    return this.#history.get(id);
  }

  durations(): DurationStatistics {
    return this.#history.durations(this.#now, this.#state.coverage.start);
  }

  silences(): Silence[] {
    return this.#silences.list(this.#now);
  }

  /** Rules of which something is saved. */
  rules(): string[] {
    return this.#rules.map(({ name }) => name);
  }

  acknowledge(id: string, comment: string | null = null): boolean {
    return this.#history.acknowledge(id, { time_us: this.#now, comment });
  }

  silence(filter: string, length: Micros, comment: string | null = null): Silence {
    return this.#silences.add(filter, this.#now, this.#now + length, comment);
  }

  unsilence(id: string): boolean {
    return this.#silences.remove(id);
  }

  /** An engine learns anew what it finds nothing of. */
  relearn(rule: string | null = null): boolean {
    const kept = this.#rules.filter(({ name }) => rule !== null && name !== rule);
    const found = kept.length < this.#rules.length;
    this.#rules = kept;
    return found;
  }

  serialize(): State {
    return {
      ...this.#state,
      history: this.#history.serialize(),
      silences: this.#silences.serialize(),
      rules: this.#rules,
    };
  }
}

/**
 * What becomes of the records that rules make: history, flapping, silences, acknowledgements; then they are given out.
 * Takes records; gives them, with labels, to `emit`. Pure.
 */
import type { AlertEvent } from "../core/event.ts";
import { formatTime, type Micros } from "../core/units.ts";
import type { Predicate } from "./context.ts";
import { FlapGuard } from "./flapping.ts";
import { AlertHistory } from "./history.ts";
import type { Transition } from "./machine.ts";
import type { AlertConfig } from "./schema.ts";
import { Silences } from "./silence.ts";
import type { EngineSnapshot } from "./state.ts";

export class Teller {
  readonly history: AlertHistory;
  readonly silences: Silences;
  readonly #flapping: FlapGuard;
  readonly #announcePending: boolean;
  readonly #emit: (event: AlertEvent) => void;

  constructor(config: AlertConfig, compile: (filter: string) => Predicate, emit: (event: AlertEvent) => void) {
    this.history = new AlertHistory(config.retention);
    this.silences = new Silences(compile);
    this.#flapping = new FlapGuard(config.flapping.firings, config.flapping.within);
    this.#announcePending = config.announce_pending;
    this.#emit = emit;
  }

  /** `notice`: not a change of an alert's state. */
  tell(event: AlertEvent, transition: Transition | "notice"): void {
    if (event.state === "pending" && !this.#announcePending) return;
    this.history.record(event);
    for (const passed of this.#flapping.pass(event, transition)) {
      if (passed.state === "flapping") this.history.record(passed);
      this.#give(passed);
    }
  }

  /** Time went on. */
  advance(now: Micros): void {
    for (const event of this.#flapping.advance(now)) this.#give(event);
  }

  /** Alerts of rules that are gone, or that learn anew, end: nobody can judge them any more. */
  closeOrphans(resumed: readonly string[], now: Micros): void {
    for (const { event } of this.history.open()) {
      if (resumed.includes(event.rule) || (event.state === "no-data" && resumed.length > 0)) continue;
      const time = formatTime(now);
      const summary = `RESOLVED ${event.rule}: no longer watched as it was (configuration changed, or the saved state was too old)`;
      this.tell({ ...event, state: "resolved", time, time_us: now, resolved_at: time, summary }, "resolved");
    }
  }

  /** The clock was set back by `shift` (negative). */
  rebase(shift: Micros): void {
    this.#flapping.shift(shift);
  }

  serialize(): Pick<EngineSnapshot, "flapping" | "history" | "silences"> {
    return {
      flapping: this.#flapping.serialize(),
      history: this.history.serialize(),
      silences: this.silences.serialize(),
    };
  }

  /** `whole`: false takes up only what people have said and seen, as the rest is too old. */
  restore(saved: EngineSnapshot, whole: boolean): void {
    this.history.restore(saved.history);
    this.silences.restore(saved.silences);
    if (whole) this.#flapping.restore(saved.flapping);
  }

  #give(event: AlertEvent): void {
    const labels: Record<string, string> = { ...event.labels };
    if (this.history.acknowledged(event.id)) labels["acknowledged"] = "true";
    const silence = this.silences.find(event);
    if (silence !== null) labels["silenced"] = silence.id;
    this.#emit({ ...event, labels });
  }
}

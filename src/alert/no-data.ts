/**
 * The alert that there is no data: the capture is down, which is not the same as a healthy capture that sees nothing.
 * Takes what the driver knows of the capture; gives records. Pure.
 */
import type { AlertEvent } from "../core/event.ts";
import { formatTime, type Micros } from "../core/units.ts";
import type { Transition } from "./machine.ts";
import { lengthText } from "./messages.ts";
import { alertId, alertRecord } from "./record.ts";

export interface NoDataSnapshot {
  readonly since: Micros | null;
  readonly told: boolean;
  readonly reason: string | null;
}

export class NoData {
  readonly #after: Micros;
  readonly #emit: (event: AlertEvent, transition: Transition) => void;
  #since: Micros | null = null;
  #told = false;
  #reason: string | null = null;

  constructor(after: Micros, emit: (event: AlertEvent, transition: Transition) => void) {
    this.#after = after;
    this.#emit = emit;
  }

  down(time: Micros, reason: string | null): void {
    this.#since ??= time;
    this.#reason = reason;
  }

  advance(now: Micros): void {
    if (this.#since === null || this.#told || now - this.#since < this.#after) return;
    this.#told = true;
    const why = this.#reason === null ? "" : ` (${this.#reason})`;
    this.#emit(
      this.#record(now, "no-data", `NO DATA: the capture has been down for ${lengthText(now - this.#since)}${why}`),
      "firing",
    );
  }

  up(time: Micros): void {
    if (this.#since !== null && this.#told)
      this.#emit(
        this.#record(time, "resolved", `RESOLVED capture is back after ${lengthText(time - this.#since)}`),
        "resolved",
      );
    this.#since = null;
    this.#told = false;
    this.#reason = null;
  }

  serialize(): NoDataSnapshot {
    return { since: this.#since, told: this.#told, reason: this.#reason };
  }

  restore(saved: NoDataSnapshot): void {
    this.#since = saved.since;
    this.#told = saved.told;
    this.#reason = saved.reason;
  }

  #record(time: Micros, state: "no-data" | "resolved", summary: string): AlertEvent {
    const since = this.#since as Micros;
    return alertRecord(time, {
      id: alertId("a", "capture", since),
      rule: "capture",
      state,
      severity: "critical",
      summary,
      active_at: formatTime(since),
      fired_at: formatTime(since + this.#after),
      resolved_at: state === "resolved" ? formatTime(time) : null,
    });
  }
}

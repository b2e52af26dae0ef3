/**
 * The states of one alert: normal, pending, firing, resolving. Every kind of rule judges its own way and hands the
 * verdict in at every evaluation; this says what follows. Pure: the only time it knows is that of the evaluation.
 */
import type { Micros } from "../core/units.ts";

export type Direction = "high" | "low";
export type AlertState = "normal" | "pending" | "firing" | "resolving";

export interface Verdict {
  /** Beyond which limit the value is; null for neither. */
  readonly breach: Direction | null;
  /** Back behind the clear line of the open alert. */
  readonly clear: boolean;
  readonly value: number | null;
  /** How far beyond, 1 being the limit. */
  readonly score: number | null;
  /** The breach is still going on at the window's end: one that is over must not fire. Absent: true. */
  readonly still?: boolean;
}

export type Transition = "pending" | "firing" | "reopened" | "worse" | "resolving" | "resolved" | "dropped";

export interface MachineTimings {
  /** How long a breach must hold at every evaluation. */
  readonly for: Micros;
  /** How long it must be clear before the alert is resolved. */
  readonly keepFiringFor: Micros;
  /** Score from which the alert is critical; null: severity does not depend on it. */
  readonly criticalScore: number | null;
}

export interface MachineSnapshot {
  readonly state: AlertState;
  readonly direction: Direction | null;
  readonly active_at: Micros | null;
  readonly fired_at: Micros | null;
  readonly last_breach_at: Micros | null;
  readonly resolved_at: Micros | null;
  readonly clear_since: Micros | null;
  readonly peak: number | null;
  readonly evaluations: number;
  readonly reopened: number;
  readonly critical: boolean;
}

const CALM: MachineSnapshot = {
  state: "normal",
  direction: null,
  active_at: null,
  fired_at: null,
  last_breach_at: null,
  resolved_at: null,
  clear_since: null,
  peak: null,
  evaluations: 0,
  reopened: 0,
  critical: false,
};

export class AlertMachine {
  readonly #timings: MachineTimings;
  /** What an alert record tells of the alert; after a resolution that of the one just resolved. */
  now: MachineSnapshot = CALM;

  constructor(timings: MachineTimings) {
    this.#timings = timings;
  }

  /** Firing or resolving: the alert is there. */
  get open(): boolean {
    return this.now.state === "firing" || this.now.state === "resolving";
  }

  /** One evaluation that could be judged. */
  step(time: Micros, verdict: Verdict): Transition[] {
    if (this.now.state === "normal" || this.now.state === "pending") return this.#quietStep(time, verdict);
    return this.#openStep(time, verdict);
  }

  /** One evaluation that could not be judged: a pending breach has not been shown to hold, an open alert stays. */
  unjudged(): Transition[] {
    if (this.now.state === "pending") {
      this.now = CALM;
      return ["dropped"];
    }
    this.#set({ clear_since: null });
    return [];
  }

  /** The clock was set back by `shift`: keep the lengths of time right. */
  shift(shift: Micros): void {
    const moved = (time: Micros | null) => (time === null ? null : time + shift);
    this.#set({
      active_at: moved(this.now.active_at),
      fired_at: moved(this.now.fired_at),
      last_breach_at: moved(this.now.last_breach_at),
      clear_since: moved(this.now.clear_since),
    });
  }

  /** Ends an open alert now, whatever its value: the baseline it was judged by is gone. */
  close(time: Micros): Transition[] {
    const wasOpen = this.open;
    if (wasOpen) this.#set({ state: "normal", resolved_at: time });
    else this.now = CALM;
    return wasOpen ? ["resolved"] : [];
  }

  #set(change: Partial<MachineSnapshot>): void {
    this.now = { ...this.now, ...change };
  }

  #quietStep(time: Micros, verdict: Verdict): Transition[] {
    const transitions: Transition[] = [];
    if (verdict.breach === null) {
      if (this.now.state === "pending") transitions.push("dropped");
      if (this.now !== CALM) this.now = CALM;
      return transitions;
    }
    if (this.now.state === "normal" || this.now.direction !== verdict.breach) {
      this.now = { ...CALM, state: "pending", direction: verdict.breach, active_at: time };
      transitions.push("pending");
    }
    this.#breached(time, verdict);
    if (time - (this.now.active_at as Micros) < this.#timings.for) return transitions;
    if (this.#timings.for > 0 && verdict.still === false) return transitions;
    this.#set({ state: "firing", fired_at: time });
    transitions.push("firing");
    return transitions;
  }

  #openStep(time: Micros, verdict: Verdict): Transition[] {
    if (verdict.breach === this.now.direction) return this.#breachedAgain(time, verdict);
    if (!verdict.clear) {
      this.#set({ clear_since: null });
      return [];
    }
    const transitions: Transition[] = [];
    if (this.now.state === "firing") {
      this.#set({ state: "resolving", clear_since: time });
      if (this.#timings.keepFiringFor > 0) transitions.push("resolving");
    }
    if (this.now.clear_since === null) this.#set({ clear_since: time });
    if (time - (this.now.clear_since as Micros) < this.#timings.keepFiringFor) return transitions;
    this.#set({ state: "normal", resolved_at: time });
    transitions.push("resolved");
    return transitions;
  }

  #breachedAgain(time: Micros, verdict: Verdict): Transition[] {
    const wasCritical = this.now.critical;
    this.#breached(time, verdict);
    if (this.now.state === "resolving") {
      this.#set({ state: "firing", clear_since: null, reopened: this.now.reopened + 1 });
      return ["reopened"];
    }
    return this.now.critical && !wasCritical ? ["worse"] : [];
  }

  #breached(time: Micros, { value, score }: Verdict): void {
    const { peak, direction, evaluations, critical } = this.now;
    const limit = this.#timings.criticalScore;
    this.#set({
      last_breach_at: time,
      peak:
        value === null
          ? peak
          : peak === null
            ? value
            : direction === "low"
              ? Math.min(peak, value)
              : Math.max(peak, value),
      evaluations: evaluations + 1,
      critical: critical || (limit !== null && score !== null && score >= limit),
    });
  }
}

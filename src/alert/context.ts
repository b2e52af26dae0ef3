/** What the engine lends its rules: the window's trustworthiness, the time of day, and ways to say something. */
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import type { Micros } from "../core/units.ts";
import type { Coverage } from "./coverage.ts";
import type { LossWindow } from "./loss.ts";
import type { Transition } from "./machine.ts";

export type Predicate = (event: EarshotEvent) => boolean;

/** Something to tell that is no alert: how learning goes. */
export interface AlertNote {
  readonly time_us: Micros;
  readonly rule: string;
  readonly group: string | null;
  readonly text: string;
}

/** One evaluation of one series, for timelines and charts. */
export interface TracePoint {
  readonly time_us: Micros;
  readonly rule: string;
  readonly group: string | null;
  readonly value: number | null;
  readonly m: number | null;
  readonly up: number | null;
  readonly low: number | null;
  readonly state: SeriesState;
  readonly suspect: boolean;
}

export type SeriesState = "learning" | "normal" | "pending" | "firing" | "resolving" | "no-data" | "not-covered";

/** How a series stands now. */
export interface SeriesStatus {
  readonly rule: string;
  readonly group: string | null;
  readonly series: string;
  readonly unit: string;
  readonly state: SeriesState;
  readonly value: number | null;
  readonly m: number | null;
  readonly s: number | null;
  readonly up: number | null;
  readonly low: number | null;
  /** Windows learned, and wanted. */
  readonly windows: number;
  readonly windows_wanted: number;
  /** Learnings begun. */
  readonly attempt: number;
  readonly suspect: boolean;
  /** One line for a person. */
  readonly text: string;
}

export interface RuleContext {
  readonly coverage: Coverage;
  readonly loss: LossWindow;
  /** Share of a window that must have been captured. */
  readonly leastCoverage: number;
  /** Minutes that local time is ahead of UTC. */
  utcOffset(time: Micros): number;
  /** `notice`: not a change of an alert's state. */
  emit(event: AlertEvent, transition: Transition | "notice"): void;
  note(note: AlertNote): void;
  /** Null when nobody looks. */
  readonly trace: ((point: TracePoint) => void) | null;
  /** A full table gave up an entry. */
  evict(table: string): void;
}

export interface Rule {
  readonly name: string;
  /** How often it is evaluated. */
  readonly step: Micros;
  /** Identifies what it learned: a saved state of another fingerprint is not used. */
  readonly fingerprint: string;
  observe(event: EarshotEvent): void;
  /** Requests without events, for simulations. */
  observeCount?(time: Micros, requests: number): void;
  evaluate(time: Micros): void;
  /** It begins to listen at this time: nothing is known of the time before. */
  begin(time: Micros): void;
  /** Time was not captured. */
  gap(): void;
  /** The clock was set back by `shift` (negative). */
  rebase(shift: Micros, now: Micros): void;
  relearn(time: Micros): void;
  status(): SeriesStatus[];
  serialize(): unknown;
  restore(saved: unknown): void;
}

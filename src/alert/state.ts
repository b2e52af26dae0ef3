/** The saved state of an alert engine: its shape, and reading it back from text that may be anything. */
import type { Micros } from "../core/units.ts";
import type { CoverageSnapshot } from "./coverage.ts";
import type { FlappingSnapshot } from "./flapping.ts";
import type { HistorySnapshot } from "./history.ts";
import type { LossSnapshot } from "./loss.ts";
import type { NoDataSnapshot } from "./no-data.ts";
import type { RuleSnapshot } from "./schedule.ts";
import type { Silence } from "./silence.ts";

/** Raised whenever the shape changes; a state of another schema is not used. */
export const SCHEMA = 1;

export interface EngineSnapshot {
  readonly schema: number;
  readonly now: Micros | null;
  readonly late: number;
  readonly coverage: CoverageSnapshot;
  readonly loss: LossSnapshot;
  readonly no_data: NoDataSnapshot;
  readonly flapping: FlappingSnapshot;
  readonly history: HistorySnapshot;
  readonly silences: readonly Silence[];
  readonly rules: readonly RuleSnapshot[];
}

const PARTS = ["coverage", "loss", "no_data", "flapping", "history", "silences", "rules"] as const;

/** A saved state from its text; null when it is not one of this schema (then everything is learned anew). */
export function parseState(text: string): EngineSnapshot | null {
  try {
    const state = JSON.parse(text) as EngineSnapshot;
    const whole = PARTS.every((part) => typeof state?.[part] === "object" && state[part] !== null);
    return whole && state.schema === SCHEMA && Array.isArray(state.rules) ? state : null;
  } catch {
    return null;
  }
}

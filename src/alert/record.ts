/** Alert records: the one place that makes an AlertEvent, so that each has every field. Pure. */
import type { AlertEvent } from "../core/event.ts";
import { formatTime, type Micros } from "../core/units.ts";
import type { WindowQuality } from "./loss.ts";
import type { AlertMachine, Transition } from "./machine.ts";

/** What a record must be told; all else has a neutral value. */
export type RecordParts = Pick<AlertEvent, "rule" | "state" | "summary" | "id"> &
  Partial<Omit<AlertEvent, "type" | "time" | "time_us">>;

/** Every field, in the order in which records show them. */
const BLANK: AlertEvent = {
  type: "alert",
  time: "",
  time_us: 0,
  id: "",
  rule: "",
  scope: null,
  group: null,
  state: "firing",
  direction: null,
  severity: "info",
  summary: "",
  active_at: null,
  fired_at: null,
  last_breach_at: null,
  resolved_at: null,
  window_s: 0,
  value: null,
  peak: null,
  baseline: null,
  delta_pct: null,
  score: null,
  contributors: [],
  samples: [],
  quality: { dropped: 0, gap_bytes: 0, unmatched: 0, suspect: false },
  reopened: 0,
  evaluations: 0,
};

export function alertRecord(time: Micros, parts: RecordParts): AlertEvent {
  return { ...BLANK, ...parts, time: formatTime(time), time_us: time };
}

const STATES: Readonly<Record<Exclude<Transition, "dropped">, AlertEvent["state"]>> = {
  pending: "pending",
  firing: "firing",
  reopened: "firing",
  worse: "firing",
  resolving: "resolving",
  resolved: "resolved",
};

/** The state that a transition's record has; null: nothing is said. */
export function stateOf(transition: Transition): AlertEvent["state"] | null {
  return transition === "dropped" ? null : STATES[transition];
}

const iso = (time: Micros | null): string | null => (time === null ? null : formatTime(time));

/** The part of a record that the state machine knows. */
export function machineParts(machine: AlertMachine) {
  const { now } = machine;
  return {
    direction: now.direction,
    active_at: iso(now.active_at),
    fired_at: iso(now.fired_at),
    last_breach_at: iso(now.last_breach_at),
    resolved_at: iso(now.resolved_at),
    peak: now.peak,
    reopened: now.reopened,
    evaluations: now.evaluations,
  };
}

export function qualityParts(quality: WindowQuality): AlertEvent["quality"] {
  const { dropped, gapBytes, unmatched, suspect } = quality;
  return { dropped, gap_bytes: gapBytes, unmatched, suspect };
}

/** A short stable id: the same alert of the same traffic has it in every run. */
export function alertId(prefix: string, ...parts: (string | number | null)[]): string {
  const text = parts.join("\u0000");
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ (code + index), 0x85ebca6b);
  }
  return `${prefix}-${(low >>> 0).toString(16).padStart(8, "0")}${((high ^ (high >>> 15)) & 0xffff).toString(16).padStart(4, "0")}`;
}

/**
 * The seed's screen text, word for word, with its colours as data: a terminal paints them, a test compares them.
 * Takes a SeedProfile and the time; gives lines.
 */
import type { Micros } from "../core/units.ts";
import { MINUTE, SECOND } from "../core/units.ts";
import type { SeedHistoryRow, SeedProfile } from "./seed-profile.ts";

export interface SeedLine {
  readonly text: string;
  /** Null: the terminal's own colour. */
  readonly color: "white" | "red" | "green" | "yellow" | null;
  readonly background: "grey" | null;
}

/** Minutes to add to UTC for the local time of a moment. */
export type UtcOffset = (time: Micros) => number;

const UTC: UtcOffset = () => 0;

/** `HH:MM:SS YYYY/MM/DD`. */
export function seedTime(time: Micros, offset: UtcOffset = UTC): string {
  const iso = new Date((time + offset(time) * MINUTE) / 1000).toISOString();
  return `${iso.slice(11, 19)} ${iso.slice(0, 10).replaceAll("-", "/")}`;
}

const plain = (text: string): SeedLine => ({ text, color: null, background: null });
const seconds = (time: Micros): string => String(Math.round(time / SECOND));

/** What the seed prints for the state it is in. Trims the history, as the seed does when it prints. */
export function seedLines(profile: SeedProfile, now: Micros, offset: UtcOffset = UTC): SeedLine[] {
  profile.trim(now);
  return [...stateLines(profile, offset), ...historyLines(profile.history, offset)];
}

function stateLines(profile: SeedProfile, offset: UtcOffset): SeedLine[] {
  const { bucket, learning, threshold_pct } = profile.settings;
  const countdown = profile.countdown_s();
  if (profile.state === "learn_baseline") {
    const elapsed = seconds(learning - countdown * SECOND);
    return [
      { text: "<<<Learning mode>>>", color: "white", background: "grey" },
      plain(`Collected ${profile.count} HTTP request in ${elapsed}s`),
      plain(`Est. average rate: ${profile.estimate()}/${seconds(bucket)}s`),
      plain(`${countdown}s counting down...`),
    ];
  }
  const info = plain(
    `[INFO] Average baseline: ${profile.baseline}/${seconds(bucket)}s, Alert threshold: ${threshold_pct}%, ` +
      `Current average: ${profile.count}/${seconds(bucket)}s, Next Alert check in ${countdown}s...`,
  );
  if (profile.state === "enforce_alert") {
    const lines: SeedLine[] = [info, { text: "<<<Active Alert>>>", color: "red", background: null }];
    const last = profile.history[0];
    return last === undefined ? lines : [...lines, { text: alertText(last, offset), color: "red", background: null }];
  }
  if (profile.state === "enforce_dismiss")
    return [info, { text: "<<<Alert Dismissed>>>", color: "green", background: null }];
  return [info];
}

function alertText(row: SeedHistoryRow, offset: UtcOffset): string {
  return `High traffic generated an alert - hits=${row.hits}, triggered at ${seedTime(row.time, offset)}`;
}

function historyLines(history: readonly SeedHistoryRow[], offset: UtcOffset): SeedLine[] {
  if (history.length === 0) return [];
  return [
    { text: "<<<Alert History>>>", color: "yellow", background: "grey" },
    ...history.map((row) => plain(`hits ${row.hits} at ${seedTime(row.time, offset)}`)),
  ];
}

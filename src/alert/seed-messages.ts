/**
 * What the console monitor said of its alerts, word for word, with its colours as data: its screen (`--ui seed`) paints
 * them, the seed profile's records are made of the same words. Figures in, lines out. Pure.
 */
import { type Micros, SECOND } from "../core/units.ts";
import { seedTime } from "../stats/seed-report.ts";
import { roundHalfEven, type SeedProfile } from "./seed-profile.ts";

/** Words in the terminal's own colour, or in one of the original's: text on background. */
export type SeedTint = "blue" | "yellow" | "red" | "green" | "white on grey" | "yellow on grey";
export type SeedPart = string | { readonly text: string; readonly tint: SeedTint };
export type SeedLine = readonly SeedPart[];

/** Seconds that local time is ahead of UTC. */
type UtcOffset_s = (time: Micros) => number;

const tinted = (tint: SeedTint, text: string | number): SeedPart => ({ text: String(text), tint });
const blue = (text: string | number) => tinted("blue", text);
const yellow = (text: string | number) => tinted("yellow", text);

export const SEED_DISMISSED = "<<<Alert Dismissed>>>";

/** What is shown while it learns. `count` and `countdown_s`: of the moment that is shown, which may be over. */
export function seedLearningLines(
  { settings }: Pick<SeedProfile, "settings">,
  { count, countdown_s }: { readonly count: number; readonly countdown_s: number },
): SeedLine[] {
  const bucket_s = settings.bucket / SECOND;
  const elapsed_s = Math.round(settings.learning / SECOND - countdown_s);
  const estimate = elapsed_s === 0 ? 0 : roundHalfEven((count * bucket_s) / elapsed_s);
  return [
    [tinted("white on grey", "<<<Learning mode>>>")],
    ["Collected ", blue(count), ` HTTP request in ${elapsed_s}s`],
    ["Est. average rate: ", blue(`${estimate}/${bucket_s}s`)],
    [`${countdown_s}s counting down...`],
  ];
}

/** What is shown once it has learned: the state of things, the alert or its end, and the alerts that were. */
export function seedEnforceLines(profile: SeedProfile, offset_s: UtcOffset_s): SeedLine[] {
  const { settings, baseline, count } = profile;
  const bucket_s = settings.bucket / SECOND;
  const info: SeedLine = [
    ...["[INFO] Average baseline: ", blue(`${baseline}/${bucket_s}s`)],
    ...[", Alert threshold: ", yellow(`${settings.threshold_pct}%`)],
    ...[", Current average: ", blue(`${count}/${bucket_s}s`)],
    ...[", Next Alert check in ", blue(`${profile.countdown_s()}s...`)],
  ];
  return [
    info,
    ...stateLines(profile, offset_s),
    [],
    [tinted("yellow on grey", "<<<Alert History>>>")],
    ...profile.history.map(({ hits, time }): SeedLine => ["hits ", yellow(hits), ` at ${clock(time, offset_s)}`]),
  ];
}

function stateLines({ state, history }: SeedProfile, offset_s: UtcOffset_s): SeedLine[] {
  const last = history[0];
  if (last === undefined || (state !== "enforce_alert" && state !== "enforce_dismiss")) return [];
  const title = state === "enforce_alert" ? tinted("red", "<<<Active Alert>>>") : tinted("green", SEED_DISMISSED);
  return [[], [title], seedAlertLine(last.hits, last.time, offset_s)];
}

export function seedAlertLine(hits: number, time: Micros, offset_s: UtcOffset_s): SeedLine {
  return ["High traffic generated an alert - hits=", yellow(hits), `, triggered at ${clock(time, offset_s)}`];
}

/** Without colours. */
export function seedLineText(line: SeedLine): string {
  return line.map((part) => (typeof part === "string" ? part : part.text)).join("");
}

const clock = (time: Micros, offset_s: UtcOffset_s) => seedTime(time, offset_s(time));

/** What alerts say to a person, one line each. Pure: figures in, text out. */
import type { AlertEvent } from "../core/event.ts";
import { HOUR, MINUTE, type Micros, SECOND } from "../core/units.ts";
import type { Measure } from "./measure.ts";

/** `6 m 20 s`, `2 h 5 m`, `45 s`. */
export function lengthText(time: Micros): string {
  const seconds = Math.round(time / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m${seconds % 60 === 0 ? "" : ` ${seconds % 60} s`}`;
  const minutes = Math.round(time / MINUTE) % 60;
  return `${Math.floor(Math.round(time / MINUTE) / 60)} h${minutes === 0 ? "" : ` ${minutes} m`}`;
}

/** `14:02:10`, local. */
export function clockText(time: Micros, offset_min: number): string {
  return new Date((time + offset_min * MINUTE) / 1000).toISOString().slice(11, 19);
}

function digits(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2).replace(/0$/, "");
}

/** A value with its unit, without the word that the series' name already says. */
export function valueText(measure: Measure, value: number): string {
  if (measure.unit === "bytes") {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let place = 0;
    for (; value >= 1000 && place < units.length - 1; place++) value /= 1000;
    return `${digits(value)} ${units[place]}`;
  }
  if (measure.unit === "%") return `${digits(value)} %`;
  return measure.unit === "ms" ? `${digits(value)} ms` : digits(value);
}

/** The host, of a filter that names just one. */
const hostOf = (scope: string | null): string | null =>
  scope === null ? null : (/^\s*host\s*==\s*"([^"]+)"\s*$/.exec(scope)?.[1] ?? null);

const joined = (...parts: readonly (string | null)[]): string => parts.filter((part) => part !== null).join(" ");

/** `shop.example` for the filter that names just that host, else the filter as it is. */
export function subjectText(scope: string | null, group: string | null): string {
  return joined(hostOf(scope) ?? scope, group);
}

/** `brute force 10.0.0.7`: a rule by the name that somebody gave it, which says what a long filter would. */
export function ruleTitleText(name: string, scope: string | null, group: string | null): string {
  return joined(name, hostOf(scope), group);
}

/** `requests shop.example`; the rule's own name where it is more than the series'. */
export function titleText(series: string, scope: string | null, group: string | null): string {
  const subject = subjectText(scope, group);
  return subject === "" ? series : `${series} ${subject}`;
}

export function learningText(
  subject: string,
  measure: Measure,
  figures: { value: number; m: number; window: Micros; windows: number; wanted: number },
): string {
  const seconds = figures.window / SECOND;
  return (
    `${named("Learning", subject)}: ${amountText(measure, figures.value)} in ${seconds} s, ` +
    `provisional ${valueText(measure, figures.m)}/${seconds} s (window ${figures.windows} of ${figures.wanted})`
  );
}

export function restartText(subject: string, measure: Measure, attempt: number, watched: Micros): string {
  const where = subject === "" ? "" : ` (${subject})`;
  return `Learning restarted (attempt ${attempt}): no ${seriesText(measure)} seen in ${Math.round(watched / SECOND)} s${where}`;
}

export const named = (word: string, subject: string): string => (subject === "" ? word : `${word} ${subject}`);

/** `bytes in`, `latency p95`: the series in words. */
const seriesText = (measure: Measure): string => measure.name.replaceAll("_", " ");

/** `47 requests`, `latency p95 812 ms`. */
export function amountText(measure: Measure, value: number): string {
  const text = valueText(measure, value);
  return measure.unit === measure.name ? `${text} ${measure.unit}` : `${seriesText(measure)} ${text}`;
}

export interface FireFigures {
  readonly direction: "high" | "low";
  readonly value: number;
  readonly m: number;
  readonly limit: number;
  readonly window: Micros;
  /** The value is the median of the windows of so long a time; null: it is of one window. */
  readonly medianOf: Micros | null;
  readonly since: Micros;
  readonly offset_min: number;
  readonly contributors: AlertEvent["contributors"];
  readonly lossShare: number;
  readonly suspect: boolean;
}

export function fireText(title: string, measure: Measure, figures: FireFigures): string {
  const { direction, value, m, limit } = figures;
  const change = m === 0 ? "" : `${signed(((value - m) / m) * 100)} %, `;
  const median = figures.medianOf === null ? "" : ` (median of ${lengthText(figures.medianOf)})`;
  const loss = `${(figures.lossShare * 100).toFixed(1)} %`;
  return (
    `${direction.toUpperCase()} ${title}: ${valueText(measure, value)} in ${figures.window / SECOND} s${median}, ` +
    `usual ${valueText(measure, m)} (${change}limit ${valueText(measure, limit)}) ` +
    `since ${clockText(figures.since, figures.offset_min)}${mostly(figures.contributors, direction === "high" ? " of the excess" : " of what is missing")}` +
    (figures.suspect ? `; capture lost ${loss} of the traffic, true value is higher` : "")
  );
}

const signed = (value: number): string => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.round(Math.abs(value))}`;

/** Dimensions in the order in which they say most, and how a key of each reads in a sentence. */
const READS: readonly (readonly [dimension: string, read: (key: string) => string])[] = [
  ["section", (key) => key.replace(/^http:\/\//, "")],
  ["route", (key) => key],
  ["path", (key) => key],
  ["host", (key) => key],
  ["client", (key) => `from ${key}`],
  ["user-agent", (key) => `by ${key}`],
  ["status", (key) => `with status ${key}`],
];

/** `; mostly shop.example/login from 10.0.0.7 (94 % of the excess)`: what, and who. `of`: of what it is a share. */
export function mostly(found: AlertEvent["contributors"], of: string): string {
  const main = READS.flatMap(([dimension, read]) =>
    found
      .filter((row) => row.dimension === dimension && row.share_of_excess >= 0.5)
      .slice(0, 1)
      .map((row) => ({ row, text: read(row.key) })),
  );
  const what = main.find(({ row }) => ["section", "route", "path", "host"].includes(row.dimension));
  const who =
    main.find(({ row }) => row.dimension === "client") ?? main.find(({ row }) => row.dimension === "user-agent");
  const named = [what, who].filter((part) => part !== undefined);
  if (named.length === 0) return "";
  const share = Math.round(Math.min(...named.map(({ row }) => row.share_of_excess)) * 100);
  return `; mostly ${named.map(({ text }) => text).join(" ")} (${share} %${of})`;
}

export function resolveText(
  title: string,
  measure: Measure | null,
  duration: Micros,
  peak: number | null,
  checks: number,
): string {
  const peakText = peak === null ? "" : `peak ${measure === null ? digits(peak) : valueText(measure, peak)}, `;
  return `RESOLVED ${title} after ${lengthText(duration)} (${peakText}${checks} checks)`;
}

export function driftText(title: string, measure: Measure, m: number, perHour: number): string {
  return `DRIFT ${title}: usual has moved as fast as it may (${Math.round(perHour * 100)} % an hour) for ${lengthText(6 * HOUR)}, now ${valueText(measure, m)}`;
}

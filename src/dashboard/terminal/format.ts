/** Numbers and times as short text of a stable width. Units are written; unknown is a dash, never a zero. */
import { DAY, HOUR, MINUTE, type Micros, SECOND } from "../../core/units.ts";

export const UNKNOWN = "–";

/** Minutes and seconds east of UTC are the viewer's business; events and the model know only UTC. */
export interface Clock {
  readonly utcOffset_s: number;
}

/** `7`, `1,234`, `123k`, `1.23M`. */
export function amount(value: number): string {
  const whole = Math.round(value);
  if (whole < 100_000) return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
  return scaled(value, ["", "k", "M", "G", "T"]);
}

/** Per second: small rates keep a decimal; what is there is never shown as nothing. */
export function rate(value: number): string {
  if (value > 0 && value < 0.05) return "<0.1";
  return value > 0 && value < 9.95 ? value.toFixed(1) : amount(value);
}

/** Octets in powers of 1,000, as the filter language reads them: `512 B`, `1.20 kB`. */
export function size(octets: number): string {
  if (octets > 0 && octets < 0.5) return "<1 B";
  if (octets < 999.5) return `${Math.round(octets)} B`;
  const text = scaled(octets, ["", "k", "M", "G", "T", "P"]);
  return `${text.replace(/([kMGTP])$/, " $1")}B`;
}

/** Three digits and a prefix. */
function scaled(value: number, prefixes: readonly string[]): string {
  let rest = value;
  let step = 0;
  while (rest >= 999.5 && step < prefixes.length - 1) {
    rest /= 1_000;
    step++;
  }
  const digits = rest >= 99.95 || step === 0 ? 0 : rest >= 9.995 ? 1 : 2;
  return rest.toFixed(digits) + prefixes[step];
}

/** A length of time in milliseconds: `0.42 ms`, `12.3 ms`, `456 ms`, `1.23 s`, `2 m 05 s`. */
export function milliseconds(value: number | null): string {
  if (value === null) return UNKNOWN;
  if (value < 9.995) return `${value.toFixed(2)} ms`;
  if (value < 99.95) return `${value.toFixed(1)} ms`;
  if (value < 999.5) return `${value.toFixed(0)} ms`;
  if (value < 59_950) return `${(value / 1_000).toFixed(value < 9_995 ? 2 : 1)} s`;
  return span((value / 1_000) * SECOND);
}

/** A length of time: `45 s`, `6 m 20 s`, `3 h 05 m`, `2 d 4 h`. */
export function span(length: Micros): string {
  const seconds = Math.round(Math.max(0, length) / SECOND);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${two(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${two(minutes % 60)} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Of a step on a time axis: `250 ms`, `1 s`, `10 m`. */
export function stepText(step: Micros): string {
  if (step < SECOND) return `${step / 1_000} ms`;
  if (step < MINUTE) return `${step / SECOND} s`;
  if (step < HOUR) return `${+(step / MINUTE).toFixed(1)} m`;
  if (step < DAY) return `${+(step / HOUR).toFixed(1)} h`;
  return `${+(step / DAY).toFixed(1)} d`;
}

/** A moment on an axis whose labels stand `apart`: as much of date and time as tells them apart. */
export function axisTime(time: Micros, apart: Micros, zone: Clock): string {
  if (apart >= DAY) return dateAndClock(time, zone).slice(0, 10);
  if (apart >= HOUR) return dateAndClock(time, zone).slice(5, 16);
  return clock(time, zone, apart < 6 * SECOND ? 3 : 0);
}

/** How long it has run: `0:12:31`. */
export function runtime(length: Micros): string {
  if (length >= 4 * DAY) return span(length);
  const seconds = Math.floor(Math.max(0, length) / SECOND);
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1 %";
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** Wall time of a moment, with so many digits after the second: `14:02:10.123`. */
export function clock(time: Micros, zone: Clock, digits: 0 | 3 | 6 = 0): string {
  const date = new Date(Math.floor(time / 1_000) + zone.utcOffset_s * 1_000);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const text = date.toISOString().slice(11, 19);
  if (digits === 0) return text;
  const micros = String(((Math.floor(time) % SECOND) + SECOND) % SECOND).padStart(6, "0");
  return `${text}.${micros.slice(0, digits)}`;
}

/** `2026-01-31 14:02:10`. */
export function dateAndClock(time: Micros, zone: Clock): string {
  const date = new Date(Math.floor(time / 1_000) + zone.utcOffset_s * 1_000);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  return date.toISOString().slice(0, 19).replace("T", " ");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

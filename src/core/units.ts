/** Units used inside earshot. Edges (configuration, JSON) use seconds, milliseconds or RFC 3339 and say so in the name. */

/** Microseconds: since the Unix epoch for a point in time, else a length of time. Whole numbers, exact in a double. */
export type Micros = number;

export const MILLISECOND: Micros = 1_000;
export const SECOND: Micros = 1_000_000;
export const MINUTE: Micros = 60 * SECOND;
export const HOUR: Micros = 60 * MINUTE;
export const DAY: Micros = 24 * HOUR;

let cachedSecond = -1;
let cachedPrefix = "";

/** A point in time as RFC 3339 in UTC with six digits: `2026-01-31T10:20:30.123456Z`. */
export function formatTime(time: Micros): string {
  const second = Math.floor(time / SECOND);
  if (second !== cachedSecond) {
    const date = new Date(second * 1000);
    // a capture may hold any 64-bit time; what RFC 3339 cannot say is shown as the epoch, its count stands in time_us
    const year = date.getUTCFullYear();
    cachedPrefix = year >= 0 && year <= 9999 ? date.toISOString().slice(0, 19) : "1970-01-01T00:00:00";
    cachedSecond = second;
  }
  return `${cachedPrefix}.${String(Math.floor(time - second * SECOND)).padStart(6, "0")}Z`;
}

/** A time or length of time that was not seen. */
export const NEVER: Micros = -1;

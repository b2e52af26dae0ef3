/** Literals by the type of the field they stand beside: `250ms`, `10kB`, `4xx`, `true`, `10.0.0.0/8`, RFC 3339 times. */
import type { FieldType } from "./field-type.ts";

/** A range of numbers, both ends in it: `4xx` is 400 to 499; a plain number is a range of one. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/;

/** Milliseconds. Case matters here: `m` is a minute. */
const DURATIONS: Readonly<Record<string, number>> = {
  "": 1,
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Octets, lower-case: `kB` and `KB` are 1,000; `KiB` is 1,024. */
const SIZES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** What can be written, for error messages. */
export const EXPECTED: Readonly<Record<FieldType, string>> = {
  text: "a text",
  host: "a text",
  number: "a number",
  status: "a status code or a class as 4xx",
  duration: "a duration as 250ms, 2s or 1m (a bare number is milliseconds)",
  size: "a size as 10kB or 1MiB (a bare number is octets)",
  flag: "true or false",
  address: "an address as 10.0.0.1 or 2001:db8::1, or a network as 10.0.0.0/8",
  time: "a time as 2026-01-31T10:20:30Z",
};

/** The range a literal stands for beside a field of numbers; null when it is no literal of that type. */
export function rangeOf(text: string, type: FieldType): Range | null {
  if (type === "status" && /^[1-9]xx$/i.test(text)) {
    const low = Number(text[0]) * 100;
    return { low, high: low + 99 };
  }
  const value = numberOf(text, type);
  return value === null ? null : { low: value, high: value };
}

function numberOf(text: string, type: FieldType): number | null {
  if (type === "time") return timeOf(text);
  const digits = NUMBER.exec(text)?.[0];
  if (digits === undefined) return null;
  const unit = text.slice(digits.length);
  const factor = factorOf(unit, type);
  return factor === undefined ? null : Number(digits) * factor;
}

function factorOf(unit: string, type: FieldType): number | undefined {
  if (type === "duration") return Object.hasOwn(DURATIONS, unit) ? DURATIONS[unit] : undefined;
  if (type === "size") return Object.hasOwn(SIZES, unit.toLowerCase()) ? SIZES[unit.toLowerCase()] : undefined;
  return unit === "" ? 1 : undefined;
}

const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.(\d{1,6})\d*)?)?(?:Z|[+-]\d\d:\d\d)?)?$/i;

/** Microseconds since the epoch; without an offset the time is UTC. */
function timeOf(text: string): number | null {
  const match = TIME.exec(text);
  if (match === null) return null;
  const fraction = (match[1] ?? "").padEnd(6, "0");
  const whole = text.replace(" ", "T").replace(/\.\d+/, "");
  const dated = whole.includes("T") && !/(?:Z|[+-]\d\d:\d\d)$/i.test(whole) ? `${whole}Z` : whole;
  const milliseconds = Date.parse(dated);
  return Number.isNaN(milliseconds) ? null : milliseconds * 1_000 + Number(fraction);
}

/** true, false, 1 or 0 as Inspektor Gadget takes them; null else. */
export function flagOf(text: string): boolean | null {
  const lower = text.toLowerCase();
  if (lower === "true" || lower === "1") return true;
  return lower === "false" || lower === "0" ? false : null;
}

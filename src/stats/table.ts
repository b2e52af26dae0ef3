/**
 * Tables as lines of text, and as CSV. Columns align by what a terminal shows; captured text is neutralised here, so that
 * whoever makes a table need not think of it.
 */
import { printable } from "../core/printable.ts";
import { cut } from "../core/target.ts";

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: "left" | "right";
  /** Longest text shown, in columns of the terminal; the rest becomes `…`. */
  readonly most?: number;
}

export type Cell = string | number | null;

/** Not known, or none. */
const ABSENT = "-";

/** Wide in a terminal: CJK, Hangul, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /\p{M}/u;
const ASCII = /^[ -~]*$/;

/** Columns of a terminal that a printable text takes. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

function shortened(text: string, most: number): string {
  if (displayWidth(text) <= most) return text;
  let width = 0;
  let shown = "";
  for (const character of text) {
    width += displayWidth(character);
    if (width > most - 1) break;
    shown += character;
  }
  return `${shown}…`;
}

/** A line of titles, then the rows; two spaces between columns, none at the end of a line. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = rows.map((row) => columns.map((column, index) => shownCell(row[index] ?? null, column.most)));
  const lines = [columns.map(({ title }) => title), ...texts];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => displayWidth(line[index]))));
  return lines.map((line) =>
    line
      .map((text, index) => pad(text, widths[index], columns[index].align))
      .join("  ")
      .trimEnd(),
  );
}

function shownCell(cell: Cell, most = 100): string {
  return cell === null ? ABSENT : shortened(printable(String(cell)), most);
}

export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? space + text : text + space;
}

/**
 * RFC 4180, lines without their ends. Controls are written out; a text that a spreadsheet would run as a formula gets an
 * apostrophe in front.
 */
export function csvLines(titles: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  return [titles, ...rows].map((row) => row.map(csvCell).join(","));
}

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const text = printable(cell);
  const safe = /^[=+@-]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `999 B`, `12.4 kB`, `3.07 GB`: three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < DECIMAL.length - 1) {
    value /= 1_000;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${threeDigits(value)} ${DECIMAL[unit]}`;
}

/** Milliseconds as `0.25 ms`, `12.4 ms`, `3.07 s`, `4.2 min`. */
export function formatMilliseconds(milliseconds: number | null): string | null {
  if (milliseconds === null) return null;
  if (milliseconds < 999.5) return `${threeDigits(milliseconds)} ms`;
  const seconds = milliseconds / 1_000;
  return seconds < 119.5 ? `${threeDigits(seconds)} s` : `${threeDigits(seconds / 60)} min`;
}

const PER: readonly (readonly [unit: string, seconds: number])[] = [
  ["s", 1],
  ["min", 60],
  ["h", 3_600],
  ["d", 86_400],
];

/** A rate as `12.3/s`, or in a longer unit when it is slow: `4.2/min`, `3/d`. */
export function formatRate(per_s: number): string {
  if (per_s === 0) return "0/s";
  const [unit, seconds] = PER.find(([, length]) => per_s * length >= 0.995) ?? PER[PER.length - 1];
  return `${threeDigits(per_s * seconds)}/${unit}`;
}

export function threeDigits(value: number): string {
  if (value === 0) return "0";
  if (value >= 99.95) return value.toFixed(0);
  return String(Number(value.toPrecision(value < 0.0995 ? 2 : 3)));
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` (0 to 1) of `width` columns, in eighths; or of `#` where the terminal has no Unicode. */
export function bar(share: number, width: number, unicode = true): string {
  const bounded = Math.min(1, Math.max(0, share));
  if (!unicode) return "#".repeat(Math.round(bounded * width));
  const eighths = Math.round(bounded * width * 8);
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** A key of one or several parts as one text; a sent but empty one is said. */
export function shownKey(keys: readonly string[]): string {
  return keys.join(" ") || "(empty)";
}

/** Captured text for one line of a report. */
export function lineText(text: string, most = 1_024): string {
  return printable(cut(text, most));
}

/**
 * Timelines of a backtest: every evaluation of every series, bounded by folding neighbours together when there are too
 * many, and as text. Takes trace points; gives data and lines. Pure.
 */
import type { Micros } from "../core/units.ts";
import type { SeriesState, TracePoint } from "./context.ts";

/** Points of one timeline before two become one, and timelines kept. */
const POINTS = 8192;
const TIMELINES = 64;

export interface TimelinePoint {
  readonly time_us: Micros;
  /** Largest of the evaluations folded into this point. */
  readonly value: number | null;
  readonly m: number | null;
  readonly up: number | null;
  readonly low: number | null;
  /** The most serious state among them. */
  readonly state: SeriesState;
  readonly suspect: boolean;
}

export interface Timeline {
  readonly rule: string;
  readonly group: string | null;
  readonly points: readonly TimelinePoint[];
}

const SERIOUS: readonly SeriesState[] = [
  "not-covered",
  "learning",
  "normal",
  "no-data",
  "resolving",
  "pending",
  "firing",
];

export class TimelineRecorder {
  readonly #timelines = new Map<
    string,
    { rule: string; group: string | null; points: TimelinePoint[]; fold: number; open: number }
  >();
  /** Series that had no room. */
  left_out = 0;

  add(point: TracePoint): void {
    const key = JSON.stringify([point.rule, point.group]);
    let line = this.#timelines.get(key);
    if (line === undefined) {
      if (this.#timelines.size >= TIMELINES) {
        this.left_out++;
        return;
      }
      line = { rule: point.rule, group: point.group, points: [], fold: 1, open: 0 };
      this.#timelines.set(key, line);
    }
    const { rule: _rule, group: _group, ...rest } = point;
    if (line.open > 0) line.points[line.points.length - 1] = folded(line.points.at(-1) as TimelinePoint, rest);
    else line.points.push(rest);
    line.open = (line.open + 1) % line.fold;
    if (line.points.length < POINTS) return;
    line.points = halved(line.points);
    line.fold *= 2;
    line.open = 0;
  }

  timelines(): Timeline[] {
    return [...this.#timelines.values()].map(({ rule, group, points }) => ({ rule, group, points }));
  }
}

function folded(a: TimelinePoint, b: TimelinePoint): TimelinePoint {
  const serious = SERIOUS.indexOf(a.state) >= SERIOUS.indexOf(b.state) ? a : b;
  const value = a.value === null ? b.value : b.value === null ? a.value : Math.max(a.value, b.value);
  return { ...serious, time_us: a.time_us, value, suspect: a.suspect || b.suspect };
}

function halved(points: readonly TimelinePoint[]): TimelinePoint[] {
  const result: TimelinePoint[] = [];
  for (let index = 0; index < points.length; index += 2)
    result.push(index + 1 < points.length ? folded(points[index], points[index + 1]) : points[index]);
  return result;
}

const BARS = "▁▂▃▄▅▆▇█";
const MARKS: Readonly<Record<SeriesState, string>> = {
  "not-covered": " ",
  "no-data": "x",
  learning: "·",
  normal: "─",
  pending: "?",
  firing: "!",
  resolving: "~",
};

export const TIMELINE_LEGEND =
  "· learning  ─ usual  ? beyond the limit, not yet for long enough  ! firing  ~ resolving  s capture lost packets  x no data";

/** Three lines: the value, the limit on the same scale, and the state. At most `width` columns. */
export function timelineLines(timeline: Timeline, width: number): string[] {
  const columns = resampled(timeline.points, width);
  const top = columns.reduce((most, { value, up }) => Math.max(most, value ?? 0, up ?? 0), 0);
  const bar = (value: number | null) =>
    value === null || top === 0 ? " " : BARS[Math.min(BARS.length - 1, Math.floor((value / top) * BARS.length))];
  const mark = (point: TimelinePoint) => (point.suspect && point.state === "normal" ? "s" : MARKS[point.state]);
  return [
    `value ${columns.map((point) => bar(point.value)).join("")}  top ${Math.round(top * 100) / 100}`,
    `limit ${columns.map((point) => bar(point.up)).join("")}`,
    `state ${columns.map(mark).join("")}`,
  ];
}

function resampled(points: readonly TimelinePoint[], width: number): TimelinePoint[] {
  if (points.length <= width) return [...points];
  return Array.from({ length: width }, (_, column) => {
    const from = Math.floor((column * points.length) / width);
    const to = Math.floor(((column + 1) * points.length) / width);
    return points.slice(from, to).reduce(folded);
  });
}

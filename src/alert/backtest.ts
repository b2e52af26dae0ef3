/**
 * Backtests: what a configuration would have said to traffic that is over, when and why. Takes events (all at once, or
 * pushed while a capture is read); gives the records, a timeline of every series, and both as lines. Pure.
 */
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import { printable } from "../core/printable.ts";
import type { Micros } from "../core/units.ts";
import type { AlertNote } from "./context.ts";
import { AlertEngine, type AlertEngineOptions } from "./engine.ts";
import type { DurationStatistics, KeptAlert } from "./history.ts";
import type { LossDelta } from "./loss.ts";
import { lengthText } from "./messages.ts";
import type { AlertConfig } from "./schema.ts";
import { TIMELINE_LEGEND, type Timeline, TimelineRecorder, timelineLines } from "./timeline.ts";

/** Records and notes kept; beyond, they are only counted. */
const RECORDS = 10_000;
const NOTES = 1000;
const WIDTH = 100;

export interface BacktestReport {
  readonly from_us: Micros | null;
  readonly to_us: Micros | null;
  /** Exchanges and connections. */
  readonly events: number;
  readonly records: readonly AlertEvent[];
  readonly records_left_out: number;
  readonly notes: readonly AlertNote[];
  readonly timelines: readonly Timeline[];
  readonly alerts: readonly KeptAlert[];
  readonly durations: DurationStatistics;
}

export type BacktestOptions = Pick<AlertEngineOptions, "compile" | "utcOffset" | "ledger">;

/** The push interface: feed it as an AlertEngine is fed, then `finish`. */
export class Backtest {
  readonly engine: AlertEngine;
  readonly #recorder = new TimelineRecorder();
  readonly #records: AlertEvent[] = [];
  readonly #notes: AlertNote[] = [];
  #leftOut = 0;
  #events = 0;
  #from: Micros | null = null;

  constructor(config: AlertConfig, options: BacktestOptions = {}) {
    // nothing may age out of a report
    this.engine = new AlertEngine(
      { ...config, retention: Number.MAX_SAFE_INTEGER },
      {
        ...options,
        clock: "file",
        emit: (event) => void (this.#records.length < RECORDS ? this.#records.push(event) : this.#leftOut++),
        note: (note) => void (this.#notes.length < NOTES && this.#notes.push(note)),
        trace: (point) => this.#recorder.add(point),
      },
    );
  }

  observe(event: EarshotEvent): void {
    if (event.type === "alert") return;
    this.#events++;
    this.engine.observe(event);
    this.#from ??= this.engine.now;
  }

  observeLedger(delta: LossDelta, time: Micros): void {
    this.engine.observeLedger(delta, time);
  }

  advance(now: Micros): void {
    this.engine.advance(now);
    this.#from ??= this.engine.now;
  }

  finish(): BacktestReport {
    this.engine.end();
    return {
      from_us: this.#from,
      to_us: this.engine.now,
      events: this.#events,
      records: this.#records,
      records_left_out: this.#leftOut,
      notes: this.#notes,
      timelines: this.#recorder.timelines(),
      alerts: this.engine.alerts(),
      durations: this.engine.durations(),
    };
  }
}

/** Runs a configuration over events in the order in which they ended. */
export function backtest(
  config: AlertConfig,
  events: Iterable<EarshotEvent>,
  options: BacktestOptions = {},
): BacktestReport {
  const test = new Backtest(config, options);
  for (const event of events) test.observe(event);
  return test.finish();
}

/** The report for a person: when, what, why. Text from the wire is made safe to print. */
export function backtestLines(report: BacktestReport, width = WIDTH): string[] {
  if (report.from_us === null || report.to_us === null) return ["Backtest: no traffic."];
  const fired = report.alerts.filter(({ event }) => event.fired_at !== null).length;
  const length = lengthText(report.to_us - report.from_us);
  const lines = [
    `Backtest of ${report.events} exchanges, ${timeText(report.from_us)} to ${timeText(report.to_us)} (${length}): ${fired} ${fired === 1 ? "alert" : "alerts"}`,
  ];
  for (const timeline of report.timelines) {
    const group = timeline.group === null ? "" : ` ${timeline.group}`;
    lines.push("", printable(`${timeline.rule}${group}`), ...timelineLines(timeline, width));
  }
  if (report.timelines.length > 0) lines.push("", TIMELINE_LEGEND);
  if (report.records.length > 0) lines.push("");
  for (const record of report.records) lines.push(`${timeText(record.time_us)}  ${printable(record.summary)}`);
  if (report.records_left_out > 0) lines.push(`… and ${report.records_left_out} more records`);
  return [...lines, "", ...durationLines(report.durations)];
}

/** Maximum, mean and the rest, in words. */
export function durationLines(durations: DurationStatistics): string[] {
  const text = (seconds: number | null) => (seconds === null ? "none" : lengthText(seconds * 1e6));
  if (durations.count === 0 && durations.open === 0) return ["No alert in this time."];
  return [
    `Alerts: ${durations.count} closed, ${durations.open} open; longest ${text(durations.max_s)}, average ${text(durations.mean_s)}` +
      (durations.open === 0
        ? ""
        : ` (with open ones ${text(durations.max_with_open_s)} and ${text(durations.mean_with_open_s)})`) +
      (durations.count < 2
        ? ""
        : `; half of them at most ${text(durations.p50_s)}, 95 % at most ${text(durations.p95_s)}`),
    `In alert ${durations.pct_time_in_alert === null ? "unknown" : `${durations.pct_time_in_alert.toFixed(1)} %`} of the time` +
      (durations.mtba_s === null ? "" : `; on average ${text(durations.mtba_s)} from one alert to the next`),
  ];
}

const timeText = (time: Micros): string => `${new Date(time / 1000).toISOString().slice(0, 19).replace("T", " ")}Z`;

/** `earshot stats [FILE…]`: everything counted, on one page; with the console monitor's own page as `seed`. */
import type { Statistic } from "../core/roles.ts";
import { MINUTE, type Micros, SECOND } from "../core/units.ts";
import { OVERVIEW_CAPACITY, Overview, type OverviewOptions, type OverviewState } from "../stats/overview.ts";
import { MAX_TOP_HITS } from "../stats/ranking.ts";
import { seedReport } from "../stats/seed-report.ts";
import { statsJson, statsReport } from "../stats/stats-report.ts";
import { type Counting, overWindow, remoteOfAll, retentionOf, sinceStart } from "./counting.ts";
import type { Out } from "./live-screen.ts";
import { type Report, type ReportOptions, runReport } from "./report-run.ts";
import { wantsColor } from "./run-options.ts";
import { pluginsOf } from "./run-plugins.ts";
import { countriesFor, pluginCounting } from "./top.ts";
import { choice } from "./values.ts";

export interface StatsOptions extends Omit<ReportOptions, "output"> {
  readonly limit?: number;
  /** Seconds. */
  readonly window?: number;
  readonly output?: string;
}

const FORMATS = ["modern", "seed", "json"] as const;
type StatsFormat = (typeof FORMATS)[number];

/** A window is put together of so many steps, each with tables of its own: they are smaller then. */
const STEPS = 10;
/** Seconds between two pages of live traffic, as the console monitor had it. */
const REFRESH_S = 10;
const WINDOW_CAPACITY = 200;

export async function stats(files: readonly string[], given: StatsOptions, out?: Out): Promise<void> {
  const format = choice("-o", FORMATS)(given.output === "table" ? "modern" : (given.output ?? "modern"));
  const plugins = await pluginsOf(given, overviewOptions(given));
  const interval = given.interval ?? (files.length > 0 ? undefined : REFRESH_S);
  const options = { ...given, interval, output: undefined, plugins };
  const color = out === undefined && (given.color ?? true) && wantsColor();
  const reports = plugins.statistics.map((statistic) =>
    statistic instanceof Overview
      ? overviewReport(statistic, options, { format, color, ofFiles: files.length > 0 })
      : pluginReport(statistic, options, format),
  );
  await runReport(files, options, together(reports), out);
}

function together(reports: readonly Report[]): Report {
  return {
    observe(event) {
      for (const report of reports) report.observe(event);
    },
    lines: (now) => reports.flatMap((report) => report.lines(now)),
    remote: remoteOfAll(reports),
  };
}

function overviewOptions(options: StatsOptions): OverviewOptions {
  return {
    country: countriesFor(options),
    maxLength: options.settings?.statistics.max_str_length,
    capacity: options.window === undefined ? OVERVIEW_CAPACITY : WINDOW_CAPACITY,
  };
}

function overviewReport(
  overview: Overview,
  options: StatsOptions,
  { format, color, ofFiles }: Pick<Shown, "format" | "color"> & { readonly ofFiles: boolean },
): Report {
  const { statistics } = options.settings ?? {};
  const limit = options.limit ?? statistics?.max_top_hits ?? MAX_TOP_HITS;
  const { capacity, maxLength } = overviewOptions(options);
  const counting: Counting<OverviewState> = {
    spec: { kind: "overview", capacity, maxLength, country: statistics?.country_database ?? null },
    statistic: overview,
    retire: (state, before) => overview.retire(state, before),
    lines: (state, now) => overviewLines(overview, state, { format, limit, color, now }),
  };
  return options.window === undefined
    ? sinceStart(counting, retentionOf(options.settings, ofFiles))
    : overWindow(counting, options.window, STEPS);
}

interface Shown {
  readonly format: StatsFormat;
  readonly limit: number;
  readonly color: boolean;
  readonly now: Micros | null;
}

function overviewLines(overview: Overview, state: OverviewState, { format, limit, color, now }: Shown): string[] {
  if (format === "seed") return seedReport(overview, state, { limit, color, offset_s: localOffset_s() });
  const report = overview.report(state, now ?? undefined, limit);
  if (format === "json") return [statsJson(report)];
  return statsReport(report, { width: process.stdout.columns || Number(process.env.COLUMNS) || 100 });
}

function localOffset_s(): number {
  return (-new Date().getTimezoneOffset() * MINUTE) / SECOND;
}

/** What a plug-in counts, behind the page. */
function pluginReport(statistic: Statistic, options: StatsOptions, format: StatsFormat): Report {
  const counting = pluginCounting(statistic, format === "json" ? "json" : "table");
  const { window } = options;
  const { observe, lines } = window === undefined ? sinceStart(counting, null) : overWindow(counting, window, STEPS);
  return { observe, lines: (now) => (format === "json" ? lines(now) : ["", ...lines(now)]) };
}

/** `earshot stats [FILE…]`: everything counted, on one page; with the console monitor's own page as `seed`. */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Statistic } from "../core/roles.ts";
import { MINUTE, type Micros, SECOND } from "../core/units.ts";
import { OVERVIEW_CAPACITY, Overview, type OverviewOptions, type OverviewState } from "../stats/overview.ts";
import { MAX_TOP_HITS } from "../stats/ranking.ts";
import { Retention } from "../stats/retention.ts";
import { seedReport } from "../stats/seed-report.ts";
import { statsJson, statsReport } from "../stats/stats-report.ts";
import { Windows } from "../stats/window.ts";
import type { Out } from "./live-screen.ts";
import { type Report, type ReportOptions, runReport } from "./report-run.ts";
import { wantsColor } from "./run-options.ts";
import { pluginsOf } from "./run-plugins.ts";
import { countriesFor, plainLines, RETENTION } from "./top.ts";
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
    statistic instanceof Overview ? overviewReport(statistic, options, format, color) : pluginReport(statistic, format),
  );
  await runReport(files, options, together(reports), out);
}

function together(reports: readonly Report[]): Report {
  return {
    observe(event) {
      for (const report of reports) report.observe(event);
    },
    lines: (now) => reports.flatMap((report) => report.lines(now)),
  };
}

function overviewOptions(options: StatsOptions): OverviewOptions {
  return {
    country: countriesFor(options),
    maxLength: options.settings?.statistics.max_str_length,
    capacity: options.window === undefined ? OVERVIEW_CAPACITY : WINDOW_CAPACITY,
  };
}

function overviewReport(overview: Overview, options: StatsOptions, format: StatsFormat, color: boolean): Report {
  const { statistics } = options.settings ?? {};
  const limit = options.limit ?? statistics?.max_top_hits ?? MAX_TOP_HITS;
  const shown = (state: OverviewState, now: Micros | null) =>
    overviewLines(overview, state, { format, limit, color, now });
  if (options.window !== undefined) return windowReport(overview, options.window, shown);
  const state = overview.create();
  const retention = new Retention(statistics?.max_retention_length ?? RETENTION, (before) =>
    overview.retire(state, before),
  );
  return {
    observe(event) {
      overview.observe(state, event);
      retention.reached(event.time_us);
    },
    lines(now) {
      retention.now(now ?? undefined);
      return shown(state, now);
    },
  };
}

function windowReport(
  overview: Overview,
  window_s: number,
  shown: (state: OverviewState, now: Micros | null) => string[],
): Report {
  const step = Math.max(1, Math.round((window_s * SECOND) / STEPS));
  const windows = new Windows(overview, { span: step * STEPS, step });
  return {
    observe: (event) => windows.observe(event),
    lines(now) {
      const end = (Math.floor((now ?? windows.newest) / step) + 1) * step;
      return shown(windows.state(end - step * STEPS, end), now);
    },
  };
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
function pluginReport(statistic: Statistic, format: StatsFormat): Report {
  const state = statistic.create();
  return {
    observe: (event: TransactionEvent | TlsEvent) => statistic.observe(state, event),
    lines(now) {
      const lines = plainLines(statistic, statistic.report(state), format === "json" ? "json" : "table", now);
      return format === "json" ? lines : ["", ...lines];
    },
  };
}

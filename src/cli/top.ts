/** `earshot top [FILE…]`: the largest by anything, of files or live. */
import type { Statistic } from "../core/roles.ts";
import type { Micros } from "../core/units.ts";
import { countries } from "../monitor/country-database.ts";
import type { CountryLookup } from "../stats/country.ts";
import { dimension } from "../stats/dimension.ts";
import { statisticCsv, statisticJson, statisticText } from "../stats/plain-report.ts";
import { CAPACITY, MAX_TOP_HITS, type RankingReport, ranking } from "../stats/ranking.ts";
import { rankingCsv, rankingJson, rankingTable } from "../stats/render.ts";
import { metricNamed } from "../stats/top.ts";
import { type Counting, overWindow, retentionOf, sinceStart, timeOf } from "./counting.ts";
import type { Out } from "./live-screen.ts";
import { type Report, type ReportOptions, runReport } from "./report-run.ts";
import { pluginsOf } from "./run-plugins.ts";
import { choice } from "./values.ts";

export interface TopOptions extends Omit<ReportOptions, "output"> {
  readonly by: string;
  readonly metric: string;
  readonly limit?: number;
  readonly keep?: number;
  /** Seconds. */
  readonly window?: number;
  readonly output?: string;
}

export type TopFormat = "table" | "json" | "csv";

/** A window slides by this share of itself. */
const STEPS = 10;
const PLUGIN = "plugin:";

export async function top(files: readonly string[], given: TopOptions, out?: Out): Promise<void> {
  const format = choice("-o", ["table", "json", "csv"] as const)(given.output ?? "table");
  const options = { ...given, output: undefined, plugins: await pluginsOf(given) };
  const ofPlugin = options.by.startsWith(PLUGIN);
  const report = ofPlugin
    ? counted(pluginCounting(options.plugins.statistic(options.by.slice(PLUGIN.length)), format), options, files)
    : counted(rankingCounting(options, format, countriesFor(options)), options, files);
  await runReport(files, options, report, out);
}

/** The database is opened only when somebody asks for countries. */
export function countriesFor(options: Pick<ReportOptions, "settings">): CountryLookup | undefined {
  return countries(options.settings?.statistics.country_database ?? null);
}

function counted<State>(counting: Counting<State>, options: TopOptions, files: readonly string[]): Report {
  return options.window === undefined
    ? sinceStart(counting, retentionOf(options.settings, files.length > 0))
    : overWindow(counting, options.window, STEPS);
}

function rankingCounting(options: TopOptions, format: TopFormat, country: CountryLookup | undefined) {
  const { statistics } = options.settings ?? {};
  const statistic = ranking({
    dimension: dimension(options.by, { country, maxLength: statistics?.max_str_length }),
    metric: metricNamed(options.metric),
    limit: options.limit ?? statistics?.max_top_hits ?? MAX_TOP_HITS,
    capacity: options.keep ?? statistics?.max_keys ?? CAPACITY,
  });
  const counting: Counting<ReturnType<typeof statistic.create>> = {
    spec: {
      ...{ kind: "ranking", by: options.by, metric: metricNamed(options.metric) },
      ...{ capacity: options.keep ?? statistics?.max_keys ?? CAPACITY, maxLength: statistics?.max_str_length },
      country: statistics?.country_database ?? null,
    },
    statistic,
    retire: (state, before) => state.retire(before),
    lines: (state, now) => rankingLines(statistic.report(state), format, now),
  };
  return counting;
}

function rankingLines(report: RankingReport, format: TopFormat, now: Micros | null): string[] {
  if (format === "json") return rankingJson(report, timeOf(now));
  return format === "csv" ? rankingCsv(report) : rankingTable(report);
}

/** A plug-in's statistic: its report is whatever its author made it. */
export function pluginCounting(statistic: Statistic, format: TopFormat): Counting<unknown> {
  return {
    statistic,
    lines(state, now) {
      const report = statistic.report(state);
      if (format === "json") return [statisticJson(statistic, report, timeOf(now))];
      return format === "csv" ? statisticCsv(report) : statisticText(statistic, report);
    },
  };
}

/** `earshot top [FILE…]`: the largest by anything, of files or live. */
import type { Statistic } from "../core/roles.ts";
import { formatTime, MINUTE, type Micros, SECOND } from "../core/units.ts";
import { countries } from "../monitor/country-database.ts";
import type { CountryLookup } from "../stats/country.ts";
import { dimension } from "../stats/dimension.ts";
import { statisticCsv, statisticJson, statisticText } from "../stats/plain-report.ts";
import { CAPACITY, MAX_TOP_HITS, type Ranking, type RankingReport, ranking } from "../stats/ranking.ts";
import { rankingCsv, rankingJson, rankingTable } from "../stats/render.ts";
import { Retention } from "../stats/retention.ts";
import { metricNamed, type Top } from "../stats/top.ts";
import { Windows } from "../stats/window.ts";
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

export const RETENTION: Micros = 24 * 60 * MINUTE;
/** A window slides by this share of itself. */
const STEPS = 20;

export async function top(files: readonly string[], given: TopOptions, out?: Out): Promise<void> {
  const format = choice("-o", ["table", "json", "csv"] as const)(given.output ?? "table");
  const options = { ...given, output: undefined, plugins: await pluginsOf(given) };
  await runReport(files, options, reportOf(options, format, countriesFor(options)), out);
}

/** The database is opened only when somebody asks for countries. */
export function countriesFor(options: Pick<ReportOptions, "settings">): CountryLookup | undefined {
  return countries(options.settings?.statistics.country_database ?? null);
}

function reportOf(options: TopOptions, format: TopFormat, country: CountryLookup | undefined): Report {
  if (options.by.startsWith("plugin:")) {
    const statistic = options.plugins!.statistic(options.by.slice("plugin:".length));
    return counted(statistic, options, (report, now) => plainLines(statistic, report, format, now));
  }
  const { statistics } = options.settings ?? {};
  const statistic = ranking({
    dimension: dimension(options.by, { country, maxLength: statistics?.max_str_length }),
    metric: metricNamed(options.metric),
    limit: options.limit ?? statistics?.max_top_hits ?? MAX_TOP_HITS,
    capacity: options.keep ?? statistics?.max_keys ?? CAPACITY,
  });
  return counted(statistic, options, (report, now) => rankingLines(report, format, now), statistic);
}

type Shown<R> = (report: R, now: Micros | null) => string[];

/** Since the start, letting go of what is too old; or over the last window. */
function counted<State, R>(
  statistic: Statistic<State, R>,
  options: TopOptions,
  shown: Shown<R>,
  retiring?: Ranking,
): Report {
  if (options.window !== undefined) {
    const span = Math.max(1, Math.round((options.window * SECOND) / STEPS)) * STEPS;
    const windows = new Windows(statistic, { span, step: span / STEPS });
    return {
      observe: (event) => windows.observe(event),
      lines: (now) => shown(windows.report(now ?? windows.newest), now),
    };
  }
  const state = statistic.create();
  const length = options.settings?.statistics.max_retention_length ?? RETENTION;
  const retention = new Retention(length, (before) => {
    if (retiring !== undefined) (state as Top).retire(before);
  });
  return {
    observe(event) {
      statistic.observe(state, event);
      retention.reached(event.time_us);
    },
    lines(now) {
      retention.now(now ?? undefined);
      return shown(statistic.report(state), now);
    },
  };
}

function rankingLines(report: RankingReport, format: TopFormat, now: Micros | null): string[] {
  if (format === "json") return rankingJson(report, timeOf(now));
  return format === "csv" ? rankingCsv(report) : rankingTable(report);
}

export function plainLines(
  statistic: Pick<Statistic, "name" | "unit" | "title">,
  report: unknown,
  format: TopFormat,
  now: Micros | null,
): string[] {
  if (format === "json") return [statisticJson(statistic, report, timeOf(now))];
  return format === "csv" ? statisticCsv(report) : statisticText(statistic, report);
}

/** Reports of live traffic come again and again: each says when. */
export function timeOf(now: Micros | null): { readonly time?: string } {
  return now === null ? {} : { time: formatTime(now) };
}

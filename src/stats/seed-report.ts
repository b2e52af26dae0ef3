/**
 * The console monitor's report: one block for each ranking, rows `KEY: COUNT last seen: HH:MM:SS YYYY/MM/DD`, ordered by
 * count and then by last seen. Titles, row format and colours are its own. Data in, lines out.
 */
import { type Micros, SECOND } from "../core/units.ts";
import type { Overview, OverviewState } from "./overview.ts";
import { MAX_TOP_HITS, type RankingReport } from "./ranking.ts";
import { lineText } from "./table.ts";
import type { Metric } from "./top.ts";

const BLOCKS: readonly (readonly [title: string, dimension: string, metric: Metric])[] = [
  ["Top Hits By Section", "section", "requests"],
  ["Top Hits By Domain", "domain", "requests"],
  ["Top Hits Upload Volume By Domain", "domain", "bytes-in"],
  ["Top Hits By User-Agent", "user-agent", "requests"],
  ["Top Hits By Method", "method", "requests"],
  ["Top Hits By Status Line", "status-line", "responses"],
];

export interface SeedReportOptions {
  /** Rows in a block (`max_top_hits`). */
  readonly limit?: number;
  /** Of local time from UTC, in seconds: the console monitor printed local times. */
  readonly offset_s?: number;
  /** White on grey titles and blue counts. */
  readonly color?: boolean;
}

export function seedReport(overview: Overview, state: OverviewState, options: SeedReportOptions = {}): string[] {
  const { limit = MAX_TOP_HITS } = options;
  return BLOCKS.flatMap(([title, by, metric]) => seedBlock(title, overview.ranking(state, by, metric, limit), options));
}

/** A blank line, the title, the rows. */
export function seedBlock(title: string, report: RankingReport, options: SeedReportOptions = {}): string[] {
  const { offset_s = 0, color = false } = options;
  const paint = (codes: string, text: string) => (color ? `\x1b[${codes}m${text}\x1b[0m` : text);
  const rows = report.rows
    // as there, an empty user agent is no user agent
    .filter(({ keys, value }) => value !== null && value > 0 && keys[0] !== "")
    .map(({ keys, value, last_seen_us }) => {
      const count = paint("34", String(value));
      return `${lineText(keys.join(" "))}: ${count} last seen: ${seedTime(last_seen_us, offset_s)}`;
    });
  return ["", paint("40;37", `<<<${title}>>>`), ...rows];
}

/** `HH:MM:SS YYYY/MM/DD`. */
export function seedTime(time: Micros, offset_s = 0): string {
  const date = new Date((Math.floor(time / SECOND) + offset_s) * 1_000);
  if (Number.isNaN(date.getTime())) return "-";
  const iso = date.toISOString();
  return `${iso.slice(11, 19)} ${iso.slice(0, 10).replaceAll("-", "/")}`;
}

/** `earshot bytes [FILE…] --by query:s`: octets in and out for each value of an aspect of the URL (docs/bytes.md). */

import type { Micros } from "../core/units.ts";
import { type BytesReport, bytesBy } from "../stats/bytes.ts";
import { CAPACITY } from "../stats/ranking.ts";
import { bytesCsv, bytesJson, bytesTable } from "../stats/render.ts";
import { SeedBytesLog } from "../stats/seed-bytes.ts";
import { type Counting, retentionOf, sinceStart, timeOf } from "./counting.ts";
import type { Out } from "./live-screen.ts";
import { type Report, type ReportOptions, runReport } from "./report-run.ts";
import { countriesFor } from "./top.ts";
import { choice } from "./values.ts";

export interface BytesCommandOptions extends Omit<ReportOptions, "output"> {
  readonly by: string;
  readonly wire: "packets" | "first-packet";
  readonly keep?: number;
  readonly output?: string;
}

const FORMATS = ["table", "json", "csv", "bcc"] as const;

export async function bytes(files: readonly string[], given: BytesCommandOptions, out: Out = process.stdout) {
  const format = choice("-o", FORMATS)(given.output ?? "table");
  const options = { ...given, output: undefined };
  await runReport(files, options, reportOf(given, format, files.length > 0, out), out);
}

function reportOf(options: BytesCommandOptions, format: (typeof FORMATS)[number], ofFiles: boolean, out: Out): Report {
  const { statistics } = options.settings ?? {};
  const statistic = bytesBy({
    by: options.by,
    wire: options.wire,
    capacity: options.keep ?? statistics?.max_keys ?? CAPACITY,
    maxLength: statistics?.max_str_length,
    country: countriesFor(options),
  });
  if (format === "bcc") return runningAccount(new SeedBytesLog(statistic, options.wire), out);
  const counting: Counting<ReturnType<typeof statistic.create>> = {
    spec: {
      ...{ kind: "bytes", by: options.by, wire: options.wire },
      ...{ capacity: options.keep ?? statistics?.max_keys ?? CAPACITY, maxLength: statistics?.max_str_length },
      country: statistics?.country_database ?? null,
    },
    statistic,
    retire: (state, before) => state.retire(before),
    lines: (state, now) => lines(statistic.report(state), format, now),
  };
  return sinceStart(counting, retentionOf(options.settings, ofFiles));
}

function lines(report: BytesReport, format: (typeof FORMATS)[number], now: Micros | null): string[] {
  if (format === "json") return bytesJson(report, timeOf(now));
  return format === "csv" ? bytesCsv(report) : bytesTable(report);
}

/** Every request and reply as it comes, with all totals behind it. */
function runningAccount(log: SeedBytesLog, out: Out): Report {
  return {
    running: true,
    observe(event) {
      if (event.type === "transaction") out.write(`${log.lines(event).join("\n")}\n`);
    },
    lines: () => [],
  };
}

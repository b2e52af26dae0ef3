/** The commands `top`, `stats` and `bytes`: options and help. Their code is loaded when they run. */
import { Command, Option } from "commander";
import { addCaptureOptions } from "./capture-options.ts";
import { addChoosingOptions, addPrivacyOptions, addSettingsOptions } from "./run-options.ts";
import { duration_s, integer } from "./values.ts";

/** Options that `top`, `stats` and `bytes` have in common, behind their own. */
function addReportOptions(command: Command): Command {
  command
    .optionsGroup("Live traffic (without files):")
    .option("--interval <time>", "show it anew so often", duration_s("--interval"));
  addCaptureOptions(command);
  addChoosingOptions(command);
  addPrivacyOptions(command);
  return addSettingsOptions(command);
}

const FILES = ["[file...]", "capture files; - for standard input; none for live traffic"] as const;

export function topCommand(): Command {
  const command = new Command("top")
    .description("the largest by anything: of capture files, or of live traffic")
    .argument(...FILES)
    .optionsGroup("Counting:")
    .requiredOption(
      "--by <dimension>",
      "section, route, client, status, user-agent, query:NAME, header:NAME, path:N, plugin:NAME, …; several with commas",
    )
    .option("--metric <name>", "requests, errors, bytes-in, bytes-out, latency-p95, …", "requests")
    .option("-n, --limit <n>", "rows (10)", integer("--limit", 1, 10_000))
    .option("--window <time>", "only the last so long, e.g. 10m", duration_s("--window"))
    .option("--keep <n>", "keys kept; exact up to there (10000)", integer("--keep", 10, 1_000_000))
    .option("-o, --output <format>", "table, json or csv", "table")
    .addOption(formatAlias())
    .option("--no-summary", "no summary at the end");
  return addReportOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  earshot top --by section capture.pcap
  earshot top --by route --metric latency-p95 --window 10m
  earshot top --by client,status --filter 'status >= 400' -o csv capture.pcap`,
    )
    .action(async (files, options) => (await import("./top.ts")).top(files, withFormat(options)));
}

export function statsCommand(): Command {
  const command = new Command("stats")
    .description("everything counted, on one page: of capture files, or of live traffic")
    .argument(...FILES)
    .optionsGroup("Counting:")
    .option("-n, --limit <n>", "rows of each ranking (10)", integer("--limit", 1, 10_000))
    .option("--window <time>", "only the last so long, e.g. 10m", duration_s("--window"))
    .option("-o, --output <format>", "modern, json, or seed: the console monitor's page", "modern")
    .addOption(formatAlias())
    .option("--no-color", "no colours (also NO_COLOR)")
    .option("--no-summary", "no summary at the end");
  return addReportOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  earshot stats capture.pcap\n  earshot stats -i eth0 --interval 5s --format seed",
    )
    .action(async (files, options) => (await import("./stats.ts")).stats(files, withFormat(options)));
}

export function bytesCommand(): Command {
  const command = new Command("bytes")
    .description("octets in and out for each value of a query parameter, or of anything else")
    .argument(...FILES)
    .optionsGroup("Counting:")
    .requiredOption("--by <dimension>", "query:NAME, path:N, host, client, …; several with commas")
    .addOption(
      new Option("--wire <what>", "whole messages, or each one's first packet alone")
        .choices(["packets", "first-packet"])
        .default("packets"),
    )
    .option("--keep <n>", "keys kept; exact up to there (10000)", integer("--keep", 10, 1_000_000))
    .option("-o, --output <format>", "table, json, csv, or bcc: the running account of http_filter", "table")
    .addOption(formatAlias())
    .option("--no-summary", "no summary at the end");
  return addReportOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  earshot bytes --by query:s capture.pcap\n  earshot bytes --by query:s --wire first-packet --format bcc -i eth0",
    )
    .action(async (files, options) => (await import("./bytes.ts")).bytes(files, withFormat(options)));
}

/** `--format` says the same as `-o`. */
const formatAlias = () => new Option("--format <format>", "the same as -o");

function withFormat<Options extends { readonly format?: string }>(options: Options): Options & { output?: string } {
  return options.format === undefined ? options : { ...options, output: options.format };
}

/** The commands, their options and their help (docs/cli.md). Each command's code is loaded when it runs. */
import { readFileSync } from "node:fs";
import { Command, type CommanderError, Option } from "commander";
import type { AlertCommand } from "../alert/command.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { AlertsOptions } from "./alerts.ts";
import { findConfigFile, here, isConfiguredByEnvironment } from "./config-file.ts";
import {
  addChoosingOptions,
  addPrivacyOptions,
  addRunOptions,
  addSettingsOptions,
  attributionOption,
} from "./run-options.ts";
import { duration_s, integer, list, several, size_bytes, truth } from "./values.ts";

function version(): string {
  const manifest = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

export function program(): Command {
  const root = new Command("earshot")
    .description("See the HTTP that flows through this machine or a capture file: who, what, how fast, is it normal.")
    .version(version())
    .showHelpAfterError(false)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", ROOT_EXAMPLES);
  // `earshot` alone is `earshot start`
  root.addCommand(startCommand(), { isDefault: true });
  root.addCommand(watchCommand());
  root.addCommand(readCommand());
  root.addCommand(topCommand());
  root.addCommand(statsCommand());
  root.addCommand(bytesCommand());
  root.addCommand(alertsCommand());
  root.addCommand(backtestCommand());
  root.addCommand(interfacesCommand());
  root.addCommand(doctorCommand());
  root.addCommand(trafficCommand());
  root.addCommand(configCommand());
  root.hook("preAction", (_root, command) => configure(command));
  for (const command of root.commands) oneLineErrors(command);
  return oneLineErrors(root);
}

const ROOT_EXAMPLES = `
Examples:
  earshot                          the dashboard, on everything this machine sends and receives
  earshot watch -i eth0 -p 80      rows for one interface and port
  earshot read capture.pcap -o json | jq .request.target
  earshot top --by route --metric latency-p95
  earshot doctor                   what works on this machine, and how to make the rest work`;

/** A word in the place of a command that is none: said as such, since commander would hand it to the default command. */
export function checkCommand(root: Command, words: readonly string[]): void {
  const [word] = words;
  if (word === undefined || word.startsWith("-") || word === "help") return;
  const names = root.commands.map((command) => command.name());
  if (names.includes(word)) return;
  const near = nearest(word, names);
  throw new Trouble(`there is no command \`${printable(word)}\``, {
    exitCode: EXIT.usage,
    hint: near === null ? "see `earshot --help`" : `did you mean \`earshot ${near}\`?`,
  });
}

/** Commander's own errors become one line and exit code 2, like every other mistake of a user. */
function oneLineErrors(command: Command): Command {
  return command
    .exitOverride((error: CommanderError) => {
      if (error.exitCode === 0) process.exit(EXIT.ok);
      // a command that needs another behind it has just shown its help
      if (error.code === "commander.help") process.exit(EXIT.usage);
      const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
      throw new Trouble(message, {
        exitCode: EXIT.usage,
        hint: `see \`earshot ${command.name()} --help\``.replace("earshot earshot", "earshot"),
      });
    })
    .configureOutput({ outputError: () => {} });
}

/** The configuration file and the environment, for commands that run on traffic. */
async function configure(command: Command): Promise<void> {
  if (!command.options.some((option) => option.long === "--plugin")) return;
  const given = command.opts().config as string | undefined;
  if (findConfigFile(given, here()) === null && !isConfiguredByEnvironment(here())) return;
  const { loadSettings } = await import("./config.ts");
  const { applySettings } = await import("./config-apply.ts");
  const { settings, notices } = loadSettings(given, here());
  for (const line of notices) process.stderr.write(`earshot: ${line}\n`);
  applySettings(command, settings);
}

/** Options of everything that captures live traffic. */
function addCaptureOptions(command: Command): Command {
  return command
    .optionsGroup("Capture:")
    .option("-i, --interface <name>", "interface to watch, or any; repeatable", list)
    .option("-p, --port <ports>", "TCP ports: 80, 8000-8100; repeatable", list)
    .option("--bpf <expression>", "packet filter in tcpdump's language (needs libpcap)")
    .option("--snaplen <bytes>", "bytes of each packet to keep", integer("--snaplen", 64, 262_144))
    .option("--buffer <size>", "size of the capture ring, e.g. 256MiB", size_bytes("--buffer"))
    .option("--promiscuous", "also packets for other machines, on named interfaces")
    .addOption(attributionOption())
    .option("--duration <time>", "stop after this long, e.g. 30s", duration_s("--duration"))
    .option("--timeout <seconds>", "the same in seconds", duration_s("--timeout"));
}

function startCommand(): Command {
  const command = new Command("start")
    .description("watch everything in a dashboard; plain rows when the output is no terminal")
    .option("--demo", "also make some traffic on loopback, so that a quiet machine shows something");
  addCaptureOptions(command);
  addAlertOptions(command, "learn what is usual and say when traffic leaves it (the dashboard does)");
  return addRunOptions(command)
    .addHelpText("after", "\nExamples:\n  earshot start --demo\n  earshot start -i eth0 --filter 'status >= 400'")
    .action(async (options) => (await import("./start.ts")).start(options));
}

function watchCommand(): Command {
  const command = new Command("watch").description("show exchanges of live traffic as they happen");
  addCaptureOptions(command)
    .option("--count <n>", "stop after this many exchanges", integer("--count", 1, Number.MAX_SAFE_INTEGER))
    .option("--write-pcapng <file>", "also write the packets to a capture file, with their processes")
    .option("--ui [screen]", "the dashboard instead of rows; `seed` for the classic console");
  addAlertOptions(command, "learn what is usual and say when traffic leaves it; on where configured");
  return addRunOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  earshot watch                                   every interface, any port
  earshot watch -i lo -p 8080 --duration 30s
  earshot watch --min-latency 250 --columns +ttfb
  earshot watch -o json | jq 'select(.response.status >= 500)'
  earshot watch -o table -o combined=access.log   rows here, an access log there
  earshot watch --bpf 'tcp and net 10.0.0.0/8' --write-pcapng trace.pcapng`,
    )
    .action(async (options) => {
      if (options.ui) await (await import("./dashboard.ts")).dashboard(options);
      else await (await import("./watch.ts")).watch(options);
    });
}

function readCommand(): Command {
  const command = new Command("read")
    .description("show the exchanges of capture files (pcap, pcapng, also gzip or zstd)")
    .argument("<file...>", "capture files, merged by time; - for standard input")
    .optionsGroup("Reading:")
    .option("--verify-checksums", "count packets with bad TCP and UDP checksums")
    .option("--ignore-vlan", "take equal addresses in different VLANs for the same flow")
    .option("--tls-keylog <file>", "TLS secrets (SSLKEYLOGFILE); checked, but not used yet: nothing is decrypted")
    .option("--ui", "look at the capture in the dashboard");
  addAlertOptions(command, "show the alerts that the configured rules give, in the capture's time");
  return addRunOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  earshot read capture.pcap
  earshot read monday.pcapng.zst tuesday.pcap.gz --filter 'path startsWith "/login"'
  tcpdump -U --immediate-mode -w - tcp | earshot read -
  earshot read capture.pcap -o tracee --events net_packet_http_request
  earshot read capture.pcap --quiet`,
    )
    .action(async (files, options) => {
      if (options.ui) await (await import("./dashboard.ts")).dashboardOf(files, options);
      else await (await import("./read.ts")).read(files, options);
    });
}

function addAlertOptions(command: Command, what: string): void {
  command.optionsGroup("Alerts:").option("--alerts", what).option("--no-alerts", "none, whatever is configured");
}

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

function topCommand(): Command {
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

function statsCommand(): Command {
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

function bytesCommand(): Command {
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

function alertsCommand(): Command {
  const command = new Command("alerts").description(
    "alerts of this host: list, acknowledge, silence, learn anew, test",
  );
  const named = (name: string, description: string) =>
    oneLineErrors(new Command(name).description(description)).option("--config <file>", "instead of earshot.toml");
  const output = () => new Option("-o, --output <format>", "table or json").default("table");
  const comment = () => new Option("--comment <text>", "why, for whoever looks later");
  const tell = async (told: AlertCommand, options: AlertsOptions) =>
    (await import("./alerts.ts")).tellAlerts(told, options);
  command.addCommand(
    named("list", "open alerts and past ones, how long they lasted, and silences")
      .option("--rules", "the rules of which something is learned")
      .addOption(output())
      .action(async (options) => (await import("./alerts.ts")).listAlerts(options)),
  );
  command.addCommand(
    named("show", "everything that is known of one alert")
      .argument("<id>")
      .addOption(output())
      .action(async (id, options) => (await import("./alerts.ts")).showAlert(id, options)),
  );
  command.addCommand(
    named("ack", "somebody knows of it: nobody is notified of it any more, but of its end")
      .argument("<id>")
      .addOption(comment())
      .action((id, options) => tell({ do: "ack", id, comment: options.comment ?? null }, options)),
  );
  command.addCommand(
    named("silence", "notify nobody of alerts that match, for so long")
      .argument("<filter>", "over alerts, e.g. 'rule == \"requests\"'")
      .argument("<duration>", "30m, 2h, 1d")
      .addOption(comment())
      .action((filter, length, options) =>
        tell({ do: "silence", filter, for: length, comment: options.comment ?? null }, options),
      ),
  );
  command.addCommand(
    named("unsilence", "end a silence")
      .argument("<id>", "as `alerts list` shows it")
      .action((id, options) => tell({ do: "unsilence", id }, options)),
  );
  command.addCommand(
    named("relearn", "forget what was learned, of one rule or of all")
      .argument("[rule]")
      .action((rule, options) => tell({ do: "relearn", rule: rule ?? null }, options)),
  );
  command.addCommand(
    named("test", "send a sample through every notifier that is configured")
      .addOption(output())
      .action(async (options) => (await import("./alerts.ts")).testNotifiers(options)),
  );
  return command;
}

function backtestCommand(): Command {
  const command = new Command("backtest")
    .description("what the alert rules would have said to captured traffic, when and why")
    .argument("<file...>", "capture files, merged by time; - for standard input")
    .optionsGroup("Rules:")
    .addOption(new Option("--profile <name>", "instead of the configured one").choices(["default", "seed"]))
    .option(
      "--rule <setting>",
      "a setting changed (z=4, requests.for=5m) or a threshold ('rate(requests[1m]) > 50'); repeatable",
      several,
    )
    .option("--sweep <setting>", "one setting at several values: p=0.05,0.1,0.2")
    .optionsGroup("Output:")
    .option("-o, --output <format>", "table or json", "table")
    .option("--width <columns>", "of the timelines", integer("--width", 44, 1_000))
    .option("--no-summary", "no summary at the end");
  addPrivacyOptions(command);
  return addSettingsOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  earshot backtest monday.pcapng.zst tuesday.pcapng.zst
  earshot backtest capture.pcap --profile seed --rule seed.threshold=25
  earshot backtest capture.pcap --sweep z=3,3.5,4,5`,
    )
    .action(async (files, options) => (await import("./backtest.ts")).backtest(files, options));
}

function configCommand(): Command {
  const command = new Command("config").description("the configuration file: show, check, init, path");
  const named = (name: string, description: string) =>
    oneLineErrors(new Command(name).description(description)).option("--config <file>", "instead of earshot.toml");
  command.addCommand(
    named("show", "every setting that holds, and where it comes from")
      .option("-o, --output <format>", "toml or json", "toml")
      .action(async (options) => (await import("./config-command.ts")).showConfig(options)),
  );
  command.addCommand(
    named("check", "whether a file is right: settings, filters, rules, outputs, plug-ins")
      .argument("[file]", "instead of the one that would be read")
      .action(async (file, options) => (await import("./config-command.ts")).checkConfig(file, options)),
  );
  command.addCommand(
    oneLineErrors(new Command("init").description("write a file with every setting as a comment"))
      .argument("[file]", "where", "earshot.toml")
      .option("--force", "write over a file that is there")
      .action(async (file, options) => (await import("./config-command.ts")).initConfig(file, options)),
  );
  command.addCommand(
    named("path", "which file is read").action(async (options) =>
      (await import("./config-command.ts")).showConfigPath(options),
    ),
  );
  return command;
}

function interfacesCommand(): Command {
  return new Command("interfaces")
    .description("the interfaces that can be watched")
    .option("-o, --output <format>", "table or json", "table")
    .action(async (options) => (await import("./interfaces.ts")).showInterfaces(options));
}

function doctorCommand(): Command {
  return new Command("doctor")
    .description("what works on this machine, what does not, and how to fix it")
    .option("-o, --output <format>", "table or json", "table")
    .action(async (options) => (await import("./doctor.ts")).doctor(options));
}

function trafficCommand(): Command {
  return new Command("traffic")
    .description("make HTTP requests for testing, bounded in rate and time; without a URL against a server of its own")
    .argument("[url]", "where to send them; only this machine unless --allow-remote")
    .option("--rate <n>", "requests a second", integer("--rate", 1, 20_000), 20)
    .option("--duration <time>", "how long, at most 1h", duration_s("--duration"), 10)
    .option("--connections <n>", "connections at a time", integer("--connections", 1, 1_000), 4)
    .option("--keep-alive <bool>", "use connections again", truth("--keep-alive"), true)
    .option("--method <method>", "request method", "GET")
    .option("--errors <percent>", "own server: share of answers with status 500", integer("--errors", 0, 100), 2)
    .option("--allow-remote", "allow another machine as target")
    .addHelpText(
      "after",
      "\nExamples:\n  earshot traffic --rate 200 --duration 1m\n  earshot traffic http://127.0.0.1:8080/login --rate 500",
    )
    .action(async (url, options) => (await import("./traffic.ts")).traffic(url, options));
}

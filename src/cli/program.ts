/** The commands, their options and their help (docs/cli.md). Each command's code is loaded when it runs. */
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import type { AlertCommand } from "../alert/command.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { AlertsOptions } from "./alerts.ts";
import { addCaptureOptions } from "./capture-options.ts";
import { configCommand } from "./config-commands.ts";
import { findConfigFile, here, isConfiguredByEnvironment } from "./config-file.ts";
import { oneLineErrors } from "./one-line-errors.ts";
import { bytesCommand, statsCommand, topCommand } from "./report-commands.ts";
import { addPrivacyOptions, addRunOptions, addSettingsOptions, runtimeSocketOption } from "./run-options.ts";
import { duration_s, integer, several, truth } from "./values.ts";

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
    .addOption(runtimeSocketOption())
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

/** The commands, their options and their help (docs/cli.md). Each command's code is loaded when it runs. */
import { readFileSync } from "node:fs";
import { Command, type CommanderError } from "commander";
import { EXIT, Trouble } from "../core/trouble.ts";
import { addRunOptions, attributionOption } from "./run-options.ts";
import { duration_s, integer, list, size_bytes, truth } from "./values.ts";

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
  root.addCommand(startCommand());
  root.addCommand(watchCommand());
  root.addCommand(readCommand());
  root.addCommand(interfacesCommand());
  root.addCommand(doctorCommand());
  root.addCommand(trafficCommand());
  for (const command of root.commands) oneLineErrors(command);
  return oneLineErrors(root);
}

const ROOT_EXAMPLES = `
Examples:
  earshot                          the dashboard, on everything this machine sends and receives
  earshot watch -i eth0 -p 80      rows for one interface and port
  earshot read capture.pcap -o json | jq .request.target
  earshot doctor                   what works on this machine, and how to make the rest work`;

/** Commander's own errors become one line and exit code 2, like every other mistake of a user. */
function oneLineErrors(command: Command): Command {
  return command
    .exitOverride((error: CommanderError) => {
      if (error.exitCode === 0) process.exit(EXIT.ok);
      const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
      throw new Trouble(message, {
        exitCode: EXIT.usage,
        hint: `see \`earshot ${command.name()} --help\``.replace("earshot earshot", "earshot"),
      });
    })
    .configureOutput({ outputError: () => {} });
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
  return addRunOptions(command)
    .addHelpText("after", "\nExamples:\n  earshot start --demo\n  earshot start -i eth0 --filter 'status >= 400'")
    .action(async (options) => (await import("./start.ts")).start(options));
}

function watchCommand(): Command {
  const command = new Command("watch").description("show exchanges of live traffic as they happen");
  addCaptureOptions(command)
    .option("--count <n>", "stop after this many exchanges", integer("--count", 1, Number.MAX_SAFE_INTEGER))
    .option("--write-pcapng <file>", "also write the packets to a capture file, with their processes")
    .option("--ui", "the dashboard instead of rows");
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
      if (options.ui) await (await import("./start.ts")).dashboard(options);
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
    .option("--ui", "look at the capture in the dashboard");
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
      if (options.ui) await (await import("./start.ts")).dashboardOf(files, options);
      else await (await import("./read.ts")).read(files, options);
    });
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

/** Options of every command that captures live traffic. */
import type { Command } from "commander";
import { attributionOption, runtimeSocketOption } from "./run-options.ts";
import { duration_s, integer, list, size_bytes } from "./values.ts";
import { workers } from "./worker-count.ts";

export function addCaptureOptions(command: Command): Command {
  return command
    .optionsGroup("Capture:")
    .option("-i, --interface <name>", "interface to watch, or any; repeatable", list)
    .option("-p, --port <ports>", "TCP ports: 80, 8000-8100; repeatable", list)
    .option("--bpf <expression>", "packet filter in tcpdump's language (needs libpcap)")
    .option("--snaplen <bytes>", "bytes of each packet to keep", integer("--snaplen", 64, 262_144))
    .option("--buffer <size>", "size of the capture ring, e.g. 256MiB", size_bytes("--buffer"))
    .option("--promiscuous", "also packets for other machines, on named interfaces")
    .option(
      "--workers <n>",
      "threads that share the work, for traffic of more than a core; or auto",
      workers("--workers"),
    )
    .addOption(attributionOption())
    .addOption(runtimeSocketOption())
    .option("--duration <time>", "stop after this long, e.g. 30s", duration_s("--duration"))
    .option("--timeout <seconds>", "the same in seconds", duration_s("--timeout"));
}

/**
 * What the kernel does of `--filter`: ports that every match must have are all that is captured. Tunnels and fragments
 * pass whatever their ports, and the whole filter is applied to what comes, so nothing that matches is lost.
 */
import { capturePushdown, compileFilter } from "../filter/filter.ts";
import type { PortRange } from "../source/afpacket/filter-program.ts";
import type { WatchOptions } from "./watch.ts";

/** Ports to capture, or undefined for all: of the filter that leaves the fewest. */
export function pushedPorts(
  options: Pick<WatchOptions, "filter" | "settings" | "port" | "writePcapng">,
): PortRange[] | undefined {
  // a capture file has all that was asked for by interface and port; a filter of the configuration may change (SIGHUP)
  const given = options.filter !== options.settings?.output.filter;
  if (!given || options.port !== undefined || options.writePcapng !== undefined) return undefined;
  const lists = (options.filter ?? [])
    .filter((text) => !text.includes("@"))
    .map((text) => capturePushdown(compileFilter(text))?.ports ?? null)
    .filter((ports) => ports !== null)
    .sort((a, b) => a.length - b.length);
  return lists[0]?.map((port) => ({ from: port, to: port }));
}

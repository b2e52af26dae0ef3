/**
 * What the kernel does of `--filter`: ports and hosts that every match must have are all that is captured. Tunnels and
 * fragments pass whatever they hold, and the whole filter is applied to what comes, so nothing that matches is lost.
 */
import { parseAddress } from "../filter/address.ts";
import { capturePushdown, compileFilter } from "../filter/filter.ts";
import type { CapturePushdown } from "../filter/pushdown.ts";
import type { HostAddress, PortRange } from "../source/afpacket/filter-program.ts";
import type { WatchOptions } from "./watch.ts";

export interface Pushed {
  /** Undefined for all. */
  readonly ports?: readonly PortRange[];
  readonly hosts?: readonly HostAddress[];
}

/** A host costs 16 instructions of IPv6 in each of two programs; the kernel takes 4,096. */
const MOST_HOSTS = 16;

type PushOptions = Pick<WatchOptions, "filter" | "settings" | "port" | "bpf" | "writePcapng">;

/** Ports and hosts to capture: of each, those of the filter that leaves the fewest. */
export function pushedDown(options: PushOptions): Pushed {
  const { filter = [], settings, port, bpf, writePcapng } = options;
  // a filter of the configuration may change (SIGHUP); a capture file has all that was asked for by interface and port;
  // an expression may ask for what the filter made here does not know (a tunnel on a port of its own)
  if (filter === settings?.output.filter || writePcapng !== undefined || bpf !== undefined) return {};
  const implied = filter.filter((text) => !text.includes("@")).map((text) => capturePushdown(compileFilter(text)));
  const ports = port === undefined ? fewest(implied, "ports") : undefined;
  const hosts = fewest(implied, "hosts");
  return {
    ...(ports && { ports: ports.map((one) => ({ from: one, to: one })) }),
    ...(hosts && hosts.length <= MOST_HOSTS && { hosts: hosts.map((text) => parseAddress(text)!) }),
  };
}

function fewest<Kind extends keyof CapturePushdown>(
  implied: readonly (CapturePushdown | null)[],
  kind: Kind,
): NonNullable<CapturePushdown[Kind]> | undefined {
  const lists = implied.map((one) => one?.[kind]).filter((list) => list !== undefined);
  return lists.sort((a, b) => a.length - b.length)[0];
}

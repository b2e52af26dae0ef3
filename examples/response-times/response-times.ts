/**
 * Average response time of each server. An average alone cannot be merged; a sum and a count can: that is all there is
 * to a statistic that works over windows, shards and hosts.
 *
 *     earshot top --by plugin:response-times --plugin response-times.ts capture.pcap
 */
import { definePlugin, type Statistic } from "earshot";

interface Sum {
  count: number;
  /** Whole microseconds: sums of whole numbers do not depend on their order. */
  total_us: number;
  longest_us: number;
}

type Sums = Map<string, Sum>;

/** Servers counted one by one. */
const MOST_SERVERS = 1_000;
const OTHER = "(other)";

function add(sums: Sums, server: string, more: Sum): void {
  const counted = sums.has(server) || sums.size < MOST_SERVERS ? server : OTHER;
  const sum = sums.get(counted) ?? { count: 0, total_us: 0, longest_us: 0 };
  sum.count += more.count;
  sum.total_us += more.total_us;
  sum.longest_us = Math.max(sum.longest_us, more.longest_us);
  sums.set(counted, sum);
}

interface Row {
  readonly server: string;
  readonly responses: number;
  readonly average_ms: number;
  readonly longest_ms: number;
}

const responseTimes: Statistic<Sums, Row[]> = {
  name: "response-times",
  title: "Average response time per server",
  unit: "milliseconds",
  create: () => new Map(),
  observe(sums, event) {
    // what was not seen to its end has no response time: it must not count as zero
    if (event.type !== "transaction" || event.latency_ms.total === null) return;
    const { ip, port } = event.flow.server;
    const time_us = Math.round(event.latency_ms.total * 1_000);
    const server = ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
    add(sums, server, { count: 1, total_us: time_us, longest_us: time_us });
  },
  merge(into, from) {
    for (const [server, sum] of from) add(into, server, sum);
  },
  report(sums) {
    const rows = [...sums].map(([server, { count, total_us, longest_us }]) => ({
      server,
      responses: count,
      average_ms: total_us / count / 1_000,
      longest_ms: longest_us / 1_000,
    }));
    return rows.sort((a, b) => b.average_ms - a.average_ms || (a.server < b.server ? -1 : 1));
  },
};

export default definePlugin({ name: "response-times", statistics: [responseTimes] });

/**
 * The running account that bcc's http_filter example prints: each request and reply with what it adds, and then all
 * totals. Takes transactions, gives lines; keys stand in the order in which they were first counted.
 */
import type { TransactionEvent } from "../core/event.ts";
import { printable } from "../core/printable.ts";
import type { BytesStatistic } from "./bytes.ts";
import { Measure, type Wire } from "./measure.ts";

/** Keys whose totals are shown; a table that is printed at every request must be short. */
const MOST_KEYS = 1_000;
const REST = "_other";

export class SeedBytesLog {
  private readonly inbound = new Map<string, number>();
  private readonly outbound = new Map<string, number>();
  private readonly statistic: Pick<BytesStatistic, "key">;
  private readonly wire: Wire;
  private readonly measure = new Measure();

  constructor(statistic: Pick<BytesStatistic, "key">, wire: Wire = "packets") {
    this.statistic = statistic;
    this.wire = wire;
  }

  /** Lines for one transaction: its request, then its reply. */
  lines(event: TransactionEvent): string[] {
    const lines: string[] = [];
    const key = this.statistic.key(event);
    const { bytesIn, bytesOut } = this.measure.of(event, this.wire);
    const { request, response, http } = event;
    if (request !== null) {
      lines.push("", "", "", `request: ${printable(`${request.method} ${request.target} HTTP/${http.version}`)}`);
      if (key === "_unspecified") {
        lines.push("HTTP request captured, but no service in URI. attributing data to _unspecified.");
      }
      lines.push(this.added(this.inbound, key, bytesIn, "inbound to"), ...this.block());
    }
    if (response !== null) {
      lines.push("", "", "", `reply: ${printable(`HTTP/${http.version} ${response.status} ${response.reason}`)}`);
      if (request === null) {
        lines.push("HTTP reply captured, but no corresponding HTTP request known. attributing data to _unknown.");
      }
      lines.push(this.added(this.outbound, key, bytesOut, "outbound from"), ...this.block());
    }
    return lines;
  }

  private added(totals: Map<string, number>, key: string, bytes: number, way: string): string {
    const counted = totals.has(key) || totals.size < MOST_KEYS ? key : REST;
    const total = (totals.get(counted) ?? 0) + bytes;
    totals.set(counted, total);
    return `+${bytes} bytes ${way} service '${printable(counted)}' = ${total}`;
  }

  /** All totals so far. */
  block(): string[] {
    const rows = (totals: Map<string, number>) => [...totals].map(([key, total]) => `${printable(key)} -> ${total}`);
    return ["----", "inbound bytes:", ...rows(this.inbound), "-", "outbound bytes:", ...rows(this.outbound), "----"];
  }
}

/**
 * The W3C Extended Log File Format (WD-logfile-960323). Values have no blanks: as in IIS, which is what readers of these
 * files know, a blank is `+` and what could break a line is percent-encoded. time-taken is in seconds, as in the draft.
 */
import type { EarshotEvent, TransactionEvent } from "../../core/event.ts";
import type { EventFormat } from "../output/destination.ts";
import { fieldOf, type LogOptions, REVEAL_NOTICE } from "./apache.ts";

type Read = (event: TransactionEvent) => string | number | null | undefined;

const COLUMNS: readonly (readonly [name: string, read: Read])[] = [
  ["date", (event) => event.time.slice(0, 10)],
  ["time", (event) => event.time.slice(11, 19)],
  ["c-ip", (event) => event.flow.client.ip],
  ["c-port", (event) => event.flow.client.port],
  ["s-ip", (event) => event.flow.server.ip],
  ["s-port", (event) => event.flow.server.port],
  ["cs-method", (event) => event.request?.method],
  ["cs-uri-stem", (event) => event.request?.path ?? event.request?.target],
  ["cs-uri-query", (event) => event.request?.query],
  ["cs-version", (event) => `HTTP/${event.http.version}`],
  ["cs-host", (event) => event.request?.host],
  ["sc-status", (event) => event.response?.status],
  ["sc-bytes", (event) => event.bytes.out],
  ["cs-bytes", (event) => event.bytes.in],
  ["time-taken", (event) => (event.latency_ms.total === null ? null : (event.latency_ms.total / 1000).toFixed(6))],
  ["cs(User-Agent)", (event) => event.request?.user_agent],
  ["cs(Referer)", (event) => fieldOf(event.request?.fields, "referer")],
];

const UNSAFE = /[^\x21-\x7e]|"/g;

function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined || value === "") return "-";
  return String(value).replace(UNSAFE, (character) => {
    if (character === " ") return "+";
    return [...Buffer.from(character)].map((octet) => `%${octet.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}

export class W3cFormat implements EventFormat {
  readonly name = "w3c";
  private readonly reveal: boolean;

  constructor(options: LogOptions) {
    this.reveal = options.reveal;
  }

  header(): string {
    const lines = ["#Version: 1.0", "#Software: earshot", `#Fields: ${COLUMNS.map(([name]) => name).join(" ")}`];
    if (this.reveal) lines.splice(2, 0, `#Remark: ${REVEAL_NOTICE.slice(2)}`);
    return lines.join("\n");
  }

  format(event: EarshotEvent): readonly string[] {
    return event.type === "transaction" ? [COLUMNS.map(([, read]) => cell(read(event))).join(" ")] : [];
  }
}

/**
 * Comma-separated values (RFC 4180: CRLF, quotes doubled), one line a transaction or TLS connection. A text that a
 * spreadsheet would run as a formula (it begins with `= + - @`, tab or carriage return) gets a `'` before it, and
 * controls are written out: a path must not become a command on the machine of whoever opens the file.
 */
import type { EarshotEvent, TlsEvent, TransactionEvent } from "../../core/event.ts";
import { printable } from "../../core/printable.ts";
import type { EventFormat } from "../output/destination.ts";
import { fieldOf, type LogOptions, REVEAL_NOTICE } from "./apache.ts";

type Cell = string | number | null | undefined;
interface Column {
  readonly name: string;
  readonly http: (event: TransactionEvent) => Cell;
  /** Absent: the same as `http`, for what both kinds of events have; null: empty. */
  readonly tls?: ((event: TlsEvent) => Cell) | null;
}

type Both = TransactionEvent | TlsEvent;
const both = (name: string, read: (event: Both) => Cell): Column => ({ name, http: read, tls: read });
const only = (name: string, http: Column["http"]): Column => ({ name, http, tls: null });

const COLUMNS: readonly Column[] = [
  both("time", (event) => event.time),
  both("type", (event) => event.type),
  both("id", (event) => event.id),
  both("client_ip", (event) => event.flow.client.ip),
  both("client_port", (event) => event.flow.client.port),
  both("server_ip", (event) => event.flow.server.ip),
  both("server_port", (event) => event.flow.server.port),
  { name: "version", http: (event) => event.http.version, tls: (event) => event.version },
  { name: "host", http: (event) => event.request?.host, tls: (event) => event.server_name },
  only("method", (event) => event.request?.method),
  only("path", (event) => event.request?.path),
  only("query", (event) => event.request?.query),
  only("status", (event) => event.response?.status),
  both("outcome", (event) => event.outcome),
  { name: "first_byte_ms", http: (event) => event.latency_ms.ttfb, tls: (event) => event.handshake_ms },
  { name: "total_ms", http: (event) => event.latency_ms.total, tls: (event) => event.duration_ms },
  only("request_body_bytes", (event) => event.request?.body_bytes),
  only("response_body_bytes", (event) => event.response?.body_bytes),
  both("bytes_in", (event) => event.bytes.in),
  both("bytes_out", (event) => event.bytes.out),
  only("content_type", (event) => event.response?.content_type),
  only("user_agent", (event) => event.request?.user_agent),
  only("referer", (event) => fieldOf(event.request?.fields, "referer")),
  both("client_pid", (event) => event.process.client?.pid),
  both("client_comm", (event) => event.process.client?.comm),
  both("server_pid", (event) => event.process.server?.pid),
  both("server_comm", (event) => event.process.server?.comm),
];

function cell(value: Cell): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const safe = printable(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value);
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lines of RFC 4180 end with CR LF; the LF is the destination's. */
const line = (cells: readonly string[]) => `${cells.join(",")}\r`;

export class CsvFormat implements EventFormat {
  readonly name = "csv";
  private readonly reveal: boolean;

  constructor(options: LogOptions) {
    this.reveal = options.reveal;
  }

  header(): string {
    const names = COLUMNS.map(({ name }) => name);
    // RFC 4180 has no comments: the notice is the name of one more, empty column
    return line(this.reveal ? [...names, cell(REVEAL_NOTICE)] : names);
  }

  format(event: EarshotEvent): readonly string[] {
    if (event.type === "alert") return [];
    const cells = COLUMNS.map((column) =>
      cell(event.type === "transaction" ? column.http(event) : column.tls?.(event)),
    );
    return [line(this.reveal ? [...cells, ""] : cells)];
  }
}

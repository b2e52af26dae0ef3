/** The columns of `-o table`: what each shows, how wide it wants to be. */
import { formatEndpoint } from "../../core/address.ts";
import type { EarshotEvent, TlsEvent, TransactionEvent } from "../../core/event.ts";
import { shownName } from "../../core/process.ts";

export type Row = TransactionEvent | TlsEvent;

export interface Column {
  readonly name: string;
  readonly title: string;
  /** Characters it always gets. */
  readonly width: number;
  /** Share of what a wide terminal has left; 0 keeps the width. */
  readonly grow: number;
  readonly right?: boolean;
  readonly text: (row: Row) => string;
  /** Colour by meaning; see `paint` in table.ts. */
  readonly tint?: (row: Row) => Tint;
}

export type Tint = "good" | "note" | "warn" | "bad" | "dim" | "plain";

const NOTHING = "-";

export function isRow(event: EarshotEvent): event is Row {
  return event.type === "transaction" || event.type === "tls";
}

function http(row: Row): TransactionEvent | null {
  return row.type === "transaction" ? row : null;
}

/** `12:03:04.123456` in local time: the date is in the JSON. */
function clock(row: Row): string {
  const date = new Date(Math.floor(row.time_us / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const micros = String(row.time_us % 1_000_000).padStart(6, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}

function statusTint(row: Row): Tint {
  const status = http(row)?.response?.status;
  if (row.type === "tls") return row.outcome === "failed" ? "bad" : "dim";
  if (status === undefined) return "warn";
  if (status >= 500) return "bad";
  if (status >= 400) return "warn";
  return status >= 300 ? "note" : "good";
}

/** Status, or why there is none. */
function status(row: Row): string {
  if (row.type === "tls") return row.outcome === "established" ? "ok" : row.outcome;
  if (row.response !== null) return String(row.response.status);
  return row.outcome === "no-response" ? "none" : row.outcome;
}

/** `850us`, `12.3ms`, `1.25s`. */
export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return NOTHING;
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)}us`;
  if (milliseconds < 1000) return `${milliseconds < 100 ? milliseconds.toFixed(1) : Math.round(milliseconds)}ms`;
  return `${(milliseconds / 1000).toFixed(milliseconds < 100_000 ? 2 : 0)}s`;
}

/** `312`, `4.2k`, `13M`: octets. */
export function size(octets: number): string {
  const units = ["", "k", "M", "G", "T"];
  let value = octets;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? String(value) : `${value < 10 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

function process(row: Row): { comm: string; pid: string } {
  const { client, server } = row.process;
  const known = client ?? server;
  if (known === null) return { comm: NOTHING, pid: NOTHING };
  return { comm: client === null ? `→${shownName(known)}` : shownName(known), pid: String(known.pid) };
}

const column = (name: string, width: number, text: Column["text"], more: Partial<Column> = {}): Column => ({
  name,
  title: name.toUpperCase().replaceAll("-", " "),
  width,
  grow: 0,
  text,
  ...more,
});

/** Every column there is, by name. */
export const COLUMNS: readonly Column[] = [
  column("time", 15, clock, { tint: () => "dim" }),
  column("process", 12, (row) => process(row).comm, { grow: 0.5 }),
  column("pid", 7, (row) => process(row).pid, { right: true }),
  column("server-process", 12, (row) => (row.process.server === null ? NOTHING : shownName(row.process.server))),
  column("server-pid", 7, (row) => String(row.process.server?.pid ?? NOTHING), { right: true }),
  column("user", 8, (row) => row.process.client?.user ?? row.process.server?.user ?? NOTHING),
  column("container", 12, (row) => (row.process.client ?? row.process.server)?.container?.id.slice(0, 12) ?? NOTHING),
  column("client", 21, (row) => formatEndpoint(row.flow.client), { grow: 0.5 }),
  column("server", 21, (row) => formatEndpoint(row.flow.server), { grow: 0.5 }),
  column("proto", 5, (row) => (row.type === "tls" ? "HTTPS" : "HTTP"), { tint: () => "dim" }),
  column("version", 7, (row) => http(row)?.http.version ?? (row as TlsEvent).version ?? NOTHING),
  column("method", 7, (row) => http(row)?.request?.method ?? NOTHING, { tint: () => "note" }),
  column("host", 16, (row) => (row.type === "tls" ? row.server_name : row.request?.host) ?? NOTHING, { grow: 1 }),
  column("path", 20, (row) => http(row)?.request?.target ?? NOTHING, { grow: 3 }),
  column("status", 6, status, { right: true, tint: statusTint }),
  column("latency", 7, (row) => duration(row.type === "tls" ? row.handshake_ms : row.latency_ms.total), {
    right: true,
  }),
  column("ttfb", 7, (row) => duration(http(row)?.latency_ms.ttfb ?? null), { right: true }),
  column("size", 6, (row) => size(row.bytes.out), { right: true }),
  column("in", 6, (row) => size(row.bytes.in), { right: true }),
  column("type", 16, (row) => http(row)?.response?.content_type ?? NOTHING),
  column("user-agent", 20, (row) => http(row)?.request?.user_agent ?? NOTHING, { grow: 1 }),
  column("outcome", 11, (row) => row.outcome, { tint: (row) => (row.outcome === "gap" ? "warn" : "plain") }),
  column("id", 8, (row) => row.id),
  column("interface", 9, (row) => row.flow.interface ?? NOTHING),
  column("anomalies", 20, (row) => row.anomalies.join(",") || NOTHING, { grow: 1, tint: () => "warn" }),
];

/** What is shown unless `--columns` says otherwise, in this order. */
export const DEFAULT_COLUMNS = "time,process,pid,client,server,proto,method,host,path,status,latency,size".split(",");

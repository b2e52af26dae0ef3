/** Tracee's table: fixed columns, then the arguments as Go prints them. */
import { printable } from "../../core/printable.ts";
import { formatTime } from "../../core/units.ts";
import type { EventName, TraceeMessage } from "./message.ts";

interface Column {
  readonly title: string;
  readonly width: number;
  readonly of: (name: EventName, message: TraceeMessage) => string;
}

const TIME: Column = {
  title: "TIME",
  width: 16,
  of: (_, message) => formatTime(message.time_us).slice(11, 26).replace(".", ":"),
};
const CONTAINER: readonly Column[] = [
  { title: "CONTAINER_ID", width: 13, of: (_, { process }) => process?.container?.id.slice(0, 12) ?? "" },
  { title: "IMAGE", width: 16, of: (_, { process }) => process?.container?.image ?? "" },
];
const REST: readonly Column[] = [
  { title: "UID", width: 6, of: (_, { process }) => String(process?.uid ?? 0) },
  { title: "COMM", width: 16, of: (_, { process }) => process?.comm ?? "" },
  { title: "PID", width: 7, of: (_, { process }) => String(process?.pid ?? 0) },
  { title: "TID", width: 7, of: (_, { process }) => String(process?.tid ?? 0) },
  { title: "EVENT", width: 25, of: (name) => name },
];

const columnsOf = (containers: boolean) => [TIME, ...(containers ? CONTAINER : []), ...REST];

function line(cells: readonly string[], widths: readonly Column[], last: string): string {
  return [...cells.map((cell, index) => printable(cell).padEnd(widths[index].width)), printable(last)].join(" ");
}

export function tableHeader(containers: boolean): string {
  const columns = columnsOf(containers);
  return line(
    columns.map((column) => column.title),
    columns,
    "ARGS",
  );
}

export function tableRow(name: EventName, message: TraceeMessage, containers: boolean): string {
  const columns = columnsOf(containers);
  return line(
    columns.map((column) => column.of(name, message)),
    columns,
    goArguments(name, message),
  );
}

/** `name: value, name: value`. */
export function goArguments(name: EventName, message: TraceeMessage): string {
  const names =
    name === "net_packet_http"
      ? ["src", "dst", "src_port", "dst_port", "metadata", "proto_http"]
      : ["metadata", `http_${message.kind}`];
  return names.map((argument) => `${argument}: ${goArgument(name, message, argument)}`).join(", ");
}

const struct = (values: readonly (string | number)[]) => `{${values.join(" ")}}`;

/** One argument of an event as Go's %v prints it; null when the event has none such. */
export function goArgument(name: EventName, message: TraceeMessage, argument: string): string | null {
  const { source, destination, http, kind, packet_len, direction } = message;
  const header = `map[${http.headers.map(([field, values]) => `${field}:[${values.join(" ")}]`).join(" ")}]`;
  const request = [http.method, http.protocol, http.host, http.uri_path];
  const tail = [header, http.content_length];
  if (argument === `http_${kind}`) {
    return struct(kind === "request" ? [...request, ...tail] : [http.status, http.status_code, http.protocol, ...tail]);
  }
  switch (argument) {
    case "src":
      return source.ip;
    case "dst":
      return destination.ip;
    case "src_port":
      return String(source.port);
    case "dst_port":
      return String(destination.port);
    case "proto_http":
      return struct([kind, ...request, http.status, http.status_code, ...tail]);
    case "metadata":
      return name === "net_packet_http"
        ? struct([direction])
        : struct([source.ip, destination.ip, source.port, destination.port, 6, packet_len, "any"]);
    default:
      return null;
  }
}

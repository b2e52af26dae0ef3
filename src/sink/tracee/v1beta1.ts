/**
 * Tracee's v1beta1.Event (development line after v0.24) as its MarshalJSON writes it: snake_case, what is zero or not
 * known left out, 64-bit numbers as strings, fields of HTTP in the manner of protojson.
 */
import type { ProcessInfo } from "../../core/process.ts";
import { formatTime } from "../../core/units.ts";
import { EARSHOT_KEY, extra } from "./extra.ts";
import type { GoHeader } from "./go-http.ts";
import { array, type Entry, object } from "./json-text.ts";
import type { TraceeOptions } from "./legacy.ts";
import { DIRECTION_NAMES, EVENT_IDS, type EventName, type TraceeMessage } from "./message.ts";

const quote = (text: string) => JSON.stringify(text);

/** Texts and numbers that are not zero, and objects that are not empty. */
function present(entries: readonly (readonly [string, string | number | null | undefined])[]): Entry[] {
  return entries.flatMap(([key, value]): Entry[] => {
    if (value === undefined || value === null || value === "" || value === 0) return [];
    return [[key, typeof value === "number" ? String(value) : quote(value)]];
  });
}

function nested(key: string, entries: readonly Entry[]): Entry[] {
  return entries.length === 0 ? [] : [[key, object(entries)]];
}

/** RFC3339Nano of Go: no zeros at the end. */
function nanoTime(time: string): string {
  return time.replace(/(?:\.0+|(\.\d*?)0+)Z$/, "$1Z");
}

function processEntries(process: ProcessInfo): Entry[] {
  const own = process.container === undefined ? process : null;
  return [
    ...nested("executable", present([["path", process.exe]])),
    ...present([
      ["host_pid", process.pid],
      ["pid", own?.pid],
    ]),
    // 0 is root and said as such where the user is known
    ...(process.uid === null ? [] : nested("real_user", [["id", String(process.uid)]])),
    ...nested(
      "thread",
      present([
        ["start_time", process.start_time === undefined ? undefined : nanoTime(process.start_time)],
        ["name", process.comm],
        ["host_tid", process.tid],
        ["tid", own?.tid],
      ]),
    ),
    ...(process.ppid === undefined
      ? []
      : [
          [
            "ancestors",
            array([
              object(
                present([
                  ["host_pid", process.ppid],
                  ["pid", own?.ppid],
                ]),
              ),
            ]),
          ] as const,
        ]),
  ];
}

function workload(process: ProcessInfo | null): string {
  if (process === null) return "{}";
  const { container, pod } = process;
  const labels = Object.entries(pod?.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const podEntries: Entry[] = [
    ...present([
      ["name", pod?.name],
      ["uid", pod?.uid],
    ]),
    ...nested(
      "labels",
      labels.map(([key, value]) => [quote(key).slice(1, -1), quote(value)]),
    ),
  ];
  const containerEntries: Entry[] =
    container === undefined
      ? []
      : [
          ...present([
            ["id", container.id],
            ["name", container.name],
          ]),
          ...nested("image", present([["name", container.image]])),
          ["started", "true"],
        ];
  return object([
    ...nested("process", processEntries(process)),
    ...nested("container", containerEntries),
    ...nested("k8s", [...nested("pod", podEntries), ...nested("namespace", present([["name", pod?.namespace]]))]),
  ]);
}

function headers(header: GoHeader): Entry[] {
  return nested(
    "headers",
    header.map(([name, values]) => [quote(name).slice(1, -1), object([["header", array(values.map(quote))]])]),
  );
}

const value = (name: string, key: string, json: string) =>
  object([
    ["name", quote(name)],
    [key, json],
  ]);

/** int64 in protojson is a string, and left out when zero. */
const contentLength = (length: number): Entry[] => (length === 0 ? [] : [["content_length", quote(String(length))]]);

function packetData(message: TraceeMessage): string[] {
  const { source, destination, http, kind } = message;
  return [
    value("src", "str", quote(source.ip)),
    value("dst", "str", quote(destination.ip)),
    value("src_port", "u_int32", String(source.port)),
    value("dst_port", "u_int32", String(destination.port)),
    value("metadata", "str", quote(DIRECTION_NAMES[message.direction])),
    value(
      "proto_http",
      "http",
      object([
        ...present([
          ["direction", kind],
          ["method", http.method],
          ["protocol", http.protocol],
          ["host", http.host],
          ["uri_path", http.uri_path],
          ["status", http.status],
          ["status_code", http.status_code],
        ]),
        ...headers(http.headers),
        ...contentLength(http.content_length),
      ]),
    ),
  ];
}

function messageData(message: TraceeMessage): string[] {
  const { source, destination, packet_len, http, kind } = message;
  const metadata = object(
    present([
      ["src_ip", source.ip],
      ["dst_ip", destination.ip],
      ["src_port", source.port],
      ["dst_port", destination.port],
      ["protocol", 6],
      ["packet_len", packet_len],
      ["iface", "any"],
    ]),
  );
  const start =
    kind === "request"
      ? present([
          ["method", http.method],
          ["protocol", http.protocol],
          ["host", http.host],
          ["uri_path", http.uri_path],
        ])
      : present([
          ["status", http.status],
          ["status_code", http.status_code],
          ["protocol", http.protocol],
        ]);
  const key = kind === "request" ? "http_request" : "http_response";
  const fields = object([...start, ...headers(http.headers), ...contentLength(http.content_length)]);
  return [value("metadata", "packet_metadata", metadata), value(key, key, fields)];
}

/** One line of JSON. */
export function v1beta1Event(name: EventName, message: TraceeMessage, options: TraceeOptions): string {
  const data = name === "net_packet_http" ? packetData(message) : messageData(message);
  const entries: Entry[] = [
    ["timestamp", quote(nanoTime(formatTime(message.time_us)))],
    ["id", String(EVENT_IDS[name])],
    ["name", quote(name)],
    ...(options.policies.length === 0 ? [] : nested("policies", [["matched", array(options.policies.map(quote))]])),
    ["workload", workload(message.process)],
    ["data", array(data)],
  ];
  if (options.extra) entries.push([EARSHOT_KEY, extra(message, quote)]);
  return object(entries);
}

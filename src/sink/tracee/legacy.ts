/**
 * Tracee's trace.Event (every release up to v0.24) as its JSON printer writes it: all fields, always, in this order.
 * What is not known is zero or empty as there; nothing is invented. Not known here: processor, cgroup number, entity
 * hashes, and inside a container the process numbers and the host name it has there.
 */
import type { ProcessInfo } from "../../core/process.ts";
import { EARSHOT_KEY, extra } from "./extra.ts";
import type { GoHeader } from "./go-http.ts";
import { array, type Entry, goQuote, object } from "./json-text.ts";
import { EVENT_IDS, type EventName, type TraceeMessage } from "./message.ts";

export interface TraceeOptions {
  /** UTS name of the host the tasks run on; empty when unknown (capture files). */
  readonly hostName: string;
  readonly policies: readonly string[];
  /** Adds what Tracee drops under the key `earshot`. */
  readonly extra: boolean;
}

const text = goQuote;
const whole = (value: number | null | undefined) => String(value ?? 0);
/** Entries whose value is known: Go's `omitempty`. */
const present = (entries: readonly (readonly [string, string | undefined])[]): Entry[] =>
  entries.flatMap(([key, value]) => (value === undefined || value === "" ? [] : [[key, text(value)] as const]));

/** Nanoseconds as Go has them: beyond what a double holds exactly, so the text is put together. */
export function nanoseconds(time_us: number): string {
  return time_us === 0 ? "0" : `${time_us}000`;
}

function startTime(process: ProcessInfo | null): string {
  const milliseconds = process?.start_time === undefined ? Number.NaN : Date.parse(process.start_time);
  if (Number.isNaN(milliseconds)) return "0";
  // Date keeps milliseconds; the digits behind them come from the text
  const micros = /\.\d{3}(\d{3})/.exec(process?.start_time ?? "")?.[1] ?? "000";
  return `${milliseconds}${micros}000`;
}

function context(process: ProcessInfo | null, hostName: string): Entry[] {
  // numbers inside a container's PID namespace are others than those of the host
  const own = process?.container === undefined ? process : null;
  return [
    ["threadStartTime", startTime(process)],
    ["processorId", "0"],
    ["processId", whole(own?.pid)],
    ["cgroupId", "0"],
    ["threadId", whole(own?.tid)],
    ["parentProcessId", whole(own?.ppid)],
    ["hostProcessId", whole(process?.pid)],
    ["hostThreadId", whole(process?.tid)],
    ["hostParentProcessId", whole(process?.ppid)],
    ["userId", whole(process?.uid)],
    ["mountNamespace", whole(process?.namespaces?.mnt)],
    ["pidNamespace", whole(process?.namespaces?.pid)],
    ["processName", text(process?.comm ?? "")],
    ["executable", object([["path", text(process?.exe ?? "")]])],
    ["hostName", text(own === null ? "" : hostName)],
    ["containerId", text(process?.container?.id ?? "")],
    [
      "container",
      object(
        present([
          ["id", process?.container?.id],
          ["name", process?.container?.name],
          ["image", process?.container?.image],
        ]),
      ),
    ],
    [
      "kubernetes",
      object(
        present([
          ["podName", process?.pod?.name],
          ["podNamespace", process?.pod?.namespace],
          ["podUID", process?.pod?.uid],
        ]),
      ),
    ],
  ];
}

function headers(header: GoHeader): string {
  return object(header.map(([name, values]) => [text(name).slice(1, -1), array(values.map(text))]));
}

const argument = (name: string, type: string, value: string) =>
  object([
    ["name", text(name)],
    ["type", text(type)],
    ["value", value],
  ]);

function packetArguments(message: TraceeMessage): string[] {
  const { source, destination, http, kind } = message;
  return [
    // declared without a type in Tracee
    argument("src", "", text(source.ip)),
    argument("dst", "", text(destination.ip)),
    argument("src_port", "", String(source.port)),
    argument("dst_port", "", String(destination.port)),
    argument("metadata", "trace.PacketMetadata", object([["direction", String(message.direction)]])),
    argument(
      "proto_http",
      "trace.ProtoHTTP",
      object([
        ["direction", text(kind)],
        ["method", text(http.method)],
        ["protocol", text(http.protocol)],
        ["host", text(http.host)],
        ["uri_path", text(http.uri_path)],
        ["status", text(http.status)],
        ["status_code", String(http.status_code)],
        ["headers", headers(http.headers)],
        ["content_length", String(http.content_length)],
      ]),
    ),
  ];
}

function packetMetadata(message: TraceeMessage): string {
  const { source, destination, packet_len } = message;
  return argument(
    "metadata",
    "trace.PktMeta",
    object([
      ["src_ip", text(source.ip)],
      ["dst_ip", text(destination.ip)],
      ["src_port", String(source.port)],
      ["dst_port", String(destination.port)],
      ["protocol", "6"],
      ["packet_len", String(packet_len)],
      ["iface", text("any")],
    ]),
  );
}

function messageArguments(message: TraceeMessage): string[] {
  const { http } = message;
  const tail: Entry[] = [
    ["headers", headers(http.headers)],
    ["content_length", String(http.content_length)],
  ];
  if (message.kind === "response") {
    const start: Entry[] = [
      ["status", text(http.status)],
      ["status_code", String(http.status_code)],
      ["protocol", text(http.protocol)],
    ];
    return [packetMetadata(message), argument("http_response", "trace.ProtoHTTPResponse", object([...start, ...tail]))];
  }
  const start: Entry[] = [
    ["method", text(http.method)],
    ["protocol", text(http.protocol)],
    ["host", text(http.host)],
    ["uri_path", text(http.uri_path)],
  ];
  return [packetMetadata(message), argument("http_request", "trace.ProtoHTTPRequest", object([...start, ...tail]))];
}

/** One line of JSON. */
export function legacyEvent(name: EventName, message: TraceeMessage, options: TraceeOptions): string {
  const args = name === "net_packet_http" ? packetArguments(message) : messageArguments(message);
  const entries: Entry[] = [
    ["timestamp", nanoseconds(message.time_us)],
    ...context(message.process, options.hostName),
    ["eventId", text(String(EVENT_IDS[name]))],
    ["eventName", text(name)],
    ["matchedPolicies", array((options.policies.length === 0 ? [""] : options.policies).map(text))],
    ["argsNum", String(args.length)],
    ["returnValue", "0"],
    ["syscall", text("")],
    ["stackAddresses", "[0]"],
    [
      "contextFlags",
      object([
        ["containerStarted", String(message.process?.container !== undefined)],
        ["isCompat", "false"],
      ]),
    ],
    ["threadEntityId", "0"],
    ["processEntityId", "0"],
    ["parentEntityId", "0"],
    ["args", array(args)],
  ];
  if (options.extra) entries.push([EARSHOT_KEY, extra(message, goQuote)]);
  return object(entries);
}

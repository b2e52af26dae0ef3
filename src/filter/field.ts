/**
 * What a filter can ask of an event: every field by its name in the JSON output, short names for the common ones, and
 * families of fields with a free last part (`header["x-name"]`). Each says its type and how it is read.
 */
import type { AlertEvent, EarshotEvent, TlsEvent, TransactionEvent } from "../core/event.ts";
import { fieldValue, pathSegment, queryParameter, section } from "../core/target.ts";

/**
 * What a field's values are and how literals for it are written: `duration` in milliseconds (a bare number is that),
 * `size` in octets, `status` a number or a class as `4xx`, `host` text that compares without regard to case.
 */
export type FieldType = "text" | "host" | "number" | "status" | "duration" | "size" | "flag" | "address" | "time";

export type Value = string | number | boolean | null | undefined;
export type Reader = (event: EarshotEvent) => Value;

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Readers of a field's values; a test holds when it holds for one of them. */
  readonly readers: readonly Reader[];
  /** Instead of readers: a field with any number of values. */
  readonly list?: (event: EarshotEvent) => readonly string[] | undefined;
  /** One line for people. */
  readonly about: string;
  /** The values it can have, where they are few. */
  readonly values?: readonly string[];
}

export interface Family {
  readonly name: string;
  readonly type: FieldType;
  readonly about: string;
  /** Reader for one member; null when there can be no such member. */
  readonly member: (argument: string) => Reader | null;
}

const transaction =
  (read: (event: TransactionEvent) => Value): Reader =>
  (event) =>
    event.type === "transaction" ? read(event) : null;
const tls =
  (read: (event: TlsEvent) => Value): Reader =>
  (event) =>
    event.type === "tls" ? read(event) : null;
const alert =
  (read: (event: AlertEvent) => Value): Reader =>
  (event) =>
    event.type === "alert" ? read(event) : null;
/** Transactions and TLS connections: what has a flow. */
const wire =
  (read: (event: TransactionEvent | TlsEvent) => Value): Reader =>
  (event) =>
    event.type === "alert" ? null : read(event);
const request = (read: (request: NonNullable<TransactionEvent["request"]>) => Value): Reader =>
  transaction((event) => (event.request === null ? null : read(event.request)));
const response = (read: (response: NonNullable<TransactionEvent["response"]>) => Value): Reader =>
  transaction((event) => (event.response === null ? null : read(event.response)));

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];
const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"];

export const FIELDS = new Map<string, Field>();
/** Other names of a field. */
export const ALIASES = new Map<string, string>();
export const FAMILIES = new Map<string, Family>();

function field(name: string, type: FieldType, about: string, reader: Reader | Reader[], values?: string[]): void {
  FIELDS.set(name, { name, type, about, readers: Array.isArray(reader) ? reader : [reader], values });
}

function list(name: string, about: string, read: (event: EarshotEvent) => readonly string[] | undefined): void {
  FIELDS.set(name, { name, type: "text", about, readers: [], list: read });
}

function alias(of: string, ...names: string[]): void {
  for (const name of names) ALIASES.set(name, of);
}

field("type", "text", "kind of event", (event) => event.type, ["transaction", "tls", "alert"]);
field("id", "text", "id of the event", (event) => event.id);
field("time", "time", "start, as RFC 3339", (event) => event.time_us);
field(
  "depth",
  "number",
  "place in its flow, from 1",
  transaction((event) => event.depth),
);
field(
  "outcome",
  "text",
  "how it ended",
  wire((event) => event.outcome),
  ["complete", "no-response", "aborted", "gap", "established", "failed", "incomplete"],
);

field(
  "flow.id",
  "number",
  "number of the flow",
  wire((event) => event.flow.id),
);
field(
  "flow.client.ip",
  "address",
  "the client's address",
  wire((event) => event.flow.client.ip),
);
field(
  "flow.client.port",
  "number",
  "the client's port",
  wire((event) => event.flow.client.port),
);
field(
  "flow.server.ip",
  "address",
  "the server's address",
  wire((event) => event.flow.server.ip),
);
field(
  "flow.server.port",
  "number",
  "the server's port",
  wire((event) => event.flow.server.port),
);
field(
  "flow.interface",
  "text",
  "interface it was seen on",
  wire((event) => event.flow.interface),
);
field(
  "flow.vlan",
  "number",
  "outermost VLAN id",
  wire((event) => event.flow.vlan),
);
field(
  "flow.encapsulation",
  "text",
  "tunnels it came in",
  wire((event) => event.flow.encapsulation),
);
field("ip", "address", "the client's or the server's address", [
  wire((event) => event.flow.client.ip),
  wire((event) => event.flow.server.ip),
]);
field("port", "number", "the client's or the server's port", [
  wire((event) => event.flow.client.port),
  wire((event) => event.flow.server.port),
]);
alias("flow.client.ip", "client", "client.ip");
alias("flow.client.port", "client.port");
alias("flow.server.ip", "server", "server.ip");
alias("flow.server.port", "server.port");
alias("flow.interface", "interface");
alias("flow.vlan", "vlan");

field(
  "http.version",
  "text",
  "HTTP version",
  transaction((event) => event.http.version),
  ["1.0", "1.1", "2", "3"],
);
field(
  "http.upgrade",
  "text",
  "protocol switched to",
  transaction((event) => event.http.upgrade),
);
alias("http.upgrade", "upgrade");

field(
  "request.method",
  "host",
  "method, any case",
  request((half) => half.method),
  METHODS,
);
field(
  "request.target",
  "text",
  "request target as sent",
  request((half) => half.target),
);
field(
  "request.host",
  "host",
  "host and port as sent",
  request((half) => half.host),
);
field(
  "request.path",
  "text",
  "path without query",
  request((half) => half.path),
);
field(
  "request.query",
  "text",
  "query without the question mark",
  request((half) => half.query),
);
field(
  "request.header_bytes",
  "size",
  "octets of the request's head",
  request((half) => half.header_bytes),
);
field(
  "request.body_bytes",
  "size",
  "octets of the request's content",
  request((half) => half.body_bytes),
);
field(
  "request.content_type",
  "host",
  "content type of the request",
  request((half) => half.content_type),
);
field(
  "request.user_agent",
  "text",
  "user agent",
  request((half) => half.user_agent),
);
field(
  "request.body",
  "text",
  "start of the request's content, when kept",
  request((half) => half.body?.text),
);
alias("request.method", "method");
alias("request.target", "target", "uri");
alias("request.path", "path");
alias("request.query", "query");
alias("request.user_agent", "ua", "user_agent", "user-agent", "useragent");

field(
  "response.status",
  "status",
  "status code",
  response((half) => half.status),
  CLASSES,
);
field(
  "response.reason",
  "text",
  "reason phrase",
  response((half) => half.reason),
);
field(
  "response.header_bytes",
  "size",
  "octets of the response's head",
  response((half) => half.header_bytes),
);
field(
  "response.body_bytes",
  "size",
  "octets of the response's content",
  response((half) => half.body_bytes),
);
field(
  "response.content_type",
  "host",
  "content type of the response",
  response((half) => half.content_type),
);
field(
  "response.body",
  "text",
  "start of the response's content, when kept",
  response((half) => half.body?.text),
);
alias("response.status", "status", "code");
alias("response.reason", "reason");
alias("response.content_type", "content_type", "content-type");
alias("response.body_bytes", "size");

field("host", "host", "host of the request or TLS server name, with or without port", [
  request((half) => half.host),
  request((half) => withoutPort(half.host)),
  tls((event) => event.server_name),
]);
field(
  "section",
  "text",
  "http://host/first-path-segment",
  request((half) => section(half.host, half.path)),
);
alias("host", "domain");

for (const part of ["ttfb", "total", "upload", "think"] as const) {
  field(
    `latency_ms.${part}`,
    "duration",
    `${part} time`,
    transaction((event) => event.latency_ms[part]),
  );
}
alias("latency_ms.total", "latency", "duration", "total");
alias("latency_ms.ttfb", "ttfb");
alias("latency_ms.upload", "upload_time");
alias("latency_ms.think", "think_time");

for (const part of ["in", "out", "in_retransmitted", "out_retransmitted"] as const) {
  field(
    `bytes.${part}`,
    "size",
    `IP octets ${part.replace("_", ", ")}`,
    wire((event) => event.bytes[part]),
  );
}
for (const part of ["in_first_packet", "out_first_packet"] as const) {
  field(
    `bytes.${part}`,
    "size",
    "IP octets of the first packet",
    transaction((event) => event.bytes[part]),
  );
}
field(
  "bytes",
  "size",
  "IP octets in and out",
  wire((event) => event.bytes.in + event.bytes.out),
);

for (const part of ["request_wait", "process", "response_wait"] as const) {
  field(
    `kernel_ms.${part}`,
    "duration",
    `${part} time by the kernel`,
    transaction((event) => event.kernel_ms?.[part]),
  );
}

type End = "client" | "server";
const ENDS: readonly End[] = ["client", "server"];
type ProcessReader = (process: NonNullable<TransactionEvent["process"]["client"]>) => Value;

/** The same field of both ends' processes, and a short name that means either. */
function processField(name: string, short: string | null, type: FieldType, about: string, read: ProcessReader): void {
  const readerOf = (end: End) =>
    wire((event) => {
      const process = event.process[end];
      return process === null ? null : read(process);
    });
  for (const end of ENDS) {
    field(`process.${end}.${name}`, type, `${end}'s ${about}`, readerOf(end));
    if (short !== null) alias(`process.${end}.${name}`, `${end}.${short}`);
  }
  if (short !== null) field(short, type, `either end's ${about}`, ENDS.map(readerOf));
}

processField("pid", "pid", "number", "process id", (process) => process.pid);
processField("ppid", null, "number", "parent process id", (process) => process.ppid);
processField("comm", "comm", "text", "process name", (process) => process.comm);
processField("exe", "exe", "text", "executable", (process) => process.exe);
processField("args", "args", "text", "command line", (process) => process.args?.join(" "));
processField("uid", "uid", "number", "user id", (process) => process.uid);
processField("user", "user", "text", "user name", (process) => process.user);
processField("gid", null, "number", "group id", (process) => process.gid);
processField("group", null, "text", "group name", (process) => process.group);
processField("cgroup", null, "text", "cgroup path", (process) => process.cgroup);
processField("container.id", "container.id", "text", "container id", (process) => process.container?.id);
processField("container.name", "container.name", "text", "container name", (process) => process.container?.name);
processField("container.image", "image", "text", "container image", (process) => process.container?.image);
processField("container.runtime", null, "text", "container runtime", (process) => process.container?.runtime);
processField("pod.name", "pod", "text", "pod", (process) => process.pod?.name);
processField("pod.namespace", "namespace", "text", "pod's namespace", (process) => process.pod?.namespace);
field("container", "text", "either end's container, by name or id", [
  wire((event) => event.process.client?.container?.name),
  wire((event) => event.process.client?.container?.id),
  wire((event) => event.process.server?.container?.name),
  wire((event) => event.process.server?.container?.id),
]);
alias("comm", "process");

field(
  "quality.midstream",
  "flag",
  "joined after the flow's start",
  wire((event) => event.quality.midstream),
);
field(
  "quality.gap_bytes",
  "size",
  "octets not seen",
  wire((event) => event.quality.gap_bytes),
);
field(
  "quality.truncated",
  "flag",
  "cut by a limit",
  wire((event) => event.quality.truncated),
);
alias("quality.midstream", "midstream");
alias("quality.truncated", "truncated");
list("anomaly", "what was wrong on the wire, by code", (event) =>
  event.type === "alert" ? undefined : event.anomalies,
);
alias("anomaly", "anomalies");

const tlsText = (name: "cipher" | "server_name" | "alpn" | "ja3" | "ja3s" | "ja4" | "alert", about: string) =>
  field(
    name,
    name === "server_name" ? "host" : "text",
    about,
    tls((event) => event[name]),
  );
field("version", "text", "HTTP or TLS version", [
  transaction((event) => event.http.version),
  tls((event) => event.version),
]);
tlsText("cipher", "TLS cipher suite");
tlsText("server_name", "TLS server name");
tlsText("alpn", "TLS application protocol");
tlsText("ja3", "JA3 fingerprint");
tlsText("ja3s", "JA3S fingerprint");
tlsText("ja4", "JA4 fingerprint");
tlsText("alert", "TLS alert");
alias("server_name", "sni");
field(
  "resumed",
  "flag",
  "TLS session was resumed",
  tls((event) => event.resumed),
);
field(
  "handshake_ms",
  "duration",
  "TLS handshake time",
  tls((event) => event.handshake_ms),
);
field(
  "duration_ms",
  "duration",
  "time the TLS connection lasted",
  tls((event) => event.duration_ms),
);
list("alpn_offered", "protocols the TLS client offered", (event) =>
  event.type === "tls" ? event.alpn_offered : undefined,
);
for (const part of ["subject", "issuer", "serial", "sha256"] as const) {
  list(`certificate.${part}`, `certificates' ${part}`, (event) =>
    event.type === "tls" ? event.certificates.map((certificate) => certificate[part]) : undefined,
  );
}
list("certificate.name", "names the certificates are for", (event) =>
  event.type === "tls" ? event.certificates.flatMap((certificate) => certificate.names) : undefined,
);

for (const part of ["rule", "scope", "group", "state", "direction", "severity", "summary"] as const) {
  field(
    part,
    "text",
    `alert's ${part}`,
    alert((event) => event[part]),
  );
}
for (const part of ["value", "peak", "delta_pct", "score"] as const) {
  field(
    part,
    "number",
    `alert's ${part}`,
    alert((event) => event[part]),
  );
}

const label =
  (name: string): Reader =>
  (event) => {
    const labels = event.labels;
    return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : null;
  };

function family(name: string, about: string, member: Family["member"], type: FieldType = "text"): void {
  FAMILIES.set(name, { name, type, about, member });
}

family("request.header", "field of the request, any case of the name", (name) => {
  const lower = name.toLowerCase();
  return request((half) => fieldValue(half.fields, lower));
});
family("response.header", "field of the response, any case of the name", (name) => {
  const lower = name.toLowerCase();
  return response((half) => fieldValue(half.fields, lower));
});
family("param", "query parameter: last value, decoded", (name) =>
  request((half) => (half.query === null ? null : queryParameter(half.query, name))),
);
family("path", "segment of the path, from 1, decoded", (name) => {
  const number = /^[1-9]\d{0,2}$/.test(name) ? Number(name) : 0;
  return number === 0 ? null : request((half) => (half.path === null ? null : pathSegment(half.path, number)));
});
family("label", "label set by an enricher or detector", label);
for (const [name, of] of [
  ["header", "request.header"],
  ["request.fields", "request.header"],
  ["response.fields", "response.header"],
  ["query", "param"],
  ["labels", "label"],
] as const) {
  FAMILIES.set(name, { ...FAMILIES.get(of)!, name: of });
}

function withoutPort(host: string | null): string | null {
  if (host === null) return null;
  // `[2001:db8::1]:80` keeps its brackets; what has no port gives nothing more than the first reader did
  const colon = host.lastIndexOf(":");
  return colon < 0 || host.endsWith("]") ? null : host.slice(0, colon);
}

/** The field a name means; null when there is none. */
export function findField(path: string, argument: string | null): Field | null {
  if (argument !== null) return memberOf(path, argument);
  const known = FIELDS.get(ALIASES.get(path) ?? path);
  if (known !== undefined) return known;
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const member = memberOf(path.slice(0, dot), path.slice(dot + 1));
    if (member !== null) return member;
  }
  return null;
}

function memberOf(familyName: string, argument: string): Field | null {
  const found = FAMILIES.get(familyName);
  if (found === undefined || argument === "") return null;
  const reader = found.member(argument);
  if (reader === null) return null;
  return { name: `${found.name}.${argument}`, type: found.type, about: found.about, readers: [reader] };
}

/** Every name a person could have meant. */
export function* fieldNames(): Iterable<string> {
  yield* FIELDS.keys();
  yield* ALIASES.keys();
  for (const name of FAMILIES.keys()) yield `${name}.`;
}

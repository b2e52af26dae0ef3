/** Every field of the filter language by its name, put together from the tables of field-rows.ts; and other names. */
import type { RequestInfo } from "../core/event.ts";
import type { ProcessInfo } from "../core/process.ts";
import { withoutPort } from "../core/target.ts";
import {
  LISTS,
  OF_ALERT,
  OF_PROCESS,
  OF_REQUEST,
  OF_RESPONSE,
  OF_TLS,
  OF_TRANSACTION,
  OF_WIRE,
  type Table,
  type Wire,
} from "./field-rows.ts";
import {
  alert,
  type Field,
  type FieldType,
  type Reader,
  request,
  response,
  tls,
  transaction,
  type Value,
  wire,
} from "./field-type.ts";

const fields = new Map<string, Field>();
const aliases = new Map<string, string>();

export const FIELDS: ReadonlyMap<string, Field> = fields;
/** Other names of a field. */
export const ALIASES: ReadonlyMap<string, string> = aliases;

function add<From>(table: Table<From>, part: (read: (from: From) => Value) => Reader): void {
  for (const [name, [type, about, read, values]] of Object.entries(table)) {
    fields.set(name, { name, type, about, readers: [part(read)], values });
  }
}

function addEither(name: string, type: FieldType, about: string, readers: readonly Reader[]): void {
  fields.set(name, { name, type, about, readers });
}

addEither("type", "text", "kind of event", [(event) => event.type]);
fields.set("type", { ...fields.get("type")!, values: ["transaction", "tls", "alert"] });
addEither("id", "text", "id of the event", [(event) => event.id]);
addEither("time_us", "number", "start in microseconds since 1970", [(event) => event.time_us]);
addEither("quality.gap_bytes", "size", "octets not seen", [(event) => event.quality.gap_bytes]);
addEither("time", "time", "start of the event", [(event) => event.time_us]);
add(OF_REQUEST, request);
add(OF_RESPONSE, response);
add(OF_TRANSACTION, transaction);
add(OF_WIRE, wire);
add(OF_TLS, tls);
add(OF_ALERT, alert);

for (const [name, [about, list]] of Object.entries(LISTS)) {
  fields.set(name, { name, type: "text", about, readers: [], list });
}

const bareHost = ({ host }: RequestInfo) => (host === null ? null : withoutPort(host));
addEither("host", "host", "host of the request or TLS server name, with or without port", [
  request((half) => half.host),
  request(bareHost),
  tls((event) => event.server_name),
]);
addEither("version", "text", "HTTP or TLS version", [
  transaction((event) => event.http.version),
  tls((event) => event.version),
]);
const either = (read: (endpoint: Wire["flow"]["client"]) => Value) => [
  wire((event) => read(event.flow.client)),
  wire((event) => read(event.flow.server)),
];
addEither(
  "ip",
  "address",
  "the client's or the server's address",
  either(({ ip }) => ip),
);
addEither(
  "port",
  "number",
  "the client's or the server's port",
  either(({ port }) => port),
);

const ofProcess = (end: "client" | "server", read: (info: ProcessInfo) => Value): Reader =>
  wire(({ process }) => {
    const info = process[end];
    return info === null ? null : read(info);
  });
for (const [name, [short, type, about, read]] of Object.entries(OF_PROCESS)) {
  for (const end of ["client", "server"] as const) {
    addEither(`process.${end}.${name}`, type, `${end}'s ${about}`, [ofProcess(end, read)]);
    if (short !== null) aliases.set(`${end}.${short}`, `process.${end}.${name}`);
  }
  if (short !== null)
    addEither(short, type, `either end's ${about}`, [ofProcess("client", read), ofProcess("server", read)]);
}
addEither(
  "container",
  "text",
  "either end's container, by name or id",
  ["container.name", "container.id"].flatMap((name) => [...fields.get(name)!.readers]),
);

const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  "flow.client.ip": ["client", "client.ip"],
  "flow.client.port": ["client.port"],
  "flow.server.ip": ["server", "server.ip"],
  "flow.server.port": ["server.port"],
  "flow.interface": ["interface"],
  "flow.vlan": ["vlan"],
  "request.method": ["method"],
  "request.target": ["target", "uri"],
  "request.path": ["path"],
  "request.query": ["query"],
  "request.user_agent": ["ua", "user_agent", "user-agent", "useragent"],
  "response.status": ["status", "code"],
  "response.reason": ["reason"],
  "response.content_type": ["content_type", "content-type"],
  "response.body_bytes": ["size"],
  "request.body.text": ["request.body"],
  "response.body.text": ["response.body"],
  "http.upgrade": ["upgrade"],
  "latency_ms.total": ["latency", "duration"],
  "latency_ms.ttfb": ["ttfb"],
  "latency_ms.upload": ["upload_time"],
  "latency_ms.think": ["think_time"],
  "quality.midstream": ["midstream"],
  "quality.truncated": ["truncated"],
  host: ["domain"],
  comm: ["process"],
  anomaly: ["anomalies"],
  server_name: ["sni"],
};
/** Names of Inspektor Gadget's HTTP rows, so that filters written for it work as they are. */
const GADGET_NAMES: Readonly<Record<string, string>> = {
  "src.addr": "flow.client.ip",
  "src.port": "flow.client.port",
  "dst.addr": "flow.server.ip",
  "dst.port": "flow.server.port",
  status_code: "response.status",
  content_length: "response.body_bytes",
  http_version: "http.version",
  latency_ms: "latency_ms.total",
  "proc.comm": "comm",
  "proc.pid": "pid",
  "proc.creds.uid": "uid",
  "proc.creds.user": "user",
  "k8s.podName": "pod",
  "k8s.namespace": "namespace",
  "runtime.containerName": "container",
};

for (const [name, others] of Object.entries(OTHER_NAMES)) for (const other of others) aliases.set(other, name);
for (const [other, name] of Object.entries(GADGET_NAMES)) aliases.set(other, name);

/** Whether a field says something of alerts in particular. */
export function isAlertField(name: string): boolean {
  return name === "type" || name.startsWith("annotations.") || Object.hasOwn(OF_ALERT, name);
}

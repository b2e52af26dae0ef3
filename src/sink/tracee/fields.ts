/** What Tracee's filters may ask for: fields of the scope (who) and of the data (what), and how to read them. */
import type { EventName, TraceeMessage } from "./message.ts";
import { goArgument } from "./table.ts";

export type Value = string | number;

export interface FilterField {
  readonly kind: "number" | "text";
  /** Values of the field; none when it is not known. Several for a header that came several times. */
  readonly read: (message: TraceeMessage, name: EventName) => readonly Value[];
}

const known = (value: Value | null | undefined): readonly Value[] =>
  value === null || value === undefined ? [] : [value];

const number = (read: (message: TraceeMessage) => number | null | undefined): FilterField => ({
  kind: "number",
  read: (message) => known(read(message)),
});
const text = (read: (message: TraceeMessage) => string | null | undefined): FilterField => ({
  kind: "text",
  read: (message) => known(read(message)),
});

/** Numbers and names that a task has in its own namespaces are those of the host only outside a container. */
const own = ({ process }: TraceeMessage) => (process?.container === undefined ? process : null);

const uid = number(({ process }) => process?.uid);
const pid = number((message) => own(message)?.pid);
const tid = number((message) => own(message)?.tid);
const ppid = number((message) => own(message)?.ppid);
const hostPid = number(({ process }) => process?.pid);
const hostTid = number(({ process }) => process?.tid);
const mntns = number(({ process }) => process?.namespaces?.mnt);
const pidns = number(({ process }) => process?.namespaces?.pid);
const comm = text(({ process }) => process?.comm);
const executable = text(({ process }) => process?.exe);
const containerId = text(({ process }) => process?.container?.id);

/** `--scope FIELD…`. */
export const SCOPE_FIELDS: Readonly<Record<string, FilterField>> = {
  ...{ uid, pid, mntns, pidns, comm, executable },
  ...{ exec: executable, binary: executable, bin: executable },
  container: containerId,
};

/** `--events NAME.scope.FIELD…`. */
export const EVENT_SCOPE_FIELDS: Readonly<Record<string, FilterField>> = {
  ...{ uid, userId: uid, p: pid, pid, processId: pid, tid, threadId: tid, ppid, parentProcessId: ppid },
  ...{ hostPid, hostTid, hostThreadId: hostTid, mntns, mountNamespace: mntns, pidns, pidNamespace: pidns },
  ...{ comm, processName: comm, executable, container: containerId, containerId },
  hostParentProcessId: number(({ process }) => process?.ppid),
  timestamp: number((message) => message.time_us * 1000),
  containerImage: text(({ process }) => process?.container?.image),
  containerName: text(({ process }) => process?.container?.name),
  podName: text(({ process }) => process?.pod?.name),
  podNamespace: text(({ process }) => process?.pod?.namespace),
  podUid: text(({ process }) => process?.pod?.uid),
};

const ENDPOINTS = {
  source: text((message) => message.source.ip),
  destination: text((message) => message.destination.ip),
  sourcePort: number((message) => message.source.port),
  destinationPort: number((message) => message.destination.port),
};

const whole = (argument: string): FilterField => ({
  kind: "text",
  read: (message, name) => known(goArgument(name, message, argument)),
});

const METADATA: Readonly<Record<string, FilterField>> = {
  metadata: whole("metadata"),
  "metadata.src_ip": ENDPOINTS.source,
  "metadata.dst_ip": ENDPOINTS.destination,
  "metadata.src_port": ENDPOINTS.sourcePort,
  "metadata.dst_port": ENDPOINTS.destinationPort,
  "metadata.protocol": number(() => 6),
  "metadata.packet_len": number((message) => message.packet_len),
  "metadata.iface": text(() => "any"),
};

const REQUEST = {
  method: text(({ http }) => http.method),
  protocol: text(({ http }) => http.protocol),
  host: text(({ http }) => http.host),
  uri_path: text(({ http }) => http.uri_path),
  content_length: number(({ http }) => http.content_length),
};
const RESPONSE = {
  status: text(({ http }) => http.status),
  status_code: number(({ http }) => http.status_code),
  protocol: REQUEST.protocol,
  content_length: REQUEST.content_length,
};

const under = (prefix: string, fields: Readonly<Record<string, FilterField>>) => ({
  [prefix]: whole(prefix),
  ...Object.fromEntries(Object.entries(fields).map(([name, field]) => [`${prefix}.${name}`, field])),
});

/** `--events NAME.data.FIELD…`; `PREFIX.headers.NAME` beside these. */
const DATA_FIELDS: Readonly<Record<EventName, Readonly<Record<string, FilterField>>>> = {
  net_packet_http: {
    src: ENDPOINTS.source,
    dst: ENDPOINTS.destination,
    src_port: ENDPOINTS.sourcePort,
    dst_port: ENDPOINTS.destinationPort,
    metadata: whole("metadata"),
    "metadata.direction": number((message) => message.direction),
    ...under("proto_http", { ...REQUEST, ...RESPONSE, direction: text((message) => message.kind) }),
  },
  net_packet_http_request: { ...METADATA, ...under("http_request", REQUEST) },
  net_packet_http_response: { ...METADATA, ...under("http_response", RESPONSE) },
};

const HEADER = /^(?:proto_http|http_request|http_response)\.headers?\.(.+)$/;

/** The data field of an event by name; null when that event has none such. */
export function dataField(event: EventName, name: string): FilterField | null {
  const header = HEADER.exec(name)?.[1].toLowerCase();
  if (header === undefined) return Object.hasOwn(DATA_FIELDS[event], name) ? DATA_FIELDS[event][name] : null;
  if (!Object.keys(DATA_FIELDS[event]).includes(name.slice(0, name.indexOf(".")))) return null;
  return {
    kind: "text",
    read: ({ http }) =>
      http.headers.filter(([field]) => field.toLowerCase() === header).flatMap(([, values]) => values),
  };
}

export function dataFieldNames(event: EventName): string[] {
  return Object.keys(DATA_FIELDS[event]);
}

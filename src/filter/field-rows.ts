/** The fields of the filter language as plain tables, by part of the event: type, what it is, how it is read. */
import type { AlertEvent, RequestInfo, ResponseInfo, TlsEvent, TransactionEvent } from "../core/event.ts";
import type { ProcessInfo } from "../core/process.ts";
import { section } from "../core/target.ts";
import type { FieldType, ListReader, Value } from "./field-type.ts";

export type Wire = TransactionEvent | TlsEvent;
type Row<From> = readonly [type: FieldType, about: string, read: (from: From) => Value, values?: readonly string[]];
export type Table<From> = Readonly<Record<string, Row<From>>>;

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];
const OUTCOMES = ["complete", "no-response", "aborted", "gap", "established", "failed", "incomplete"];

export const OF_REQUEST: Table<RequestInfo> = {
  "request.method": ["host", "method, any case", (half) => half.method, METHODS],
  "request.target": ["text", "request target as sent", (half) => half.target],
  "request.host": ["host", "host and port as sent", (half) => half.host],
  "request.path": ["text", "path without query", (half) => half.path],
  "request.query": ["text", "query without the question mark", (half) => half.query],
  "request.header_bytes": ["size", "octets of the request's head", (half) => half.header_bytes],
  "request.body_bytes": ["size", "octets of the request's content", (half) => half.body_bytes],
  "request.content_type": ["host", "content type of the request", (half) => half.content_type],
  "request.user_agent": ["text", "user agent", (half) => half.user_agent],
  "request.body.text": ["text", "start of the request's content, when kept", (half) => half.body?.text],
  "request.body.encoding": ["text", "how that is written", (half) => half.body?.encoding, ["utf-8", "base64"]],
  "request.body.truncated": ["flag", "more of it followed", (half) => half.body?.truncated],
  section: ["text", "http://host/first-path-segment", (half) => section(half.host, half.path)],
};

export const OF_RESPONSE: Table<ResponseInfo> = {
  "response.status": ["status", "status code", (half) => half.status, ["1xx", "2xx", "3xx", "4xx", "5xx"]],
  "response.reason": ["text", "reason phrase", (half) => half.reason],
  "response.header_bytes": ["size", "octets of the response's head", (half) => half.header_bytes],
  "response.body_bytes": ["size", "octets of the response's content", (half) => half.body_bytes],
  "response.content_type": ["host", "content type of the response", (half) => half.content_type],
  "response.body.text": ["text", "start of the response's content, when kept", (half) => half.body?.text],
  "response.body.encoding": ["text", "how that is written", (half) => half.body?.encoding, ["utf-8", "base64"]],
  "response.body.truncated": ["flag", "more of it followed", (half) => half.body?.truncated],
};

export const OF_TRANSACTION: Table<TransactionEvent> = {
  depth: ["number", "place in its flow, from 1", (event) => event.depth],
  "http.version": ["text", "HTTP version", (event) => event.http.version, ["1.0", "1.1", "2", "3"]],
  "http.upgrade": ["text", "protocol switched to", (event) => event.http.upgrade, ["websocket", "h2c", "connect"]],
  "latency_ms.ttfb": ["duration", "first request byte to first response byte", (event) => event.latency_ms.ttfb],
  "latency_ms.total": ["duration", "first request byte to last response byte", (event) => event.latency_ms.total],
  "latency_ms.upload": ["duration", "first to last request byte", (event) => event.latency_ms.upload],
  "latency_ms.think": ["duration", "last request byte to first response byte", (event) => event.latency_ms.think],
  "kernel_ms.request_wait": ["duration", "request's wait in the kernel", (event) => event.kernel_ms?.request_wait],
  "kernel_ms.process": ["duration", "time in the server's process", (event) => event.kernel_ms?.process],
  "kernel_ms.response_wait": ["duration", "response's wait in the kernel", (event) => event.kernel_ms?.response_wait],
  "bytes.in_first_packet": ["size", "IP octets of the request's first packet", (event) => event.bytes.in_first_packet],
  "bytes.out_first_packet": ["size", "IP octets of the reply's first packet", (event) => event.bytes.out_first_packet],
};

export const OF_WIRE: Table<Wire> = {
  outcome: ["text", "how it ended", (event) => event.outcome, OUTCOMES],
  "flow.id": ["number", "number of the flow", (event) => event.flow.id],
  "flow.client.ip": ["address", "the client's address", (event) => event.flow.client.ip],
  "flow.client.port": ["number", "the client's port", (event) => event.flow.client.port],
  "flow.server.ip": ["address", "the server's address", (event) => event.flow.server.ip],
  "flow.server.port": ["number", "the server's port", (event) => event.flow.server.port],
  "flow.interface": ["text", "interface it was seen on", (event) => event.flow.interface],
  "flow.vlan": ["number", "outermost VLAN id", (event) => event.flow.vlan],
  "flow.encapsulation": ["text", "tunnels it came in", (event) => event.flow.encapsulation],
  bytes: ["size", "IP octets in and out", (event) => event.bytes.in + event.bytes.out],
  "bytes.in": ["size", "IP octets towards the server", (event) => event.bytes.in],
  "bytes.out": ["size", "IP octets towards the client", (event) => event.bytes.out],
  "bytes.in_retransmitted": ["size", "IP octets sent again, in", (event) => event.bytes.in_retransmitted],
  "bytes.out_retransmitted": ["size", "IP octets sent again, out", (event) => event.bytes.out_retransmitted],
  "quality.midstream": ["flag", "joined after the flow's start", (event) => event.quality.midstream],
  "quality.truncated": ["flag", "cut by a limit", (event) => event.quality.truncated],
};

export const OF_TLS: Table<TlsEvent> = {
  server_name: ["host", "TLS server name", (event) => event.server_name],
  cipher: ["text", "TLS cipher suite", (event) => event.cipher],
  alpn: ["text", "TLS application protocol", (event) => event.alpn],
  ja3: ["text", "JA3 fingerprint", (event) => event.ja3],
  ja3s: ["text", "JA3S fingerprint", (event) => event.ja3s],
  ja4: ["text", "JA4 fingerprint", (event) => event.ja4],
  alert: ["text", "TLS alert", (event) => event.alert],
  resumed: ["flag", "TLS session was resumed", (event) => event.resumed],
  handshake_ms: ["duration", "TLS handshake time", (event) => event.handshake_ms],
  duration_ms: ["duration", "time the TLS connection lasted", (event) => event.duration_ms],
};

export const OF_ALERT: Table<AlertEvent> = {
  rule: ["text", "alert's rule", (event) => event.rule],
  scope: ["text", "alert's scope", (event) => event.scope],
  group: ["text", "alert's group", (event) => event.group],
  state: ["text", "alert's state", (event) => event.state, ["pending", "firing", "resolving", "resolved", "no-data"]],
  direction: ["text", "alert's direction", (event) => event.direction, ["high", "low"]],
  severity: ["text", "alert's severity", (event) => event.severity, ["info", "warning", "critical"]],
  summary: ["text", "alert's summary", (event) => event.summary],
  value: ["number", "alert's value", (event) => event.value],
  peak: ["number", "alert's peak", (event) => event.peak],
  delta_pct: ["number", "alert's difference from usual, in percent", (event) => event.delta_pct],
  score: ["number", "alert's score", (event) => event.score],
  active_at: ["text", "when the alert's condition began", (event) => event.active_at],
  fired_at: ["text", "when the alert fired", (event) => event.fired_at],
  last_breach_at: ["text", "when the alert's condition last held", (event) => event.last_breach_at],
  resolved_at: ["text", "when the alert was resolved", (event) => event.resolved_at],
  window_s: ["number", "seconds the alert's value speaks of", (event) => event.window_s],
  "baseline.mode": ["text", "how the alert learns", (event) => event.baseline?.mode],
  "baseline.m": ["number", "usual value", (event) => event.baseline?.m],
  "baseline.s": ["number", "usual spread", (event) => event.baseline?.s],
  "baseline.up": ["number", "upper limit", (event) => event.baseline?.up],
  "baseline.low": ["number", "lower limit", (event) => event.baseline?.low],
  "baseline.age_s": ["number", "seconds since learning began", (event) => event.baseline?.age_s],
  "baseline.windows": ["number", "windows learned", (event) => event.baseline?.windows],
  "quality.dropped": ["number", "packets lost while it was measured", (event) => event.quality.dropped],
  "quality.unmatched": ["number", "unpaired messages while it was measured", (event) => event.quality.unmatched],
  "quality.suspect": ["flag", "too much was lost to trust the value", (event) => event.quality.suspect],
  reopened: ["number", "times the alert came back", (event) => event.reopened],
  evaluations: ["number", "times the alert was evaluated", (event) => event.evaluations],
};

/** Of each end's process; those with a short name (`pid`, `server.pid`) can be asked of either end too. */
export const OF_PROCESS: Readonly<Record<string, readonly [short: string | null, ...Row<ProcessInfo>]>> = {
  pid: ["pid", "number", "process id", (info) => info.pid],
  tid: [null, "number", "thread id", (info) => info.tid],
  ppid: [null, "number", "parent process id", (info) => info.ppid],
  comm: ["comm", "text", "process name", (info) => info.comm],
  exe: ["exe", "text", "executable", (info) => info.exe],
  args: ["args", "text", "command line", (info) => info.args?.join(" ")],
  uid: ["uid", "number", "user id", (info) => info.uid],
  user: ["user", "text", "user name", (info) => info.user],
  gid: [null, "number", "group id", (info) => info.gid],
  group: [null, "text", "group name", (info) => info.group],
  cgroup: [null, "text", "cgroup path", (info) => info.cgroup],
  start_time: [null, "text", "start time", (info) => info.start_time],
  "namespaces.pid": [null, "number", "pid namespace", (info) => info.namespaces?.pid],
  "namespaces.mnt": [null, "number", "mount namespace", (info) => info.namespaces?.mnt],
  "namespaces.net": [null, "number", "network namespace", (info) => info.namespaces?.net],
  "container.id": ["container.id", "text", "container id", (info) => info.container?.id],
  "container.name": ["container.name", "text", "container name", (info) => info.container?.name],
  "container.image": ["image", "text", "container image", (info) => info.container?.image],
  "container.runtime": [null, "text", "container runtime", (info) => info.container?.runtime],
  "pod.uid": [null, "text", "pod's uid", (info) => info.pod?.uid],
  "pod.name": ["pod", "text", "pod", (info) => info.pod?.name],
  "pod.namespace": ["namespace", "text", "pod's namespace", (info) => info.pod?.namespace],
};

const certificates = (read: (certificate: TlsEvent["certificates"][number]) => readonly string[]): ListReader => {
  return (event) => (event.type === "tls" ? event.certificates.flatMap(read) : undefined);
};

export const LISTS: Readonly<Record<string, readonly [about: string, read: ListReader]>> = {
  anomaly: ["what was wrong on the wire, by code", (event) => (event.type === "alert" ? undefined : event.anomalies)],
  alpn_offered: [
    "protocols the TLS client offered",
    (event) => (event.type === "tls" ? event.alpn_offered : undefined),
  ],
  "certificate.subject": ["certificates' subjects", certificates(({ subject }) => [subject])],
  "certificate.issuer": ["certificates' issuers", certificates(({ issuer }) => [issuer])],
  "certificate.serial": ["certificates' serial numbers", certificates(({ serial }) => [serial])],
  "certificate.sha256": ["certificates' SHA-256 fingerprints", certificates(({ sha256 }) => [sha256])],
  "certificate.name": ["names the certificates are for", certificates(({ names }) => names)],
};

/**
 * The row of Inspektor Gadget's trace_http: the fields of its declared contract with true values. One row a transaction
 * (proto HTTP) or TLS connection (proto HTTPS, of which only the host is known). What is not known is zero or empty, as
 * a C struct has it. Texts are not cut to the contract's array sizes.
 */
import type { EarshotEvent, Endpoint, Fields, TlsEvent, TransactionEvent } from "../../core/event.ts";
import type { ProcessInfo } from "../../core/process.ts";

export type Leaf = string | number | bigint | boolean;
export interface Tree {
  readonly [key: string]: Leaf | Tree;
}

export interface RowOptions {
  /** `--capture-request=false` leaves the request's fields empty. */
  readonly captureRequest: boolean;
  /** `--capture-response=false` leaves status and latency zero. */
  readonly captureResponse: boolean;
  /** `--min-latency`, milliseconds: rows whose latency is smaller, or not known, are left out; 0 for all. */
  readonly minLatency_ms: number;
}

const TCP = 6;

/** Nine digits as in the contract; what is captured has six, so the last three are zeros. */
function timestamp(time: string): string {
  return time.replace(/(\.\d{6})Z$/, "$1000Z");
}

function endpoint({ ip, port }: Endpoint): Tree {
  return { addr: ip, port, proto: TCP, version: ip.includes(":") ? 6 : 4 };
}

function processTree(process: ProcessInfo | null): Tree {
  return {
    comm: process?.comm ?? "",
    creds: {
      gid: process?.gid ?? 0,
      group: process?.group ?? "",
      uid: process?.uid ?? 0,
      user: process?.user ?? "",
    },
    mntns_id: process?.namespaces?.mnt ?? 0,
    parent: { comm: "", pid: process?.ppid ?? 0, tid: 0 },
    pid: process?.pid ?? 0,
    tid: process?.tid ?? 0,
  };
}

function kubernetes(process: ProcessInfo | null): Tree {
  const pod = process?.pod;
  const labels = Object.entries(pod?.labels ?? {});
  return {
    containerName: "",
    hostnetwork: false,
    namespace: pod?.namespace ?? "",
    node: "",
    owner: { kind: "", name: "" },
    podLabels: labels.map(([key, value]) => `${key}=${value}`).join(","),
    podName: pod?.name ?? "",
  };
}

function runtime(process: ProcessInfo | null): Tree {
  const container = process?.container;
  return {
    containerId: container?.id ?? "",
    containerImageDigest: "",
    containerImageName: container?.image ?? "",
    containerName: container?.name ?? "",
    containerPid: 0,
    containerStartedAt: 0,
    runtimeName: container?.runtime ?? "",
  };
}

interface HttpPart {
  readonly proto: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status_code: number;
  readonly content_length: number;
  readonly user_agent: string;
  /** Milliseconds; null when not known. */
  readonly latency_ms: number | null;
}

/** The Content-Length as sent; 0 when it was not, or makes no sense. */
function contentLength(fields: Fields | undefined): number {
  const value = fields?.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? "";
  return /^\d{1,15}$/.test(value) ? Number(value) : 0;
}

function ofTransaction(event: TransactionEvent, options: RowOptions): HttpPart {
  const request = options.captureRequest ? event.request : null;
  const response = options.captureResponse ? event.response : null;
  return {
    proto: "HTTP",
    method: request?.method ?? "",
    host: request?.host ?? "",
    path: request?.path ?? "",
    status_code: response?.status ?? 0,
    content_length: contentLength(response?.fields) || contentLength(request?.fields),
    user_agent: request?.user_agent ?? "",
    latency_ms: options.captureResponse ? event.latency_ms.ttfb : null,
  };
}

function ofTls(event: TlsEvent, options: RowOptions): HttpPart {
  const nothing = { method: "", path: "", status_code: 0, content_length: 0, user_agent: "" };
  const host = options.captureRequest ? (event.server_name ?? "") : "";
  return { ...nothing, proto: "HTTPS", host, latency_ms: options.captureResponse ? event.handshake_ms : null };
}

/** The row of an event, keys in alphabetical order; null when it has none. */
export function rowOf(event: EarshotEvent, options: RowOptions): Tree | null {
  if (event.type === "alert" || (!options.captureRequest && !options.captureResponse)) return null;
  const http = event.type === "transaction" ? ofTransaction(event, options) : ofTls(event, options);
  if (options.minLatency_ms > 0 && (http.latency_ms === null || http.latency_ms < options.minLatency_ms)) return null;
  // as in Tracee's view: the client's process when it is known, else the server's
  const process = event.process.client ?? event.process.server;
  return {
    content_length: http.content_length,
    dst: endpoint(event.flow.server),
    host: http.host,
    k8s: kubernetes(process),
    latency_ms: Math.round(http.latency_ms ?? 0),
    method: http.method,
    mntns_id: process?.namespaces?.mnt ?? 0,
    path: http.path,
    proc: processTree(process),
    proto: http.proto,
    runtime: runtime(process),
    src: endpoint(event.flow.client),
    status_code: http.status_code,
    timestamp: timestamp(event.time),
    timestamp_raw: BigInt(event.time_us) * 1000n,
    user_agent: http.user_agent,
  };
}

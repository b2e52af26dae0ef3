/**
 * Dimensions: what rankings count by. A name as `section`, `query:s` or several with commas (`host,status`) becomes a
 * function from event to key. Keys are cut to a length and stay as sent else; printing neutralises them.
 */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import type { ProcessInfo } from "../core/process.ts";
import {
  CUT_MARK,
  cut,
  fieldValue,
  pathSegment,
  queryParameter,
  sectionName,
  sectionOf,
  withoutPort,
} from "../core/target.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { agentFamily } from "./agent.ts";
import type { CountryLookup } from "./country.ts";
import { routeOf } from "./route.ts";

type Observed = TransactionEvent | TlsEvent;

/** null: the event has no such thing. undefined: the question does not arise (a TLS connection's status). */
export type Key = string | null | undefined;

export interface Dimension {
  /** As asked for: `query:s`, `host,status`. */
  readonly name: string;
  /** For a heading: `Query s`. */
  readonly title: string;
  /** Column headings, one for each part of the key. */
  readonly columns: readonly string[];
  /** What the events are, in this dimension: TLS dimensions count connections. */
  readonly unit: "requests" | "connections";
  key(event: Observed): Key;
}

export interface DimensionOptions {
  /** Longest key, in UTF-16 units; what is longer is cut and marked with `…`. */
  readonly maxLength?: number;
  readonly country?: CountryLookup;
}

export const MAX_STR_LENGTH = 1_024;

/** Between the parts of a key of several dimensions. */
const JOIN = "\x1f";

type Read = (event: Observed) => Key;

const request =
  (read: (request: NonNullable<TransactionEvent["request"]>) => string | null): Read =>
  (event) =>
    event.type !== "transaction" ? undefined : event.request === null ? null : read(event.request);
const response =
  (read: (response: NonNullable<TransactionEvent["response"]>) => string | null): Read =>
  (event) =>
    event.type !== "transaction" ? undefined : event.response === null ? null : read(event.response);
const tls =
  (read: (event: TlsEvent) => string | null): Read =>
  (event) =>
    event.type === "tls" ? read(event) : undefined;

/** Of the server's process where known, else of the client's: on most hosts only one of the two is here. */
const process =
  (read: (process: ProcessInfo) => string | null | undefined, end?: "client" | "server"): Read =>
  (event) => {
    const { client, server } = event.process;
    const found = end === "client" ? client : end === "server" ? server : (server ?? client);
    return found === null ? null : (read(found) ?? null);
  };

/** The few texts that most events share are made once; a hostile variety empties the memory, no more. */
function remembered(make: (text: string) => string, most = 1_024): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    let made = known.get(text);
    if (made === undefined) {
      if (known.size >= most) known.clear();
      made = make(text);
      known.set(text, made);
    }
    return made;
  };
}

/** Sections by host and first segment: both have few values where paths have many. */
const sections = new Map<string, (name: string) => string>();

function sectionKey(host: string, path: string | null): string {
  let ofHost = sections.get(host);
  if (ofHost === undefined) {
    if (sections.size >= 256) sections.clear();
    ofHost = remembered((name) => sectionOf(host, name), 64);
    sections.set(host, ofHost);
  }
  return ofHost(path === null ? "" : sectionName(path));
}

const route = remembered(routeOf, 16_384);
const lowerCase = remembered((text) => text.toLowerCase());
const httpVersion = remembered((version) => `http/${version}`);

const statusTexts = Array.from({ length: 1_000 }, (_, status) => String(status));
const statusText = (status: number) => statusTexts[status] ?? String(status);
const containerOf = ({ container }: ProcessInfo) => container && (container.name ?? container.id);
const podOf = ({ pod }: ProcessInfo) => pod && (pod.namespace ? `${pod.namespace}/${pod.name ?? pod.uid}` : pod.name);
const userOf = ({ user, uid }: ProcessInfo) => user ?? (uid === null ? null : String(uid));
const bareType = remembered((contentType) => contentType.split(";", 1)[0].trim().toLowerCase());
const mediaType = (contentType: string | null) => (contentType === null ? null : bareType(contentType));

const domain = remembered((host) => withoutPort(host).toLowerCase());

/** Status lines by status: the reason is nearly always the same one. */
const statusLines: { reason: string; line: string }[] = [];

function statusLine(status: number, reason: string): string {
  const known = statusLines[status];
  if (known !== undefined && known.reason === reason) return known.line;
  const line = `${statusText(status)} ${reason}`.trimEnd();
  if (status >= 100 && status < 600) statusLines[status] = { reason, line };
  return line;
}

function protocolOf(event: Observed): string {
  if (event.type === "tls") return event.alpn ?? event.version ?? "tls";
  return event.http.upgrade ?? httpVersion(event.http.version);
}

/** name → [title, reader]. */
const SIMPLE: Readonly<Record<string, readonly [string, Read]>> = {
  section: ["Section", request((half) => (half.host === null ? null : sectionKey(half.host, half.path)))],
  domain: ["Domain", request((half) => (half.host === null ? null : domain(half.host)))],
  host: ["Host", request((half) => (half.host === null ? null : lowerCase(half.host)))],
  "user-agent": ["User-Agent", request((half) => half.user_agent)],
  "user-agent-family": [
    "User-Agent Family",
    request((half) => (half.user_agent === null ? null : agentFamily(half.user_agent))),
  ],
  method: ["Method", request((half) => half.method)],
  path: ["Path", request((half) => half.path)],
  target: ["Target", request((half) => half.target)],
  route: ["Route", request((half) => (half.path === null ? null : route(half.path)))],
  "request-type": ["Request Content Type", request((half) => mediaType(half.content_type))],
  status: ["Status", response((half) => statusText(half.status))],
  "status-line": ["Status Line", response((half) => statusLine(half.status, half.reason))],
  "status-class": ["Status Class", response((half) => `${Math.floor(half.status / 100)}xx`)],
  "content-type": ["Content Type", response((half) => mediaType(half.content_type))],
  "http-version": ["HTTP Version", (event) => (event.type === "transaction" ? event.http.version : undefined)],
  outcome: ["Outcome", (event) => (event.type === "transaction" ? event.outcome : undefined)],
  client: ["Client", (event) => event.flow.client.ip],
  server: ["Server", (event) => event.flow.server.ip],
  "server-port": ["Server Port", (event) => statusText(event.flow.server.port)],
  endpoint: ["Endpoint", (event) => `${event.flow.server.ip} ${event.flow.server.port}`],
  protocol: ["Protocol", protocolOf],
  interface: ["Interface", (event) => event.flow.interface],
  process: ["Process", process((info) => info.comm)],
  "client-process": ["Client Process", process((info) => info.comm, "client")],
  "server-process": ["Server Process", process((info) => info.comm, "server")],
  container: ["Container", process(containerOf)],
  pod: ["Pod", process(podOf)],
  user: ["User", process(userOf)],
  "server-name": ["TLS Server Name", tls((event) => event.server_name)],
  "tls-version": ["TLS Version", tls((event) => event.version)],
  cipher: ["TLS Cipher", tls((event) => event.cipher)],
  ja4: ["JA4", tls((event) => event.ja4)],
};

const ALIASES: Readonly<Record<string, string>> = {
  ua: "user-agent",
  useragent: "user-agent",
  "user-agents": "user-agent",
  "ua-family": "user-agent-family",
  browser: "user-agent-family",
  template: "route",
  "path-template": "route",
  code: "status",
  "status-code": "status",
  class: "status-class",
  uri: "target",
  url: "target",
  source: "client",
  ip: "client",
  port: "server-port",
  version: "http-version",
  comm: "process",
  sni: "server-name",
};

/** `NAME:ARGUMENT` → title and reader for an argument; null when the argument makes no sense. */
const FAMILIES: Readonly<Record<string, (argument: string) => readonly [string, Read] | null>> = {
  query: (name) => [
    `Query ${name}`,
    request((half) => (half.query === null ? null : queryParameter(half.query, name))),
  ],
  header: (name) => {
    const lower = name.toLowerCase();
    return [`Header ${name}`, request((half) => fieldValue(half.fields, lower))];
  },
  "response-header": (name) => {
    const lower = name.toLowerCase();
    return [`Response Header ${name}`, response((half) => fieldValue(half.fields, lower))];
  },
  path: (text) => {
    if (!/^[1-9]\d?$/.test(text)) return null;
    const number = Number(text);
    return [`Path Segment ${number}`, request((half) => (half.path === null ? null : pathSegment(half.path, number)))];
  },
  label: (name) => [
    `Label ${name}`,
    (event) => (event.labels !== undefined && Object.hasOwn(event.labels, name) ? event.labels[name] : null),
  ],
};

/** What `--by` takes, for help texts. */
export const DIMENSION_NAMES: readonly string[] = [
  ...Object.keys(SIMPLE),
  "country",
  ...Object.keys(FAMILIES).map((name) => `${name}:${name === "path" ? "N" : "NAME"}`),
];

/** Throws Trouble (exit code 2) for a name that is none. */
export function dimension(spec: string, options: DimensionOptions = {}): Dimension {
  const parts = spec.split(",").map((part) => part.trim());
  const readers = parts.map((part) => single(part, options));
  const maxLength = options.maxLength ?? MAX_STR_LENGTH;
  const columns = readers.map(([title]) => title);
  const reads = readers.map(([, read]) => read);
  const unit = parts.every((part) => TLS_ONLY.has(canonical(part))) ? "connections" : "requests";
  const key = reads.length === 1 ? cutKey(reads[0], maxLength) : joinedKey(reads, maxLength);
  return { name: parts.join(","), title: columns.join(", "), columns, unit, key };
}

const TLS_ONLY = new Set(["server-name", "tls-version", "cipher", "ja4"]);

function canonical(name: string): string {
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
}

function single(part: string, { country }: DimensionOptions): readonly [string, Read] {
  const name = canonical(part);
  if (Object.hasOwn(SIMPLE, name)) return SIMPLE[name];
  if (name === "country") {
    if (country === undefined) throw unknown(part, "The country database is not there.");
    return ["Country", (event) => country(event.flow.client.ip)];
  }
  const colon = part.indexOf(":");
  const family = colon < 0 ? "" : part.slice(0, colon);
  const argument = part.slice(colon + 1);
  const made = Object.hasOwn(FAMILIES, family) && argument !== "" ? FAMILIES[family](argument) : null;
  if (made === null) throw unknown(part, suggestion(part));
  return made;
}

function suggestion(part: string): string {
  const meant = nearest(part, [...Object.keys(SIMPLE), ...Object.keys(ALIASES), "country"]);
  if (meant !== null) return `Did you mean ${meant}?`;
  return `Use one of: ${DIMENSION_NAMES.join(", ")}; or several with commas.`;
}

function unknown(part: string, hint: string): Trouble {
  return new Trouble(`cannot group by "${printable(part)}"`, { exitCode: EXIT.usage, hint });
}

function cutKey(read: Read, maxLength: number): Read {
  return (event) => {
    const key = read(event);
    return typeof key === "string" && key.length > maxLength ? cut(key, maxLength) : key;
  };
}

/** A part that is missing stays missing in its column; a key of missing parts only is no key. */
function joinedKey(reads: readonly Read[], maxLength: number): Read {
  return (event) => {
    let joined = "";
    let any = false;
    for (let index = 0; index < reads.length; index++) {
      const part = reads[index](event);
      if (part === undefined) return undefined;
      if (index > 0) joined += JOIN;
      if (part === null) continue;
      any = true;
      const short = cut(part, maxLength);
      joined += short.includes(JOIN) ? short.replaceAll(JOIN, CUT_MARK) : short;
    }
    return any ? joined : null;
  };
}

/** The parts of a key, one for each of the dimension's columns; what was missing is the empty string. */
export function keyParts(key: string, of: Pick<Dimension, "columns">): string[] {
  return of.columns.length === 1 ? [key] : key.split(JOIN);
}

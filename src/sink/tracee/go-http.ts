/**
 * A message as Go's net/http shows it to Tracee: canonical field names in a sorted map, decoded path, content length with
 * its two special values, status text. Differences from Go, each towards more: a message that Go refuses (duplicate
 * lengths, unknown transfer codings, bad escapes in the path) is shown and not dropped, and no field is made up (Go adds
 * `Cache-Control: no-cache` to an old `Pragma`).
 */
import type { Fields, RequestInfo, ResponseInfo } from "../../core/event.ts";

/** Canonical name → values in wire order; sorted by name. */
export type GoHeader = readonly (readonly [name: string, values: readonly string[]])[];

export interface GoMessage {
  readonly method: string;
  readonly protocol: string;
  readonly host: string;
  readonly uri_path: string;
  readonly status: string;
  readonly status_code: number;
  readonly headers: GoHeader;
  /** -1: not known from the head (chunked, or a response until the connection's end). */
  readonly content_length: number;
}

const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/** textproto.CanonicalMIMEHeaderKey: `content-TYPE` → `Content-Type`; a name with other characters stays as it is. */
export function canonicalName(name: string): string {
  if (NOT_TOKEN.test(name)) return name;
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, before: string, letter: string) => before + letter.toUpperCase());
}

/** `HTTP/1.1`; Go writes HTTP/2 and 3 with a minor version. */
function protocolOf(version: string): string {
  return `HTTP/${version.includes(".") ? version : `${version}.0`}`;
}

function group(fields: Fields): Map<string, string[]> {
  const header = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const canonical = canonicalName(name);
    const values = header.get(canonical);
    if (values === undefined) header.set(canonical, [value]);
    else values.push(value);
  }
  return header;
}

function sorted(header: Map<string, string[]>): GoHeader {
  return [...header].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Takes away what Go reads off the header (transfer.go), and tells the content length; null for none stated. */
function takeFraming(header: Map<string, string[]>, version: string): number | null {
  const lengths = header.get("Content-Length");
  if (header.delete("Transfer-Encoding") && version !== "1.0" && version !== "0.9") {
    header.delete("Content-Length");
    header.delete("Trailer");
    return -1;
  }
  if (lengths === undefined) return null;
  if (lengths.every((value) => value === lengths[0])) lengths.length = 1;
  const digits = lengths[0].trim();
  return lengths.length === 1 && /^\d{1,15}$/.test(digits) ? Number(digits) : -1;
}

/** Percent-decoded; as it is where an escape is no escape. Octets that are no UTF-8 become U+FFFD, as in Go's JSON. */
function decodePath(path: string): string {
  if (!path.includes("%") || /%(?![0-9a-f]{2})/i.test(path)) return path;
  const bytes: number[] = [];
  const raw = Buffer.from(path);
  for (let at = 0; at < raw.length; at++) {
    if (raw[at] === 0x25) {
      bytes.push(Number.parseInt(raw.toString("latin1", at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(raw[at]);
  }
  return Buffer.from(bytes).toString("utf8");
}

export function goRequest(request: RequestInfo, version: string): GoMessage {
  const header = group(request.fields);
  header.delete("Host");
  const host = request.host ?? "";
  return {
    method: request.method,
    protocol: protocolOf(version),
    // userinfo is no part of Go's Host
    host: host.slice(host.lastIndexOf("@") + 1),
    uri_path: decodePath(request.path ?? ""),
    status: "",
    status_code: 0,
    content_length: takeFraming(header, version) ?? 0,
    headers: sorted(header),
  };
}

export function goResponse(response: ResponseInfo, version: string): GoMessage {
  const { status, reason } = response;
  const header = group(response.fields);
  const stated = takeFraming(header, version);
  const hasNoContent = status < 200 || status === 204 || status === 304;
  return {
    method: "",
    protocol: protocolOf(version),
    host: "",
    uri_path: "",
    status: reason === "" ? String(status).padStart(3, "0") : `${status} ${reason}`,
    status_code: status,
    content_length: hasNoContent ? 0 : (stated ?? -1),
    headers: sorted(header),
  };
}

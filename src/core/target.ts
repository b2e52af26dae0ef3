/**
 * What a request's target and fields say, in the few readings that filters and statistics share: section, query
 * parameter, path segment, field value. Pure; input is whatever a client sent, so nothing here throws.
 */
import type { Fields } from "./event.ts";

const ESCAPED_RUN = /(?:%[0-9a-fA-F]{2})+/g;

/** Percent-decoding (RFC 3986 section 2.1) as UTF-8; octets that are no UTF-8 become U+FFFD, a stray `%` stays. */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(ESCAPED_RUN, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
}

/** What marks a text that was cut. */
export const CUT_MARK = "…";

/** At most `most` UTF-16 units, cut between characters and marked with `…` (which is not counted). */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  // never leave half of a surrogate pair behind
  const end = last >= 0xd800 && last <= 0xdbff ? most - 1 : most;
  return text.slice(0, end) + CUT_MARK;
}

/** The `number`th non-empty segment of a path, from 1, percent-decoded before it is split; null when there is none. */
export function pathSegment(path: string, number: number): string | null {
  const decoded = percentDecode(path);
  let start = 0;
  for (let found = 0; start <= decoded.length; ) {
    let end = decoded.indexOf("/", start);
    if (end < 0) end = decoded.length;
    if (end > start && ++found === number) return decoded.slice(start, end);
    start = end + 1;
  }
  return null;
}

/** A host without its port; the brackets of an IPv6 address stay. */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon < 0 || host.endsWith("]") ? host : host.slice(0, colon);
}

/**
 * `http://` + host + `/` + first segment: the console monitor's grouping. A root path gives `http://host`; null when
 * the host is not known. The segment is taken after decoding, and what follows a `?` in it is dropped.
 */
export function section(host: string | null, path: string | null): string | null {
  return host === null ? null : sectionOf(host, path === null ? "" : sectionName(path));
}

/** The section's part of a path: its first segment, up to a `?`; empty for the root. */
export function sectionName(path: string): string {
  const first = pathSegment(path, 1) ?? "";
  const mark = first.indexOf("?");
  return mark < 0 ? first : first.slice(0, mark);
}

export function sectionOf(host: string, name: string): string {
  const origin = `http://${host.toLowerCase()}`;
  return name === "" ? origin : `${origin}/${name}`;
}

function formDecode(text: string): string {
  return percentDecode(text.includes("+") ? text.replaceAll("+", " ") : text);
}

/**
 * Last value of a query parameter, read like a form (`+` is a space, `%XX` decoded, case matters, `;` does not
 * separate). null when the name is absent or has only blank values.
 */
export function queryParameter(query: string, name: string): string | null {
  let end = query.length;
  while (end >= 0) {
    const start = end === 0 ? 0 : query.lastIndexOf("&", end - 1) + 1;
    const equals = query.indexOf("=", start);
    if (equals >= 0 && equals < end - 1 && formDecode(query.slice(start, equals)) === name) {
      return formDecode(query.slice(equals + 1, end));
    }
    end = start - 1;
  }
  return null;
}

/** Value of a field, any case of the name; several lines are joined with `, ` (RFC 9110 section 5.3). */
export function fieldValue(fields: Fields, lowerName: string): string | null {
  let value: string | null = null;
  for (const line of fields) {
    const name = line[0];
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue;
    value = value === null ? line[1] : `${value}, ${line[1]}`;
  }
  return value;
}

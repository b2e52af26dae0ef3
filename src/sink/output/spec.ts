/**
 * `-o` read into data: `FORMAT[=DESTINATION]`, as in `json`, `combined=/var/log/http.log?rotate-size=100MB&keep=7`,
 * `tracee=forward:tcp://127.0.0.1:24224?tag=tracee`, `template='{time} {request.method}'`, `template:PATH={time}`.
 */
import { EXIT, Trouble } from "../../core/trouble.ts";
import { rangeOf } from "../../filter/literal.ts";
import { nearest } from "../../filter/mistake.ts";
import { Redactor } from "../../redact/redactor.ts";
import type { ForwardCredentials } from "./forward-handshake.ts";

/** Formats by name; other spellings of the same. The CLI may know more than these (`pcapng`). */
export const FORMATS = [
  ...["json", "table", "none", "tracee", "tracee-table", "common", "combined", "w3c", "csv", "template"],
  ...["ig-columns", "ig-json", "ig-jsonpretty", "ig-yaml"],
] as const;
const ALIASES: Readonly<Record<string, string>> = {
  jsonl: "json",
  ndjson: "json",
  "jsonl-file": "json",
  "tracee-json": "tracee",
  clf: "common",
  apache: "combined",
  ig: "ig-columns",
  text: "table",
};

export interface FileDestinationSpec {
  readonly kind: "file";
  readonly path: string;
  readonly rotate_bytes: number | null;
  readonly rotate_age_s: number | null;
  readonly keep: number | null;
  readonly compress: boolean;
}

export interface WebhookSpec {
  readonly kind: "webhook";
  readonly url: string;
  readonly timeout_ms: number;
  readonly content_type: string;
  /** Tries for one record before it is dropped. */
  readonly attempts: number;
}

export interface ForwardSpec {
  readonly kind: "forward";
  readonly host: string;
  readonly port: number;
  readonly tag: string;
  readonly timeout_ms: number;
  /** Null where the receiver asks for none. */
  readonly credentials: ForwardCredentials | null;
}

export type DestinationSpec = { readonly kind: "stdout" } | FileDestinationSpec | WebhookSpec | ForwardSpec;

export interface OutputSpec {
  readonly format: string;
  /** The text of `template`; null for other formats. */
  readonly template: string | null;
  readonly destination: DestinationSpec;
}

function usage(message: string, hint: string): Trouble {
  return new Trouble(messages.text(message), { exitCode: EXIT.usage, hint });
}

/** Mistakes are shown to whoever reads the terminal or the log: a webhook's token must not be. */
const messages = new Redactor();

/** Reads one `-o`. `more` are formats that the caller knows beside FORMATS. */
export function parseOutputSpec(given: string, more: readonly string[] = []): OutputSpec {
  const text = given.trim();
  const equals = text.indexOf("=");
  const head = equals < 0 ? text : text.slice(0, equals);
  const value = equals < 0 ? null : text.slice(equals + 1);
  const colon = head.indexOf(":");
  const written = colon < 0 ? head : head.slice(0, colon);
  const formats = [...FORMATS, ...more];
  const format = ALIASES[written] ?? written;
  if (!formats.includes(format)) {
    const near = nearest(written, [...formats, ...Object.keys(ALIASES)]);
    const meant = near === null ? "" : ` (did you mean \`${near}\`?)`;
    throw usage(`-o ${text}: no output is called \`${written}\`${meant}`, `use one of ${formats.join(", ")}`);
  }
  if (format === "template") return templateSpec(text, colon < 0 ? null : head.slice(colon + 1), value);
  if (colon >= 0) throw usage(`-o ${text}: unexpected \`:\``, `write ${written}=DESTINATION`);
  if (value === null && written === "jsonl-file") throw usage("-o jsonl-file needs a path", "write jsonl-file=PATH");
  return { format, template: null, destination: value === null ? { kind: "stdout" } : parseDestination(text, value) };
}

function templateSpec(text: string, destination: string | null, template: string | null): OutputSpec {
  if (template === null || template === "") {
    throw usage(`-o ${text}: the template is missing`, "write template='{time} {request.method} {request.target}'");
  }
  return {
    format: "template",
    template,
    destination: destination === null ? { kind: "stdout" } : parseDestination(text, destination),
  };
}

function parseDestination(spec: string, text: string): DestinationSpec {
  if (text === "") throw usage(`-o ${spec}: nothing stands behind \`=\``, "give a path, or - for standard output");
  if (text === "-") return { kind: "stdout" };
  if (text.startsWith("webhook:")) return webhook(spec, text.slice("webhook:".length));
  if (text.startsWith("forward:")) return forward(spec, text.slice("forward:".length));
  return file(spec, text.startsWith("file:") ? text.slice("file:".length) : text);
}

/** Takes options out of `name=value&…`; what is left over is a mistake. */
class Options {
  private readonly spec: string;
  private readonly values: URLSearchParams;
  private readonly known: string[] = [];

  constructor(spec: string, values: URLSearchParams) {
    this.spec = spec;
    this.values = values;
  }

  text(name: string): string | null {
    this.known.push(name);
    return this.values.get(name);
  }

  number(name: string, type: "size" | "duration" | "number", example: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const range = rangeOf(text, type);
    if (range === null || range.low <= 0) {
      throw usage(`-o ${this.spec}: \`${name}=${text}\` is not understood`, `write ${name}=${example}`);
    }
    return range.low;
  }

  flag(name: string): boolean {
    const text = this.text(name);
    if (text === null || ["no", "false", "0"].includes(text)) return false;
    if (["yes", "true", "1", ""].includes(text)) return true;
    throw usage(`-o ${this.spec}: \`${name}=${text}\` is not understood`, `write ${name}=yes`);
  }

  finish(): void {
    for (const name of this.values.keys()) {
      if (this.known.includes(name)) continue;
      throw usage(`-o ${this.spec}: no option is called \`${name}\``, `options here are ${this.known.join(", ")}`);
    }
  }
}

function file(spec: string, text: string): FileDestinationSpec {
  const question = text.indexOf("?");
  const path = question < 0 ? text : text.slice(0, question);
  const options = new Options(spec, new URLSearchParams(question < 0 ? "" : text.slice(question + 1)));
  if (path === "") throw usage(`-o ${spec}: the path is missing`, "write FORMAT=PATH");
  const age_ms = options.number("rotate-age", "duration", "1d");
  const result: FileDestinationSpec = {
    kind: "file",
    path,
    rotate_bytes: options.number("rotate-size", "size", "100MB"),
    rotate_age_s: age_ms === null ? null : age_ms / 1000,
    keep: options.number("keep", "number", "7"),
    compress: options.flag("gzip"),
  };
  options.finish();
  return result;
}

function parseUrl(spec: string, text: string, protocols: readonly string[], example: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !protocols.includes(url.protocol) || url.hostname === "") {
    throw usage(`-o ${spec}: not a URL for this`, `write ${example}`);
  }
  return url;
}

/** Tracee's form: options are among the query's parameters, and not sent. */
function webhook(spec: string, text: string): WebhookSpec {
  const url = parseUrl(spec, text, ["http:", "https:"], "webhook:http://host:8080/path?timeout=5s");
  const options = new Options(spec, url.searchParams);
  const result = {
    kind: "webhook",
    timeout_ms: options.number("timeout", "duration", "5s") ?? 10_000,
    content_type: options.text("contentType") ?? "application/json",
    attempts: options.number("attempts", "number", "3") ?? 3,
  } as const;
  for (const name of ["timeout", "contentType", "attempts"]) url.searchParams.delete(name);
  return { ...result, url: url.href };
}

function credentials(url: URL, key: string | null): ForwardCredentials | null {
  if (key === null && url.username === "") return null;
  return {
    shared_key: key ?? "",
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

function forward(spec: string, text: string): ForwardSpec {
  const url = parseUrl(spec, text, ["tcp:"], "forward:tcp://127.0.0.1:24224?tag=tracee");
  const options = new Options(spec, url.searchParams);
  const result: ForwardSpec = {
    kind: "forward",
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? 24224 : Number(url.port),
    tag: options.text("tag") ?? "tracee",
    timeout_ms: options.number("connectionTimeout", "duration", "10s") ?? 10_000,
    credentials: credentials(url, options.text("shared_key")),
  };
  options.finish();
  return result;
}

/** Several outputs together: not two on standard output, not two on one file. */
export function checkOutputs(specs: readonly OutputSpec[]): void {
  const taken = new Set<string>();
  for (const { destination, format } of specs) {
    if (format === "none") continue;
    const place = destination.kind === "stdout" ? "-" : destination.kind === "file" ? destination.path : null;
    if (place !== null && taken.has(place)) {
      const where = place === "-" ? "standard output" : place;
      throw usage(`two outputs write to ${where}`, `give one of them a file of its own: -o ${format}=PATH`);
    }
    if (place !== null) taken.add(place);
  }
}

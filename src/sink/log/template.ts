/**
 * `-o template='{time} {request.method} {status?-} {ttfb|.1}'`: a line of the user's own. `{FIELD}` is a field of the
 * filter language (docs/filter-language.md), `?` gives what stands for a missing value (`-` when not said), `|` a
 * format. `{{` and `}}` are braces, `\t` and `\n` a tab and a line end. Values come without controls.
 */
import type { EarshotEvent } from "../../core/event.ts";
import { printable } from "../../core/printable.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { formatTime } from "../../core/units.ts";
import { fieldNames, findField } from "../../filter/field.ts";
import type { Field, Value } from "../../filter/field-type.ts";
import { nearest } from "../../filter/mistake.ts";
import type { EventFormat } from "../output/destination.ts";
import { clfTime, escapeLogItem, type LogOptions, REVEAL_NOTICE } from "./apache.ts";

type Part = (event: EarshotEvent) => string;
/** A format; null when it cannot be used for a field of that type. */
type Format = (value: NonNullable<Value>) => string;

const text =
  (format: (value: string) => string): Format =>
  (value) =>
    format(String(value));
const micros =
  (format: (time_us: number) => string): Format =>
  (value) =>
    format(Number(value));

const FORMATS: Readonly<Record<string, { readonly make: Format; readonly types?: readonly Field["type"][] }>> = {
  json: { make: (value) => JSON.stringify(value) },
  /** As in Apache's logs: for values between quotes. */
  log: { make: text(escapeLogItem) },
  url: { make: text((value) => encodeURIComponent(value.toWellFormed())) },
  upper: { make: text((value) => value.toUpperCase()) },
  lower: { make: text((value) => value.toLowerCase()) },
  s: { make: (value) => String(Number(value) / 1000), types: ["duration"] },
  us: { make: (value) => String(Math.round(Number(value) * 1000)), types: ["duration"] },
  rfc3339: { make: micros(formatTime), types: ["time"] },
  clf: { make: micros((time) => clfTime(formatTime(time))), types: ["time"] },
  unix: { make: micros((time) => String(Math.floor(time / 1e6))), types: ["time"] },
  unix_ms: { make: micros((time) => String(Math.floor(time / 1e3))), types: ["time"] },
};

function usage(message: string, hint: string): Trouble {
  return new Trouble(`template: ${message}`, { exitCode: EXIT.usage, hint });
}

/** `.2` decimals, `<20` and `>20` widths, else by name. */
function formatNamed(name: string, field: Field): Format {
  const decimals = /^\.(\d)$/.exec(name)?.[1];
  if (decimals !== undefined) return (value) => Number(value).toFixed(Number(decimals));
  const width = /^([<>])(\d{1,3})$/.exec(name);
  if (width !== null) {
    const length = Number(width[2]);
    return text((value) => (width[1] === "<" ? value.padEnd(length) : value.padStart(length)));
  }
  const known = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (known === undefined || (known.types !== undefined && !known.types.includes(field.type))) {
    const names = Object.keys(FORMATS).filter((one) => FORMATS[one].types?.includes(field.type) ?? true);
    throw usage(`no format \`${name}\` for \`${field.name}\``, `formats are ${names.join(", ")}, .2, <20 and >20`);
  }
  return known.make;
}

function firstValue(field: Field, event: EarshotEvent): Value {
  if (field.list !== undefined) return field.list(event)?.join(",");
  for (const read of field.readers) {
    const value = read(event);
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

function place(content: string): Part {
  const [head, ...formatNames] = content.split("|");
  const [, path, missing = "-"] = /^([^?]*)(?:\?(.*))?$/s.exec(head) as unknown as [string, string, string?];
  const field = findField(path.trim(), null);
  if (field === null) {
    const near = nearest(path.trim(), fieldNames());
    const meant = near === null ? "" : ` (did you mean \`${near}\`?)`;
    throw usage(`there is no field \`${path.trim()}\`${meant}`, "`earshot help fields` lists them");
  }
  if (field.type === "time" && formatNames.length === 0) formatNames.push("rfc3339");
  const formats = formatNames.map((name) => formatNamed(name.trim(), field));
  return (event) => {
    const value = firstValue(field, event);
    if (value === null || value === undefined) return missing;
    return printable(String(formats.reduce<NonNullable<Value>>((shown, format) => format(shown), value)));
  };
}

const ESCAPES: Readonly<Record<string, string>> = { "\\t": "\t", "\\n": "\n", "\\\\": "\\" };

/** Reads a template; throws Trouble on a mistake. */
export function compileTemplate(template: string): Part {
  const parts: Part[] = [];
  const pieces = template.match(/\{\{|\}\}|\{[^{}]*\}|\\[tn\\]|[{}\\]|[^{}\\]+/gs) ?? [];
  for (const piece of pieces) {
    if (piece === "{" || piece === "}") {
      throw usage(`a \`${piece}\` without its other half`, "write {{ and }} for braces that are meant as such");
    }
    if (piece.length > 2 && piece.startsWith("{")) parts.push(place(piece.slice(1, -1)));
    else if (piece === "{}") throw usage("`{}` names no field", "write as {request.method}");
    else {
      const literal = piece === "{{" || piece === "}}" ? piece[0] : (ESCAPES[piece] ?? piece);
      parts.push(() => literal);
    }
  }
  return (event) => parts.map((part) => part(event)).join("");
}

export class TemplateFormat implements EventFormat {
  readonly name = "template";
  private readonly line: Part;
  private readonly reveal: boolean;

  constructor(template: string, options: LogOptions) {
    this.line = compileTemplate(template);
    this.reveal = options.reveal;
  }

  header(): string {
    return this.reveal ? REVEAL_NOTICE : "";
  }

  format(event: EarshotEvent): readonly string[] {
    return [this.line(event)];
  }
}

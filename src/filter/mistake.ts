/** Errors in a filter: the message, the source line and a caret under the column, as Trouble with exit code 2. */
import { printable } from "../core/printable.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Source, Span } from "./syntax.ts";

export { nearest } from "../core/nearest.ts";

/** Columns shown around the mistake of a long filter. */
const CONTEXT = 60;

export function mistake(source: Source, at: Span, message: string, hint = ""): Trouble {
  const where = source.name === null ? "filter" : `filter @${source.name}`;
  const from = Math.max(0, at.start - CONTEXT);
  const to = Math.min(source.text.length, Math.max(at.end, at.start) + CONTEXT);
  const before = shown(source.text.slice(from, at.start));
  const marked = shown(source.text.slice(at.start, at.end));
  const after = shown(source.text.slice(Math.max(at.end, at.start), to));
  const lead = from > 0 ? "…" : "";
  const line = `${lead}${before}${marked}${after}${to < source.text.length ? "…" : ""}`;
  const caret = " ".repeat(lead.length + before.length) + "^".repeat(Math.max(1, marked.length));
  return new Trouble(`${where}, column ${at.start + 1}: ${message}\n  ${line}\n  ${caret}`, {
    exitCode: EXIT.usage,
    hint,
  });
}

function shown(text: string): string {
  return printable(text.replace(/\s/g, " "));
}

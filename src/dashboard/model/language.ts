/** The filter language (src/filter) as the dashboards use it: mistakes as data, proposals with values seen so far. */
import { Trouble } from "../../core/trouble.ts";
import { complete } from "../../filter/complete.ts";
import { findField } from "../../filter/field.ts";
import { compileFilter } from "../../filter/filter.ts";
import type { CompiledFilter, Completion, FilterLanguage, FilterMistake } from "./filter.ts";

/** Proposals shown at once. */
const MOST_PROPOSALS = 20;

/** `named`: filters from the configuration, usable as `@name`. */
export function filterLanguage(named: Readonly<Record<string, string>> = {}): FilterLanguage {
  const names = Object.keys(named);
  return {
    compile: (text) => compileOrExplain(text, named),
    complete: (text, cursor, observed) => proposals(text, cursor, names, observed),
  };
}

function compileOrExplain(text: string, named: Readonly<Record<string, string>>): CompiledFilter | FilterMistake {
  try {
    return compileFilter(text, { named });
  } catch (error) {
    if (error instanceof Trouble) return mistakeOf(error);
    throw error;
  }
}

/** `filter, column 8: message`, then the line and a caret, which the dashboard draws under its own line. */
function mistakeOf(trouble: Trouble): FilterMistake {
  const firstLine = trouble.message.split("\n", 1)[0];
  const match = /^filter[^,]*, column (\d+): (.*)$/.exec(firstLine);
  const message = match === null ? firstLine : match[2];
  return {
    message: trouble.hint === "" ? message : `${message}. ${trouble.hint}`,
    column: match === null ? 0 : Number(match[1]) - 1,
  };
}

function proposals(
  text: string,
  cursor: number,
  names: readonly string[],
  observed: (field: string) => readonly string[],
): readonly Completion[] {
  const known = complete(text, cursor, names);
  const typed = text.slice(known.from, cursor).replace(/^["']/, "").toLowerCase();
  const seen = known.kind === "value" && known.field !== null ? observed(known.field) : [];
  const matching = seen.filter((value) => value.toLowerCase().includes(typed)).map(quoted);
  const candidates = [...new Set([...matching, ...known.candidates])];
  return candidates.slice(0, MOST_PROPOSALS).map((candidate) => ({
    text: candidate,
    from: known.from,
    to: known.to,
    note: known.kind === "field" ? (findField(candidate, null)?.about ?? "") : "",
  }));
}

/** A value as the language reads it back. */
function quoted(value: string): string {
  if (value !== "" && !/[\s,()"'\\]/.test(value)) return value;
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

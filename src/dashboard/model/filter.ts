/** What the model needs of a filter language. The real one is src/filter; tests and early starts may bring their own. */
import type { EarshotEvent } from "../../core/event.ts";

export interface CompiledFilter {
  readonly text: string;
  matches(event: EarshotEvent): boolean;
}

/** What is wrong with a filter's text, and where: index of the first character meant. */
export interface FilterMistake {
  readonly message: string;
  readonly column: number;
}

/** A proposal for the text `[from, to)` of the line. */
export interface Completion {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly note: string;
}

export interface FilterLanguage {
  compile(text: string): CompiledFilter | FilterMistake;
  /** Proposals for a cursor position. `observed` gives values seen for a field, most frequent first. */
  complete(text: string, cursor: number, observed: (field: string) => readonly string[]): readonly Completion[];
}

export function isMistake(result: CompiledFilter | FilterMistake): result is FilterMistake {
  return "message" in result;
}

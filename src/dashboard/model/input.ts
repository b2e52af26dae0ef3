/** Editing of the filter and search lines, with proposals. Pure: a line and a key give the next line. */
import type { FilterLanguage } from "./filter.ts";
import { isMistake } from "./filter.ts";
import type { Input } from "./ui.ts";

/** Longest line taken; a filter longer than this was not typed by a person. */
const LONGEST_LINE = 2000;

/** What completion and checking need. */
export interface InputContext {
  readonly language: FilterLanguage | null;
  observed(field: string): readonly string[];
}

export function openInput(kind: Input["kind"], text: string, context: InputContext): Input {
  return edited(
    { kind, text, cursor: text.length, completions: [], chosen: -1, typed: null, mistake: null },
    text,
    text.length,
    context,
  );
}

/** The line with another text: proposals and mistakes are found anew. */
function edited(input: Input, text: string, cursor: number, context: InputContext): Input {
  const base = { ...input, text, cursor, chosen: -1, typed: null };
  if (input.kind === "search" || context.language === null) return { ...base, completions: [], mistake: null };
  const completions = context.language.complete(text, cursor, (field) => context.observed(field));
  return { ...base, completions, mistake: mistakeIn(text, context.language) };
}

function mistakeIn(text: string, language: FilterLanguage): Input["mistake"] {
  if (text.trim() === "") return null;
  const result = language.compile(text);
  return isMistake(result) ? result : null;
}

export function typeText(input: Input, typed: string, context: InputContext): Input {
  const text = input.text.slice(0, input.cursor) + typed + input.text.slice(input.cursor);
  if (text.length > LONGEST_LINE) return input;
  return edited(input, text, input.cursor + typed.length, context);
}

export function deleteText(input: Input, what: "before" | "after" | "word" | "all", context: InputContext): Input {
  const { text, cursor } = input;
  if (what === "all") return edited(input, text.slice(cursor), 0, context);
  if (what === "after")
    return edited(input, text.slice(0, cursor) + text.slice(nextPlace(text, cursor)), cursor, context);
  const start = what === "before" ? previousPlace(text, cursor) : wordStart(text, cursor);
  return edited(input, text.slice(0, start) + text.slice(cursor), start, context);
}

export function moveCursor(input: Input, to: "left" | "right" | "start" | "end", context: InputContext): Input {
  const { text, cursor } = input;
  const places = { left: previousPlace(text, cursor), right: nextPlace(text, cursor), start: 0, end: text.length };
  return edited(input, text, places[to], context);
}

/** Puts the next proposal into the line; going past the last gives back what was typed. */
export function complete(input: Input, by: -1 | 1, context: InputContext): Input {
  const { completions } = input;
  if (completions.length === 0) return input;
  const typed = input.typed ?? { text: input.text, cursor: input.cursor };
  const count = completions.length + 1;
  const chosen = ((input.chosen + 1 + by + count) % count) - 1;
  if (chosen < 0) return { ...input, ...typed, chosen, typed: null, mistake: mistakeOf(typed.text, context) };
  const { from, to, text: proposal } = completions[chosen];
  const text = typed.text.slice(0, from) + proposal + typed.text.slice(to);
  return { ...input, text, cursor: from + proposal.length, chosen, typed, mistake: mistakeOf(text, context) };
}

function mistakeOf(text: string, context: InputContext): Input["mistake"] {
  return context.language === null ? null : mistakeIn(text, context.language);
}

function previousPlace(text: string, cursor: number): number {
  const step = isLowSurrogate(text.charCodeAt(cursor - 1)) ? 2 : 1;
  return Math.max(0, cursor - step);
}

function nextPlace(text: string, cursor: number): number {
  const step = isLowSurrogate(text.charCodeAt(cursor + 1)) ? 2 : 1;
  return Math.min(text.length, cursor + step);
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function wordStart(text: string, cursor: number): number {
  let start = cursor;
  while (start > 0 && text[start - 1] === " ") start--;
  while (start > 0 && text[start - 1] !== " ") start--;
  return start;
}

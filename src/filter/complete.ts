/**
 * Completion for people who type a filter: what may stand at the cursor (a field, an operator, a value of which field,
 * a joining word), which part of the text it replaces, and the candidates known here. Works on unfinished text.
 */
import { findField } from "./field.ts";
import { FAMILIES } from "./field-family.ts";
import { ALIASES, FIELDS } from "./field-table.ts";
import type { Field } from "./field-type.ts";
import { SYMBOL_OPERATORS, WORD_OPERATORS } from "./parse.ts";
import { knownValues, TAKES } from "./plan.ts";
import { Scanner } from "./scan.ts";
import type { Operator } from "./syntax.ts";

export interface Completion {
  readonly kind: "field" | "operator" | "value" | "joiner";
  /** Part of the text that a chosen candidate replaces: `[from, to)`. */
  readonly from: number;
  readonly to: number;
  /** For a value: the field's full name, so that the caller can offer values it has seen. */
  readonly field: string | null;
  /** Best first; those that start with what was typed, then those that contain it. */
  readonly candidates: readonly string[];
}

const MOST_CANDIDATES = 50;
const JOINERS = ["and", "or"];
const LEADS = ["not", "exists"];

const SPELLINGS: readonly (readonly [string, Operator])[] = [
  ["==", "=="],
  ["!=", "=="],
  ["<", "<"],
  ["<=", "<="],
  [">", ">"],
  [">=", ">="],
  ["~", "matches"],
  ["!~", "matches"],
  ["in", "in"],
  ["not in", "in"],
  ["contains", "contains"],
  ["startsWith", "startsWith"],
  ["endsWith", "endsWith"],
  ["matches", "matches"],
  ["cidr", "cidr"],
];

type Expecting = "field" | "operator" | "value" | "joiner";

/** `named`: names of configured filters, offered as `@name`. */
export function complete(text: string, cursor: number, named: readonly string[] = []): Completion {
  const state = new Prefix(text.slice(0, cursor));
  state.read();
  const typed = text.slice(state.from, cursor);
  const answer = (kind: Completion["kind"], all: Iterable<string>): Completion => ({
    kind,
    from: state.from,
    to: cursor,
    field: state.field?.name ?? null,
    candidates: ranked(all, typed),
  });
  switch (state.expecting) {
    case "field":
      return answer("field", fieldCandidates(named));
    case "operator":
      return answer("operator", operatorCandidates(state.field));
    case "value":
      return answer("value", state.field === null ? [] : knownValues(state.field));
    case "joiner":
      return answer("joiner", JOINERS);
  }
}

/** Short names first: they are what people type. */
function fieldCandidates(named: readonly string[]): string[] {
  const families = [...FAMILIES.keys()].map((name) => `${name}.`);
  return [...ALIASES.keys(), ...FIELDS.keys(), ...families, ...LEADS, ...named.map((name) => `@${name}`)];
}

function operatorCandidates(field: Field | null): string[] {
  if (field === null) return [];
  const fitting = SPELLINGS.filter(([, operator]) => TAKES[operator].includes(field.type)).map(
    ([spelling]) => spelling,
  );
  return [...fitting, "exists", ...(field.type === "flag" ? JOINERS : [])];
}

function ranked(all: Iterable<string>, typed: string): string[] {
  const wanted = typed.toLowerCase();
  const starting: string[] = [];
  const containing: string[] = [];
  for (const candidate of all) {
    const lower = candidate.toLowerCase();
    if (lower === wanted) continue;
    if (lower.startsWith(wanted)) starting.push(candidate);
    else if (wanted.length > 1 && lower.includes(wanted)) containing.push(candidate);
  }
  return [...starting, ...containing].slice(0, MOST_CANDIDATES);
}

/** Reads the text before the cursor as far as it goes, and knows what may come next. */
class Prefix {
  expecting: Expecting = "field";
  field: Field | null = null;
  /** Where the piece under the cursor starts. */
  from = 0;
  private inList = false;
  private readonly scanner: Scanner;

  constructor(text: string) {
    this.scanner = new Scanner({ text, name: null });
  }

  read(): void {
    const { scanner } = this;
    for (;;) {
      scanner.skipSpace();
      this.from = scanner.position;
      if (scanner.position >= scanner.text.length) return;
      if (!this.step()) return;
    }
  }

  /** Takes one piece; false when the cursor stands in it, or when it makes no sense. */
  private step(): boolean {
    switch (this.expecting) {
      case "field":
        return this.fieldStep();
      case "operator":
        return this.operatorStep();
      case "value":
        return this.valueStep();
      case "joiner":
        return this.joinerStep();
    }
  }

  private fieldStep(): boolean {
    const { scanner } = this;
    if (scanner.takeSymbol("(") || scanner.takeSymbol("!")) return true;
    const named = scanner.takeSymbol("@");
    const word = scanner.peekWord();
    if (word === null || word.end === scanner.text.length) return false;
    scanner.take(word);
    if (named) return this.next("joiner");
    if (LEADS.includes(word.text.toLowerCase())) return true;
    let argument: string | null = null;
    if (scanner.text[scanner.position] === "[") {
      const close = scanner.text.indexOf("]", scanner.position);
      if (close < 0) return false;
      argument = scanner.text.slice(scanner.position + 1, close).replaceAll(/["']/g, "");
      scanner.position = close + 1;
    }
    this.field = findField(word.text, argument);
    return this.next("operator");
  }

  private operatorStep(): boolean {
    const { scanner } = this;
    const symbol = scanner.peekSymbol();
    if (Object.hasOwn(SYMBOL_OPERATORS, symbol)) {
      scanner.position += symbol.length;
      return this.next("value");
    }
    const word = scanner.peekWord();
    if (word === null) return symbol !== "" && this.next("joiner");
    if (word.end === scanner.text.length) return false;
    scanner.take(word);
    const keyword = word.text.toLowerCase();
    if (JOINERS.includes(keyword)) return this.next("field");
    if (keyword === "exists") return this.next("joiner");
    return keyword === "not" || (Object.hasOwn(WORD_OPERATORS, keyword) && this.next("value"));
  }

  private valueStep(): boolean {
    const { scanner } = this;
    if (!this.inList && scanner.text[scanner.position] === "(") {
      this.inList = true;
      scanner.position++;
      return true;
    }
    try {
      if (scanner.value() === null || scanner.position >= scanner.text.length) return false;
    } catch {
      return false;
    }
    if (!this.inList) return this.next("joiner");
    if (scanner.takeSymbol(",")) return true;
    if (!scanner.takeSymbol(")")) return false;
    this.inList = false;
    return this.next("joiner");
  }

  private joinerStep(): boolean {
    const { scanner } = this;
    if (scanner.takeSymbol(")")) return true;
    if (scanner.takeSymbol("&&") || scanner.takeSymbol("||") || scanner.takeSymbol(",")) return this.next("field");
    const word = scanner.peekWord();
    if (word === null || word.end === scanner.text.length) return false;
    scanner.take(word);
    return JOINERS.includes(word.text.toLowerCase()) && this.next("field");
  }

  private next(expecting: Expecting): true {
    this.expecting = expecting;
    if (expecting === "field") this.field = null;
    return true;
  }
}

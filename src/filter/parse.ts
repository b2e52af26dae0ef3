/**
 * Parser of the filter language, by recursive descent (grammar: docs/filter-language.md). Text in, syntax tree out;
 * what is wrong is thrown as Trouble that points at the column.
 */
import { nearest } from "../core/nearest.ts";
import { mistake } from "./mistake.ts";
import { Scanner, type Word } from "./scan.ts";
import { type FieldName, LIMITS, type Literal, type Node, type Operator, type Source, type Span } from "./syntax.ts";

interface Spelling {
  readonly operator: Operator;
  readonly negated: boolean;
}

const plain = (operator: Operator): Spelling => ({ operator, negated: false });
const negated = (operator: Operator): Spelling => ({ operator, negated: true });

export const SYMBOL_OPERATORS: Readonly<Record<string, Spelling>> = {
  "==": plain("=="),
  "=": plain("=="),
  "!=": negated("=="),
  "<": plain("<"),
  "<=": plain("<="),
  ">": plain(">"),
  ">=": plain(">="),
  "~": plain("matches"),
  "=~": plain("matches"),
  "!~": negated("matches"),
};

export const WORD_OPERATORS: Readonly<Record<string, Operator>> = {
  in: "in",
  contains: "contains",
  startswith: "startsWith",
  starts_with: "startsWith",
  endswith: "endsWith",
  ends_with: "endsWith",
  matches: "matches",
  cidr: "cidr",
};

const own = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

export function parse(source: Source): Node {
  if (source.text.length > LIMITS.text) {
    throw mistake(source, { start: LIMITS.text, end: LIMITS.text }, `longer than ${LIMITS.text} characters`);
  }
  const parser = new Parser(source);
  return parser.whole();
}

class Parser {
  private readonly scanner: Scanner;
  private readonly source: Source;
  private depth = 0;

  constructor(source: Source) {
    this.source = source;
    this.scanner = new Scanner(source);
  }

  whole(): Node {
    // an empty filter lets everything through: what a script with an empty variable means
    if (this.scanner.atEnd) return { kind: "constant", value: true };
    const node = this.list();
    if (!this.scanner.atEnd) throw this.unexpected("expected `and`, `or` or the end here");
    return node;
  }

  /** Parts joined by commas: all must hold (Inspektor Gadget's form; binds loosest). */
  private list(): Node {
    return this.joined(
      "and",
      () => this.either(),
      () => this.scanner.takeSymbol(","),
    );
  }

  private either(): Node {
    return this.joined(
      "or",
      () => this.both(),
      () => this.scanner.takeSymbol("||") || this.takeKeyword("or"),
    );
  }

  private both(): Node {
    return this.joined(
      "and",
      () => this.unary(),
      () => this.scanner.takeSymbol("&&") || this.takeKeyword("and"),
    );
  }

  private joined(kind: "and" | "or", part: () => Node, more: () => boolean): Node {
    const parts = [part()];
    while (more()) parts.push(part());
    return parts.length === 1 ? parts[0] : { kind, parts };
  }

  private unary(): Node {
    if (++this.depth > LIMITS.depth) throw this.unexpected(`nested deeper than ${LIMITS.depth} levels`);
    try {
      if (this.scanner.takeSymbol("!") || this.takeKeyword("not")) return { kind: "not", part: this.unary() };
      return this.primary();
    } finally {
      this.depth--;
    }
  }

  private primary(): Node {
    const { scanner } = this;
    scanner.skipSpace();
    const start = scanner.position;
    if (scanner.takeSymbol("(")) {
      const node = this.list();
      if (scanner.takeSymbol(")")) return node;
      if (!scanner.atEnd) throw this.unexpected("expected `and`, `or` or `)` here");
      throw mistake(this.source, { start, end: start + 1 }, "this parenthesis is never closed");
    }
    if (scanner.takeSymbol("@")) {
      const name = this.scanner.peekWord();
      if (name === null || name.start !== start + 1) throw this.unexpected("expected the name of a filter after @");
      scanner.take(name);
      return { kind: "named", name: name.text, start, end: name.end };
    }
    const word = scanner.peekWord();
    if (word === null) throw this.unexpected("expected a field here");
    const keyword = word.text.toLowerCase();
    if (keyword === "true" || keyword === "false") {
      scanner.take(word);
      return { kind: "constant", value: keyword === "true" };
    }
    if (keyword === "exists") return this.existsBefore(word);
    return this.test(this.fieldName());
  }

  /** `exists FIELD` and `exists(FIELD)`. */
  private existsBefore(word: Word): Node {
    this.scanner.take(word);
    const wrapped = this.scanner.takeSymbol("(");
    const field = this.fieldName();
    if (wrapped && !this.scanner.takeSymbol(")")) throw this.unexpected("expected `)` here");
    return { kind: "exists", field, start: word.start, end: this.scanner.position };
  }

  private fieldName(): FieldName {
    const word = this.scanner.peekWord();
    if (word === null) throw this.unexpected("expected a field here");
    this.scanner.take(word);
    if (this.scanner.text[this.scanner.position] !== "[") return { ...spanOf(word), path: word.text, argument: null };
    this.scanner.position++;
    this.scanner.skipSpace();
    const quote = this.scanner.text[this.scanner.position];
    const argument = quote === '"' || quote === "'" ? this.scanner.value() : this.scanner.peekWord();
    if (argument === null) throw this.unexpected('expected a name here, as in header["x-name"]');
    this.scanner.position = argument.end;
    if (!this.scanner.takeSymbol("]")) throw this.unexpected("expected `]` here");
    return { start: word.start, end: this.scanner.position, path: word.text, argument: argument.text };
  }

  private test(field: FieldName): Node {
    const { scanner } = this;
    const symbol = scanner.peekSymbol();
    const spelled = own(SYMBOL_OPERATORS, symbol);
    if (spelled !== undefined) {
      const operatorSpan = { start: scanner.position, end: scanner.position + symbol.length };
      scanner.position = operatorSpan.end;
      return this.operands(field, spelled, operatorSpan);
    }
    const word = scanner.peekWord();
    if (word === null) return { kind: "flag", field, ...spanOf(field) };
    return this.wordTest(field, word);
  }

  private wordTest(field: FieldName, word: Word): Node {
    const { scanner } = this;
    const keyword = word.text.toLowerCase();
    if (keyword === "exists") {
      scanner.take(word);
      return { kind: "exists", field, start: field.start, end: word.end };
    }
    if (keyword === "and" || keyword === "or") return { kind: "flag", field, ...spanOf(field) };
    const operator = own(WORD_OPERATORS, keyword);
    if (operator !== undefined) {
      scanner.take(word);
      return this.operands(field, plain(operator), spanOf(word));
    }
    if (keyword === "not") return this.negatedWordTest(field, word);
    const guess = nearest(word.text, ["and", "or", "not in", "exists", ...Object.values(WORD_OPERATORS)]);
    throw mistake(
      this.source,
      word,
      `expected an operator after ${field.path}${guess === null ? "" : `, perhaps \`${guess}\``}`,
      "Operators: == != < <= > >= in contains startsWith endsWith matches ~ !~ cidr exists.",
    );
  }

  /** `FIELD not in (…)`, `FIELD not contains …`, `FIELD not exists`. */
  private negatedWordTest(field: FieldName, not: Word): Node {
    this.scanner.take(not);
    const word = this.scanner.peekWord();
    const keyword = word?.text.toLowerCase() ?? "";
    if (word !== null && keyword === "exists") {
      this.scanner.take(word);
      return { kind: "not", part: { kind: "exists", field, start: field.start, end: word.end } };
    }
    const operator = own(WORD_OPERATORS, keyword);
    if (word === null || operator === undefined) throw this.unexpected("expected `in`, `contains`, … after `not`");
    this.scanner.take(word);
    return this.operands(field, negated(operator), { start: not.start, end: word.end });
  }

  private operands(field: FieldName, spelled: Spelling, operatorSpan: Span): Node {
    const values = this.values(spelled.operator);
    const end = this.scanner.position;
    // `== null` is how many languages ask whether something is there
    if (spelled.operator === "==" && values.length === 1 && !values[0].quoted && values[0].text === "null") {
      const exists: Node = { kind: "exists", field, start: field.start, end };
      return spelled.negated ? exists : { kind: "not", part: exists };
    }
    return { kind: "test", field, ...spelled, operatorSpan, values, start: field.start, end };
  }

  private values(operator: Operator): Literal[] {
    const { scanner } = this;
    scanner.skipSpace();
    const start = scanner.position;
    if (scanner.text[start] !== "(") {
      if (operator === "in") throw this.unexpected("expected a list here, as in (200, 204)");
      return [this.oneValue()];
    }
    scanner.position++;
    const values = [this.oneValue()];
    while (scanner.takeSymbol(",")) values.push(this.oneValue());
    if (values.length > LIMITS.values) throw mistake(this.source, { start, end: start + 1 }, "too many values");
    if (!scanner.takeSymbol(")")) throw this.unexpected("expected `,` or `)` here");
    return values;
  }

  private oneValue(): Literal {
    const value = this.scanner.value();
    if (value === null) throw this.unexpected("expected a value here", 'Quote an empty value: "".');
    return value;
  }

  private takeKeyword(keyword: string): boolean {
    const word = this.scanner.peekWord();
    if (word === null || word.text.toLowerCase() !== keyword) return false;
    this.scanner.take(word);
    return true;
  }

  private unexpected(message: string, hint = ""): Error {
    this.scanner.skipSpace();
    const start = this.scanner.position;
    const end = this.scanner.peekWord()?.end ?? start + (this.scanner.peekSymbol().length || 1);
    return mistake(this.source, { start, end: Math.min(end, Math.max(start, this.source.text.length)) }, message, hint);
  }
}

function spanOf(span: Span): Span {
  return { start: span.start, end: span.end };
}

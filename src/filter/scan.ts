/**
 * Lexer of the filter language. It has two modes, chosen by the parser, because a bare value may hold nearly anything
 * (`/x?a=1&b=2`, `10.0.0.0/8`, `^/api/(v1|v2)$`) where between values the same characters are operators.
 */
import { mistake } from "./mistake.ts";
import type { Literal, Source, Span } from "./syntax.ts";

export interface Word extends Span {
  readonly text: string;
}

const SPACE = /\s/;
const WORD = /[A-Za-z0-9_.-]/;
/** Longest first: `==` before `=`. */
const SYMBOLS = ["==", "!=", "!~", "=~", "<=", ">=", "&&", "||", "=", "<", ">", "~", "!", "(", ")", ",", "[", "]", "@"];

export class Scanner {
  position = 0;
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  get text(): string {
    return this.source.text;
  }

  skipSpace(): void {
    while (this.position < this.text.length && SPACE.test(this.text[this.position])) this.position++;
  }

  get atEnd(): boolean {
    this.skipSpace();
    return this.position >= this.text.length;
  }

  /** The symbol here, not taken; empty when none is. */
  peekSymbol(): string {
    this.skipSpace();
    return SYMBOLS.find((symbol) => this.text.startsWith(symbol, this.position)) ?? "";
  }

  takeSymbol(symbol: string): boolean {
    if (this.peekSymbol() !== symbol) return false;
    this.position += symbol.length;
    return true;
  }

  /** The word (name or keyword) here, not taken; null when none is. */
  peekWord(): Word | null {
    this.skipSpace();
    let end = this.position;
    while (end < this.text.length && WORD.test(this.text[end])) end++;
    if (end === this.position) return null;
    return { text: this.text.slice(this.position, end), start: this.position, end };
  }

  take(word: Word): void {
    this.position = word.end;
  }

  /** A quoted or bare value. Bare: up to a space, a comma, a parenthesis it did not open, `&&` or `||`. */
  value(): Literal | null {
    this.skipSpace();
    const quote = this.text[this.position];
    return quote === '"' || quote === "'" ? this.quoted(quote) : this.bare();
  }

  private quoted(quote: string): Literal {
    const start = this.position;
    let text = "";
    for (let at = start + 1; at < this.text.length; at++) {
      const character = this.text[at];
      if (character === quote) {
        this.position = at + 1;
        return { text, quoted: true, start, end: at + 1 };
      }
      // only the quote and the backslash are escaped, so that a pattern's own backslashes need no doubling
      const next = this.text[at + 1];
      if (character === "\\" && (next === quote || next === "\\")) text += this.text[++at];
      else text += character;
    }
    throw mistake(this.source, { start, end: start + 1 }, "this quote is never closed", `Add ${quote} at its end.`);
  }

  private bare(): Literal | null {
    const start = this.position;
    let text = "";
    let open = 0;
    let at = start;
    for (; at < this.text.length; at++) {
      const character = this.text[at];
      const next = this.text[at + 1];
      if (character === "\\" && (next === "," || next === " ")) {
        text += next;
        at++;
        continue;
      }
      if (SPACE.test(character)) break;
      if (open === 0 && this.endsBare(character, next, at === start)) break;
      if (character === "(") open++;
      else if (character === ")") open--;
      text += character;
    }
    if (at === start) return null;
    if (open > 0) {
      throw mistake(this.source, { start, end: at }, "a parenthesis in this value is never closed", "Quote the value.");
    }
    this.position = at;
    return { text, quoted: false, start, end: at };
  }

  private endsBare(character: string, next: string | undefined, first: boolean): boolean {
    if (character === "," || character === ")" || character === '"' || character === "'") return true;
    if (character === "(") return first;
    return (character === "&" || character === "|") && next === character;
  }
}

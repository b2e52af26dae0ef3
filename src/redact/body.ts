/**
 * Hides secrets in the kept beginning of a body, by its media type: JSON, forms (RFC 7578 and urlencoded), else as
 * text. A body may be cut anywhere and need not be what its type says; nothing here parses, so nothing can fail.
 */
import type { HeadRedactor } from "./head.ts";
import type { Marker } from "./mark.ts";
import type { NameRules } from "./names.ts";
import { isCardNumber, type TextRedactor } from "./text.ts";

/** Keys whose value names what the key `value` beside them holds: `{"name": "password", "value": "…"}`. */
const NAMING_KEYS = new Set(["name", "key", "field", "header", "parameter"]);

export class BodyRedactor {
  private readonly rules: NameRules;
  private readonly marker: Marker;
  private readonly head: HeadRedactor;
  private readonly text: TextRedactor;

  constructor(rules: NameRules, marker: Marker, head: HeadRedactor, text: TextRedactor) {
    this.rules = rules;
    this.marker = marker;
    this.head = head;
    this.text = text;
  }

  redact(text: string, contentType: string | null): string {
    const type = contentType?.toLowerCase() ?? "";
    // looked at before the type: curl -d '{…}' says it is a form
    if (/json/.test(type) || /^[\s\ufeff]*[{[]/.test(text)) return this.json(text);
    if (type.startsWith("multipart/")) return this.multipart(text, contentType!);
    if (type.startsWith("application/x-www-form-urlencoded") || /^[\w.%+[\]-]{1,128}=[^\s<>"']*$/.test(text)) {
      return this.text.redact(this.head.targetText(`?${text}`).slice(1));
    }
    return this.text.redact(text);
  }

  private json(text: string): string {
    return new JsonPass(text, this.rules, this.marker, this.text).run();
  }

  private multipart(text: string, contentType: string): string {
    const boundary = /boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType);
    const delimiter = `--${boundary?.[1] ?? boundary?.[2] ?? text.slice(2, Math.max(2, text.search(/[\r\n]/)))}`;
    if (delimiter === "--") return this.text.redact(text);
    return text
      .split(delimiter)
      .map((part) => this.part(part))
      .join(delimiter);
  }

  private part(part: string): string {
    const blank = /\r?\n\r?\n/.exec(part);
    if (blank === null) return this.text.redact(part);
    const start = blank.index + blank[0].length;
    const header = part.slice(0, start);
    const lineEnd = /\r?\n$/.exec(part)?.[0] ?? "";
    const content = part.slice(start, part.length - lineEnd.length);
    const name = /\bname=(?:"([^"\r\n]*)|([^\s;"]*))/i.exec(header);
    const secret = name !== null && this.rules.isSecret(name[1] ?? name[2] ?? "", "param");
    const type = /content-type:[ \t]*([^\r\n]{0,200})/i.exec(header)?.[1] ?? null;
    const isNested = type?.toLowerCase().startsWith("multipart/") ?? false;
    const shown = secret
      ? this.marker.text(content)
      : isNested
        ? this.text.redact(content)
        : this.redact(content, type);
    return header + shown + lineEnd;
  }
}

const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENERS = [0x7b, 0x5b];
const CLOSERS = [0x7d, 0x5d];

/** Letters, digits and what else stands in numbers, literals and keys without quotes. */
function isWordCode(code: number): boolean {
  const letter = code | 0x20;
  if ((letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39)) return true;
  return code === 0x5f || code === 0x24 || code === 0x2b || code === 0x2d || code === 0x2e;
}

/** One walk over JSON text: strings before a colon are keys, what stands under a sensitive key is hidden. */
class JsonPass {
  private readonly input: string;
  private readonly rules: NameRules;
  private readonly marker: Marker;
  private readonly texts: TextRedactor;
  private at = 0;
  private out = "";
  /** `input` up to here is in `out`, changed or not. */
  private copied = 0;
  private depth = 0;
  /** Everything at this depth and deeper is hidden; 0 for nothing. */
  private hiddenDepth = 0;
  private hideNext = false;
  private namesNext = false;
  private valueIsNamed = false;

  constructor(input: string, rules: NameRules, marker: Marker, texts: TextRedactor) {
    this.input = input;
    this.rules = rules;
    this.marker = marker;
    this.texts = texts;
  }

  run(): string {
    const { input } = this;
    while (this.at < input.length) {
      const code = input.charCodeAt(this.at);
      if (code === QUOTE || code === APOSTROPHE) this.string(code);
      else if (isWordCode(code)) this.bare();
      else this.punctuation(code);
    }
    return this.out + input.slice(this.copied);
  }

  private replace(start: number, end: number, by: string): void {
    this.out += this.input.slice(this.copied, start) + by;
    this.copied = end;
  }

  private punctuation(code: number): void {
    this.at++;
    if (OPENERS.includes(code)) {
      this.depth++;
      if (this.hideNext && this.hiddenDepth === 0) this.hiddenDepth = this.depth;
      this.hideNext = this.namesNext = this.valueIsNamed = false;
    } else if (CLOSERS.includes(code)) {
      if (this.depth === this.hiddenDepth) this.hiddenDepth = 0;
      this.depth = Math.max(0, this.depth - 1);
      this.hideNext = this.namesNext = this.valueIsNamed = false;
    } else if (code === COMMA) this.hideNext = this.namesNext = false;
  }

  private string(quote: number): void {
    const { input } = this;
    const start = this.at + 1;
    let end = start;
    for (let code = 0; end < input.length && (code = input.charCodeAt(end)) !== quote; )
      end += code === BACKSLASH ? 2 : 1;
    end = Math.min(end, input.length);
    const content = input.slice(start, end);
    this.at = Math.min(end + 1, input.length);
    if (end < input.length && this.colonFollows()) {
      this.key(content);
      return;
    }
    if (this.namesNext) this.valueIsNamed = this.rules.isSecret(content, "key");
    const isHidden = this.hideNext || this.hiddenDepth > 0;
    const shown = isHidden ? this.marker.text(content) : this.texts.redact(content);
    if (shown !== content) this.replace(start, end, shown);
  }

  /** Numbers, literals, and keys without quotes. */
  private bare(): void {
    const { input } = this;
    const start = this.at;
    while (this.at < input.length && isWordCode(input.charCodeAt(this.at))) this.at++;
    const content = input.slice(start, this.at);
    if (this.colonFollows()) this.key(content);
    else if (content === "null" || content === "true" || content === "false") return;
    else if (this.hideNext || this.hiddenDepth > 0 || isCardNumber(content)) {
      this.replace(start, this.at, `"${this.marker.text(content)}"`);
    }
  }

  private key(name: string): void {
    const plain = name.includes("\\") ? unescapeName(name) : name;
    this.hideNext = this.rules.isSecret(plain, "key") || (this.valueIsNamed && plain.toLowerCase() === "value");
    this.namesNext = NAMING_KEYS.has(plain.toLowerCase());
  }

  private colonFollows(): boolean {
    let at = this.at;
    while (at < this.input.length && this.input.charCodeAt(at) <= 0x20) at++;
    return this.input.charCodeAt(at) === COLON;
  }
}

/** RFC 8259 section 7, as far as a name needs it. */
function unescapeName(text: string): string {
  return text.replace(/\\(?:u([0-9a-f]{4})|(.))/gis, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (character ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/**
 * Hides secrets in text of no known grammar, by their names (`password=…`, `"apiKey": "…"`, `<token>…</token>`) and by
 * their shapes (JSON Web Tokens, private key blocks, keys of well-known services, card numbers, userinfo in URLs). One
 * pass over the characters: each word is looked at once, so no text takes more time than its length.
 */
import type { HeadRedactor } from "./head.ts";
import type { Marker } from "./mark.ts";
import type { NameRules } from "./names.ts";

/** Longer words before `=` or `:` are no names but data, such as base64. */
const LONGEST_NAME = 128;
const LONGEST_TAG = 4096;

/** How keys of services begin; with so much behind that nothing else begins so. */
const SERVICE_KEY =
  /^(?:(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}$|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|[sr]k_(?:live|test)_\w{16,}|sk-[\w-]{20,}|AIza[\w-]{30,}|npm_\w{30,}|hf_\w{30,}|dop_v1_\w{30,}|shp(?:at|ss|ca)_\w{20,})/;

/** No secret is found in a text without one of these: most strings of a body are passed over by this alone. */
const TELLING = /[=:<@]|-----|[\w-]{12}|\d[\d -]{11}|bearer |basic /i;

const KEY_BLOCK = "PRIVATE KEY-----";
const KEY_BLOCK_END = "-----END";

function isWordCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x5f ||
    code === 0x2d
  );
}

const isSpaceCode = (code: number) => code === 0x20 || (code >= 0x09 && code <= 0x0d);
const isDigitCode = (code: number) => code >= 0x30 && code <= 0x39;

/** ISO/IEC 7812-1: the check digit of a card number. */
export function isCardNumber(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19 || !/^[2-6]/.test(digits) || /^(\d)\1*$/.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    let value = digits.charCodeAt(digits.length - 1 - index) - 0x30;
    if (index % 2 === 1) value = value > 4 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return sum % 10 === 0;
}

/** Collects what is copied and what is hidden. */
class Rewriting {
  private parts = "";
  private copied = 0;
  private readonly text: string;
  private readonly marker: Marker;

  constructor(text: string, marker: Marker) {
    this.text = text;
    this.marker = marker;
  }

  hide(start: number, end: number): void {
    this.replace(start, end, this.marker.text(this.text.slice(start, end)));
  }

  replace(start: number, end: number, by: string): void {
    this.parts += this.text.slice(this.copied, start) + by;
    this.copied = end;
  }

  finish(): string {
    return this.copied === 0 ? this.text : this.parts + this.text.slice(this.copied);
  }
}

export class TextRedactor {
  private readonly rules: NameRules;
  private readonly marker: Marker;
  private readonly head: HeadRedactor;

  constructor(rules: NameRules, marker: Marker, head: HeadRedactor) {
    this.rules = rules;
    this.marker = marker;
    this.head = head;
  }

  /** The same text with marks where secrets stood. */
  redact(text: string): string {
    if (!TELLING.test(text)) return text;
    const out = new Rewriting(text, this.marker);
    let at = 0;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === 0x2d && text.startsWith("-----BEGIN ", at)) at = this.keyBlock(text, at, out);
      else if (isWordCode(code)) at = this.word(text, at, out);
      else if (code === 0x3a && text.startsWith("://", at)) at = this.userinfo(text, at + 3, out);
      else if (code === 0x3c) at = this.tag(text, at, out);
      else at++;
    }
    return out.finish();
  }

  /** RFC 7468: all between the lines of a private key, or all that is left of the text when the end was cut off. */
  private keyBlock(text: string, start: number, out: Rewriting): number {
    const label = text.slice(start, start + 80).indexOf(KEY_BLOCK);
    if (label < 0) return start + 11;
    const body = start + label + KEY_BLOCK.length;
    const close = text.indexOf(KEY_BLOCK_END, body);
    const end = close < 0 ? text.length : close;
    out.hide(body, end);
    return close < 0 ? end : close + KEY_BLOCK_END.length;
  }

  private word(text: string, start: number, out: Rewriting): number {
    let end = start;
    while (end < text.length && isWordCode(text.charCodeAt(end))) end++;
    const first = text.charCodeAt(start);
    if (isDigitCode(first)) {
      const cardEnd = this.cardEnd(text, start);
      if (cardEnd > 0) {
        out.hide(start, cardEnd);
        return Math.max(cardEnd, end);
      }
    }
    const tokenEnd = webTokenEnd(text, start, end);
    if (tokenEnd > 0 || (end - start >= 16 && SERVICE_KEY.test(text.slice(start, Math.min(end, start + 64))))) {
      out.hide(start, Math.max(tokenEnd, end));
      return Math.max(tokenEnd, end);
    }
    return this.credentials(text, start, end, out) ?? this.namedValue(text, start, end, out) ?? end;
  }

  /** Digits, perhaps in groups with a space or hyphen between: the end of a card number, or -1. */
  private cardEnd(text: string, start: number): number {
    let digits = "";
    let at = start;
    let end = -1;
    let group = 0;
    while (at < text.length && digits.length <= 19) {
      const code = text.charCodeAt(at);
      if (isDigitCode(code)) {
        digits += text[at++];
        end = at;
        group++;
      } else if ((code === 0x20 || code === 0x2d) && group >= 4 && isDigitCode(text.charCodeAt(at + 1))) {
        // printed in groups of four or more (the last may be of three): columns of numbers are none
        at++;
        group = 0;
      } else break;
    }
    return isCardNumber(digits) && !isDigitCode(text.charCodeAt(end)) ? end : -1;
  }

  /** `Bearer x`, `Basic x` anywhere in a text. */
  private credentials(text: string, start: number, end: number, out: Rewriting): number | null {
    if (end - start > 6 || end - start < 5 || text.charCodeAt(end) !== 0x20) return null;
    const scheme = text.slice(start, end).toLowerCase();
    if (scheme !== "bearer" && scheme !== "basic") return null;
    let close = end + 1;
    while (close < text.length && /[\w.~+/=-]/.test(text[close])) close++;
    const token = text.slice(end + 1, close);
    // words of a sentence have neither a digit nor an inner capital
    if (token.length < 8 || !/[0-9=]|[a-z][A-Z]/.test(token)) return null;
    out.hide(end + 1, close);
    return close;
  }

  /** `name=value`, `name: value`, `"name": "value"`, also with the quotes escaped once or more. */
  private namedValue(text: string, start: number, end: number, out: Rewriting): number | null {
    let at = end;
    while (at < text.length && at < end + 8 && `"'\\] \t`.includes(text[at])) at++;
    if (at >= text.length || (text[at] !== "=" && text[at] !== ":") || text.startsWith("://", at)) return null;
    const name = text.slice(start, end).replace(/^-+/, "");
    if (name.length > LONGEST_NAME || !this.rules.isSecret(name, "key")) return null;
    at++;
    while (at < text.length && (text[at] === " " || text[at] === "\t")) at++;
    return this.value(text, at, name, out);
  }

  private value(text: string, start: number, name: string, out: Rewriting): number {
    const quote = openingQuote(text, start);
    const from = start + quote.length;
    const isField = quote === "" && /(?:authorization|cookie)$/i.test(name);
    let end = from;
    if (isField) while (end < text.length && text[end] !== "\n" && text[end] !== "\r") end++;
    else if (quote !== "") end = closingQuote(text, from, quote);
    else while (end < text.length && !isSpaceCode(text.charCodeAt(end)) && !`&"'<>`.includes(text[end])) end++;
    if (isField)
      out.replace(from, end, this.head.fieldText(name.slice(name.lastIndexOf("_") + 1), text.slice(from, end)));
    else out.hide(from, end);
    return Math.max(end, start + 1);
  }

  private userinfo(text: string, start: number, out: Rewriting): number {
    let last = -1;
    let colon = -1;
    let at = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x40) last = at;
      else if (code === 0x3a && colon < 0) colon = at + 1;
      else if (isSpaceCode(code) || `/?#"'<>`.includes(text[at])) break;
    }
    if (last < 0) return start;
    out.hide(colon > 0 && colon < last ? colon : start, last);
    return last;
  }

  /** `<password>…</password>`, with namespace and attributes; `<input name="csrf_token" value="…">`. */
  private tag(text: string, start: number, out: Rewriting): number {
    let nameEnd = start + 1;
    while (nameEnd < text.length && (isWordCode(text.charCodeAt(nameEnd)) || `:.`.includes(text[nameEnd]))) nameEnd++;
    if (nameEnd === start + 1 || nameEnd - start > LONGEST_NAME) return start + 1;
    const close = text.slice(start, start + LONGEST_TAG).indexOf(">");
    if (close < 0 || text.slice(start + 1, start + close).includes("<")) return start + 1;
    const end = start + close + 1;
    const name = text.slice(start + 1, nameEnd);
    const local = name.slice(Math.max(name.lastIndexOf(":"), name.lastIndexOf(".")) + 1);
    if (text[end - 2] !== "/" && this.rules.isSecret(local, "key")) return this.element(text, end, out);
    return this.namedAttribute(text, start, end, out);
  }

  private element(text: string, start: number, out: Rewriting): number {
    const data = text.startsWith("<![CDATA[", start);
    const from = data ? start + 9 : start;
    const close = text.indexOf(data ? "]]>" : "<", from);
    const end = close < 0 ? text.length : close;
    // a mark begins with `<`: what is left of a former run is none of our business
    if (end > from) out.hide(from, end);
    return Math.max(end, start);
  }

  private namedAttribute(text: string, start: number, end: number, out: Rewriting): number {
    const tag = text.slice(start, end);
    const name = /\sname=["']?([^"'\s>]{1,128})/i.exec(tag)?.[1];
    const value = /\s(?:value|content)=(["']?)/i.exec(tag);
    if (name === undefined || value === null || !this.rules.isSecret(name, "key")) return start + 1;
    const from = start + value.index + value[0].length;
    const close = value[1] === "" ? -1 : text.indexOf(value[1], from);
    let stop = close;
    if (close < 0 || close > end) {
      stop = from;
      while (stop < end - 1 && !isSpaceCode(text.charCodeAt(stop))) stop++;
    }
    out.hide(from, stop);
    return stop;
  }
}

/** End of the JSON Web Token whose first part is `text[start, end)`, or -1. See tokenEnd in url.ts for the rule. */
function webTokenEnd(text: string, start: number, end: number): number {
  if (end - start < 12 || !text.startsWith("eyJ", start)) return -1;
  if (end < text.length && text[end] !== ".") return -1;
  for (let part = 0; part < 4 && text[end] === "."; part++) {
    end++;
    while (end < text.length && isWordCode(text.charCodeAt(end))) end++;
  }
  return end;
}

function openingQuote(text: string, at: number): string {
  let end = at;
  while (text[end] === "\\" && end - at < 8) end++;
  return text[end] === '"' || text[end] === "'" ? text.slice(at, end + 1) : "";
}

function closingQuote(text: string, from: number, quote: string): number {
  if (quote.length > 1) {
    const close = text.indexOf(quote, from);
    return close < 0 ? text.length : close;
  }
  let at = from;
  while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

/**
 * Text from the wire made safe to print. A captured path or user agent may hold terminal commands (ECMA-48 escape
 * sequences), line ends that forge rows, or bidirectional overrides that show text in another order than it has.
 * `printable` turns each such character into a visible form (`\x1b`, `\n`, `\u202e`) and leaves all else alone.
 */

/**
 * C0, DEL, C1, soft hyphen, zero-width and bidirectional controls, line and paragraph separators, byte order mark,
 * interlinear annotation, lone surrogates, tag characters.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/u;
const UNSAFE_EACH = new RegExp(UNSAFE.source, "gu");

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function visible(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0)!;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** The same text, with every control, override and lone surrogate written out. Never throws, never longer than 9×. */
export function printable(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_EACH, visible) : text;
}

/** JSON text in which the same characters are escaped as `\u009b`: safe on a terminal, and the same value when read. */
export function printableJson(json: string): string {
  return UNSAFE.test(json) ? json.replace(UNSAFE_EACH, escaped) : json;
}

function escaped(character: string): string {
  let units = "";
  for (let index = 0; index < character.length; index++) {
    units += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
  }
  return units;
}

/** Classes of octets (RFC 9110 section 5.6.2) and comparisons without making strings. */

export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const COLON = 58;

/** 1 for the characters of a token: `!#$%&'*+-.^_`|~`, digits, letters. */
export const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[char.charCodeAt(0)] = 1;
}

/** Lower-case octets of a field name or token, for `isToken`. */
export function lower(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.toLowerCase().charCodeAt(0));
}

/** Is `bytes[start, end)` this token, in any case? */
export function isToken(bytes: Uint8Array, start: number, end: number, token: Uint8Array): boolean {
  if (end - start !== token.length) return false;
  for (let i = 0; i < token.length; i++) {
    let octet = bytes[start + i];
    if (octet >= 65 && octet <= 90) octet |= 32;
    if (octet !== token[i]) return false;
  }
  return true;
}

/** A string of octets, one char each; for codes and short tokens off the hot path. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/**
 * JSON put together by hand where the order of keys is part of the contract: an object of JavaScript would move keys
 * that look like numbers to the front.
 */

export type Entry = readonly [key: string, json: string];

export function object(entries: readonly Entry[], quote: (text: string) => string = JSON.stringify): string {
  return `{${entries.map(([key, json]) => `${quote(key)}:${json}`).join(",")}}`;
}

export function array(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}

const HTML = /[<>&\u2028\u2029]/g;

/** As Go's json.Marshal, which escapes what HTML would read. */
export function goQuote(text: string): string {
  return JSON.stringify(text).replace(
    HTML,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

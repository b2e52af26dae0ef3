/**
 * JSON put together by hand where the order of keys is part of the contract: an object of JavaScript would move keys
 * that look like numbers to the front.
 */

export type Entry = readonly [key: string, json: string];

/** Keys are ours and need no escapes; those of a message's header go through their format's own quoting first. */
export function object(entries: readonly Entry[]): string {
  let text = "{";
  for (const [key, json] of entries) text += `${text.length > 1 ? "," : ""}"${key}":${json}`;
  return `${text}}`;
}

export function array(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}

const HTML = /[<>&\u2028\u2029]/;
const EACH_HTML = new RegExp(HTML.source, "g");

/** As Go's json.Marshal, which escapes what HTML would read. */
export function goQuote(text: string): string {
  const json = JSON.stringify(text);
  if (!HTML.test(json)) return json;
  return json.replace(EACH_HTML, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

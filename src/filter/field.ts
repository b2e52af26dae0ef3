/**
 * What a filter can ask of an event: every field by its name in the JSON output, short names for the common ones, and
 * families of fields with a free last part (`header["x-name"]`). Each says its type and how it is read; the tables are
 * in field-table.ts and field-family.ts.
 */
import { FAMILIES } from "./field-family.ts";
import { ALIASES, FIELDS } from "./field-table.ts";
import type { Field } from "./field-type.ts";

/** The field a name means; null when there is none. `argument` is what stood in brackets. */
export function findField(path: string, argument: string | null): Field | null {
  if (argument !== null) return memberOf(path, argument);
  const known = FIELDS.get(ALIASES.get(path) ?? path);
  if (known !== undefined) return known;
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const member = memberOf(path.slice(0, dot), path.slice(dot + 1));
    if (member !== null) return member;
  }
  return null;
}

function memberOf(familyName: string, argument: string): Field | null {
  const found = FAMILIES.get(familyName);
  if (found === undefined || argument === "") return null;
  const reader = found.member(argument);
  if (reader === null) return null;
  return { name: `${found.name}.${argument}`, type: "text", about: found.about, readers: [reader] };
}

/** Every name a person could have meant. */
export function* fieldNames(): Iterable<string> {
  yield* FIELDS.keys();
  yield* ALIASES.keys();
  for (const name of FAMILIES.keys()) yield `${name}.`;
}

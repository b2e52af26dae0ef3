/**
 * What a filter can ask of an event: every field by its name in the JSON output, short names for the common ones, and
 * families of fields with a free last part (`header["x-name"]`). Each says its type and how it is read; the tables are
 * in field-rows.ts and field-family.ts.
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
  const readers = found.member(argument);
  if (readers === null) return null;
  return { name: `${found.name}.${argument}`, type: "text", about: found.about, readers: [readers].flat() };
}

/** Every name a person could have meant. */
export function* fieldNames(): Iterable<string> {
  yield* FIELDS.keys();
  yield* ALIASES.keys();
  for (const name of FAMILIES.keys()) yield `${name}.`;
}

export interface FieldReference {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: string;
  readonly about: string;
}

/** Every field and family, for help pages: families end in `.NAME`. */
export function fieldReference(): FieldReference[] {
  const aliasesOf = (name: string) => [...ALIASES].filter(([, of]) => of === name).map(([alias]) => alias);
  const fields = [...FIELDS.values()].map(({ name, type, about }) => ({ name, aliases: aliasesOf(name), type, about }));
  const families = [...FAMILIES].filter(([name, family]) => name === family.name);
  return [
    ...fields,
    ...families.map(([name, { about }]) => ({
      name: `${name}.NAME`,
      aliases: [...FAMILIES]
        .filter(([other, of]) => of.name === name && other !== name)
        .map(([other]) => `${other}.NAME`),
      type: "text",
      about,
    })),
  ];
}

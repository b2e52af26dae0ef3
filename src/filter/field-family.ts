/** Families of fields of the filter language: a name of the user's choice after a dot or in brackets. */
import { fieldValue, pathSegment, queryParameter } from "../core/target.ts";
import { type Family, type Reader, request, response } from "./field-type.ts";

const DECLARED: readonly Family[] = [
  {
    name: "request.header",
    about: "field of the request, any case of the name",
    member: (name) => {
      const lower = name.toLowerCase();
      return request(({ fields }) => fieldValue(fields, lower));
    },
  },
  {
    name: "response.header",
    about: "field of the response, any case of the name",
    member: (name) => {
      const lower = name.toLowerCase();
      return response(({ fields }) => fieldValue(fields, lower));
    },
  },
  {
    name: "param",
    about: "query parameter: last value, decoded",
    member: (name) => request(({ query }) => (query === null ? null : queryParameter(query, name))),
  },
  {
    name: "path",
    about: "segment of the path, from 1, decoded",
    member: (text) => {
      if (!/^[1-9]\d{0,2}$/.test(text)) return null;
      const number = Number(text);
      return request(({ path }) => (path === null ? null : pathSegment(path, number)));
    },
  },
  { name: "label", about: "label set by an enricher or detector", member: (name) => label(name) },
];

/** Other names of a family. */
const ALIASES: Readonly<Record<string, string>> = {
  header: "request.header",
  "request.fields": "request.header",
  "response.fields": "response.header",
  query: "param",
  labels: "label",
};

const byName = new Map(DECLARED.map((family) => [family.name, family]));

export const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ...byName,
  ...Object.entries(ALIASES).map(([name, of]) => [name, byName.get(of)!] as const),
]);

function label(name: string): Reader {
  return ({ labels }) => (labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : null);
}

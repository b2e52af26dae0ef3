/** Families of fields of the filter language: a name of the user's choice after a dot or in brackets. */
import type { EarshotEvent } from "../core/event.ts";
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
  { name: "label", about: "label set by an enricher or detector", member: (name) => of(name, ({ labels }) => labels) },
  {
    name: "annotations",
    about: "an alert's annotation",
    member: (name) => of(name, (event) => (event.type === "alert" ? event.annotations : undefined)),
  },
  {
    name: "pod.labels",
    about: "label of either end's pod",
    member: (name) => [podLabel("client", name), podLabel("server", name)],
  },
  podLabels("client"),
  podLabels("server"),
];

/** Other names of a family. */
const ALIASES: Readonly<Record<string, string>> = {
  header: "request.header",
  "request.fields": "request.header",
  "response.fields": "response.header",
  query: "param",
  labels: "label",
  "pod.label": "pod.labels",
  "client.pod.label": "process.client.pod.labels",
  "server.pod.label": "process.server.pod.labels",
};

const byName = new Map(DECLARED.map((family) => [family.name, family]));

export const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ...byName,
  ...Object.entries(ALIASES).map(([name, of]) => [name, byName.get(of)!] as const),
]);

type Texts = Readonly<Record<string, string>> | undefined;

function of(name: string, texts: (event: EarshotEvent) => Texts): Reader {
  return (event) => {
    const found = texts(event);
    return found !== undefined && Object.hasOwn(found, name) ? found[name] : null;
  };
}

function podLabels(end: "client" | "server"): Family {
  return {
    name: `process.${end}.pod.labels`,
    about: `label of the ${end}'s pod`,
    member: (name) => podLabel(end, name),
  };
}

function podLabel(end: "client" | "server", name: string): Reader {
  return of(name, (event) => (event.type === "alert" ? undefined : event.process[end]?.pod?.labels));
}

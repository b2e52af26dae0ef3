/**
 * The settings as a list, read from the schema: for the reference page, `earshot config init` and `show`, environment
 * variables and suggestions.
 */
import { z } from "zod";
import { DAY, HOUR, MINUTE, SECOND } from "../core/units.ts";
import { configSchema } from "./config-schema.ts";

export interface Setting {
  /** `capture.interfaces`; in lists of tables `alerts.rules[baseline].window`. */
  readonly path: string;
  /** For people: `text`, `list of text`, `true or false`, `one of a, b`, `time`. */
  readonly type: string;
  /** As JSON and TOML write it; null when there is none. */
  readonly preset: unknown;
  readonly description: string;
  /** The environment variable; null for lists of tables and tables of names. */
  readonly variable: string | null;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  /** What the schema says of a value that it reads from a text or a number. */
  readonly reads?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

let listed: readonly Setting[] | null = null;

/** Every setting, in the order of the schema. */
export function settingsList(): readonly Setting[] {
  listed ??= [...walk(jsonSchema(), "", true)];
  return listed;
}

function jsonSchema(): JsonSchema {
  const made = z.toJSONSchema(configSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // a default behind a transform is left out of what goes in
      if (def.type === "default")
        jsonSchema.default = (def as unknown as { defaultValue: unknown }).defaultValue as never;
    },
  });
  return made as JsonSchema;
}

function* walk(schema: JsonSchema, path: string, single: boolean): Generator<Setting> {
  if (schema.properties !== undefined) {
    for (const [name, part] of Object.entries(schema.properties)) {
      yield* walk(part, path === "" ? name : `${path}.${name}`, single);
    }
    return;
  }
  const kinds = kindsOf(schema);
  const preset = presetOf(schema);
  const scalar = single && kinds.length === 0 && typeof schema.additionalProperties !== "object";
  yield {
    path,
    type: typeOf(schema),
    preset,
    description: schema.description ?? "",
    variable: scalar ? variableOf(path) : null,
  };
  for (const kind of kinds) yield* walk(kind, `${path}[${String(kind.properties?.kind?.const)}]`, false);
}

/** The tables that a list of tables may hold. */
function kindsOf(schema: JsonSchema): readonly JsonSchema[] {
  const items = schema.items;
  const kinds = items?.oneOf ?? items?.anyOf ?? [];
  return kinds.every((kind) => kind.properties !== undefined) ? kinds : [];
}

export function variableOf(path: string): string {
  return `EARSHOT_${path.replaceAll(".", "_").toUpperCase()}`;
}

function typeOf(schema: JsonSchema): string {
  if (schema.reads !== undefined) return schema.reads;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return `one of ${schema.enum.map((word) => `\`${String(word)}\``).join(", ")}`;
  const either = (schema.anyOf ?? schema.oneOf)?.filter((one) => one.type !== "null");
  if (either !== undefined) return [...new Set(either.map(typeOf))].join(" or ");
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? ["anything"]);
  const type = types.filter((one) => one !== "null").join(" or ");
  if (type === "array") return kindsOf(schema).length > 0 ? "list of tables" : `list: ${itemType(schema.items)}`;
  if (type === "object") return "table of texts";
  if (type === "string") return "text";
  if (type === "boolean") return "true or false";
  return rangeText(type === "integer" ? "whole number" : type, schema);
}

function itemType(schema: JsonSchema | undefined): string {
  const type = schema === undefined ? "anything" : typeOf(schema);
  return type.startsWith("one of") ? type.replace("one of", "some of") : `${type}s`;
}

/** Without limits that only say what a double holds. */
function rangeText(name: string, { minimum, maximum }: JsonSchema): string {
  const low = minimum === undefined || minimum < -1e12 ? null : minimum;
  const high = maximum === undefined || maximum > 1e12 ? null : maximum;
  if (low === null) return high === null ? name : `${name}, at most ${high}`;
  return high === null ? `${name}, at least ${low}` : `${name}, ${low} to ${high}`;
}

/** Lengths of time are kept in microseconds, and written as people do. */
function presetOf(schema: JsonSchema): unknown {
  const preset = schema.default ?? null;
  return schema.reads === "time" && typeof preset === "number" ? timeText(preset) : preset;
}

const UNITS: readonly (readonly [unit: string, length: number])[] = [
  ["d", DAY],
  ["h", HOUR],
  ["m", MINUTE],
  ["s", SECOND],
];

/** `"24h"` of microseconds: in the largest unit of which it is a whole number. */
export function timeText(micros: number): string {
  if (micros === 0) return "0s";
  const [unit, length] = UNITS.find(([, size]) => micros >= size && micros % size === 0) ?? ["s", SECOND];
  return `${micros / length}${unit}`;
}

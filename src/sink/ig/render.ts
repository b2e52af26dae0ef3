/** A row as JSON (one line or indented), YAML, or columns. */
import { printable, printableJson } from "../../core/printable.ts";
import { type Column, valueAt } from "./fields.ts";
import type { Leaf, Tree } from "./row.ts";

const leaf = (value: Leaf) => (typeof value === "string" ? printableJson(JSON.stringify(value)) : String(value));

/** Keys stand in alphabetical order in the tree already. */
export function toJson(value: Leaf | Tree): string {
  if (typeof value !== "object") return leaf(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `"${key}":${toJson(inner)}`)
    .join(",")}}`;
}

/** Two blanks a level, as Go's json.Indent. */
export function toPrettyJson(value: Leaf | Tree, indent = ""): string {
  if (typeof value !== "object") return leaf(value);
  const inner = `${indent}  `;
  const lines = Object.entries(value).map(([key, one]) => `${inner}"${key}": ${toPrettyJson(one, inner)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** Texts that YAML 1.1 or 1.2 would read as themselves; all others are quoted. */
const PLAIN_TEXT = /^(?:[A-Za-z/][A-Za-z0-9_./-]*)$/;
const OTHER_TYPE = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i;

function yamlLeaf(value: Leaf): string {
  return typeof value === "string" && PLAIN_TEXT.test(value) && !OTHER_TYPE.test(value) ? value : leaf(value);
}

function yamlLines(tree: Tree, indent: string): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "object"
      ? [`${indent}${key}:`, ...yamlLines(value, `${indent}  `)]
      : [`${indent}${key}: ${yamlLeaf(value)}`],
  );
}

/** One document, with its separator before it. */
export function toYaml(tree: Tree): string {
  return ["---", ...yamlLines(tree, "")].join("\n");
}

function fitted(text: string, column: Column): string {
  const characters = [...printable(text)];
  const shown =
    characters.length > column.max ? `${characters.slice(0, column.max - 1).join("")}…` : characters.join("");
  const blanks = " ".repeat(Math.max(0, column.width - characters.length));
  return column.right ? blanks + shown : shown + blanks;
}

function line(columns: readonly Column[], cell: (column: Column) => string): string {
  return columns
    .map((column) => fitted(cell(column), column))
    .join(" ")
    .trimEnd();
}

export function headerLine(columns: readonly Column[]): string {
  return line(columns, (column) => column.title);
}

export function columnsLine(row: Tree, columns: readonly Column[]): string {
  return line(columns, (column) => String(valueAt(row, column.name)));
}

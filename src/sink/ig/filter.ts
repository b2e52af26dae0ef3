/**
 * Inspektor Gadget's `--filter` over the row's own names: `proc.comm==curl,status_code>=400,host!~^internal`. Comma is
 * *and*, `\,` a comma; `~` and `!~` are RE2 patterns and for texts; flags are only equal or not.
 */
import { EXIT, Trouble } from "../../core/trouble.ts";
import { re2 } from "../../filter/pattern.ts";
import { FIELD_NAMES, fieldName, valueAt } from "./fields.ts";
import type { Leaf, Tree } from "./row.ts";

const TEST = /^([\w.]+)(==|=|!=|!~|<=|<|>=|>|~)(.*)$/s;

function mistake(text: string, message: string, hint: string): Trouble {
  return new Trouble(`--filter ${text}: ${message}`, { exitCode: EXIT.usage, hint });
}

function order(operator: string, sign: number): boolean {
  if (operator === "<") return sign < 0;
  if (operator === "<=") return sign <= 0;
  if (operator === ">") return sign > 0;
  return operator === ">=" ? sign >= 0 : operator === "!=" ? sign !== 0 : sign === 0;
}

function pattern(text: string, written: string): (value: string) => boolean {
  try {
    const compiled = re2().compile(written);
    return (value) => compiled.matcher(value).find();
  } catch (error) {
    throw mistake(text, `\`${written}\` is no pattern: ${(error as Error).message}`, "patterns are RE2");
  }
}

function compileTest(text: string, part: string): (row: Tree) => boolean {
  const match = TEST.exec(part);
  if (match === null) throw mistake(text, `\`${part}\` is no test`, "write as status_code>=400");
  const [, written, operator, value] = match;
  const name = fieldName("--filter", text, written);
  const sample = FIELD_NAMES.get(name) as Leaf;
  if (operator.endsWith("~")) {
    if (typeof sample !== "string")
      throw mistake(text, `\`${operator}\` is for texts`, `compare ${name} with ==, < and so on`);
    const finds = pattern(text, value);
    const wanted = operator === "~";
    return (row) => finds(String(valueAt(row, name))) === wanted;
  }
  if (typeof sample === "boolean") {
    if (!/^(?:true|false|1|0)$/.test(value) || !/^(?:==?|!=)$/.test(operator)) {
      throw mistake(text, `${name} is a flag`, `write ${name}==true`);
    }
    const wanted = (value === "true" || value === "1") === (operator !== "!=");
    return (row) => valueAt(row, name) === wanted;
  }
  if (typeof sample === "string") {
    return (row) => {
      const found = String(valueAt(row, name));
      return order(operator, found < value ? -1 : found > value ? 1 : 0);
    };
  }
  if (!/^-?\d+$/.test(value)) throw mistake(text, `\`${value}\` is not a whole number`, `${name} is a number`);
  const bound = BigInt(value);
  return (row) => {
    const found = BigInt(valueAt(row, name) as number | bigint);
    return order(operator, found < bound ? -1 : found > bound ? 1 : 0);
  };
}

/** Compiles a filter; throws Trouble on a mistake. */
export function compileRowFilter(text: string): (row: Tree) => boolean {
  const parts = text.replace(/^http:/, "").match(/(?:\\.|[^,\\])+/gs) ?? [];
  const tests = parts.map((part) => compileTest(text, part.replaceAll("\\,", ",")));
  return (row) => tests.every((test) => test(row));
}

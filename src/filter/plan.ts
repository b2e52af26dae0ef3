/**
 * Checker: syntax tree to plan. Names become fields, literals become values of the field's type, operators are held
 * against what the type allows, named filters are put in their place. What is wrong is thrown, pointing at its column.
 */

import { nearest } from "../core/nearest.ts";
import { inNetwork, normalAddress, parseAddress, parseNetwork } from "./address.ts";
import { fieldNames, findField } from "./field.ts";
import { FIELDS } from "./field-table.ts";
import type { Field, FieldType, Value } from "./field-type.ts";
import { EXPECTED, flagOf, type Range, rangeOf } from "./literal.ts";
import { mistake } from "./mistake.ts";
import { parse } from "./parse.ts";
import { compilePattern } from "./pattern.ts";
import { type FieldName, LIMITS, type Literal, type Node, type Operator, type Source, type Test } from "./syntax.ts";

/** Does one value of the field pass? Never called with null or undefined. */
export type ValueTest = (value: NonNullable<Value>) => boolean;

export type Plan =
  | { readonly kind: "and" | "or"; readonly parts: readonly Plan[] }
  | { readonly kind: "not"; readonly part: Plan }
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "exists"; readonly field: Field }
  | {
      readonly kind: "test";
      readonly field: Field;
      readonly operator: Operator;
      readonly negated: boolean;
      readonly passes: ValueTest;
      readonly literals: readonly string[];
    };

const NUMERIC: readonly FieldType[] = ["number", "status", "duration", "size", "time"];
const TEXTUAL: readonly FieldType[] = ["text", "host"];
const EVERY: readonly FieldType[] = [...NUMERIC, ...TEXTUAL, "flag", "address"];

/** Which types an operator takes. */
export const TAKES: Readonly<Record<Operator, readonly FieldType[]>> = {
  "==": EVERY,
  in: [...NUMERIC, ...TEXTUAL, "address"],
  "<": NUMERIC,
  "<=": NUMERIC,
  ">": NUMERIC,
  ">=": NUMERIC,
  contains: [...TEXTUAL, "address"],
  startsWith: [...TEXTUAL, "address"],
  endsWith: [...TEXTUAL, "address"],
  matches: [...TEXTUAL, "address"],
  cidr: ["address"],
};

/** Named filters that use one another put together: more parts than this is a mistake, or an attack. */
const MOST_PARTS = 10_000;

export class Planner {
  private readonly named: Readonly<Record<string, string>>;
  /** Named filters being expanded, outermost first: the cycle check. */
  private readonly open: string[] = [];
  private parts = 0;

  constructor(named: Readonly<Record<string, string>>) {
    this.named = named;
  }

  plan(node: Node, source: Source): Plan {
    if (++this.parts > MOST_PARTS) throw mistake(source, { start: 0, end: 0 }, "too large once its @names are put in");
    switch (node.kind) {
      case "and":
      case "or":
        return { kind: node.kind, parts: node.parts.map((part) => this.plan(part, source)) };
      case "not":
        return { kind: "not", part: this.plan(node.part, source) };
      case "constant":
        return node;
      case "named":
        return this.expand(node, source);
      case "exists":
        return { kind: "exists", field: resolve(node.field, source) };
      case "flag":
        return flagPlan(node.field, source);
      case "test":
        return testPlan(node, source);
    }
  }

  private expand(node: Extract<Node, { kind: "named" }>, source: Source): Plan {
    const { name } = node;
    if (!Object.hasOwn(this.named, name)) {
      const guess = nearest(name, Object.keys(this.named));
      const known = Object.keys(this.named).length === 0 ? "No named filters are configured." : "";
      throw mistake(source, node, `no filter is named @${name}`, guess === null ? known : `Did you mean @${guess}?`);
    }
    if (this.open.includes(name)) {
      throw mistake(
        source,
        node,
        `@${name} uses itself: ${[...this.open, name].map((step) => `@${step}`).join(" → ")}`,
      );
    }
    this.open.push(name);
    const inner = { text: this.named[name], name };
    const plan = this.plan(parse(inner), inner);
    this.open.pop();
    return plan;
  }
}

function resolve(name: FieldName, source: Source): Field {
  const found = findField(name.path, name.argument);
  if (found !== null) return found;
  const written = name.argument === null ? name.path : `${name.path}[…]`;
  const guess = nearest(name.path, fieldNames());
  const hint = guess === null ? "See docs/filter-language.md for the fields." : `Did you mean ${guess}?`;
  throw mistake(source, name, `there is no field ${written}`, hint);
}

function flagPlan(name: FieldName, source: Source): Plan {
  const found = resolve(name, source);
  if (found.type !== "flag") {
    throw mistake(
      source,
      name,
      `${name.path} needs an operator and a value`,
      `To ask for any value: exists ${name.path}.`,
    );
  }
  return {
    kind: "test",
    field: found,
    operator: "==",
    negated: false,
    passes: (value) => value === true,
    literals: ["true"],
  };
}

function testPlan(test: Test, source: Source): Plan {
  const found = resolve(test.field, source);
  if (!TAKES[test.operator].includes(found.type)) {
    const allowed = (Object.keys(TAKES) as Operator[]).filter((operator) => TAKES[operator].includes(found.type));
    throw mistake(
      source,
      test.operatorSpan,
      `${test.field.path} is ${EXPECTED[found.type].split(" as ")[0]}: ${test.operator} does not go with it`,
      `Use one of ${allowed.join(" ")}.`,
    );
  }
  const comparesOrder =
    test.operator === "<" || test.operator === "<=" || test.operator === ">" || test.operator === ">=";
  if (comparesOrder && test.values.length > 1) {
    throw mistake(source, test.operatorSpan, `${test.operator} takes one value, not a list`);
  }
  const passes = anyOf(test.values.map((value) => valueTest(test.operator, found, value, source)));
  const literals = test.values.map((value) => value.text);
  return {
    kind: "test",
    field: found,
    operator: test.operator,
    negated: test.negated,
    passes: setTest(test, found, literals) ?? passes,
    literals,
  };
}

/** A long list of plain texts is looked up, not walked through. */
function setTest(test: Test, found: Field, literals: readonly string[]): ValueTest | null {
  const exact = test.operator === "in" || test.operator === "==";
  if (!exact || literals.length < 5 || found.type !== "text") return null;
  const wanted = new Set(literals);
  return (value) => wanted.has(value as string);
}

function anyOf(tests: readonly ValueTest[]): ValueTest {
  if (tests.length === 1) return tests[0];
  return (value) => {
    for (const test of tests) if (test(value)) return true;
    return false;
  };
}

function valueTest(operator: Operator, found: Field, literal: Literal, source: Source): ValueTest {
  const { text } = literal;
  switch (operator) {
    case "contains":
    case "startsWith":
    case "endsWith":
      return substringTest(operator, text, found.type === "host");
    case "matches":
      return patternTest(literal, source);
    case "cidr":
      return addressTest(literal, source, found);
    case "==":
    case "in":
      if (found.type === "address") return addressTest(literal, source, found);
      if (found.type === "flag") return flagTest(literal, source, found);
      if (found.type === "text") return (value) => value === text;
      if (found.type === "host") return hostTest(text);
  }
  const range = rangeOf(text, found.type);
  if (range === null) throw expected(found, literal, source);
  return rangeTest(operator, range);
}

function expected(found: Field, literal: Literal, source: Source): Error {
  return mistake(source, literal, `${found.name} is ${EXPECTED[found.type]}`);
}

function hostTest(text: string): ValueTest {
  const lower = text.toLowerCase();
  return (value) => value === text || (value as string).toLowerCase() === lower;
}

function substringTest(operator: "contains" | "startsWith" | "endsWith", text: string, foldsCase: boolean): ValueTest {
  const wanted = foldsCase ? text.toLowerCase() : text;
  const read = foldsCase ? (value: unknown) => (value as string).toLowerCase() : (value: unknown) => value as string;
  if (operator === "contains") return (value) => read(value).includes(wanted);
  if (operator === "startsWith") return (value) => read(value).startsWith(wanted);
  return (value) => read(value).endsWith(wanted);
}

function patternTest(literal: Literal, source: Source): ValueTest {
  if (literal.text.length > LIMITS.pattern) {
    throw mistake(source, literal, `a pattern longer than ${LIMITS.pattern} characters`);
  }
  const test = compilePattern(literal.text);
  if (typeof test === "string")
    throw mistake(source, literal, `not a valid pattern: ${test}`, "Patterns are RE2 syntax.");
  return (value) => test(value as string);
}

function flagTest(literal: Literal, source: Source, found: Field): ValueTest {
  const wanted = flagOf(literal.text);
  if (wanted === null) throw expected(found, literal, source);
  return (value) => value === wanted;
}

function addressTest(literal: Literal, source: Source, found: Field): ValueTest {
  const { text } = literal;
  const single = parseAddress(text);
  if (single !== null) {
    // events spell addresses in one way, so that equal text is equal address
    const normal = normalAddress(single);
    return (value) => value === normal;
  }
  const network = parseNetwork(text);
  if (network === null) throw expected(found, literal, source);
  let lastText: unknown = null;
  let lastAnswer = false;
  return (value) => {
    // the same client comes again and again
    if (value === lastText) return lastAnswer;
    const words = parseAddress(value as string);
    lastText = value;
    lastAnswer = words !== null && inNetwork(words, network);
    return lastAnswer;
  };
}

function rangeTest(operator: Operator, range: Range): ValueTest {
  const { low, high } = range;
  switch (operator) {
    case "<":
      return (value) => (value as number) < low;
    case "<=":
      return (value) => (value as number) <= high;
    case ">":
      return (value) => (value as number) > high;
    case ">=":
      return (value) => (value as number) >= low;
    default:
      if (low === high) return (value) => value === low;
      return (value) => (value as number) >= low && (value as number) <= high;
  }
}

/** Names of plain fields whose values are few, for completion. */
export function knownValues(found: Field): readonly string[] {
  if (found.type === "flag") return ["true", "false"];
  return found.values ?? FIELDS.get(found.name)?.values ?? [];
}

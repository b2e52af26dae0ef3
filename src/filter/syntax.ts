/** Syntax tree of a filter, as the parser gives it: names and literals are still text, with their place in the source. */

/** A piece of text the user wrote: the filter itself, or a named filter it uses. */
export interface Source {
  readonly text: string;
  /** Name of the named filter; null for the filter itself. */
  readonly name: string | null;
}

/** Columns `[start, end)` of a source, counted from 0. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface FieldName extends Span {
  /** Dotted name as written, without the bracket part. */
  readonly path: string;
  /** What stood in brackets: `x-name` of `header["x-name"]`; null without brackets. */
  readonly argument: string | null;
}

export interface Literal extends Span {
  readonly text: string;
  readonly quoted: boolean;
}

export type Operator =
  | "=="
  | "<"
  | "<="
  | ">"
  | ">="
  | "in"
  | "contains"
  | "startsWith"
  | "endsWith"
  | "matches"
  | "cidr";

export interface Test extends Span {
  readonly kind: "test";
  readonly field: FieldName;
  readonly operator: Operator;
  /** `!=`, `!~`, `not in`, `not contains`, … : the field has a value, and the operator does not hold. */
  readonly negated: boolean;
  readonly operatorSpan: Span;
  /** One value; more for a list, of which any one is enough. */
  readonly values: readonly Literal[];
}

export type Node =
  | { readonly kind: "and" | "or"; readonly parts: readonly Node[] }
  | { readonly kind: "not"; readonly part: Node }
  | { readonly kind: "constant"; readonly value: boolean }
  | ({ readonly kind: "named"; readonly name: string } & Span)
  | ({ readonly kind: "exists"; readonly field: FieldName } & Span)
  /** A field on its own: true when it is a flag that is set. */
  | ({ readonly kind: "flag"; readonly field: FieldName } & Span)
  | Test;

/** Longest filter, deepest nesting and longest list that are accepted: a filter is something a person wrote. */
export const LIMITS = { text: 10_000, depth: 64, values: 1_000, pattern: 1_000 } as const;

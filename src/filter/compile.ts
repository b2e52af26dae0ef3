/**
 * Plan to function. The rule for what is not there: a test on a field without a value is false, negated ones (`!=`,
 * `!~`, `not in`) too; `not (…)` and `exists` are how to ask for absence.
 */
import type { EarshotEvent } from "../core/event.ts";
import type { Field, Reader } from "./field-type.ts";
import type { Plan, ValueTest } from "./plan.ts";

export type Predicate = (event: EarshotEvent) => boolean;

export function compile(plan: Plan): Predicate {
  switch (plan.kind) {
    case "constant":
      return plan.value ? () => true : () => false;
    case "not": {
      const inner = compile(plan.part);
      return (event) => !inner(event);
    }
    case "and":
      return plan.parts.map(compile).reduce((left, right) => (event) => left(event) && right(event));
    case "or":
      return plan.parts.map(compile).reduce((left, right) => (event) => left(event) || right(event));
    case "exists":
      return anyValue(plan.field, () => true);
    case "test":
      return plan.negated ? noValue(plan.field, plan.passes) : anyValue(plan.field, plan.passes);
  }
}

function anyValue(field: Field, passes: ValueTest): Predicate {
  const { list, readers } = field;
  if (list !== undefined) return (event) => list(event)?.some(passes) ?? false;
  if (readers.length === 1) return oneReader(readers[0], passes);
  return readers
    .map((reader) => oneReader(reader, passes))
    .reduce((left, right) => (event) => left(event) || right(event));
}

function oneReader(read: Reader, passes: ValueTest): Predicate {
  return (event) => {
    const value = read(event);
    return value !== null && value !== undefined && passes(value);
  };
}

/** Some value is there, and none passes. */
function noValue(field: Field, passes: ValueTest): Predicate {
  const present = anyValue(field, () => true);
  const passing = anyValue(field, passes);
  return (event) => present(event) && !passing(event);
}

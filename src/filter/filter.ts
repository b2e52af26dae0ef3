/**
 * The filter language's door: text in, a compiled filter out. One language for `--filter`, rankings, alerts, exports,
 * mute lists and dashboards (docs/filter-language.md).
 */
import type { EarshotEvent } from "../core/event.ts";
import { compile } from "./compile.ts";
import { parse } from "./parse.ts";
import { type Plan, Planner } from "./plan.ts";
import { type CapturePushdown, pushdownOf } from "./pushdown.ts";

export interface Filter {
  /** As it was written. */
  readonly text: string;
  /** Names of the event fields it looks at, sorted; families as `request.header.x-name`. */
  readonly fields: readonly string[];
  /** What the kernel's packet filter can take of it; see `capturePushdown`. */
  readonly pushdown: CapturePushdown | null;
  matches(event: EarshotEvent): boolean;
}

export interface FilterOptions {
  /** Filters that `@name` stands for. */
  readonly named?: Readonly<Record<string, string>>;
}

/** Compiles a filter. Throws Trouble (exit code 2) with the column and a suggestion when the text is wrong. */
export function compileFilter(text: string, options: FilterOptions = {}): Filter {
  const source = { text, name: null };
  const plan = new Planner(options.named ?? {}).plan(parse(source), source);
  const fields = new Set<string>();
  collectFields(plan, fields);
  return { text, fields: [...fields].sort(), pushdown: pushdownOf(plan), matches: compile(plan) };
}

/** Ports and addresses of which every match has at least one, for the kernel's packet filter; null when none follow. */
export function capturePushdown(filter: Filter): CapturePushdown | null {
  return filter.pushdown;
}

/** Checks every named filter, also those nothing uses yet. Throws as `compileFilter` does. */
export function checkNamedFilters(named: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(named)) compileFilter(`@${name}`, { named });
}

function collectFields(plan: Plan, into: Set<string>): void {
  switch (plan.kind) {
    case "and":
    case "or":
      for (const part of plan.parts) collectFields(part, into);
      return;
    case "not":
      collectFields(plan.part, into);
      return;
    case "exists":
    case "test":
      into.add(plan.field.name);
  }
}

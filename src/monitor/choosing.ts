/** Which exchanges a run shows, as plain data that also goes to a worker thread, and the tests that it comes to. */
import { type ProcessSelection, processSelector } from "../enrich/process/selector.ts";
import { compileFilter } from "../filter/filter.ts";
import type { EventTest } from "./session.ts";

export interface Choosing {
  /** Expressions of the filter language that use no others by name; all must hold. */
  readonly filters: readonly string[];
  readonly processes: ProcessSelection;
}

/** Throws Trouble for a filter that is none. */
export function choosingTests({ filters, processes }: Choosing): EventTest[] {
  const compiled = filters.map((text) => compileFilter(text));
  return [
    ...compiled.map(
      (filter): EventTest =>
        (event) =>
          filter.matches(event),
    ),
    ...processTests(processes, true),
  ];
}

/** Alerts are of no process: they pass. `live` allows to look at running processes. */
export function processTests(selection: ProcessSelection, live: boolean): EventTest[] {
  const selects = processSelector(selection, live);
  if (selects === null) return [];
  return [(event) => event.type === "alert" || selects(event.process.client, event.process.server)];
}

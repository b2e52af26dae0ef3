/** Which exchanges a run shows, as plain data that also goes to a worker thread, and the tests that it comes to. */
import { type ProcessSelection, processSelector } from "../enrich/process/selector.ts";
import { compileFilter } from "../filter/filter.ts";
import type { EventTest } from "./session.ts";

/** Expressions of the filter language, of which all must hold, and those that they use by name. */
export interface WrittenFilters {
  readonly texts: readonly string[];
  readonly named?: Readonly<Record<string, string>>;
}

export interface Choosing {
  readonly filters: WrittenFilters;
  readonly processes: ProcessSelection;
}

/** Throws Trouble for a filter that is none. */
export function writtenTests({ texts, named }: WrittenFilters): EventTest[] {
  return texts
    .map((text) => compileFilter(text, { named }))
    .map(
      (filter): EventTest =>
        (event) =>
          filter.matches(event),
    );
}

/** Alerts are of no process: they pass. `live` allows to look at running processes. */
export function processTests(selection: ProcessSelection, live: boolean): EventTest[] {
  const selects = processSelector(selection, live);
  if (selects === null) return [];
  return [(event) => event.type === "alert" || selects(event.process.client, event.process.server)];
}

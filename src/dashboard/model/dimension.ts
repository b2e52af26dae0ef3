/** The dimensions of src/stats that the dashboards rank by, in the order of their tabs. */
import { type Dimension, dimension } from "../../stats/dimension.ts";

export type { Dimension };

/** Longest key kept, UTF-16 units: a column of a screen, not an archive. */
const LONGEST_KEY = 256;

/** What is asked for, and whether latencies are kept for each value (a sketch each). */
const RANKED: readonly (readonly [spec: string, latency: boolean])[] = [
  ["section", true],
  ["domain", true],
  ["route", true],
  ["status", false],
  ["method", false],
  ["client", true],
  ["endpoint", true],
  ["user-agent", false],
  ["content-type", false],
  ["process", true],
  ["container", false],
  ["label:country", false],
];

const TITLES: Readonly<Record<string, string>> = { endpoint: "Server", "label:country": "Country" };

export const DIMENSIONS: readonly Dimension[] = RANKED.map(([spec]) => {
  const made = dimension(spec, { maxLength: LONGEST_KEY });
  return { ...made, title: TITLES[spec] ?? made.title };
});

/** Whether a dimension's values have latencies. */
export function hasLatency(of: Dimension): boolean {
  return RANKED[DIMENSIONS.indexOf(of)]?.[1] ?? false;
}

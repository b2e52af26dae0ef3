/** Every key, on one page. */
import { BOLD, style } from "../style.ts";
import { pad } from "../width.ts";
import type { Line } from "./lines.ts";

const KEYS: readonly (readonly [heading: string, ...keys: (readonly [keys: string, does: string])[]])[] = [
  [
    "Everywhere",
    ["1 … 6", "overview, exchanges, top, HTTPS, alerts, ledger"],
    ["?  F1", "this page"],
    ["Esc", "one step back: close, then drop drill-down, search, filter, time"],
    ["Space  p", "pause the lists, go on"],
    ["m", "mouse on or off (off leaves selecting text to the terminal)"],
    ["Ctrl-L", "draw the screen anew"],
    ["Ctrl-Z", "to the shell; fg comes back"],
    ["q  Ctrl-C", "quit"],
  ],
  [
    "Lists",
    ["↑ ↓  k j", "move; at the newest row the list follows again"],
    ["PgUp PgDn", "a page"],
    ["Home End  g G", "first, last"],
    ["Enter", "open the row: an exchange, or the exchanges behind a value"],
    ["← →  h l", "overview: between top list and exchanges"],
    ["Tab Shift-Tab", "next, previous dimension of the top list"],
    ["s  S", "sort by the next column; reverse"],
    ["F", "follow the newest again"],
  ],
  [
    "Finding",
    ["f", "filter line: Tab proposes, Enter takes, Esc leaves"],
    ["/  n  N", "search; next older, next newer"],
    ["e", "only errors: status 5xx or no response"],
    ["x", "drop filter, drill-down, search and time"],
  ],
  [
    "Time",
    [",  .", "time cursor one column back, on"],
    ["<  >", "ten columns"],
    ["z  Z", "zoom out and in (a file: in and out)"],
  ],
];

export function helpLines(): Line[] {
  const lines: Line[] = [];
  for (const [heading, ...keys] of KEYS) {
    if (lines.length > 0) lines.push([]);
    lines.push([[heading, style("accent", BOLD)]]);
    for (const [key, does] of keys) {
      lines.push([
        [pad(`  ${key}`, 18), BOLD],
        [does, 0],
      ]);
    }
  }
  lines.push([], [["  ≈ scaled up from a sample   ≥ at least   – not known", style("muted")]]);
  return lines;
}

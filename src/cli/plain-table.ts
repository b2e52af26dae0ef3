/** Small tables of commands that answer once: columns as wide as their widest cell. */
import { printable } from "../core/printable.ts";

export function plainTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows.map((row) => row.map(printable))];
  const widths = titles.map((_, place) => Math.max(...all.map((row) => row[place].length)));
  return all
    .map((row) =>
      row
        .map((cell, place) => cell.padEnd(widths[place]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

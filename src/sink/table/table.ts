/**
 * Rows for people: fixed columns that fit the terminal, one line an exchange. What came from the wire cannot reach the
 * terminal as a control sequence: everything goes through `printable`.
 */
import type { EarshotEvent } from "../../core/event.ts";
import { printable } from "../../core/printable.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import type { EventFormat } from "../output/destination.ts";
import { COLUMNS, type Column, DEFAULT_COLUMNS, isRow, type Row, type Tint } from "./columns.ts";

export interface TableOptions {
  /** Characters of a line; cells are cut to fit. */
  readonly width: number;
  readonly color: boolean;
  /** Names of columns, or null for the usual ones. */
  readonly columns: readonly string[] | null;
  /** A line above the titles, e.g. that secrets are shown. */
  readonly notice?: string;
  /** Titles stand before the first row instead of at the start of the output. */
  readonly titlesWithFirstRow?: boolean;
}

const ESCAPES: Readonly<Record<Tint, string>> = {
  good: "32",
  note: "36",
  warn: "33",
  bad: "31",
  dim: "2",
  plain: "",
};

/** Reads `--columns a,b` or `+x,-y` (the usual ones, changed). Throws Trouble on unknown names. */
export function parseColumns(text: string): string[] {
  const words = text.split(",").map((word) => word.trim());
  const change = words.every((word) => word.startsWith("+") || word.startsWith("-"));
  let names = change ? [...DEFAULT_COLUMNS] : [];
  for (const word of words) {
    const name = change ? word.slice(1) : word;
    if (!COLUMNS.some((column) => column.name === name)) {
      throw new Trouble(`--columns: there is no column \`${printable(name)}\``, {
        exitCode: EXIT.usage,
        hint: `use ${COLUMNS.map((column) => column.name).join(", ")}`,
      });
    }
    if (change && word.startsWith("-")) names = names.filter((other) => other !== name);
    else if (!names.includes(name)) names.push(name);
  }
  return names;
}

export class TableFormat implements EventFormat {
  readonly name = "table";
  readonly lends = true;
  private readonly columns: readonly Column[];
  private readonly widths: readonly number[];
  private readonly options: TableOptions;
  private titlesDue: boolean;

  constructor(options: TableOptions) {
    this.options = options;
    this.titlesDue = options.titlesWithFirstRow ?? false;
    const names = options.columns ?? DEFAULT_COLUMNS;
    const wanted = names.map((name) => COLUMNS.find((column) => column.name === name)!);
    this.columns = fitting(wanted, options.width);
    this.widths = widthsOf(this.columns, options.width);
  }

  /** On a terminal the titles come with the first row, so that a run that fails prints none. */
  header(): string {
    return this.options.titlesWithFirstRow ? "" : this.titles();
  }

  private titles(): string {
    const titles = this.columns.map((column, place) => this.cell(column.title, place)).join(" ");
    const line = this.paint(titles.trimEnd(), "dim");
    return this.options.notice === undefined ? line : `${this.paint(this.options.notice, "warn")}\n${line}`;
  }

  format(event: EarshotEvent): readonly string[] {
    const lines = this.lines(event);
    if (lines.length === 0 || !this.titlesDue) return lines;
    this.titlesDue = false;
    return [this.titles(), ...lines];
  }

  private lines(event: EarshotEvent): readonly string[] {
    if (event.type === "alert")
      return [this.paint(printable(event.summary), event.severity === "critical" ? "bad" : "warn")];
    return isRow(event) ? [this.row(event)] : [];
  }

  private row(row: Row): string {
    return this.columns
      .map((column, place) => this.paint(this.cell(printable(column.text(row)), place), column.tint?.(row) ?? "plain"))
      .join(" ")
      .trimEnd();
  }

  private cell(text: string, place: number): string {
    const width = this.widths[place];
    const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
    return this.columns[place].right ? cut.padStart(width) : cut.padEnd(width);
  }

  private paint(text: string, tint: Tint): string {
    const code = ESCAPES[tint];
    return this.options.color && code !== "" ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

/** Columns to leave out first on a narrow terminal. */
const DISPENSABLE = ["client", "pid", "proto", "time", "size", "server", "host", "process"];

function fitting(columns: readonly Column[], width: number): readonly Column[] {
  let kept = columns;
  for (const name of DISPENSABLE) {
    if (leastWidth(kept) <= width) break;
    kept = kept.filter((column) => column.name !== name);
  }
  return kept.length === 0 ? columns : kept;
}

function leastWidth(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + column.width + 1, -1);
}

/** The usual widths, plus what the terminal has left, by share. */
function widthsOf(columns: readonly Column[], width: number): readonly number[] {
  const spare = Math.max(0, width - leastWidth(columns));
  const shares = columns.reduce((sum, column) => sum + column.grow, 0);
  return columns.map((column) => column.width + (shares === 0 ? 0 : Math.floor((spare * column.grow) / shares)));
}

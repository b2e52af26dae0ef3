/**
 * The report of any statistic as lines: a plug-in's is whatever its author made it. A list of records becomes a table, a
 * record becomes names and values, anything else JSON. Data in, lines out; text comes out neutralised.
 */
import { printableJson } from "../core/printable.ts";
import type { Statistic } from "../core/roles.ts";
import { type Cell, csvLines, lineText, tableLines } from "./table.ts";

/** Rows shown of a list, which may be of any length. */
const MOST_ROWS = 100;
const WIDTH = 60;

type Named = Pick<Statistic, "name" | "unit" | "title">;
interface Rows {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A heading, then the report. */
export function statisticText(statistic: Named, report: unknown): string[] {
  const heading = lineText(`${statistic.title ?? statistic.name} (${statistic.unit})`);
  const table = rowsOf(report);
  if (table.rows.length === 0) return [heading, "nothing counted"];
  const columns = table.titles.map((title, place) => ({
    title: title.toUpperCase(),
    most: WIDTH,
    align: table.rows.every((row) => typeof row[place] === "number" || row[place] === null)
      ? ("right" as const)
      : ("left" as const),
  }));
  const more = table.rows.length - MOST_ROWS;
  const lines = tableLines(columns, table.rows.slice(0, MOST_ROWS));
  return [heading, ...lines, ...(more > 0 ? [`… ${more} more rows`] : [])];
}

export function statisticCsv(report: unknown): string[] {
  const { titles, rows } = rowsOf(report);
  return csvLines(titles, rows);
}

/** One object on one line. */
export function statisticJson(statistic: Named, report: unknown, more: object = {}): string {
  const { name, unit, title } = statistic;
  return printableJson(JSON.stringify({ type: "statistic", ...more, name, unit, title, report: report ?? null }));
}

function rowsOf(report: unknown): Rows {
  if (Array.isArray(report)) return listRows(report);
  if (report instanceof Map) return listRows([...report].map(([key, value]) => ({ key, value })));
  if (isRecord(report)) {
    const values = Object.entries(report);
    return { titles: ["name", "value"], rows: values.map(([name, value]) => [name, cellOf(value)]) };
  }
  return { titles: ["value"], rows: report === undefined ? [] : [[cellOf(report)]] };
}

function listRows(list: readonly unknown[]): Rows {
  const records = list.map((item) => (isRecord(item) ? item : { value: item }));
  const titles = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return { titles, rows: records.map((record) => titles.map((title) => cellOf(record[title]))) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

/** Numbers with more digits than a person reads lose some. */
function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return Number.isInteger(value) ? value : Number(value.toPrecision(6));
  if (typeof value === "string") return value;
  return JSON.stringify(value) ?? String(value);
}

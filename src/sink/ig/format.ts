/**
 * `-o ig-columns|ig-json|ig-jsonpretty|ig-yaml`: what `ig run trace_http` prints (docs/inspektor-gadget.md). With
 * `--sort` rows are held until the end, up to a limit; `--max-entries` then keeps the first of the sorted, and without
 * `--sort` the first that came.
 */
import type { EarshotEvent } from "../../core/event.ts";
import type { EventFormat } from "../output/destination.ts";
import { type Column, parseFields, parseSort } from "./fields.ts";
import { compileRowFilter } from "./filter.ts";
import { columnsLine, headerLine, toJson, toPrettyJson, toYaml } from "./render.ts";
import { type RowOptions, rowOf, type Tree } from "./row.ts";

export type IgMode = "columns" | "json" | "jsonpretty" | "yaml";

export interface IgOptions extends RowOptions {
  readonly mode: IgMode;
  /** `--fields`; columns only, JSON and YAML have all fields. */
  readonly fields?: string | null;
  readonly filter?: string | null;
  readonly sort?: string | null;
  /** -1 for all. */
  readonly maxEntries?: number;
}

/** Rows held for sorting: some 200 MB at worst. More are given up from the end of the order, and counted. */
const HELD_LIMIT = 100_000;

export class IgFormat implements EventFormat {
  readonly name: string;
  /** Rows that the limit gave up. */
  rowsGivenUp = 0;
  private readonly options: IgOptions;
  private readonly columns: readonly Column[];
  private readonly passes: (row: Tree) => boolean;
  private readonly compare: ((a: Tree, b: Tree) => number) | null;
  private readonly max: number;
  private held: Tree[] = [];
  private given = 0;

  /** Throws Trouble on mistakes in fields, filter and sort. */
  constructor(options: IgOptions) {
    this.name = `ig-${options.mode}`;
    this.options = options;
    this.columns = parseFields(options.fields ?? null);
    this.passes = options.filter ? compileRowFilter(options.filter) : () => true;
    this.compare = options.sort ? parseSort(options.sort) : null;
    this.max =
      options.maxEntries === undefined || options.maxEntries < 0 ? Number.POSITIVE_INFINITY : options.maxEntries;
  }

  header(): string {
    return this.options.mode === "columns" ? headerLine(this.columns) : "";
  }

  format(event: EarshotEvent): readonly string[] {
    const row = rowOf(event, this.options);
    if (row === null || !this.passes(row)) return [];
    if (this.compare !== null) {
      this.hold(row);
      return [];
    }
    if (this.given >= this.max) return [];
    this.given++;
    return [this.render(row)];
  }

  /** What was held for sorting. */
  finish(): readonly string[] {
    if (this.compare === null) return [];
    const rows = this.held.sort(this.compare).slice(0, this.max);
    this.held = [];
    return rows.map((row) => this.render(row));
  }

  private hold(row: Tree): void {
    this.held.push(row);
    const limit = Math.min(this.max, HELD_LIMIT);
    // sorting only now and then keeps the cost of a row small
    if (this.held.length < 2 * limit + 100) return;
    this.held.sort(this.compare as (a: Tree, b: Tree) => number);
    if (this.max > HELD_LIMIT) this.rowsGivenUp += this.held.length - limit;
    this.held.length = limit;
  }

  private render(row: Tree): string {
    switch (this.options.mode) {
      case "columns":
        return columnsLine(row, this.columns);
      case "json":
        return toJson(row);
      case "jsonpretty":
        return toPrettyJson(row);
      case "yaml":
        return toYaml(row);
    }
  }
}

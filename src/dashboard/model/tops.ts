/**
 * Ranked values per dimension, in bounded memory. A table that has too many values gives up the least of them into one
 * "other" row, and from then on says of later arrivals that their count is a lower bound. Under heavy traffic only one
 * exchange in `weight` is looked at and counts for all of them; the list says so.
 */
import type { TransactionEvent } from "../../core/event.ts";
import { DIMENSIONS, type Dimension } from "./dimension.ts";
import { isFailure } from "./series.ts";

export interface TopRow {
  readonly key: string;
  requests: number;
  failed: number;
  bytes: number;
  /** The value may have been given up once before: the true numbers may be higher. */
  atLeast: boolean;
}

export interface TopList {
  /** Most requests first. */
  readonly rows: readonly TopRow[];
  /** All values that are not in `rows`, together; null when there are none. */
  readonly other: TopRow | null;
  /** Exchanges that have a value here. */
  readonly total: number;
  /** Numbers are scaled up from a sample. */
  readonly sampled: boolean;
}

/** A table may grow to twice this before it is cut back to it. */
const VALUES_KEPT = 1000;

class TopTable {
  private readonly rows = new Map<string, TopRow>();
  private readonly given: TopRow = { key: "other", requests: 0, failed: 0, bytes: 0, atLeast: false };
  private total = 0;
  /** Values given up so far. */
  evicted = 0;

  add(key: string, weight: number, failed: boolean, bytes: number): void {
    let row = this.rows.get(key);
    if (row === undefined) {
      if (this.rows.size >= 2 * VALUES_KEPT) this.cutBack();
      row = { key, requests: 0, failed: 0, bytes: 0, atLeast: this.evicted > 0 };
      this.rows.set(key, row);
    }
    row.requests += weight;
    if (failed) row.failed += weight;
    row.bytes += bytes * weight;
    this.total += weight;
  }

  list(count: number, sampled: boolean): TopList {
    const sorted = [...this.rows.values()].sort(byRequests);
    const other: TopRow = { ...this.given };
    for (let index = count; index < sorted.length; index++) merge(other, sorted[index]);
    return { rows: sorted.slice(0, count), other: other.requests > 0 ? other : null, total: this.total, sampled };
  }

  private cutBack(): void {
    const sorted = [...this.rows.values()].sort(byRequests);
    for (const row of sorted.slice(VALUES_KEPT)) {
      merge(this.given, row);
      this.rows.delete(row.key);
      this.evicted++;
    }
  }
}

/** Ties in alphabetical order, so that rows do not dance. */
function byRequests(a: TopRow, b: TopRow): number {
  return b.requests - a.requests || (a.key < b.key ? -1 : 1);
}

function merge(into: TopRow, from: TopRow): void {
  into.requests += from.requests;
  into.failed += from.failed;
  into.bytes += from.bytes;
}

export class Tops {
  private readonly tables: readonly TopTable[] = DIMENSIONS.map(() => new TopTable());
  private sampled = false;

  /** Counts one exchange for `weight` exchanges. */
  add(event: TransactionEvent, weight = 1): void {
    if (weight > 1) this.sampled = true;
    const failed = isFailure(event);
    const bytes = event.bytes.in + event.bytes.out;
    for (let index = 0; index < DIMENSIONS.length; index++) {
      const key = DIMENSIONS[index].value(event);
      if (key !== null) this.tables[index].add(key, weight, failed, bytes);
    }
  }

  list(dimension: Dimension, count: number): TopList {
    return this.tables[DIMENSIONS.indexOf(dimension)].list(count, this.sampled);
  }

  /** Values given up, over all dimensions. */
  get evicted(): number {
    return this.tables.reduce((sum, table) => sum + table.evicted, 0);
  }
}

/** The ranking of a few exchanges: those of a time span, or behind a filter. */
export function rank(dimension: Dimension, events: Iterable<TransactionEvent>, count: number): TopList {
  const table = new TopTable();
  for (const event of events) {
    const key = dimension.value(event);
    if (key !== null) table.add(key, 1, isFailure(event), event.bytes.in + event.bytes.out);
  }
  return table.list(count, false);
}

/**
 * Ranked values per dimension, on the bounded rankings of src/stats. Under heavy traffic only one exchange in `weight`
 * is looked at and counts for all of them; the list says so.
 */
import type { TransactionEvent } from "../../core/event.ts";
import { Measure } from "../../stats/measure.ts";
import { Tally, Top } from "../../stats/top.ts";
import { DIMENSIONS, type Dimension, hasLatency } from "./dimension.ts";

export interface TopRow {
  readonly key: string;
  readonly tally: Tally;
}

export interface TopList {
  /** Most requests first. */
  readonly rows: readonly TopRow[];
  /** All values that are not in `rows`, together; null when there are none. */
  readonly other: TopRow | null;
  /** Requests that have a value here. */
  readonly total: number;
  /** Numbers are scaled up from a sample. */
  readonly sampled: boolean;
}

/** Values kept in each dimension; up to so many a ranking is exact. */
const VALUES_KEPT = 2_000;

function newTop(dimension: Dimension, capacity = VALUES_KEPT): Top {
  return new Top({ capacity, metric: "requests", latency: hasLatency(dimension) });
}

export class Tops {
  private readonly tops = new Map(DIMENSIONS.map((dimension) => [dimension, newTop(dimension)]));
  private readonly measure = new Measure();
  private sampled = false;

  /** Counts one exchange for `weight` exchanges. */
  add(event: TransactionEvent, weight = 1): void {
    const measure = this.measure.of(event);
    if (weight > 1) {
      this.sampled = true;
      scale(measure, weight);
    }
    for (const [dimension, top] of this.tops) {
      const key = dimension.key(event);
      if (key !== undefined) top.add(key, measure);
    }
  }

  list(dimension: Dimension, count: number): TopList {
    return listOf(this.tops.get(dimension)!, count, this.sampled);
  }

  /** The most requests that a value which is in no list can have had, over all dimensions; 0 while all is exact. */
  get floor(): number {
    let floor = 0;
    for (const top of this.tops.values()) floor = Math.max(floor, top.floor);
    return floor;
  }
}

function scale(measure: Measure, weight: number): void {
  measure.requests *= weight;
  measure.responses *= weight;
  measure.errors *= weight;
  measure.bytesIn *= weight;
  measure.bytesOut *= weight;
  measure.retransmittedIn *= weight;
  measure.retransmittedOut *= weight;
}

/** The ranking of a few exchanges: those of a time span, or behind a filter. */
export function rank(dimension: Dimension, events: Iterable<TransactionEvent>, count: number): TopList {
  const top = newTop(dimension);
  const measure = new Measure();
  for (const event of events) {
    const key = dimension.key(event);
    if (key !== undefined) top.add(key, measure.of(event));
  }
  return listOf(top, count, false);
}

function listOf(top: Top, count: number, sampled: boolean): TopList {
  const rows = [...top.entries].map(([key, tally]) => ({ key, tally })).sort(byRequests);
  const other = new Tally();
  other.addCounters(top.gone);
  for (let index = count; index < rows.length; index++) other.addCounters(rows[index].tally);
  const total = top.total().requests - top.none.requests;
  return {
    rows: rows.slice(0, count),
    other: other.requests > 0 ? { key: "other", tally: other } : null,
    total,
    sampled,
  };
}

/** Ties in alphabetical order, so that rows do not dance. */
function byRequests(a: TopRow, b: TopRow): number {
  return b.tally.requests - a.tally.requests || (a.key < b.key ? -1 : 1);
}

/** A list cut to `count` rows, the last of which is everything else together. */
export function shorten(list: TopList, count: number): TopList {
  const size = list.rows.length + (list.other === null ? 0 : 1);
  if (size <= count) return list;
  const other = new Tally();
  for (const row of list.rows.slice(count - 1)) other.addCounters(row.tally);
  if (list.other !== null) other.addCounters(list.other.tally);
  return { ...list, rows: list.rows.slice(0, Math.max(0, count - 1)), other: { key: "other", tally: other } };
}

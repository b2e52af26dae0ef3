/**
 * The exchanges a list shows, as numbers of the ring: all, or those that pass a filter, a drill-down and a time span;
 * in order of time or sorted. New exchanges are looked at once each as they come; a fast machine under heavy traffic
 * with a slow filter looks at the newest and counts what it had to skip.
 */
import { formatEndpoint } from "../../core/address.ts";
import type { TransactionEvent } from "../../core/event.ts";
import { shownName } from "../../core/process.ts";
import type { Micros } from "../../core/units.ts";
import type { Sort } from "./action.ts";
import type { Ring } from "./ring.ts";

export interface RowList {
  readonly length: number;
  at(index: number): number;
  /** Place of a row; -1 when it is not in the list. */
  indexOf(number: number): number;
}

/** Rows without any condition, in order of time. */
export function allRows(oldest: number, newest: number): RowList {
  return {
    length: newest - oldest + 1,
    at: (index) => oldest + index,
    indexOf: (number) => (number >= oldest && number <= newest ? number - oldest : -1),
  };
}

/** Numbers of the rows that meet a condition, kept up to date as the ring moves. */
export class Matches<Row> {
  private readonly meets: (row: Row) => boolean;
  private numbers: number[] = [];
  /** Matches before this index have fallen out of the ring. */
  private start = 0;
  private seen = 0;

  constructor(meets: (row: Row) => boolean) {
    this.meets = meets;
  }

  update(ring: Ring<Row>): void {
    for (let number = Math.max(this.seen + 1, ring.oldest); number <= ring.newest; number++) {
      const row = ring.get(number);
      if (row !== undefined && this.meets(row)) this.numbers.push(number);
    }
    this.seen = ring.newest;
    while (this.start < this.numbers.length && this.numbers[this.start] < ring.oldest) this.start++;
    if (this.start > 1024 && this.start * 2 > this.numbers.length) {
      this.numbers = this.numbers.slice(this.start);
      this.start = 0;
    }
  }

  get rows(): RowList {
    const { numbers, start } = this;
    return {
      length: numbers.length - start,
      at: (index) => numbers[start + index],
      indexOf: (number) => {
        const place = lowerBound(numbers, number, start);
        return numbers[place] === number ? place - start : -1;
      },
    };
  }
}

function lowerBound(sorted: readonly number[], wanted: number, from: number): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

type SortValue = (event: TransactionEvent) => number | string;

const VALUES: Readonly<Record<Exclude<Sort, "time">, SortValue>> = {
  latency: (event) => event.latency_ms.total ?? event.latency_ms.ttfb ?? -1,
  status: (event) => event.response?.status ?? 1000,
  bytes: (event) => event.bytes.in + event.bytes.out,
  client: (event) => formatEndpoint(event.flow.client),
  host: (event) => `${event.request?.host ?? ""}${event.request?.path ?? ""}`,
};

/** The rows of a list in another order; equal ones keep the order of time. */
export function sortRows(
  rows: RowList,
  get: (number: number) => TransactionEvent | undefined,
  by: Sort,
  descending: boolean,
): RowList {
  if (by === "time" && !descending) return rows;
  const numbers = Array.from({ length: rows.length }, (_, index) => rows.at(index));
  if (by !== "time") {
    const value = VALUES[by];
    const keyed = numbers.map((number) => {
      const event = get(number);
      return { number, key: event === undefined ? "" : value(event) };
    });
    keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.number - b.number));
    for (let index = 0; index < numbers.length; index++) numbers[index] = keyed[index].number;
  }
  if (descending) numbers.reverse();
  return { length: numbers.length, at: (index) => numbers[index], indexOf: (number) => numbers.indexOf(number) };
}

/** Everything of an exchange that a search looks at, in lower case. */
export function searchText(event: TransactionEvent): string {
  const { request, response, flow, process } = event;
  const parts = [
    request?.method,
    `${request?.host ?? ""}${request?.target ?? ""}`,
    response === null ? event.outcome : String(response.status),
    formatEndpoint(flow.client),
    formatEndpoint(flow.server),
    request?.user_agent,
    process.server && shownName(process.server),
    process.client && shownName(process.client),
    event.anomalies.join(" "),
  ];
  return parts.join(" ").toLowerCase();
}

export interface TimeSpan {
  readonly from: Micros;
  /** Exclusive. */
  readonly to: Micros;
}

export function inSpan(time: Micros, span: TimeSpan): boolean {
  return time >= span.from && time < span.to;
}

/** The list of HTTPS connections: all of them, or those that pass the filter and the time span, up to where it paused. */
import type { TlsEvent } from "../../core/event.ts";
import type { CompiledFilter } from "./filter.ts";
import { allRows, inSpan, Matches, type RowList, type TimeSpan } from "./list.ts";
import type { Ring } from "./ring.ts";

export class ConnectionList {
  private readonly ring: Ring<TlsEvent>;
  private matches: Matches<TlsEvent> | null = null;
  private conditions: readonly [CompiledFilter | null, number | undefined, number | undefined] = [
    null,
    undefined,
    undefined,
  ];

  constructor(ring: Ring<TlsEvent>) {
    this.ring = ring;
  }

  /** `newest`: number of the last connection before a pause; null when the list runs. */
  rows(filter: CompiledFilter | null, span: TimeSpan | null, newest: number | null): RowList {
    const wanted = [filter, span?.from, span?.to] as const;
    if (!wanted.every((value, index) => value === this.conditions[index])) {
      this.conditions = wanted;
      const meets = (event: TlsEvent) =>
        (span === null || inSpan(event.time_us, span)) && (filter === null || filter.matches(event));
      this.matches = filter === null && span === null ? null : new Matches(meets);
    }
    if (newest === null) this.matches?.update(this.ring);
    if (this.matches !== null) return this.matches.rows;
    const { oldest } = this.ring;
    return allRows(oldest, Math.max(oldest - 1, newest ?? this.ring.newest));
  }
}

/**
 * The exchange list as asked for: filter, drill-down, time span, sort, pause. Keeps what it worked out until something
 * changes, so that a frame costs what is new and not what is there.
 */
import type { TransactionEvent } from "../../core/event.ts";
import { type Micros, SECOND } from "../../core/units.ts";
import { DIMENSIONS } from "./dimension.ts";
import type { CompiledFilter } from "./filter.ts";
import { allRows, inSpan, Matches, type RowList, sortRows, type TimeSpan } from "./list.ts";
import type { Ring } from "./ring.ts";
import type { Drill, Ui } from "./ui.ts";

/** A sorted list is put in order again this often while new exchanges come in. */
const SORT_EVERY: Micros = SECOND / 2;

interface Sorted {
  readonly rows: RowList;
  readonly sort: Ui["sort"];
  readonly descending: boolean;
  readonly of: Matches<TransactionEvent> | null;
  readonly newest: number;
  readonly at: Micros;
}

export class ExchangeLists {
  private readonly ring: Ring<TransactionEvent>;
  /** What a paused list held when it stopped: exchanges from number `oldest` on. */
  private frozen: { readonly oldest: number; readonly events: readonly TransactionEvent[] } | null = null;
  private frozenRows: Pick<Sorted, "rows" | "sort" | "descending"> | null = null;
  private matches: Matches<TransactionEvent> | null = null;
  private conditions: readonly [CompiledFilter | null, Drill | null, number | null, number | null] = [
    null,
    null,
    null,
    null,
  ];
  private sorted: Sorted | null = null;

  constructor(ring: Ring<TransactionEvent>) {
    this.ring = ring;
  }

  freeze(frozen: boolean): void {
    this.frozenRows = null;
    this.sorted = null;
    if (!frozen) {
      this.frozen = null;
      return;
    }
    const events: TransactionEvent[] = [];
    for (let number = this.ring.oldest; number <= this.ring.newest; number++) events.push(this.ring.get(number)!);
    this.frozen = { oldest: this.ring.oldest, events };
  }

  get(number: number): TransactionEvent | undefined {
    if (this.frozen !== null) return this.frozen.events[number - this.frozen.oldest];
    return this.ring.get(number);
  }

  rows(ui: Ui, span: TimeSpan | null, now: Micros): RowList {
    this.setConditions(ui, span);
    if (this.frozen !== null) return this.pausedRows(ui, span);
    this.matches?.update(this.ring);
    const rows = this.matches?.rows ?? allRows(this.ring.oldest, this.ring.newest);
    return this.inOrder(rows, ui, now);
  }

  private setConditions(ui: Ui, span: TimeSpan | null): void {
    const wanted = [ui.filter, ui.drill, span?.from ?? null, span?.to ?? null] as const;
    if (wanted.every((value, index) => value === this.conditions[index])) return;
    this.conditions = wanted;
    this.frozenRows = null;
    this.sorted = null;
    this.matches = wanted.every((value) => value === null) ? null : new Matches(conditionOf(ui, span));
  }

  /** Nothing new comes in: worked out once for each condition and order. */
  private pausedRows(ui: Ui, span: TimeSpan | null): RowList {
    const { frozenRows } = this;
    if (frozenRows?.sort === ui.sort && frozenRows.descending === ui.descending) return frozenRows.rows;
    const { oldest, events } = this.frozen!;
    const meets = this.matches === null ? () => true : conditionOf(ui, span);
    const numbers = events.flatMap((event, index) => (meets(event) ? [oldest + index] : []));
    const inTime: RowList = {
      length: numbers.length,
      at: (index) => numbers[index],
      indexOf: (number) => numbers.indexOf(number),
    };
    const rows = sortRows(inTime, (number) => this.get(number), ui.sort, ui.descending);
    this.frozenRows = { sort: ui.sort, descending: ui.descending, rows };
    return rows;
  }

  private inOrder(rows: RowList, ui: Ui, now: Micros): RowList {
    if (ui.sort === "time" && !ui.descending) return rows;
    const { sorted } = this;
    const same =
      sorted !== null &&
      sorted.sort === ui.sort &&
      sorted.descending === ui.descending &&
      sorted.of === this.matches &&
      (sorted.newest === this.ring.newest || Math.abs(now - sorted.at) < SORT_EVERY);
    if (same) return sorted.rows;
    const made = sortRows(rows, (number) => this.ring.get(number), ui.sort, ui.descending);
    this.sorted = {
      rows: made,
      sort: ui.sort,
      descending: ui.descending,
      of: this.matches,
      newest: this.ring.newest,
      at: now,
    };
    return made;
  }
}

function conditionOf(ui: Ui, span: TimeSpan | null): (event: TransactionEvent) => boolean {
  const { filter, drill } = ui;
  const dimension = drill === null ? null : DIMENSIONS[drill.dimension];
  return (event) =>
    (span === null || inSpan(event.time_us, span)) &&
    (dimension === null || dimension.key(event) === drill!.key) &&
    (filter === null || filter.matches(event));
}

/**
 * Octets in and out for each value of an aspect of the URL (a query parameter, a path segment, …), as bcc's http_filter
 * example with byte counts grouped them; docs/bytes.md says where this counts more than that did, and why.
 */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Statistic } from "../core/roles.ts";
import { type Dimension, type DimensionOptions, dimension, keyParts } from "./dimension.ts";
import { Measure, type Wire } from "./measure.ts";
import { CAPACITY } from "./ranking.ts";
import { type Tally, Top } from "./top.ts";

/** The request was seen, and has no such key or a blank one. */
export const UNSPECIFIED = "_unspecified";
/** A reply whose request was not seen. */
export const UNKNOWN = "_unknown";
/** What a full table no longer counts one by one. */
export const OTHER = "_other";

const SPECIAL: readonly string[] = [UNSPECIFIED, UNKNOWN, OTHER];

export interface BytesOptions extends DimensionOptions {
  /** What to group by, as `--by` takes it: `query:s`, `host,query:s`. */
  readonly by: string;
  readonly wire?: Wire;
  readonly capacity?: number;
}

export interface BytesRow {
  /** One for each column. */
  readonly keys: readonly string[];
  readonly requests: number;
  readonly responses: number;
  /** IP octets of requests and of responses. */
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly retransmitted_in: number;
  readonly retransmitted_out: number;
  /** Octets (in and out) that this row may lack, at most; 0 when exact. */
  readonly missed_at_most: number;
}

export interface BytesReport {
  readonly by: string;
  readonly columns: readonly string[];
  readonly wire: Wire;
  /** Largest first; `_unspecified`, `_unknown` and `_other` among them where they have something. */
  readonly rows: readonly BytesRow[];
  readonly total: Omit<BytesRow, "keys" | "missed_at_most">;
  readonly exact: boolean;
}

export type BytesStatistic = Statistic<Top, BytesReport> & { key(event: TransactionEvent): string };

export function bytesBy(options: BytesOptions): BytesStatistic {
  const { by, wire = "packets", capacity = CAPACITY } = options;
  const grouping = dimension(by, options);
  const measure = new Measure();
  const key = (event: TransactionEvent) => (event.request === null ? UNKNOWN : (grouping.key(event) ?? UNSPECIFIED));
  return {
    name: `bytes ${grouping.name}`,
    unit: "bytes",
    title: `Bytes by ${grouping.title}`,
    key,
    create: () => new Top({ capacity, metric: "bytes", latency: false }),
    observe(state: Top, event: TransactionEvent | TlsEvent) {
      if (event.type === "transaction") state.add(key(event), measure.of(event, wire));
    },
    merge: (into, from) => into.merge(from),
    report: (state) => bytesReport(state, grouping, wire),
  };
}

function bytesReport(top: Top, grouping: Dimension, wire: Wire): BytesReport {
  const rows = [...top.entries]
    .map(([key, tally]) => row(keysOf(key, grouping), tally))
    .sort((a, b) => weight(b) - weight(a) || (a.keys.join() < b.keys.join() ? -1 : 1));
  if (top.gone.requests + top.gone.responses > 0) rows.push(row(keysOf(OTHER, grouping), top.gone));
  const { keys: _, missed_at_most: __, ...total } = row([], top.total());
  const columns = grouping.columns;
  return { by: grouping.name, columns, wire, rows, total, exact: top.floor === 0 };
}

/** One text for each column; of several, what is absent or blank is `_unspecified`. */
function keysOf(key: string, grouping: Dimension): string[] {
  if (SPECIAL.includes(key)) return grouping.columns.map((_, index) => (index === 0 ? key : ""));
  return keyParts(key, grouping).map((part) => part || UNSPECIFIED);
}

const weight = (of: BytesRow) => of.bytes_in + of.bytes_out;

function row(keys: readonly string[], tally: Tally): BytesRow {
  return {
    keys,
    requests: tally.requests,
    responses: tally.responses,
    bytes_in: tally.bytesIn,
    bytes_out: tally.bytesOut,
    retransmitted_in: tally.retransmittedIn,
    retransmitted_out: tally.retransmittedOut,
    missed_at_most: tally.missed,
  };
}

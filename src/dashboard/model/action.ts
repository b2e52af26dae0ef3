/** What a person does to a dashboard, as data. Keys, clicks and the web page all come down to these. */
import type { Micros } from "../../core/units.ts";

export const SCREENS = ["overview", "exchanges", "top", "tls", "alerts", "ledger"] as const;
export type Screen = (typeof SCREENS)[number];

/** Columns that the exchange list can be sorted by. */
export const SORTS = ["time", "latency", "status", "bytes", "client", "host"] as const;
export type Sort = (typeof SORTS)[number];

export type Action =
  | { readonly type: "screen"; readonly screen: Screen }
  | { readonly type: "focus"; readonly on: "top" | "exchanges" }
  | { readonly type: "move"; readonly by: number }
  | { readonly type: "page"; readonly by: -1 | 1 }
  | { readonly type: "edge"; readonly to: "first" | "last" }
  /** Selects a row of the list in focus: the number of an exchange or connection, the id of an alert, a top value. */
  | { readonly type: "select"; readonly row: number | string }
  | { readonly type: "open" }
  /** One step back: closes what is open, then drops drill-down, filter, time span. */
  | { readonly type: "back" }
  | { readonly type: "dimension"; readonly by: number }
  | { readonly type: "dimension-set"; readonly index: number }
  | { readonly type: "pause" }
  | { readonly type: "follow" }
  | { readonly type: "sort"; readonly by?: Sort }
  | { readonly type: "reverse" }
  | { readonly type: "search-next"; readonly by: -1 | 1 }
  | { readonly type: "filter-set"; readonly text: string }
  | { readonly type: "clear" }
  /** Moves the time cursor by whole graph columns. */
  | { readonly type: "cursor"; readonly by: number }
  | { readonly type: "cursor-set"; readonly time: Micros | null }
  | { readonly type: "zoom"; readonly by: -1 | 1 }
  | { readonly type: "help" }
  | { readonly type: "input-open"; readonly kind: "filter" | "search" }
  | { readonly type: "input-text"; readonly text: string }
  | { readonly type: "input-delete"; readonly what: "before" | "after" | "word" | "all" }
  | { readonly type: "input-move"; readonly to: "left" | "right" | "start" | "end" }
  /** Takes the next (or previous) proposal into the line. */
  | { readonly type: "input-complete"; readonly by: -1 | 1 }
  | { readonly type: "input-accept" }
  | { readonly type: "input-cancel" }
  /** The view's sizes, which paging and the time cursor depend on. */
  | {
      readonly type: "layout";
      readonly pageRows: number;
      readonly graphColumns: number;
      readonly scrollLimit: number;
    };

/** Where a person is in the dashboard: plain, immutable data. `reduce` (reduce.ts) makes the next one from an action. */
import type { TlsEvent, TransactionEvent } from "../../core/event.ts";
import type { Micros } from "../../core/units.ts";
import type { Screen, Sort } from "./action.ts";
import type { AlertRecord } from "./alerts.ts";
import type { CompiledFilter, Completion, FilterMistake } from "./filter.ts";

/** A line being typed. */
export interface Input {
  readonly kind: "filter" | "search";
  readonly text: string;
  /** Place of the cursor in `text`, UTF-16 units. */
  readonly cursor: number;
  readonly completions: readonly Completion[];
  /** Proposal that stands in the line now; -1 for none. */
  readonly chosen: number;
  /** Text and cursor before a proposal was taken. */
  readonly typed: { readonly text: string; readonly cursor: number } | null;
  readonly mistake: FilterMistake | null;
}

/** What lies over the screen. The event is held, so that it stays when it falls out of the ring. */
export type Overlay =
  | { readonly kind: "help" }
  | { readonly kind: "exchange"; readonly event: TransactionEvent }
  | { readonly kind: "tls"; readonly event: TlsEvent }
  | { readonly kind: "alert"; readonly record: AlertRecord };

export interface Drill {
  /** Index in DIMENSIONS. */
  readonly dimension: number;
  readonly key: string;
}

export interface Ui {
  readonly screen: Screen;
  readonly focus: "top" | "exchanges";
  readonly dimension: number;
  /** Selected value of the top list; null for its first. */
  readonly topKey: string | null;
  /** Selected exchange; null follows the newest. */
  readonly exchange: number | null;
  /** Selected connection; null follows the newest. */
  readonly connection: number | null;
  /** Selected alert's id; null for the first. */
  readonly alert: string | null;
  readonly sort: Sort;
  readonly descending: boolean;
  readonly search: string;
  readonly filter: CompiledFilter | null;
  readonly drill: Drill | null;
  readonly input: Input | null;
  readonly overlay: Overlay | null;
  /** First line shown of an overlay, or of a screen without rows. */
  readonly scroll: number;
  /** Lists stand still at this exchange and this connection; null when they run. */
  readonly paused: { readonly exchange: number; readonly connection: number } | null;
  /** Steps zoomed: live 0 is second by second, more shows more; in a file 0 is all of it, more shows less. */
  readonly zoom: number;
  /** Start of the graph column under the time cursor. */
  readonly cursor: Micros | null;
  readonly pageRows: number;
  readonly graphColumns: number;
  /** One line about the last action, e.g. that a search found nothing. */
  readonly notice: string | null;
}

export const START: Ui = {
  screen: "overview",
  focus: "exchanges",
  dimension: 0,
  topKey: null,
  exchange: null,
  connection: null,
  alert: null,
  sort: "time",
  descending: false,
  search: "",
  filter: null,
  drill: null,
  input: null,
  overlay: null,
  scroll: 0,
  paused: null,
  zoom: 0,
  cursor: null,
  pageRows: 10,
  graphColumns: 76,
  notice: null,
};

/** The list that keys move in, on the current screen. */
export function listInFocus(ui: Ui): "exchanges" | "top" | "tls" | "alerts" | "text" {
  switch (ui.screen) {
    case "overview":
      return ui.focus;
    case "ledger":
      return "text";
    default:
      return ui.screen;
  }
}

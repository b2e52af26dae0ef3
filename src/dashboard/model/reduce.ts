/** `reduce(ui, action, data)`: where a person is next. Pure; `data` is only read. */
import type { TlsEvent, TransactionEvent } from "../../core/event.ts";
import type { Micros } from "../../core/units.ts";
import { type Action, SCREENS, SORTS } from "./action.ts";
import type { AlertRecord } from "./alerts.ts";
import { DIMENSIONS } from "./dimension.ts";
import { isMistake } from "./filter.ts";
import { complete, deleteText, type InputContext, moveCursor, openInput, typeText } from "./input.ts";
import { type RowList, searchText } from "./list.ts";
import type { TopRow } from "./tops.ts";
import { listInFocus, type Ui } from "./ui.ts";

/** What deciding about an action needs to know of the data. */
export interface Data extends InputContext {
  exchangeRows(): RowList;
  exchange(number: number): TransactionEvent | undefined;
  connectionRows(): RowList;
  connection(number: number): TlsEvent | undefined;
  topRows(): readonly TopRow[];
  alertRecords(): readonly AlertRecord[];
  newest(): { readonly exchange: number; readonly connection: number };
  /** Moves a time by graph columns within what there is; null when there is nothing. */
  cursorMoved(by: number): Micros | null;
}

const ZOOM_STEPS = 6;

export function reduce(ui: Ui, action: Action, data: Data): Ui {
  if (action.type === "layout") {
    return layout(ui, action);
  }
  if (action.type.startsWith("input-")) return reduceInput(ui, action, data);
  const calm: Ui = ui.notice === null ? ui : { ...ui, notice: null };
  return reduceScreen(calm, action, data);
}

function layout(ui: Ui, action: Extract<Action, { type: "layout" }>): Ui {
  const pageRows = Math.max(1, action.pageRows);
  const graphColumns = Math.max(1, action.graphColumns);
  const scroll = Math.min(ui.scroll, action.scrollLimit);
  const same = ui.pageRows === pageRows && ui.graphColumns === graphColumns && ui.scroll === scroll;
  return same ? ui : { ...ui, pageRows, graphColumns, scroll };
}

function reduceScreen(ui: Ui, action: Action, data: Data): Ui {
  switch (action.type) {
    case "screen":
      return SCREENS.includes(action.screen) ? { ...ui, screen: action.screen, overlay: null, scroll: 0 } : ui;
    case "focus":
      return { ...ui, focus: action.on };
    case "help":
      return { ...ui, overlay: ui.overlay?.kind === "help" ? null : { kind: "help" }, scroll: 0 };
    case "move":
    case "page":
    case "edge":
      return ui.overlay === null ? move(ui, action, data) : scroll(ui, action);
    case "select":
      return select(ui, action.row, data);
    case "open":
      return open(ui, data);
    case "back":
      return back(ui);
    case "dimension":
      return toDimension(ui, (ui.dimension + action.by + DIMENSIONS.length * 8) % DIMENSIONS.length);
    case "dimension-set":
      return toDimension(ui, Math.max(0, Math.min(DIMENSIONS.length - 1, action.index)));
    case "pause":
      return { ...ui, paused: ui.paused === null ? data.newest() : null };
    case "follow":
      return { ...ui, exchange: null, connection: null, paused: null, sort: "time", descending: false };
    default:
      return reduceList(ui, action, data);
  }
}

function reduceList(ui: Ui, action: Action, data: Data): Ui {
  switch (action.type) {
    case "sort": {
      const sort = action.by ?? SORTS[(SORTS.indexOf(ui.sort) + 1) % SORTS.length];
      // the largest first, but the newest last, where new ones come in
      return { ...ui, sort, descending: sort !== "time" && sort !== "client" && sort !== "host", exchange: null };
    }
    case "reverse":
      return { ...ui, descending: !ui.descending, exchange: null };
    case "search-next":
      return searchFrom(ui, action.by, data);
    case "filter-set":
      return withFilter(ui, action.text, data);
    case "clear":
      return { ...ui, filter: null, drill: null, search: "", cursor: null, exchange: null };
    case "cursor":
      return { ...ui, cursor: data.cursorMoved(action.by), exchange: null };
    case "cursor-set":
      return { ...ui, cursor: action.time, exchange: null };
    case "zoom":
      return { ...ui, zoom: Math.max(0, Math.min(ZOOM_STEPS, ui.zoom + action.by)) };
    default:
      return ui;
  }
}

function reduceInput(ui: Ui, action: Action, data: Data): Ui {
  if (action.type === "input-open") {
    const text = action.kind === "filter" ? (ui.filter?.text ?? "") : "";
    return { ...ui, input: openInput(action.kind, text, data), notice: null };
  }
  const { input } = ui;
  if (input === null) return ui;
  switch (action.type) {
    case "input-text":
      return { ...ui, input: typeText(input, action.text, data) };
    case "input-delete":
      return { ...ui, input: deleteText(input, action.what, data) };
    case "input-move":
      return { ...ui, input: moveCursor(input, action.to, data) };
    case "input-complete":
      return { ...ui, input: complete(input, action.by, data) };
    case "input-cancel":
      return { ...ui, input: null };
    case "input-accept":
      if (input.kind === "search") return searchFrom({ ...ui, input: null, search: input.text }, -1, data);
      return withFilter(ui, input.text, data);
    default:
      return ui;
  }
}

/** Takes a filter's text; one that is wrong stays in the line, with what is wrong shown. */
function withFilter(ui: Ui, text: string, data: Data): Ui {
  if (text.trim() === "") return { ...ui, input: null, filter: null, exchange: null };
  if (data.language === null) return { ...ui, input: null, notice: "no filter language in this run" };
  const result = data.language.compile(text);
  if (isMistake(result)) {
    const input = ui.input ?? openInput("filter", text, data);
    return { ...ui, input: { ...input, mistake: result } };
  }
  // on a screen that no filter changes, show what it leaves
  const screen = ui.screen === "alerts" || ui.screen === "ledger" ? "exchanges" : ui.screen;
  return { ...ui, input: null, filter: result, exchange: null, screen, overlay: null };
}

type Move = Extract<Action, { type: "move" | "page" | "edge" }>;

/** Index that a movement leads to, in a list of `length`. */
function moved(index: number, length: number, action: Move, pageRows: number): number {
  if (action.type === "edge") return action.to === "first" ? 0 : length - 1;
  const by = action.type === "page" ? action.by * Math.max(1, pageRows - 1) : action.by;
  return Math.max(0, Math.min(length - 1, index + by));
}

function move(ui: Ui, action: Move, data: Data): Ui {
  switch (listInFocus(ui)) {
    case "exchanges":
      return { ...ui, exchange: movedRow(ui.exchange, data.exchangeRows(), action, ui, followsNewest(ui)) };
    case "tls":
      return { ...ui, connection: movedRow(ui.connection, data.connectionRows(), action, ui, true) };
    case "top": {
      const rows = data.topRows();
      if (rows.length === 0) return ui;
      const index = Math.max(
        0,
        rows.findIndex((row) => row.key === ui.topKey),
      );
      return { ...ui, topKey: rows[moved(index, rows.length, action, ui.pageRows)].key };
    }
    case "alerts": {
      const records = data.alertRecords();
      if (records.length === 0) return ui;
      const index = Math.max(
        0,
        records.findIndex((record) => record.id === ui.alert),
      );
      return { ...ui, alert: records[moved(index, records.length, action, ui.pageRows)].id };
    }
    default:
      return scroll(ui, action);
  }
}

/** Only a list in order of time, newest last, has a newest row to follow. */
export function followsNewest(ui: Ui): boolean {
  return ui.sort === "time" && !ui.descending;
}

/** Next selected row. Reaching the newest row means following it again. */
function movedRow(selected: number | null, rows: RowList, action: Move, ui: Ui, follows: boolean): number | null {
  if (rows.length === 0) return null;
  const index = selectedIndex(selected, rows, follows);
  const next = moved(index, rows.length, action, ui.pageRows);
  return follows && next === rows.length - 1 && next >= index && ui.paused === null ? null : rows.at(next);
}

/** Index of the selected row: the newest (or first) when none is selected or the selected one is gone. */
export function selectedIndex(selected: number | null, rows: RowList, follows: boolean): number {
  const fallback = follows ? rows.length - 1 : 0;
  if (selected === null) return fallback;
  const index = rows.indexOf(selected);
  if (index >= 0) return index;
  // it fell out of the ring: what is now the oldest comes next to it
  return follows ? 0 : fallback;
}

function scroll(ui: Ui, action: Move): Ui {
  if (action.type === "edge") return { ...ui, scroll: action.to === "first" ? 0 : Number.MAX_SAFE_INTEGER };
  const by = action.type === "page" ? action.by * Math.max(1, ui.pageRows - 1) : action.by;
  return { ...ui, scroll: Math.max(0, ui.scroll + by) };
}

function select(ui: Ui, row: number | string, data: Data): Ui {
  const list = listInFocus(ui);
  // a click on what is selected already opens it
  if (list === "exchanges" && typeof row === "number") {
    return ui.exchange === row ? open(ui, data) : { ...ui, exchange: row };
  }
  if (list === "tls" && typeof row === "number") {
    return ui.connection === row ? open(ui, data) : { ...ui, connection: row };
  }
  if (typeof row !== "string") return ui;
  if (list === "alerts") return ui.alert === row ? open(ui, data) : { ...ui, alert: row };
  return ui.topKey === row ? open(ui, data) : { ...ui, topKey: row, focus: "top" };
}

function open(ui: Ui, data: Data): Ui {
  if (ui.overlay !== null) return ui;
  switch (listInFocus(ui)) {
    case "exchanges": {
      const rows = data.exchangeRows();
      if (rows.length === 0) return ui;
      const number = rows.at(selectedIndex(ui.exchange, rows, followsNewest(ui)));
      const event = data.exchange(number);
      // what is looked at stays selected while new ones come in
      return event === undefined ? ui : { ...ui, exchange: number, overlay: { kind: "exchange", event }, scroll: 0 };
    }
    case "tls": {
      const rows = data.connectionRows();
      if (rows.length === 0) return ui;
      const number = rows.at(selectedIndex(ui.connection, rows, true));
      const event = data.connection(number);
      return event === undefined ? ui : { ...ui, connection: number, overlay: { kind: "tls", event }, scroll: 0 };
    }
    case "top": {
      const rows = data.topRows();
      const row = rows.find((candidate) => candidate.key === ui.topKey) ?? rows[0];
      if (row === undefined) return ui;
      return { ...ui, drill: { dimension: ui.dimension, key: row.key }, exchange: null, ...exchangesOn(ui) };
    }
    case "alerts": {
      const records = data.alertRecords();
      const record = records.find((candidate) => candidate.id === ui.alert) ?? records[0];
      return record === undefined ? ui : { ...ui, overlay: { kind: "alert", record }, scroll: 0 };
    }
    default:
      return ui;
  }
}

/** Where the exchanges behind a top row are shown. */
function exchangesOn(ui: Ui): Pick<Ui, "screen" | "focus"> {
  return ui.screen === "overview"
    ? { screen: "overview", focus: "exchanges" }
    : { screen: "exchanges", focus: ui.focus };
}

function back(ui: Ui): Ui {
  if (ui.overlay !== null) return { ...ui, overlay: null, scroll: 0 };
  if (ui.drill !== null) return { ...ui, drill: null, exchange: null };
  if (ui.search !== "") return { ...ui, search: "" };
  if (ui.filter !== null) return { ...ui, filter: null, exchange: null };
  if (ui.cursor !== null) return { ...ui, cursor: null, exchange: null };
  if (ui.screen !== "overview") return { ...ui, screen: "overview", scroll: 0 };
  return ui;
}

function toDimension(ui: Ui, dimension: number): Ui {
  return { ...ui, dimension, topKey: null, focus: ui.screen === "overview" ? "top" : ui.focus };
}

/** Selects the next exchange that has the searched text, going up (-1, older) or down, around the ends. */
function searchFrom(ui: Ui, by: -1 | 1, data: Data): Ui {
  if (ui.search === "") return { ...ui, notice: "nothing searched for yet: press / and type" };
  const screen = ui.screen === "overview" || ui.screen === "exchanges" ? ui.screen : "exchanges";
  const next: Ui = { ...ui, screen, focus: "exchanges", overlay: null };
  const rows = data.exchangeRows();
  const wanted = ui.search.toLowerCase();
  const start = selectedIndex(ui.exchange, rows, followsNewest(ui));
  for (let step = 1; step <= rows.length; step++) {
    const index = (start + by * step + rows.length * 2) % rows.length;
    const event = data.exchange(rows.at(index));
    if (event !== undefined && searchText(event).includes(wanted)) return { ...next, exchange: rows.at(index) };
  }
  return { ...next, notice: `no exchange shown has “${ui.search}”` };
}

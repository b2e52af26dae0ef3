/** The list of exchanges: newest last, following; or standing, sorted, filtered, searched. */

import { formatEndpoint } from "../../../core/address.ts";
import type { TransactionEvent } from "../../../core/event.ts";
import { shownName } from "../../../core/process.ts";
import type { Sort } from "../../model/action.ts";
import { DIMENSIONS } from "../../model/dimension.ts";
import { searchText } from "../../model/list.ts";
import { followsNewest, selectedIndex } from "../../model/reduce.ts";
import { box } from "../draw.ts";
import { amount, clock, milliseconds, size } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, type Style, statusTone, style } from "../style.ts";
import { type Column, drawTable } from "../table.ts";
import type { ViewContext } from "./view-context.ts";

const MUTED = style("muted");

const COLUMNS: readonly Column<TransactionEvent>[] = [
  { title: "time", width: 9, from: 0, text: (event, zone) => clock(event.time_us, zone), look: () => MUTED },
  {
    title: "st",
    width: 4,
    from: 0,
    text: (event) => (event.response === null ? "---" : String(event.response.status)),
    look: (event) => style(statusTone(event.response?.status ?? null), BOLD),
  },
  { title: "method", width: 7, from: 0, text: (event) => event.request?.method ?? "?", look: () => style("accent") },
  { title: "url", width: 0, from: 0, text: urlOf },
  {
    title: "latency",
    width: 10,
    from: 0,
    right: true,
    text: (event) => milliseconds(event.latency_ms.total ?? event.latency_ms.ttfb),
    look: latencyLook,
  },
  { title: "in", width: 10, from: 120, right: true, text: (event) => size(event.bytes.in), look: () => MUTED },
  { title: "out", width: 10, from: 70, right: true, text: (event) => size(event.bytes.out) },
  { title: "client", width: 22, from: 100, text: (event) => formatEndpoint(event.flow.client), look: () => MUTED },
  { title: "process", width: 16, from: 110, text: processOf, look: () => style("client") },
  { title: "notes", width: 18, from: 160, text: notesOf, look: () => style("warn") },
];

function urlOf(event: TransactionEvent): string {
  const { request } = event;
  if (request === null) return "request not seen";
  const absolute = request.target.includes("://");
  return absolute || request.host === null ? request.target : request.host + request.target;
}

function latencyLook(event: TransactionEvent): Style {
  const latency = event.latency_ms.total ?? event.latency_ms.ttfb;
  if (latency === null) return MUTED;
  return latency >= 1_000 ? style("bad") : latency >= 250 ? style("warn") : 0;
}

function processOf(event: TransactionEvent): string {
  const { client, server } = event.process;
  const process = server ?? client;
  return process === null ? "" : `${shownName(process)}[${process.pid}]`;
}

function notesOf(event: TransactionEvent): string {
  const notes: string[] = event.outcome === "complete" ? [] : [event.outcome];
  if (event.http.upgrade !== null) notes.push(event.http.upgrade);
  if (event.quality.midstream) notes.push("midstream");
  notes.push(...event.anomalies);
  return notes.join(" ");
}

export function exchangesPanel(pane: Pane, context: ViewContext, focused: boolean): void {
  const { model } = context;
  const rows = model.exchangeRows();
  const inside = box(pane, title(context), note(context, rows.length), focused);
  pane.onClick(0, { type: "focus", on: "exchanges" });
  if (rows.length === 0) {
    inside.put(1, 0, nothing(context), MUTED);
    return;
  }
  const { ui } = model;
  const wanted = ui.search.toLowerCase();
  drawTable(
    inside,
    {
      columns: COLUMNS,
      length: rows.length,
      at: (index) => model.exchange(rows.at(index)),
      selected: selectedIndex(ui.exchange, rows, followsNewest(ui)),
      focused,
      click: (index) => ({ type: "select", row: rows.at(index) }),
      dimmed: (event) => wanted !== "" && !searchText(event).includes(wanted),
      title: (column) => column.title + (SORTED[ui.sort] === column.title ? (ui.descending ? "↓" : "↑") : ""),
    },
    context,
  );
}

/** The column that shows a sort order. */
const SORTED: Readonly<Record<Sort, string>> = {
  time: "time",
  latency: "latency",
  status: "st",
  bytes: "out",
  client: "client",
  host: "url",
};

function title({ model }: ViewContext): string {
  const { ui } = model;
  const parts = ["Exchanges"];
  if (ui.drill !== null) parts.push(`${DIMENSIONS[ui.drill.dimension].title.toLowerCase()} ${ui.drill.key}`);
  if (ui.filter !== null) parts.push(ui.filter.text);
  if (ui.search !== "") parts.push(`/${ui.search}`);
  return parts.join(" · ");
}

function note({ model }: ViewContext, count: number): string {
  const { ui } = model;
  if (ui.paused !== null) return `${amount(count)} · paused`;
  const state = !followsNewest(ui)
    ? `by ${ui.sort}`
    : ui.exchange !== null
      ? "standing"
      : model.source.kind === "file"
        ? "newest last"
        : "following";
  return `${amount(count)} · ${state}`;
}

function nothing(context: ViewContext): string {
  const { model } = context;
  if (model.exchangesHeld === 0) return "no exchange seen yet";
  const oldest = model.oldestHeld;
  const { span } = model;
  if (span !== null && model.exchangesGone > 0 && oldest !== null && span.to <= oldest) {
    return `no longer held: exchanges before ${clock(oldest, context)} (limit ${amount(model.limits.exchanges)})`;
  }
  return "none of those held fits; Esc takes conditions away";
}

/** HTTPS connections: what handshakes and sizes tell without a key. */
import { formatEndpoint } from "../../../core/address.ts";
import type { TlsEvent } from "../../../core/event.ts";
import { shownName } from "../../../core/process.ts";
import { selectedIndex } from "../../model/reduce.ts";
import { box } from "../draw.ts";
import { amount, clock, milliseconds, size, UNKNOWN } from "../format.ts";
import type { Pane } from "../frame.ts";
import { style } from "../style.ts";
import { type Column, drawTable } from "../table.ts";
import type { ViewContext } from "./view-context.ts";

const MUTED = style("muted");

const OUTCOME_TONES = { established: "good", failed: "bad", incomplete: "warn", gap: "warn" } as const;

const COLUMNS: readonly Column<TlsEvent>[] = [
  { title: "time", width: 9, from: 0, text: (event, zone) => clock(event.time_us, zone), look: () => MUTED },
  {
    title: "outcome",
    width: 12,
    from: 0,
    text: (event) => event.outcome,
    look: (event) => style(OUTCOME_TONES[event.outcome]),
  },
  { title: "server name", width: 0, from: 0, text: (event) => event.server_name ?? formatEndpoint(event.flow.server) },
  { title: "version", width: 8, from: 0, text: (event) => event.version ?? UNKNOWN },
  { title: "alpn", width: 9, from: 0, text: (event) => event.alpn ?? UNKNOWN },
  { title: "handshake", width: 10, from: 0, right: true, text: (event) => milliseconds(event.handshake_ms) },
  { title: "in", width: 10, from: 100, right: true, text: (event) => size(event.bytes.in) },
  { title: "out", width: 10, from: 78, right: true, text: (event) => size(event.bytes.out) },
  {
    title: "client",
    width: 23,
    from: 110,
    text: (event) => formatEndpoint(event.flow.client),
    look: () => MUTED,
  },
  { title: "process", width: 16, from: 120, text: processOf, look: () => style("client") },
  { title: "ja4", width: 38, from: 180, text: (event) => event.ja4 ?? UNKNOWN, look: () => MUTED },
];

function processOf(event: TlsEvent): string {
  const process = event.process.client ?? event.process.server;
  return process === null ? "" : `${shownName(process)}[${process.pid}]`;
}

export function connectionsPanel(pane: Pane, context: ViewContext): void {
  const { model } = context;
  const rows = model.connectionRows();
  const newest = model.source.kind === "file" ? "newest last" : "following";
  const state = model.ui.connection === null && model.ui.paused === null ? newest : "standing";
  const inside = box(pane, title(context), `${amount(rows.length)} · ${state}`, true);
  if (rows.length === 0) {
    const { filter, cursor } = model.ui;
    const any = filter === null && cursor === null;
    inside.put(1, 0, any ? "no TLS connection seen yet" : "none of those held fits; Esc takes conditions away", MUTED);
    return;
  }
  drawTable(
    inside,
    {
      columns: COLUMNS,
      length: rows.length,
      at: (index) => model.connection(rows.at(index)),
      selected: selectedIndex(model.ui.connection, rows, true),
      focused: true,
      click: (index) => ({ type: "select", row: rows.at(index) }),
    },
    context,
  );
}

function title({ model }: ViewContext): string {
  const { filter } = model.ui;
  return filter === null ? "HTTPS connections" : `HTTPS connections · ${filter.text}`;
}

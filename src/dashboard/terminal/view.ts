/**
 * `view(context, size)`: the whole screen as a frame. Pure. Where panels stand depends on the size alone: 80x24 has
 * room for all of the overview, larger screens get taller graphs, more columns and a second ranking.
 */

import type { Screen } from "../model/action.ts";
import { DIMENSIONS } from "../model/dimension.ts";
import { box } from "./draw.ts";
import { Frame, type Pane, type Size } from "./frame.ts";
import { alertHistory, alertLines, alertScreen, alertStrip } from "./panels/alerts.ts";
import { connectionsPanel } from "./panels/connections.ts";
import { exchangeLines } from "./panels/detail.ts";
import { exchangesPanel } from "./panels/exchanges.ts";
import { footer, inputLine, inputRows } from "./panels/footer.ts";
import { header } from "./panels/header.ts";
import { helpLines } from "./panels/help.ts";
import { ledgerScreen, ledgerStrip } from "./panels/ledger.ts";
import { linesBox } from "./panels/lines.ts";
import { ratePanel, SCALE } from "./panels/rate.ts";
import { connectionLines } from "./panels/tls-detail.ts";
import { secondTopPanel, topPanel } from "./panels/tops.ts";
import { bytesPanel, latencyPanel, statusPanel } from "./panels/traffic.ts";
import type { ViewContext } from "./panels/view-context.ts";
import { BOLD, style } from "./style.ts";

/** Lines above and below the screen's own part. */
const TOP_LINES = 2;
const BOTTOM_LINES = 3;
/** Smaller terminals get a line that says so. */
const SMALLEST: Size = { columns: 40, rows: 10 };

/** Heights and widths of the overview's panels for a body of this size. */
export interface OverviewLayout {
  readonly rateHeight: number;
  readonly statusWidth: number;
  /** Latency and bytes; 0 where there is no room. */
  readonly middleHeight: number;
  readonly topWidth: number;
  readonly alertHeight: number;
}

export function overviewLayout(columns: number, rows: number): OverviewLayout {
  const rateHeight = rows < 12 ? 0 : Math.max(6, Math.floor(rows * 0.28));
  const middleHeight = rows < 18 ? 0 : rows < 36 ? 5 : Math.max(7, Math.floor(rows * 0.17));
  return {
    rateHeight,
    statusWidth: columns < 60 ? 0 : Math.max(28, Math.floor(columns * 0.27)),
    middleHeight,
    topWidth: columns < 60 ? 0 : Math.max(30, Math.floor(columns * 0.36)),
    alertHeight: rows >= 40 ? 7 : 0,
  };
}

/** What the model must know of the layout: how far a page key goes, how many columns the time cursor has. */
export function layoutOf(size: Size, screen: Screen): { pageRows: number; graphColumns: number } {
  const rows = size.rows - TOP_LINES - BOTTOM_LINES;
  const { rateHeight, statusWidth, middleHeight, alertHeight } = overviewLayout(size.columns, rows);
  const listHeight = screen === "overview" ? rows - rateHeight - middleHeight - alertHeight : rows;
  return { pageRows: Math.max(1, listHeight - 3), graphColumns: Math.max(1, size.columns - statusWidth - 2 - SCALE) };
}

export function view(context: ViewContext, size: Size): Frame {
  const frame = new Frame(size);
  const screen = frame.pane();
  if (frame.columns < SMALLEST.columns || frame.rows < SMALLEST.rows) {
    screen.put(0, 0, "earshot: this terminal is too small", BOLD);
    screen.put(0, 1, `at least ${SMALLEST.columns}x${SMALLEST.rows}, best 80x24 and up; q quits`);
    return frame;
  }
  const { width, height } = screen;
  guarded(screen.part(0, 0, width, TOP_LINES), "header", (pane) => header(pane, context));
  guarded(screen.part(0, TOP_LINES, width, height - TOP_LINES - BOTTOM_LINES), "screen", (pane) => body(pane, context));
  guarded(screen.part(0, height - 3, width, 1), "alerts", (pane) => alertStrip(pane, context));
  guarded(screen.part(0, height - 2, width, 1), "ledger", (pane) => ledgerStrip(pane, context));
  guarded(screen.part(0, height - 1, width, 1), "keys", (pane) => footer(pane, context));
  guarded(screen, "filter line", () => typing(screen, context));
  return frame;
}

/** A panel that fails says so in its place: the others, and the capture, go on. */
export function guarded(pane: Pane, name: string, draw: (pane: Pane) => void): void {
  try {
    draw(pane);
  } catch (error) {
    pane.clear();
    const boxed = pane.height >= 3;
    const inside = boxed ? box(pane, `internal error in ${name}`) : pane;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    inside.put(0, 0, boxed ? reason : `internal error in ${name}: ${reason}`, style("bad", BOLD));
    if (error instanceof Error && error.stack !== undefined) {
      for (const [index, text] of error.stack.split("\n").slice(1).entries()) {
        inside.put(0, index + 1, text, style("muted"));
      }
    }
  }
}

function body(pane: Pane, context: ViewContext): void {
  const { ui } = context.model;
  if (ui.overlay !== null) overlay(pane, context);
  else if (ui.screen === "overview") overview(pane, context);
  else if (ui.screen === "exchanges") withGraph(pane, context, (rest) => exchangesPanel(rest, context, true));
  else if (ui.screen === "top") withGraph(pane, context, (rest) => topPanel(rest, context, true));
  else if (ui.screen === "tls") connectionsPanel(pane, context);
  else if (ui.screen === "alerts") alertScreen(pane, context);
  else ledgerScreen(pane, context);
}

/** A list over the full width; under a time cursor the graph stays above it. */
function withGraph(pane: Pane, context: ViewContext, draw: (pane: Pane) => void): void {
  const { model } = context;
  const graphHeight = model.span !== null && pane.height >= 16 ? 6 : 0;
  if (graphHeight > 0) {
    const width = model.ui.graphColumns + 2 + SCALE;
    guarded(pane.part(0, 0, width, graphHeight), "rate", (part) => ratePanel(part, context));
    guarded(pane.part(width, 0, pane.width - width, graphHeight), "status", (part) => statusPanel(part, context));
  }
  draw(pane.part(0, graphHeight, pane.width, pane.height - graphHeight));
}

function overlay(pane: Pane, context: ViewContext): void {
  const { overlay: shown, scroll } = context.model.ui;
  switch (shown?.kind) {
    case "exchange":
      linesBox(pane, "Exchange", exchangeLines(shown.event, context, pane.width - 4), scroll);
      break;
    case "tls":
      linesBox(pane, "HTTPS connection", connectionLines(shown.event, context), scroll);
      break;
    case "alert":
      linesBox(pane, "Alert", alertLines(shown.record, context), scroll);
      break;
    default:
      linesBox(pane, "Keys", helpLines(), scroll);
  }
}

function overview(pane: Pane, context: ViewContext): void {
  const { width, height } = pane;
  const layout = overviewLayout(width, height);
  const { rateHeight, middleHeight, alertHeight } = layout;
  const rateWidth = width - layout.statusWidth;
  if (rateHeight > 0) {
    guarded(pane.part(0, 0, rateWidth, rateHeight), "rate", (part) => ratePanel(part, context));
    if (layout.statusWidth > 0) {
      guarded(pane.part(rateWidth, 0, layout.statusWidth, rateHeight), "status", (part) => statusPanel(part, context));
    }
  }
  if (middleHeight > 0) middle(pane.part(0, rateHeight, width, middleHeight), context);
  const listsHeight = height - rateHeight - middleHeight - alertHeight;
  lists(pane.part(0, rateHeight + middleHeight, width, listsHeight), context, layout.topWidth);
  if (alertHeight > 0) {
    guarded(pane.part(0, height - alertHeight, width, alertHeight), "alerts", (part) =>
      alertHistory(part, context, false),
    );
  }
}

function middle(pane: Pane, context: ViewContext): void {
  const left = Math.ceil(pane.width / 2);
  guarded(pane.part(0, 0, left, pane.height), "latency", (part) => latencyPanel(part, context));
  guarded(pane.part(left, 0, pane.width - left, pane.height), "bytes", (part) => bytesPanel(part, context));
}

function lists(pane: Pane, context: ViewContext, topWidth: number): void {
  const onTop = context.model.ui.focus === "top";
  if (topWidth === 0) {
    // too narrow for two: the one in focus
    if (onTop) guarded(pane, "top", (part) => topPanel(part, context, true));
    else guarded(pane, "exchanges", (part) => exchangesPanel(part, context, true));
    return;
  }
  tops(pane.part(0, 0, topWidth, pane.height), context, onTop);
  guarded(pane.part(topWidth, 0, pane.width - topWidth, pane.height), "exchanges", (part) =>
    exchangesPanel(part, context, !onTop),
  );
}

/** The chosen ranking, and where there is room the next dimensions below it. */
function tops(pane: Pane, context: ViewContext, focused: boolean): void {
  const count = pane.height >= 20 ? (pane.height >= 36 ? 3 : 2) : 1;
  const height = Math.ceil(pane.height / count);
  guarded(pane.part(0, 0, pane.width, height), "top", (part) => topPanel(part, context, focused));
  for (let more = 1; more < count; more++) {
    const index = (context.model.ui.dimension + more) % DIMENSIONS.length;
    const y = height * more;
    guarded(pane.part(0, y, pane.width, Math.min(height, pane.height - y)), "top", (part) =>
      secondTopPanel(part, context, index),
    );
  }
}

/** The line being typed stands above the strips, which stay in sight, with its proposals above it. */
function typing(screen: Pane, context: ViewContext): void {
  const { input } = context.model.ui;
  if (input === null) return;
  const y = screen.height - BOTTOM_LINES - 1;
  const rows = Math.min(inputRows(input), y);
  inputLine(screen.part(0, y, screen.width, 1), screen.part(0, y - rows, screen.width, rows), input);
}

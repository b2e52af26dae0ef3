import { describe, expect, test } from "vitest";
import { Traffic } from "../../../test/support/dashboard-traffic.ts";
import { transaction } from "../../../test/support/event.ts";
import { SECOND } from "../../core/units.ts";
import type { Action } from "../model/action.ts";
import { filterLanguage } from "../model/language.ts";
import { DashboardModel } from "../model/model.ts";
import type { Size } from "./frame.ts";
import { Frame } from "./frame.ts";
import type { ViewContext } from "./panels/view-context.ts";
import { guarded, layoutOf, view } from "./view.ts";

const START = 1_700_000_000 * SECOND;
const SMALL: Size = { columns: 80, rows: 24 };
const LARGE: Size = { columns: 200, rows: 60 };

function shop(kind: "live" | "file" = "live", seconds = 150): ViewContext {
  const traffic = new Traffic(30);
  const model = new DashboardModel({
    source: { kind, name: kind === "live" ? "eth0" : "shop.pcapng", revealed: false },
    language: filterLanguage(),
  });
  model.tick(START);
  model.rulesAre(traffic.rules());
  for (const event of traffic.between(START, START + seconds * SECOND)) model.event(event);
  model.tick(START + seconds * SECOND);
  model.rulesAre(traffic.rules());
  model.ledgerIs(traffic.ledger);
  return { model, mouse: false, utcOffset_s: 0 };
}

function text(context: ViewContext, size: Size, ...actions: Action[]): string {
  context.model.dispatch({ type: "layout", ...layoutOf(size, context.model.ui.screen), scrollLimit: 1_000 });
  for (const action of actions) context.model.dispatch(action);
  return view(context, size).toText();
}

const typed = (line: string): Action[] => [
  { type: "input-open", kind: "filter" },
  { type: "input-text", text: line },
];

const SCREENS: Readonly<Record<string, readonly Action[]>> = {
  overview: [],
  exchanges: [{ type: "screen", screen: "exchanges" }],
  top: [
    { type: "screen", screen: "top" },
    { type: "dimension", by: 2 },
  ],
  https: [{ type: "screen", screen: "tls" }],
  alerts: [{ type: "screen", screen: "alerts" }],
  ledger: [{ type: "screen", screen: "ledger" }],
  help: [{ type: "help" }],
  detail: [{ type: "open" }],
  "https-detail": [{ type: "screen", screen: "tls" }, { type: "open" }],
  "alert-detail": [{ type: "screen", screen: "alerts" }, { type: "open" }],
  "filter-line": typed("status >= 4"),
  "filter-mistake": typed("statu == 500"),
  filtered: [...typed("status == 5xx and host == shop.example"), { type: "input-accept" }],
  drilled: [{ type: "focus", on: "top" }, { type: "move", by: 1 }, { type: "open" }],
  sorted: [
    { type: "screen", screen: "exchanges" },
    { type: "sort", by: "latency" },
  ],
  paused: [{ type: "pause" }],
};

describe.each([SMALL, LARGE])("screens at $columns x $rows", (size) => {
  test.each(Object.keys(SCREENS))("%s", async (name) => {
    const shown = text(shop(), size, ...SCREENS[name]);
    await expect(shown).toMatchFileSnapshot(`golden/${name}-${size.columns}x${size.rows}.txt`);
  });
});

test.each([SMALL, LARGE])("a file under its time cursor at $columns x $rows", async (size) => {
  const shown = text(shop("file"), size, { type: "cursor", by: -1 }, { type: "cursor", by: -10 });
  await expect(shown).toMatchFileSnapshot(`golden/file-cursor-${size.columns}x${size.rows}.txt`);
});

test("before any traffic every screen says so", async () => {
  const model = new DashboardModel({ source: { kind: "live", name: "eth0", revealed: true }, language: null });
  model.tick(START);
  const context: ViewContext = { model, mouse: false, utcOffset_s: 0 };
  await expect(text(context, SMALL)).toMatchFileSnapshot("golden/empty-80x24.txt");
  for (const screen of ["exchanges", "top", "tls", "alerts", "ledger"] as const) {
    expect(text(context, SMALL, { type: "screen", screen })).toMatch(/no exchange|no TLS|no alert|Missing/);
  }
});

test("the ledger and the alerts are in sight on every screen of every size", () => {
  for (const columns of [40, 60, 80, 133, 200]) {
    for (const rows of [10, 17, 24, 40, 60]) {
      for (const actions of Object.values(SCREENS)) {
        const shown = text(shop("live", 3), { columns, rows }, ...actions);
        expect(shown).toContain("nothing lost");
        expect(shown).toContain("alerts ");
        expect(shown).not.toContain("internal error in");
      }
    }
  }
});

test("a loss shows in the strip, whatever the width", () => {
  const context = shop("live", 3);
  context.model.ledger.kernelDropped = 4_321;
  for (const columns of [60, 80, 200]) {
    const shown = text(context, { columns, rows: 24 });
    expect(shown).toContain("incomplete");
    expect(shown).toContain("dropped 4,321");
  }
});

test("under a time cursor before what is held, the lists say since when exchanges are held", () => {
  const model = new DashboardModel({
    source: { kind: "file", name: "x.pcap", revealed: false },
    limits: { exchanges: 50 },
  });
  for (let index = 0; index < 200; index++) model.event(transaction({ time_us: START + index * SECOND }));
  const context: ViewContext = { model, mouse: false, utcOffset_s: 0 };
  const shown = text(context, LARGE, { type: "cursor-set", time: START });
  expect(shown).toContain("no longer held: exchanges before 22:15:50 (limit 50)");
  expect(shown).toContain("none of those held fits");
  expect(text(context, LARGE, { type: "cursor-set", time: null })).toContain("50 · newest last");
});

test("any size can be drawn", () => {
  const context = shop("live", 3);
  for (const columns of [1, 2, 5, 39, 41, 1_000]) {
    for (const rows of [1, 2, 9, 11, 400]) expect(text(context, { columns, rows })).not.toContain("internal error in");
  }
  expect(view(context, { columns: 1e9, rows: Number.NaN }).columns).toBe(1_000);
});

test("a panel that throws shows why in its place, and the others are drawn", () => {
  const frame = new Frame({ columns: 40, rows: 6 });
  guarded(frame.pane().part(0, 0, 40, 3), "rate", () => {
    throw new RangeError("on purpose");
  });
  guarded(frame.pane().part(0, 3, 40, 3), "other", (pane) => pane.put(0, 0, "still here"));
  expect(frame.toText()).toContain("internal error in rate");
  expect(frame.toText()).toContain("RangeError: on purpose");
  expect(frame.toText()).toContain("still here");
});

test("the detail page never claims a time it does not know", () => {
  const context = shop("live", 1);
  const event = transaction({
    response: null,
    outcome: "no-response",
    latency_ms: { ttfb: null, total: null, think: null },
  });
  context.model.event({ ...event, time_us: START + SECOND });
  const shown = text(context, SMALL, { type: "open" });
  expect(shown).toContain("no response (no-response)");
  expect(shown).toContain("wait –");
  expect(shown).toContain("total –");
});

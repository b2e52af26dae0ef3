import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import type { TlsEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { SECOND } from "../../core/units.ts";
import type { Action } from "./action.ts";
import { DIMENSIONS } from "./dimension.ts";
import { filterLanguage } from "./language.ts";
import { DashboardModel, type ModelOptions } from "./model.ts";

const START = 1_700_000_000 * SECOND;

function model(count: number, options: Partial<ModelOptions> = {}): DashboardModel {
  const made = new DashboardModel({
    source: { kind: "live", name: "eth0", revealed: false },
    language: filterLanguage(),
    ...options,
  });
  made.tick(START);
  feed(made, 0, count);
  return made;
}

function feed(into: DashboardModel, from: number, to: number): void {
  for (let index = from; index < to; index++) {
    into.event(
      transaction({
        time_us: START + index * 10_000,
        id: `x.${index}`,
        flow: { id: Math.floor(index / 3) },
        request: { path: `/p${index % 4}`, target: `/p${index % 4}`, query: null },
        response: { status: index % 5 === 0 ? 500 : 200 },
        latency_ms: { total: index % 7 },
      }),
    );
  }
  into.tick(START + to * 10_000);
}

function act(on: DashboardModel, ...actions: Action[]): void {
  for (const action of actions) on.dispatch(action);
}

const filter = (text: string): Action => ({ type: "filter-set", text });
const selected = (on: DashboardModel) => {
  act(on, { type: "open" });
  const { overlay } = on.ui;
  act(on, { type: "back" });
  return overlay?.kind === "exchange" ? overlay.event.id : null;
};

describe("the exchange list", () => {
  test("follows the newest until somebody moves, and again at the end", () => {
    const m = model(20);
    expect(selected(m)).toBe("x.19");
    act(m, { type: "follow" }, { type: "move", by: -2 });
    feed(m, 20, 30);
    expect(selected(m)).toBe("x.17");
    act(m, { type: "edge", to: "last" });
    feed(m, 30, 31);
    expect(m.ui.exchange).toBeNull();
    expect(selected(m)).toBe("x.30");
  });

  test("a filter, a drill-down and a time span narrow it, and Esc takes them away one by one", () => {
    const m = model(100);
    act(m, filter("status == 5xx"));
    expect(m.exchangeRows().length).toBe(20);
    feed(m, 100, 105);
    expect(m.exchangeRows().length).toBe(21);
    act(m, { type: "focus", on: "top" }, { type: "open" });
    expect(m.ui.drill).not.toBeNull();
    const rows = m.exchangeRows();
    for (let index = 0; index < rows.length; index++) {
      expect(DIMENSIONS[0].key(m.exchange(rows.at(index))!)).toBe(m.ui.drill!.key);
    }
    act(m, { type: "back" });
    expect(m.ui.drill).toBeNull();
    expect(m.ui.filter).not.toBeNull();
    act(m, { type: "back" });
    expect(m.ui.filter).toBeNull();
    expect(m.exchangeRows().length).toBe(105);
  });

  test("the exchanges behind a top row are as many as the row says", () => {
    const m = model(60);
    act(m, { type: "screen", screen: "top" });
    for (const dimension of [0, 1, 2, 3, 4, 5, 6]) {
      act(m, { type: "screen", screen: "top" }, { type: "dimension-set", index: dimension });
      const row = m.topList(m.dimension, 10).rows[0];
      act(m, { type: "open" });
      expect(m.exchangeRows().length, m.dimension.name).toBe(row.tally.requests);
      act(m, { type: "clear" });
    }
  });

  test("sorts by a column, largest first, and equal ones in the order of time", () => {
    const m = model(50);
    act(m, { type: "screen", screen: "exchanges" }, { type: "sort", by: "latency" });
    const rows = m.exchangeRows();
    const values = Array.from({ length: rows.length }, (_, index) => m.exchange(rows.at(index))!.latency_ms.total!);
    expect(values).toEqual(values.toSorted((a, b) => b - a));
    act(m, { type: "reverse" });
    const up = m.exchangeRows();
    expect(m.exchange(up.at(0))!.latency_ms.total).toBe(0);
    expect(up.indexOf(up.at(7))).toBe(7);
  });

  test("paused, it stands still while exchanges fall out of the ring behind it", () => {
    const m = model(30, { limits: { exchanges: 20 } });
    act(m, { type: "pause" });
    const before = Array.from({ length: m.exchangeRows().length }, (_, index) => m.exchangeRows().at(index));
    feed(m, 30, 100);
    const rows = m.exchangeRows();
    expect(Array.from({ length: rows.length }, (_, index) => rows.at(index))).toEqual(before);
    for (const number of before) expect(m.exchange(number)?.id).toBe(`x.${number - 1}`);
    act(m, filter("status == 5xx"));
    expect(m.exchangeRows().length).toBe(4);
    act(m, { type: "clear" }, { type: "pause" });
    expect(m.exchangeRows().at(0)).toBe(81);
  });

  test("a filter keeps up while what matched falls out", () => {
    const m = model(0, { limits: { exchanges: 50 } });
    act(m, filter("status == 5xx"));
    for (let from = 0; from < 5_000; from += 25) {
      feed(m, from, from + 25);
      const rows = m.exchangeRows();
      expect(rows.length).toBe(Math.min((from + 25) / 5, 10));
    }
    expect(m.exchange(m.exchangeRows().at(0))?.response?.status).toBe(500);
  });

  test("search goes from hit to hit, older first, around the ends", () => {
    const m = model(12);
    act(m, { type: "input-open", kind: "search" }, { type: "input-text", text: "/P2" }, { type: "input-accept" });
    expect(selected(m)).toBe("x.10");
    act(m, { type: "search-next", by: -1 });
    expect(selected(m)).toBe("x.6");
    act(m, { type: "search-next", by: 1 }, { type: "search-next", by: 1 });
    expect(selected(m)).toBe("x.2");
    act(m, { type: "input-open", kind: "search" }, { type: "input-text", text: "nowhere" }, { type: "input-accept" });
    expect(m.ui.notice).toContain("nowhere");
  });
});

test("HTTPS connections pass the same filter, and stand still when paused", () => {
  const m = model(0);
  const connection = (index: number): TlsEvent => ({
    ...transaction(),
    type: "tls",
    id: `t.${index}`,
    time_us: START + index,
    version: "TLSv1.3",
    cipher: null,
    server_name: index % 2 === 0 ? "even.example" : "odd.example",
    alpn_offered: [],
    alpn: null,
    ja3: null,
    ja3s: null,
    ja4: null,
    certificates: [],
    resumed: null,
    outcome: "established",
    alert: null,
    handshake_ms: null,
    duration_ms: 1,
  });
  for (let index = 0; index < 10; index++) m.event(connection(index));
  act(m, { type: "screen", screen: "tls" });
  expect(m.connectionRows().length).toBe(10);
  act(m, filter("host == even.example"));
  expect(m.ui.screen).toBe("tls");
  expect(m.connectionRows().length).toBe(5);
  act(m, { type: "pause" });
  m.event(connection(10));
  expect(m.connectionRows().length).toBe(5);
  act(m, { type: "pause" });
  expect(m.connectionRows().length).toBe(6);
  act(m, { type: "open" });
  expect(m.ui.overlay).toMatchObject({ kind: "tls", event: { id: "t.10" } });
});

describe("the filter line", () => {
  const typing = (on: DashboardModel, text: string) =>
    act(
      on,
      { type: "input-open", kind: "filter" },
      { type: "input-delete", what: "all" },
      { type: "input-text", text },
    );

  test("a mistake points at its column and keeps the line", () => {
    const m = model(5);
    typing(m, "status == 200 and hots == x");
    act(m, { type: "input-accept" });
    expect(m.ui.input?.mistake).toMatchObject({ column: 18 });
    expect(m.ui.input?.mistake?.message).toContain("host");
    expect(m.ui.filter).toBeNull();
    act(m, { type: "input-cancel" });
    expect(m.ui.input).toBeNull();
  });

  test("proposes values that were seen, quoted where need be, and gives back what was typed", () => {
    const m = model(30);
    typing(m, "host == ");
    expect(m.ui.input?.completions.map(({ text }) => text)).toContain("www.example.com");
    act(m, { type: "input-complete", by: 1 });
    expect(m.ui.input?.text).toBe("host == www.example.com");
    act(m, { type: "input-complete", by: -1 });
    expect(m.ui.input?.text).toBe("host == ");
    typing(m, "ua == ");
    act(m, { type: "input-complete", by: 1 }, { type: "input-accept" });
    expect(m.exchangeRows().length).toBe(30);
  });

  test("edits by characters, words and ends, whole surrogate pairs at a time", () => {
    const m = model(1);
    typing(m, "ab 😀");
    act(m, { type: "input-delete", what: "before" });
    expect(m.ui.input?.text).toBe("ab ");
    act(m, { type: "input-text", text: "cd ef" }, { type: "input-delete", what: "word" });
    expect(m.ui.input?.text).toBe("ab cd ");
    act(m, { type: "input-move", to: "start" }, { type: "input-text", text: "x" }, { type: "input-move", to: "right" });
    act(m, { type: "input-delete", what: "after" });
    expect(m.ui.input?.text).toBe("xa cd ");
    act(m, { type: "input-text", text: "y".repeat(5_000) });
    expect(m.ui.input?.text.length).toBeLessThan(2_001);
  });

  test("an empty filter is none", () => {
    const m = model(10);
    act(m, filter("status == 5xx"), filter("  "));
    expect(m.ui.filter).toBeNull();
  });
});

describe("rankings", () => {
  test("count every exchange while there are few", () => {
    const m = model(400);
    const list = m.topList(DIMENSIONS.find(({ name }) => name === "status")!, 10);
    expect(list.rows.map(({ key, tally }) => [key, tally.requests])).toEqual([
      ["200", 320],
      ["500", 80],
    ]);
    expect(list.sampled).toBe(false);
  });

  test("under heavy traffic look at a sample, say so, and stay near the truth", () => {
    const m = model(0);
    const perSecond = 30_000;
    for (let second = 0; second < 4; second++) {
      for (let tenth = 0; tenth < 10; tenth++) {
        for (let index = 0; index < perSecond / 10; index++) {
          m.event(
            transaction({ time_us: START + second * SECOND, response: { status: index % 10 === 0 ? 404 : 200 } }),
          );
        }
        m.tick(START + second * SECOND + (tenth * SECOND) / 10);
      }
    }
    const list = m.topList(DIMENSIONS.find(({ name }) => name === "status")!, 10);
    expect(list.sampled).toBe(true);
    expect(list.total).toBe(4 * perSecond);
    const missing = list.rows.find(({ key }) => key === "404")!.tally.requests;
    expect(missing / list.total).toBeGreaterThan(0.09);
    expect(missing / list.total).toBeLessThan(0.11);
  });

  test("under a filter or a time span, of what fits", () => {
    const m = model(100);
    act(m, filter("status == 5xx"));
    const list = m.topList(DIMENSIONS.find(({ name }) => name === "status")!, 10);
    expect(list.rows.map(({ key, tally }) => [key, tally.requests])).toEqual([["500", 20]]);
  });
});

describe("time", () => {
  test("a file's time cursor moves by graph columns within the capture, and narrows the lists", () => {
    const m = model(200, { source: { kind: "file", name: "x.pcap", revealed: false } });
    act(m, { type: "layout", pageRows: 10, graphColumns: 50, scrollLimit: 0 }, { type: "cursor", by: -1 });
    const { step } = m.graph(50);
    expect(m.span).toEqual({ from: Math.floor((START + 1_990_000) / step) * step, to: expect.any(Number) });
    const inside = m.exchangeRows().length;
    expect(inside).toBeGreaterThan(0);
    expect(inside).toBeLessThan(20);
    act(m, { type: "cursor", by: -1_000 });
    expect(m.span!.from).toBeLessThanOrEqual(START);
    expect(m.span!.to).toBeGreaterThan(START);
    act(m, { type: "cursor", by: 5_000 });
    expect(m.span!.to).toBeGreaterThan(START + 1_990_000);
    act(m, { type: "cursor-set", time: null });
    expect(m.exchangeRows().length).toBe(200);
  });

  test("zooming a file shows less time in each column, never before or behind it", () => {
    const m = model(200, { source: { kind: "file", name: "x.pcap", revealed: false } });
    const before = m.graph(40);
    act(m, { type: "zoom", by: 1 }, { type: "zoom", by: 1 });
    const after = m.graph(40);
    expect(after.step).toBeLessThan(before.step);
    expect(after.from).toBeGreaterThanOrEqual(before.from);
    for (let column = 0, total = 0; column < 40; column++) {
      total += after.slice(column).requests;
      if (column === 39) expect(total).toBeGreaterThan(0);
    }
  });

  test("live columns stand at fixed times: the same second is always in the same column", () => {
    const m = model(1_000);
    const first = m.graph(20);
    feed(m, 1_000, 1_150);
    const second = m.graph(20);
    expect((second.from - first.from) % first.step).toBe(0);
  });

  test("nothing before the first exchange or tick, and no time runs backwards", () => {
    const m = new DashboardModel({ source: { kind: "live", name: "eth0", revealed: false } });
    expect(m.startTime).toBeNull();
    act(m, { type: "cursor", by: -1 }, { type: "open" }, { type: "move", by: 5 }, { type: "page", by: -1 });
    expect(m.span).toBeNull();
    m.tick(START);
    m.tick(START - SECOND);
    expect(m.now).toBe(START);
  });
});

test("nothing changed, no new revision: no frame need be drawn", () => {
  const m = model(3);
  const ledger = new Ledger();
  m.ledgerIs(ledger);
  const { revision } = m;
  m.ledgerIs(ledger);
  m.rulesAre([]);
  m.rulesAre([]);
  m.tick(m.now + 1_000);
  expect(m.revision).toBeLessThanOrEqual(revision + 1);
  const settled = m.revision;
  m.rulesAre([]);
  m.tick(m.now + 1_000);
  expect(m.revision).toBe(settled);
});

test("an overlay keeps its exchange when that has fallen out", () => {
  const m = model(10, { limits: { exchanges: 10 } });
  act(m, { type: "edge", to: "first" }, { type: "open" });
  feed(m, 10, 60);
  expect(m.ui.overlay).toMatchObject({ kind: "exchange", event: { id: "x.0" } });
  act(m, { type: "back" });
  // the selected one is gone: the list goes on at its oldest
  expect(selected(m)).toBe("x.50");
});

test("bodies and fields are not touched before somebody looks", () => {
  const event = transaction({ time_us: START });
  const request = { ...event.request! };
  Object.defineProperty(request, "fields", {
    get: () => {
      throw new Error("touched");
    },
  });
  const m = model(0);
  m.event({ ...event, request });
  m.tick(START + SECOND);
  act(m, filter("status == 200"), { type: "dimension", by: 1 });
  expect(m.exchangeRows().length).toBe(1);
  m.topList(m.dimension, 5);
});

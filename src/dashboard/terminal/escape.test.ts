/** Captured bytes must never reach the terminal as commands, whatever field they come in. */
import { expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { VirtualScreen } from "../../../test/support/virtual-screen.ts";
import type { AlertEvent, EarshotEvent, TlsEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { SECOND } from "../../core/units.ts";
import type { Action } from "../model/action.ts";
import { filterLanguage } from "../model/language.ts";
import { DashboardModel } from "../model/model.ts";
import { encodeFrame } from "./encode.ts";
import type { Frame } from "./frame.ts";
import type { Theme } from "./theme.ts";
import { view } from "./view.ts";

/** Every C0 and C1 control, the sequences built on them, and every way to turn text around. */
const HOSTILE = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, code) => String.fromCharCode(0x7f + code)),
  "\x1b[2J\x1b[H",
  "\x1b]0;title\x07",
  "\x1b]52;c;Y2xpcGJvYXJk\x1b\\",
  "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
  "\x1bP1$r0m\x1b\\",
  "\x1b_Gf=24;AAAA\x1b\\",
  "\x1bc\x1b#8\x1b(0",
  "\x9b31m\x9d0;t\x9c",
  "\x1b[?1049l\x1b[?25h\x1b[?2026h",
  "\u202e\u2066\u2069\u200f\u061c\u200b\u2028\ufeff",
  "\u{e0041}\u{e007f}",
  "\ud800",
  "e\u0301\u0301\u0301\u0301\u0301\u0301",
  "👩‍👩‍👧‍👦🇩🇪",
].join("!");

/** The same value with hostile text added to every string in it, except those that are read as tags or times. */
function poisoned<T>(value: T, name = ""): T {
  if (typeof value === "string") {
    const kept =
      ["type", "outcome", "state", "severity", "encoding", "direction"].includes(name) || name.endsWith("_at");
    return (kept ? value : `${value}${HOSTILE}`) as T;
  }
  if (Array.isArray(value)) return value.map((part) => poisoned(part, name)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, poisoned(part, key)])) as T;
}

const process = {
  pid: 7,
  ppid: 1,
  comm: "sh",
  exe: "/bin/sh",
  args: ["sh", "-c"],
  uid: 0,
  user: "root",
  start_time: "x",
  container: { id: "abc", runtime: "docker", name: "web", image: "nginx" },
  pod: { uid: "u", name: "p", namespace: "n", labels: { app: "web" } },
};
const TIME = 1_700_000_000 * SECOND;

const exchange = transaction({
  time_us: TIME,
  http: { version: "1.1", upgrade: "websocket" },
  request: { body: { text: "one\ntwo", encoding: "utf-8", truncated: true }, trailers: [["T", "v"]] },
  response: { body: { text: "AAAA", encoding: "base64", truncated: false } },
  process: { client: process, server: process },
  anomalies: ["http1.x"],
  labels: { country: "DE", route: "/x" },
  flow: { encapsulation: "vlan:7" },
});

const connection: TlsEvent = {
  type: "tls",
  time: "t",
  time_us: TIME,
  id: "t.1",
  flow: exchange.flow,
  version: "TLSv1.3",
  cipher: "C",
  server_name: "name",
  alpn_offered: ["h2"],
  alpn: "h2",
  ja3: "j",
  ja3s: "j",
  ja4: "j",
  certificates: [
    { subject: "s", issuer: "i", not_before: "b", not_after: "a", serial: "1", names: ["n"], sha256: "f" },
  ],
  resumed: true,
  outcome: "failed",
  alert: "bad",
  handshake_ms: 1,
  duration_ms: 2,
  bytes: { in: 1, out: 2, in_retransmitted: 0, out_retransmitted: 0 },
  process: { client: process, server: null },
  quality: { midstream: false, gap_bytes: 0, truncated: false },
  anomalies: ["tls.x"],
};

const alert: AlertEvent = {
  type: "alert",
  time: "t",
  time_us: TIME,
  id: "a-1",
  rule: "requests",
  scope: 'host == "x"',
  group: "g",
  state: "firing",
  direction: "high",
  severity: "critical",
  summary: "HIGH",
  active_at: "2023-11-14T22:13:20Z",
  fired_at: "2023-11-14T22:13:20Z",
  last_breach_at: null,
  resolved_at: null,
  window_s: 10,
  value: 5,
  peak: 6,
  baseline: { mode: "robust", m: 1, s: 1, up: 2, low: 0, age_s: 1, windows: 1 },
  delta_pct: 1,
  score: 1,
  contributors: [{ dimension: "path", key: "/x", now: 1, usual: 1, share_of_excess: 1, new: false }],
  samples: ["1.1"],
  quality: { dropped: 1, gap_bytes: 1, unmatched: 0, suspect: true },
  reopened: 0,
  evaluations: 1,
};

const VIEWS: readonly (readonly Action[])[] = [
  [],
  [{ type: "screen", screen: "exchanges" }],
  [{ type: "open" }],
  [{ type: "back" }, { type: "screen", screen: "tls" }],
  [{ type: "open" }],
  [{ type: "back" }, { type: "screen", screen: "alerts" }],
  [{ type: "open" }],
  [{ type: "back" }, { type: "screen", screen: "ledger" }],
  ...Array.from({ length: 12 }, (): readonly Action[] => [
    { type: "screen", screen: "top" },
    { type: "dimension", by: 1 },
  ]),
  [{ type: "open" }],
  [
    { type: "input-open", kind: "search" },
    { type: "input-text", text: HOSTILE },
  ],
  [{ type: "input-accept" }],
  [
    { type: "input-open", kind: "filter" },
    { type: "input-text", text: `host == "${HOSTILE}"` },
  ],
  [{ type: "input-accept" }],
  [
    { type: "input-open", kind: "filter" },
    { type: "input-text", text: "ua == " },
    { type: "input-complete", by: 1 },
  ],
];

/** Everything that may stand between printable characters: the sequences of encode.ts and theme.ts. */
const OURS = /\x1b\[(?:\d+;\d+H|0(?:;[\d;]+)?m|2J|2D|\?2026[hl])/g;
const FORBIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\u{e0000}-\u{e0fff}]/u;

test.each([
  { columns: 80, rows: 24 },
  { columns: 200, rows: 60 },
])("no captured control character leaves, in any field, on any screen at $columns x $rows", (size) => {
  const model = new DashboardModel({
    source: { kind: "live", name: `eth0${HOSTILE}`, revealed: false },
    language: filterLanguage(),
  });
  const ledger = new Ledger();
  ledger.anomaly(`x${HOSTILE}`);
  ledger.evict(`y${HOSTILE}`);
  ledger.sinkDrop(`z${HOSTILE}`);
  model.tick(TIME);
  model.ledgerIs(ledger);
  model.rulesAre([
    {
      rule: `requests${HOSTILE}`,
      scope: HOSTILE,
      group: HOSTILE,
      series: "requests",
      unit: `x${HOSTILE}`,
      state: "firing",
      learning_left_s: 3,
      window_s: 10,
      value: 4,
      usual: { middle: 1, low: 0, up: 2 },
    },
  ]);
  const events: EarshotEvent[] = [exchange, { ...exchange, id: "1.2" }, connection, alert];
  for (const event of events) model.event(poisoned(event));
  model.tick(TIME + 2 * SECOND);
  for (const theme of [
    { colours: "truecolor", unicode: true, synchronized: true },
    { colours: "none", unicode: false, synchronized: false },
  ] satisfies Theme[]) {
    let previous: Frame | null = null;
    for (const actions of VIEWS) {
      for (const action of actions) model.dispatch(action);
      const frame = view({ model, mouse: true, utcOffset_s: 0 }, size);
      const sent = encodeFrame(previous, frame, theme);
      expect(sent.replaceAll(OURS, "")).not.toMatch(FORBIDDEN);
      expect(frame.toText()).not.toContain("internal error in");
      // the hostile text is there, in a form that can be read
      if (model.ui.overlay !== null) expect(frame.toText()).toContain("\\x00!\\x01!");
      const screen = new VirtualScreen(size.columns, size.rows);
      screen.write(encodeFrame(null, frame, theme));
      expect(screen.foreign).toEqual([]);
      previous = frame;
    }
  }
});

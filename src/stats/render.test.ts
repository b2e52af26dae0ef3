import { describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import type { TransactionEvent } from "../core/event.ts";
import { SECOND } from "../core/units.ts";
import { dimension } from "./dimension.ts";
import { Overview } from "./overview.ts";
import { ranking } from "./ranking.ts";
import { rankingCsv, rankingJson, rankingTable } from "./render.ts";
import { seedReport, seedTime } from "./seed-report.ts";
import { statsJson, statsReport } from "./stats-report.ts";
import { bar, csvLines, displayWidth, formatBytes, formatMilliseconds, formatRate, tableLines } from "./table.ts";
import type { Metric } from "./top.ts";

const START = Date.parse("2026-01-31T10:20:30Z") * 1_000;

function asked(second: number, host: string | null, path = "/", status = 200, total_ms = 10): TransactionEvent {
  return transaction({
    time_us: START + second * SECOND,
    request: { host, path, target: path },
    response: { status, reason: status === 200 ? "OK" : "Bad" },
    latency_ms: { total: total_ms, ttfb: total_ms / 2 },
  });
}

const events = [
  asked(0, "a.example", "/shop/1", 200, 10),
  asked(1, "a.example", "/shop/2", 500, 20),
  asked(2, "a.example", "/blog/1", 200, 30),
  asked(3, "b.example", "/", 200, 1_500),
  asked(4, "c.example", "/", 200, 5),
  asked(5, null, "/", 200, 5),
];

function reportOf(by: string, metric: Metric = "requests", limit = 10, list = events) {
  const statistic = ranking({ dimension: dimension(by), metric, limit });
  const state = statistic.create();
  for (const event of list) statistic.observe(state, event);
  return statistic.report(state);
}

describe("rankings", () => {
  test("as a table: rows, (other), (none), total", () => {
    expect(rankingTable(reportOf("domain", "requests", 2))).toEqual([
      "#  DOMAIN     REQUESTS  ERRORS     IN      OUT   SHARE",
      "1  a.example         3       1  426 B   1.9 kB    50 %",
      "2  c.example         1       0  142 B    632 B  16.7 %",
      "   (other)           1       0  142 B    632 B  16.7 %",
      "   (none)            1       0  142 B    632 B  16.7 %",
      "   total             6       1  852 B  3.79 kB   100 %",
    ]);
  });

  test("by latency the columns are quantiles", () => {
    expect(rankingTable(reportOf("domain", "latency-p95", 1))).toEqual([
      "#  DOMAIN     REQUESTS   MEAN    P50    P90    P95    P99    MAX",
      "1  b.example         1  1.5 s  1.5 s  1.5 s  1.5 s  1.5 s  1.5 s",
      "   (other)           4      -      -      -      -      -      -",
      "   (none)            1      -      -      -      -      -      -",
      "   total             6      -      -      -      -      -      -",
    ]);
  });

  test("ordered by metric, then last seen, then key", () => {
    const rows = (metric: Metric) => reportOf("domain", metric).rows.map((row) => [row.keys[0], row.value]);
    expect(rows("requests")).toEqual([
      ["a.example", 3],
      ["c.example", 1],
      ["b.example", 1],
    ]);
    expect(rows("errors")[0]).toEqual(["a.example", 1]);
    expect(rows("latency-max").map(([key]) => key)).toEqual(["b.example", "a.example", "c.example"]);
    expect(rows("bytes-out")[0]).toEqual(["a.example", 1_896]);
  });

  test("JSON and CSV", () => {
    const report = reportOf("host,status");
    const lines = rankingJson(report).map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({
      ...{ type: "top", dimension: "host,status", metric: "requests", rank: 1, keys: ["a.example", "200"] },
      ...{ requests: 2, errors: 0, last_seen: "2026-01-31T10:20:32.000000Z", missed_at_most: 0 },
    });
    expect(lines.at(-1)).toMatchObject({ type: "top-summary", keys: 5, exact: true, total: { requests: 6 } });
    const csv = rankingCsv(report);
    expect(csv[0].startsWith("rank,Host,Status,requests,responses,errors,bytes_in,bytes_out")).toBe(true);
    expect(csv[1].startsWith("1,a.example,200,2,2,0,284,1264,")).toBe(true);
  });

  test("what a client sent cannot command the terminal, forge rows or run in a spreadsheet", () => {
    const evil = [asked(0, "x\x1b[2J\r\nb.example 999\x9b", "/"), asked(1, '=cmd|"/c calc"!A1', "/")];
    const text = [
      ...rankingTable(reportOf("host", "requests", 5, evil)),
      ...rankingCsv(reportOf("host", "requests", 5, evil)),
      ...rankingJson(reportOf("host", "requests", 5, evil)),
    ];
    for (const line of text) expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
    expect(text.join("\n")).toContain("x\\x1b[2j\\r\\nb.example 999\\x9b");
    expect(text.join("\n")).toContain(`"'=cmd|""/c calc""!a1"`);
  });

  test("a ranking that gave keys up says so", () => {
    const statistic = ranking({ dimension: dimension("path"), capacity: 4, limit: 2 });
    const state = statistic.create();
    for (let path = 0; path < 50; path++) statistic.observe(state, asked(path, "h", `/${path}`));
    const report = statistic.report(state);
    expect(report.exact).toBe(false);
    expect(rankingTable(report).at(-1)).toMatch(/^More keys than are kept \(\d\): a row may lack up to \d+ requests/);
    expect(report.total.requests).toBe(50);
    expect(report.other.requests + report.rows.reduce((sum, row) => sum + row.requests, 0)).toBe(50);
  });
});

describe("the whole report", () => {
  const overview = new Overview();
  const state = overview.create();
  for (const event of events) overview.observe(state, event);

  test("of the console monitor", () => {
    expect(seedReport(overview, state, { limit: 2 })).toEqual([
      "",
      "<<<Top Hits By Section>>>",
      "http://a.example/shop: 2 last seen: 10:20:31 2026/01/31",
      "http://c.example: 1 last seen: 10:20:34 2026/01/31",
      "",
      "<<<Top Hits By Domain>>>",
      "a.example: 3 last seen: 10:20:32 2026/01/31",
      "c.example: 1 last seen: 10:20:34 2026/01/31",
      "",
      "<<<Top Hits Upload Volume By Domain>>>",
      "a.example: 426 last seen: 10:20:32 2026/01/31",
      "c.example: 142 last seen: 10:20:34 2026/01/31",
      "",
      "<<<Top Hits By User-Agent>>>",
      "curl/8.0: 6 last seen: 10:20:35 2026/01/31",
      "",
      "<<<Top Hits By Method>>>",
      "GET: 6 last seen: 10:20:35 2026/01/31",
      "",
      "<<<Top Hits By Status Line>>>",
      "200 OK: 5 last seen: 10:20:35 2026/01/31",
      "500 Bad: 1 last seen: 10:20:31 2026/01/31",
    ]);
    expect(seedReport(overview, state, { color: true })[1]).toBe("\x1b[40;37m<<<Top Hits By Section>>>\x1b[0m");
    expect(seedTime(START, 3_600)).toBe("11:20:30 2026/01/31");
    expect(seedTime(1e20)).toBe("-");
  });

  test("of earshot, as JSON", () => {
    const read = JSON.parse(statsJson(overview.report(state)));
    expect(read).toMatchObject({
      ...{ type: "stats", from: "2026-01-31T10:20:30.000000Z", totals: { requests: 6, errors: 1, bytes_in: 852 } },
      ...{ clients: { count: 1, exact: true, error: 0 }, latency_ms: { total: { count: 6, max: 1_500 } } },
    });
    expect(Object.keys(read.top)).toContain("user-agent-family");
  });

  test("of earshot", () => {
    const lines = statsReport(overview.report(state));
    expect(lines.slice(0, 2)).toEqual([
      "6 requests, 6 responses, 1 client",
      "2026-01-31T10:20:30.000000Z to 2026-01-31T10:20:35.000000Z",
    ]);
    const page = lines.join("\n");
    expect(page).toMatch(/^Responses {2}2xx 5 {3}5xx 1$/m);
    expect(page).toMatch(/^2 min +6 +1\.2\/s$/m);
    expect(page).toMatch(/^Response time +10 ms +1\.5 s/m);
    expect(page).toMatch(/^http:\/\/a\.example\/shop +2 +33\.3 % {2}████ /m);
    expect(page).toMatch(/^USER-AGENT FAMILY/m);
    for (const line of lines) expect(line).not.toMatch(/[\x00-\x1f]/);
    expect(statsReport(overview.report(state), { unicode: false }).join("\n")).toContain("  ####  ");
    expect(statsReport(overview.report(overview.create()))).toEqual(["No HTTP exchange was seen."]);
  });
});

describe("cells", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 kB"],
    [12_345, "12.3 kB"],
    [999_600, "1 MB"],
    [3_070_000_000, "3.07 GB"],
  ])("%d octets", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [0, "0 ms"],
    [0.0123, "0.012 ms"],
    [12.44, "12.4 ms"],
    [999.7, "1 s"],
    [61_000, "61 s"],
    [600_000, "10 min"],
    [null, null],
  ])("%s milliseconds", (milliseconds, text) => expect(formatMilliseconds(milliseconds)).toBe(text));

  test.each([
    [0, "0/s"],
    [12.34, "12.3/s"],
    [1, "1/s"],
    [0.5, "30/min"],
    [0.001, "3.6/h"],
    [0.0000081, "0.7/d"],
  ])("%d a second", (rate, text) => expect(formatRate(rate)).toBe(text));

  test("wide and combining characters keep columns straight", () => {
    expect(displayWidth("東京e\u0301")).toBe(5);
    expect(
      tableLines(
        [{ title: "A" }, { title: "B" }],
        [
          ["東京", 1],
          ["abcd", 2],
        ],
      ),
    ).toEqual(["A     B", "東京  1", "abcd  2"]);
  });

  test("long cells are cut, missing ones are a dash", () => {
    expect(tableLines([{ title: "A", most: 4 }, { title: "B" }], [["abcdef", null]])).toEqual(["A     B", "abc…  -"]);
  });

  test("CSV quotes what needs it", () => {
    expect(
      csvLines(
        ["a", "b"],
        [
          ['x,"y"', null],
          [1, "z"],
        ],
      ),
    ).toEqual(["a,b", '"x,""y""",', "1,z"]);
  });

  test("bars are bounded", () => {
    expect(bar(2, 4)).toBe("████");
    expect(bar(-1, 4)).toBe("");
    expect(bar(0.5, 3)).toBe("█▌");
    expect(bar(0.5, 4, false)).toBe("##");
  });
});

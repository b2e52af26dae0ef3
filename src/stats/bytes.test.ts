import { describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import type { TransactionEvent } from "../core/event.ts";
import { bytesBy } from "./bytes.ts";
import { bytesCsv, bytesJson, bytesTable } from "./render.ts";
import { SeedBytesLog } from "./seed-bytes.ts";

/** `curl 'http://localhost:8080/x?s=yo'`, answered 404 in one packet; with the handshake's acknowledgements apart. */
function exchange(service: string): TransactionEvent {
  return transaction({
    request: { method: "GET", target: `/x?s=${service}`, path: "/x", query: `s=${service}`, host: "localhost:8080" },
    response: { status: 404, reason: "Not Found" },
    bytes: {
      ...{ in: 134 + service.length, out: 410, in_first_packet: 134 + service.length, out_first_packet: 410 },
    },
  });
}

const example = [exchange("yo"), exchange("yo"), exchange("yo"), exchange("yo2")];

function observed(by: string, events: readonly TransactionEvent[], wire?: "first-packet") {
  const statistic = bytesBy({ by, wire });
  const state = statistic.create();
  for (const event of events) statistic.observe(state, event);
  return statistic.report(state);
}

describe("the bcc example of 136 and 410 bytes", () => {
  test("totals", () => {
    for (const wire of ["first-packet", undefined] as const) {
      const report = observed("query:s", example, wire);
      expect(report.rows.map((row) => [...row.keys, row.bytes_in, row.bytes_out])).toEqual([
        ["yo", 408, 1_230],
        ["yo2", 137, 410],
      ]);
      expect(report.exact).toBe(true);
    }
  });

  test("the running account, line by line", () => {
    const log = new SeedBytesLog(bytesBy({ by: "query:s" }), "first-packet");
    const lines = example.flatMap((event) => log.lines(event));
    expect(lines.slice(0, 26).join("\n")).toBe(`


request: GET /x?s=yo HTTP/1.1
+136 bytes inbound to service 'yo' = 136
----
inbound bytes:
yo -> 136
-
outbound bytes:
----



reply: HTTP/1.1 404 Not Found
+410 bytes outbound from service 'yo' = 410
----
inbound bytes:
yo -> 136
-
outbound bytes:
yo -> 410
----


`);
    expect(lines.slice(-11)).toEqual([
      "reply: HTTP/1.1 404 Not Found",
      "+410 bytes outbound from service 'yo2' = 410",
      "----",
      "inbound bytes:",
      "yo -> 408",
      "yo2 -> 137",
      "-",
      "outbound bytes:",
      "yo -> 1230",
      "yo2 -> 410",
      "----",
    ]);
  });
});

describe("keys", () => {
  const asked = (query: string | null) => transaction({ request: { query }, bytes: { in: 1, out: 2 } });

  test.each([
    ["s=yo", "yo"],
    ["s=a&s=b", "b"],
    ["s=a%20b", "a b"],
    ["s=a+b", "a b"],
    ["S=yo", "_unspecified"],
    ["s=", "_unspecified"],
    ["s", "_unspecified"],
    ["t=1", "_unspecified"],
    [null, "_unspecified"],
  ])("%s counts for %s", (query, key) => {
    expect(observed("query:s", [asked(query)]).rows[0].keys).toEqual([key]);
  });

  test("a reply without a known request is _unknown, also when grouped by several", () => {
    const orphan = { ...transaction({ bytes: { in: 0, out: 99 } }), request: null };
    expect(observed("query:s", [orphan]).rows).toMatchObject([
      { keys: ["_unknown"], requests: 0, responses: 1, bytes_in: 0, bytes_out: 99 },
    ]);
    const several = observed("host,query:s", [orphan, asked("t=1"), asked("s=x")]);
    expect(several.columns).toEqual(["Host", "Query s"]);
    expect(several.rows.map(({ keys }) => keys)).toEqual([
      ["_unknown", ""],
      ["www.example.com", "_unspecified"],
      ["www.example.com", "x"],
    ]);
  });
});

test("whole messages by default, first packets when asked, what was sent again apart", () => {
  const large = transaction({
    request: { query: "s=big" },
    bytes: {
      ...{ in: 2_000, out: 10_500_000, in_first_packet: 1_500, out_first_packet: 1_500 },
      ...{ in_retransmitted: 40, out_retransmitted: 3_000 },
    },
  });
  const row = { keys: ["big"], retransmitted_in: 40, retransmitted_out: 3_000 };
  expect(observed("query:s", [large]).rows).toMatchObject([{ ...row, bytes_in: 2_000, bytes_out: 10_500_000 }]);
  expect(observed("query:s", [large], "first-packet").rows).toMatchObject([
    { ...row, bytes_in: 1_500, bytes_out: 1_500 },
  ]);
});

test("more keys than are kept: the sums stay exact, the rest is _other", () => {
  const statistic = bytesBy({ by: "query:s", capacity: 10 });
  const state = statistic.create();
  for (let key = 0; key < 100; key++) {
    statistic.observe(state, transaction({ request: { query: `s=${key}` }, bytes: { in: 10, out: 20 } }));
  }
  const report = statistic.report(state);
  expect(report.exact).toBe(false);
  expect(report.total).toMatchObject({ requests: 100, bytes_in: 1_000, bytes_out: 2_000 });
  expect(report.rows.at(-1)?.keys).toEqual(["_other"]);
  expect(report.rows.reduce((sum, row) => sum + row.bytes_out, 0)).toBe(2_000);
  expect(bytesTable(report).at(-1)).toContain("More keys than are kept");
});

test("table, CSV and JSON", () => {
  const report = observed("query:s", [...example, exchange('\x1b[2J,"x')]);
  expect(bytesTable(report)).toEqual([
    "QUERY S     REQUESTS  REPLIES  BYTES IN  BYTES OUT  SENT AGAIN IN  SENT AGAIN OUT",
    "yo                 3        3       408       1230              0               0",
    '\\x1b[2J,"x         1        1       141        410              0               0',
    "yo2                1        1       137        410              0               0",
    "total              5        5       686       2050              0               0",
  ]);
  expect(bytesCsv(report)[0]).toBe(
    "Query s,requests,responses,bytes_in,bytes_out,retransmitted_in,retransmitted_out,missed_at_most",
  );
  expect(bytesCsv(report)[2]).toBe('"\\x1b[2J,""x",1,1,141,410,0,0,0');
  expect(JSON.parse(bytesJson(report)[0])).toEqual({
    ...{ type: "bytes", by: "query:s", wire: "packets", keys: ["yo"], requests: 3, responses: 3 },
    ...{ bytes_in: 408, bytes_out: 1_230, retransmitted_in: 0, retransmitted_out: 0, missed_at_most: 0 },
  });
  expect(JSON.parse(bytesJson(report).at(-1)!)).toMatchObject({ type: "bytes-summary", exact: true });
});

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import type { TlsEvent } from "../../core/event.ts";
import { Trouble } from "../../core/trouble.ts";
import type { EventFormat } from "../output/destination.ts";
import { CommonLogFormat } from "./apache.ts";
import { CsvFormat } from "./csv.ts";
import { compileTemplate, TemplateFormat } from "./template.ts";
import { W3cFormat } from "./w3c.ts";

const HIDDEN = { reveal: false };
const SHOWN = { reveal: true };
const common = new CommonLogFormat("common", HIDDEN);
const combined = new CommonLogFormat("combined", HIDDEN);

const TLS: TlsEvent = {
  type: "tls",
  time: "2026-01-31T10:20:30.123456Z",
  time_us: 1_769_854_830_123_456,
  id: "2.1",
  flow: transaction().flow,
  version: "TLSv1.3",
  cipher: null,
  server_name: "example.com",
  alpn_offered: ["h2", "http/1.1"],
  alpn: null,
  ja3: null,
  ja3s: null,
  ja4: null,
  certificates: [],
  resumed: null,
  outcome: "established",
  alert: null,
  handshake_ms: 12.5,
  duration_ms: 100,
  bytes: { in: 10, out: 20, in_retransmitted: 0, out_retransmitted: 0 },
  process: { client: null, server: null },
  quality: { midstream: false, gap_bytes: 0, truncated: false },
  anomalies: [],
};

describe("Apache's formats", () => {
  test("common and combined", () => {
    const line = '10.0.0.7 - - [14/Nov/2023:22:13:20 +0000] "GET /shop/item?id=7 HTTP/1.1" 200 500';
    expect(common.format(transaction())).toEqual([line]);
    const referred = transaction({ request: { fields: [["referer", "http://a/"]] } });
    expect(combined.format(referred)).toEqual([`${line} "http://a/" "curl/8.0"`]);
    expect(common.header()).toBe("");
  });

  test.each([
    ["no content", { response: { status: 204, body_bytes: 0 } }, '" 204 -'],
    ["no response", { response: null }, '" - -'],
    ["no request", { request: null }, '"-" 200 500'],
    [
      "quotes, controls, other octets",
      { request: { target: '/"\\\n\x1bé' } },
      '"GET /\\"\\\\\\n\\x1b\\xc3\\xa9 HTTP/1.1"',
    ],
  ] as const)("%s", (_, change, part) => {
    expect(common.format(transaction(change))[0]).toContain(part);
  });

  test("the user is told only when secrets are", () => {
    const basic = transaction({ request: { fields: [["Authorization", "Basic YSBiOnB3"]] } });
    expect(common.format(basic)[0]).toContain("10.0.0.7 - - [");
    const open = new CommonLogFormat("common", SHOWN);
    expect(open.format(basic)[0]).toContain("10.0.0.7 - a\\x20b [");
    expect(
      open.format(transaction({ request: { fields: [["Authorization", 'Digest realm="r", username="bob"']] } }))[0],
    ).toContain(" bob [");
    expect(open.format(transaction({ request: { fields: [["Authorization", "Basic <redacted:8>"]] } }))[0]).toContain(
      "- - [",
    );
    expect(open.header()).toMatch(/^#.*--reveal/);
  });
});

describe("W3C extended", () => {
  test("header and line", () => {
    const format = new W3cFormat(HIDDEN);
    const [version, software, fields] = format.header().split("\n");
    expect([version, software]).toEqual(["#Version: 1.0", "#Software: earshot"]);
    const names = fields.replace("#Fields: ", "").split(" ");
    const event = transaction({ request: { user_agent: 'Mozilla 5 "x"\n' } });
    const values = format.format(event)[0].split(" ");
    expect(Object.fromEntries(names.map((name, index) => [name, values[index]]))).toEqual({
      ...{ date: "2023-11-14", time: "22:13:20", "c-ip": "10.0.0.7", "c-port": "40000", "s-ip": "10.0.0.1" },
      ...{ "s-port": "80", "cs-method": "GET", "cs-uri-stem": "/shop/item", "cs-uri-query": "id=7" },
      ...{ "cs-version": "HTTP/1.1", "cs-host": "www.example.com", "sc-status": "200", "sc-bytes": "632" },
      ...{ "cs-bytes": "142", "time-taken": "0.003000", "cs(User-Agent)": "Mozilla+5+%22x%22%0A", "cs(Referer)": "-" },
    });
    expect(values.length).toBe(names.length);
    expect(new W3cFormat(SHOWN).header()).toContain("#Remark: secrets are shown");
  });
});

/** A reader of RFC 4180, to read back what was written. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n"]*))(,|\r\n)/g)) {
    rows.at(-1)!.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] !== ",") rows.push([]);
  }
  return rows.slice(0, -1);
}

describe("CSV", () => {
  const format = new CsvFormat(HIDDEN);
  const read = (...events: Parameters<EventFormat["format"]>[0][]) => {
    const [names, ...rows] = readCsv(
      [format.header(), ...events.flatMap((event) => format.format(event))].map((line) => `${line}\n`).join(""),
    );
    return rows.map((row) => {
      expect(row.length).toBe(names.length);
      return Object.fromEntries(names.map((name, index) => [name, row[index]]));
    });
  };

  test("transactions and TLS connections", () => {
    const [http, tls] = read(transaction({ request: { path: '/a,"b"' } }), TLS);
    expect(http).toMatchObject({
      type: "transaction",
      path: '/a,"b"',
      status: "200",
      first_byte_ms: "2",
      client_comm: "",
    });
    expect(tls).toMatchObject({
      type: "tls",
      host: "example.com",
      version: "TLSv1.3",
      method: "",
      first_byte_ms: "12.5",
    });
  });

  test("no cell is a formula or breaks its line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", "=", "+", "-", "@", "\t", "\r"), (text, start) => {
        const [row] = read(transaction({ request: { path: start + text, user_agent: `=cmd|' /C calc'!A0${text}` } }));
        expect(row["user_agent"]).toMatch(/^'=cmd/);
        expect(row["path"]).not.toMatch(/^[=+\-@\t\r]/);
        expect(row["status"]).toBe("200");
      }),
    );
  });
});

describe("templates", () => {
  test.each([
    ["{time} {request.method} {request.path}", "2023-11-14T22:13:20.000000Z GET /shop/item"],
    ["{time|clf} {time|unix}", "[14/Nov/2023:22:13:20 +0000] 1700000000"],
    ["{status}\\t{ttfb|.1} {ttfb|s}", "200\t2.0 0.002"],
    ["{request.header.user-agent|json}", '"curl/8.0"'],
    ["{label.country?none} {comm} {param.id}", "none - 7"],
    ["{{{method|lower}}}", "{get}"],
    ["[{method|<6}] [{status|>5}]", "[GET   ] [  200]"],
  ])("%s", (template, expected) => {
    expect(new TemplateFormat(template, HIDDEN).format(transaction())).toEqual([expected]);
  });

  test.each([
    ["{request.methd}", /no field `request.methd` \(did you mean `request.method`/],
    ["{time|s}", /no format `s` for `time`/],
    ["{method", /without its other half/],
    ["a}", /without its other half/],
    ["{}", /names no field/],
  ])("%s is a mistake", (template, message) => {
    expect(() => compileTemplate(template)).toThrow(Trouble);
    expect(() => compileTemplate(template)).toThrow(message);
  });
});

test("no format lets a control character or a forged line through", () => {
  const formats = [
    common,
    combined,
    new W3cFormat(HIDDEN),
    new CsvFormat(HIDDEN),
    new TemplateFormat("{path} {ua} {host}", HIDDEN),
  ];
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const event = transaction({
        request: {
          path: text,
          target: text,
          host: text,
          query: text,
          method: text,
          user_agent: text,
          fields: [["Referer", text]],
        },
      });
      for (const format of formats) {
        for (const line of format.format(event))
          expect(line.replace(/\r$/, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }
    }),
  );
});

const goaccess = spawnSync("goaccess", ["--version"]).status === 0;

test.skipIf(!goaccess)(
  `goaccess reads the combined log and counts the same${goaccess ? "" : " (SKIPPED: needs goaccess)"}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "goaccess-"));
    try {
      const events = Array.from({ length: 200 }, (_, index) =>
        transaction({
          time_us: 1_700_000_000_000_000 + index * 1_000_000,
          flow: { client: { ip: `10.0.0.${index % 7}` } },
          request: {
            target: `/page/${index % 13}?q="${index}\\é`,
            user_agent: index % 5 === 0 ? null : 'Mozilla/5.0 "odd\\" (X11; Linux) Firefox/120.0',
            fields: index % 3 === 0 ? [["Referer", 'http://ref/"x"']] : [],
          },
          response:
            index % 20 === 1 ? null : { status: index % 4 === 0 ? 404 : 200, body_bytes: index % 10 === 0 ? 0 : index },
        }),
      );
      const log = join(folder, "access.log");
      const open = new CommonLogFormat("combined", SHOWN);
      writeFileSync(
        log,
        [open.header(), ...events.flatMap((event) => open.format(event))].map((line) => `${line}\n`).join(""),
      );
      const out = join(folder, "out.json");
      // unanswered requests have no status, which goaccess takes when it is told so
      const options = ["--log-format=COMBINED", "--no-strict-status", "--no-global-config"];
      const run = spawnSync("goaccess", [log, ...options, "-o", out], {
        timeout: 20_000,
      });
      expect(run.stderr.toString() + run.status).toMatch(/0$/);
      const report = JSON.parse(readFileSync(out, "utf8"));
      expect(report.general).toMatchObject({
        total_requests: 200,
        valid_requests: 200,
        failed_requests: 0,
      });
      expect(report.general.bandwidth).toBe(events.reduce((sum, event) => sum + (event.response?.body_bytes ?? 0), 0));
      const statuses = report.status_codes.data.flatMap(
        (group: { items: { data: string; hits: { count: number } }[] }) =>
          group.items.map((item) => [item.data.slice(0, 3), item.hits.count]),
      );
      expect(Object.fromEntries(statuses)).toEqual({ "200": 140, "404": 50, Unk: 10 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

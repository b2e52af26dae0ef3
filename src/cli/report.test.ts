/** `top`, `stats` and `bytes` from packets to text, through everything that lies between. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Conversation, interleave, pcapFile } from "../../test/support/capture-builder.ts";
import { addressBytes, concat, ethernet, ipv4, tcp } from "../../test/support/packet-builder.ts";
import { reportOptions, TextOut } from "../../test/support/report-options.ts";
import { EXIT } from "../core/trouble.ts";
import { type BytesCommandOptions, bytes } from "./bytes.ts";
import { configSchema } from "./config-schema.ts";
import { type StatsOptions, stats } from "./stats.ts";
import { type TopOptions, top } from "./top.ts";

const folder = mkdtempSync(join(tmpdir(), "earshot-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function capture(packets: Parameters<typeof pcapFile>[0]): string {
  const path = join(folder, `${++files}.pcap`);
  writeFileSync(path, pcapFile(packets));
  return path;
}

const exchange = (client: string, target: string, status = 200, body = "", start?: number): Conversation =>
  new Conversation({ client: { ip: client, port: 40_000 }, start })
    .open()
    .client(`GET ${target} HTTP/1.1\r\nHost: shop.example\r\n\r\n`)
    .wait(5_000)
    .server(`HTTP/1.1 ${status} Reason\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    .close();

const shop = capture(
  interleave(
    exchange("10.0.0.1", "/cart/1"),
    exchange("10.0.0.2", "/cart/2", 500),
    exchange("10.0.0.3", "/cart/3?s=a", 404, "x".repeat(3_000)),
    exchange("10.0.0.4", "/item/%1b[2J/x"),
  ),
);

const topOptions: TopOptions = { ...reportOptions, by: "section", metric: "requests" };
async function topOf(options: Partial<TopOptions>, file = shop): Promise<TextOut> {
  const out = new TextOut();
  await top([file], { ...topOptions, ...options }, out);
  return out;
}

describe("top", () => {
  test("a table, with the sums of everything", async () => {
    const { lines } = await topOf({});
    expect(lines[0]).toMatch(/^#\s+SECTION\s+REQUESTS\s+ERRORS\s+IN\s+OUT\s+SHARE$/);
    expect(lines[1]).toMatch(/^1\s+http:\/\/shop\.example\/cart\s+3\s+1\s/);
    expect(lines[2]).toMatch(/^2\s+http:\/\/shop\.example\/item\s+1\s+0\s/);
    expect(lines[3]).toMatch(/^\s+total\s+4\s+1\s/);
  });

  test("JSON: rows and a summary; CSV: a title and rows", async () => {
    const rows = (await topOf({ output: "json", limit: 1 })).lines.map((line) => JSON.parse(line));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({ type: "top", dimension: "section", rank: 1, requests: 3, errors: 1 });
    expect(rows[1]).toMatchObject({ type: "top-summary", keys: 2, other: { requests: 1 }, total: { requests: 4 } });
    expect(rows[0].time).toBeUndefined();
    const csv = (await topOf({ output: "csv", by: "client,status" })).lines;
    expect(csv[0]).toMatch(/^rank,Client,Status,requests,/);
    expect(csv).toHaveLength(5);
  });

  test("metrics, filters, named filters, several keys", async () => {
    const slow = await topOf({ by: "path", metric: "bytes-out", limit: 1, output: "json" });
    expect(JSON.parse(slow.lines[0])).toMatchObject({ keys: ["/cart/3"] });
    const errors = await topOf({ filter: ["status >= 400"], by: "status", output: "json" });
    expect(errors.lines.map((line) => JSON.parse(line).keys)).toEqual([["404"], ["500"], 2]);
    const parsed = configSchema.parse({ filters: { bad: "status == 5xx" } });
    const settings = { ...parsed, path: null, folder, raw: {}, origins: new Map() };
    const named = await topOf({ filter: ["@bad"], by: "status", output: "json", settings });
    expect(named.lines).toHaveLength(2);
  });

  test("control characters of a request do not reach the terminal", async () => {
    const { text } = await topOf({ by: "path" });
    expect(text).toContain("\\x1b[2J".replace("\\x1b", "%1b"));
    const decoded = await topOf({ by: "path:2" });
    expect(decoded.text).toContain("\\x1b[2J");
    expect(decoded.text).not.toContain("\x1b");
  });

  test("a window: only the last of it", async () => {
    const start = 1_700_000_000_000_000;
    const file = capture(
      interleave(exchange("10.0.0.1", "/old", 200, "", start), exchange("10.0.0.2", "/new", 200, "", start + 120e6)),
    );
    const one = await topOf({ by: "path", window: 60, output: "json" }, file);
    expect(one.lines.map((line) => JSON.parse(line).keys)).toEqual([["/new"], 1]);
    const both = await topOf({ by: "path", output: "json" }, file);
    expect(both.lines).toHaveLength(3);
  });

  test("a file is counted whole; with a retention set, keys that are too old go", async () => {
    const start = 1_700_000_000_000_000;
    const file = capture(
      interleave(exchange("10.0.0.1", "/old", 200, "", start), exchange("10.0.0.2", "/new", 200, "", start + 90_000e6)),
    );
    expect((await topOf({ by: "path", output: "json" }, file)).lines).toHaveLength(3);
    const parsed = configSchema.parse({ statistics: { max_retention_length: "24h" } });
    const origins = new Map([["statistics.max_retention_length", "file" as const]]);
    const settings = { ...parsed, path: null, folder, raw: {}, origins };
    const kept = await topOf({ by: "path", output: "json", settings }, file);
    expect(kept.lines.map((line) => JSON.parse(line).keys)).toEqual([["/new"], 1]);
  });

  test("countries of documentation and private addresses are not known", async () => {
    const [summary] = (await topOf({ by: "country", output: "json" })).lines.map((line) => JSON.parse(line));
    expect(summary).toMatchObject({ type: "top-summary", none: { requests: 4 } });
    const google = capture(exchange("8.8.8.8", "/").packets);
    expect((await topOf({ by: "country", output: "json" }, google)).lines[0]).toContain('"keys":["US"]');
  });

  test.each([
    [{ by: "sektion" }, "cannot group by", EXIT.usage],
    [{ metric: "size" }, "no metric", EXIT.usage],
    [{ output: "xml" }, "-o", EXIT.usage],
    [{ by: "plugin:none" }, "no plug-in brings a statistic", EXIT.usage],
    [{ filter: ["staus == 1"] }, "column 1", EXIT.usage],
    [{ interface: ["lo"] }, "--interface is for live traffic", EXIT.usage],
    [{ window: 0 }, "--window: at least one second", EXIT.usage],
    [{ interval: 2 }, "--interval is for live traffic", EXIT.usage],
  ])("%j is a mistake", async (options, message, exitCode) => {
    await expect(topOf(options)).rejects.toMatchObject({ message: expect.stringContaining(message), exitCode });
  });
});

describe("stats", () => {
  async function statsOf(options: Partial<StatsOptions>): Promise<TextOut> {
    const out = new TextOut();
    await stats([shop], { ...reportOptions, ...options }, out);
    return out;
  }

  test("one page", async () => {
    const { text } = await statsOf({});
    expect(text).toContain("4 requests, 4 responses, 4 clients");
    expect(text).toContain("Responses  2xx 2   4xx 1   5xx 1");
    expect(text).toMatch(/\/cart\/\{number\}\s+3\s+75 %/);
    expect(text).not.toContain("\x1b");
  });

  test("the console monitor's page", async () => {
    const { lines } = await statsOf({ output: "seed" });
    expect(lines.filter((line) => line.startsWith("<<<"))).toEqual([
      "<<<Top Hits By Section>>>",
      "<<<Top Hits By Domain>>>",
      "<<<Top Hits Upload Volume By Domain>>>",
      "<<<Top Hits By User-Agent>>>",
      "<<<Top Hits By Method>>>",
      "<<<Top Hits By Status Line>>>",
    ]);
    expect(lines).toContainEqual(
      expect.stringMatching(/^http:\/\/shop\.example\/cart: 3 last seen: \d\d:\d\d:\d\d \d{4}/),
    );
  });

  test("JSON is one object", async () => {
    const report = JSON.parse((await statsOf({ output: "json" })).text);
    expect(report).toMatchObject({ type: "stats", totals: { requests: 4, errors: 1 }, clients: { count: 4 } });
    expect(report.top.section.rows[0]).toMatchObject({ keys: ["http://shop.example/cart"], requests: 3 });
  });

  test("a window, and what plug-ins count", async () => {
    const plugin = new URL("../../examples/response-times/response-times.ts", import.meta.url).pathname;
    const { text } = await statsOf({ window: 3_600, plugin: [plugin] });
    expect(text).toContain("4 requests");
    expect(text).toMatch(/Average response time per server \(milliseconds\)\nSERVER\s+RESPONSES/);
  });
});

describe("bytes", () => {
  const bytesOptions: BytesCommandOptions = { ...reportOptions, by: "query:s", wire: "packets" };
  async function bytesOf(file: string, options: Partial<BytesCommandOptions>): Promise<TextOut> {
    const out = new TextOut();
    await bytes([file], { ...bytesOptions, ...options }, out);
    return out;
  }

  /** The packets of the example: Linux hosts with time stamps in their TCP headers, 52 octets before the message. */
  function example(): string {
    const ends = { source: "127.0.0.1", destination: "127.0.0.1" };
    const stamps = concat(Uint8Array.of(1, 1, 8, 10), addressBytes("1.2.3.4"), addressBytes("4.3.2.1"));
    let time = 1_532_000_000_000_000;
    return capture(
      ["yo", "yo", "yo", "yo2"].flatMap((service, number) => {
        const request = `GET /x?s=${service} HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/7.58.0\r\nAccept: */*\r\n\r\n`;
        const reply = "HTTP/1.1 404 Not Found\r\nContent-Length: ";
        const body = "x".repeat(410 - 52 - reply.length - "287\r\n\r\n".length);
        const port = 50_000 + number;
        const packet = (toServer: boolean, flags: number, sequence: number, acknowledgment: number, data = "") => {
          const ports = { sourcePort: toServer ? port : 8_080, destinationPort: toServer ? 8_080 : port };
          const segment = tcp({ ...ends, ...ports, flags, sequence, acknowledgment, options: stamps }, data);
          return { time: (time += 100), bytes: ethernet({}, ipv4(ends, segment)) };
        };
        const whole = `${reply}${body.length}\r\n\r\n${body}`;
        return [
          packet(true, 2, 100, 0),
          packet(false, 18, 900, 101),
          packet(true, 16, 101, 901),
          packet(true, 24, 101, 901, request),
          packet(false, 24, 901, 101 + request.length, whole),
          packet(true, 17, 101 + request.length, 901 + whole.length),
        ];
      }),
    );
  }

  /** What the example printed, value for value: made of its own numbers, 136 and 137 in, 410 out. */
  function account(): string[] {
    const inbound = new Map<string, number>();
    const outbound = new Map<string, number>();
    const block = () => [
      ...["----", "inbound bytes:", ...[...inbound].map(([key, total]) => `${key} -> ${total}`)],
      ...["-", "outbound bytes:", ...[...outbound].map(([key, total]) => `${key} -> ${total}`), "----"],
    ];
    const added = (totals: Map<string, number>, key: string, octets: number, way: string) => {
      totals.set(key, (totals.get(key) ?? 0) + octets);
      return `+${octets} bytes ${way} service '${key}' = ${totals.get(key)}`;
    };
    return ["yo", "yo", "yo", "yo2"].flatMap((key) => [
      ...["", "", "", `request: GET /x?s=${key} HTTP/1.1`],
      ...[added(inbound, key, key === "yo" ? 136 : 137, "inbound to"), ...block()],
      ...["", "", "", "reply: HTTP/1.1 404 Not Found"],
      ...[added(outbound, key, 410, "outbound from"), ...block()],
    ]);
  }

  test.each(["packets", "first-packet"] as const)(
    "the example of bcc's http_filter from packets, --wire %s",
    async (wire) => {
      const file = example();
      expect((await bytesOf(file, { output: "bcc", wire })).lines).toEqual(account());
      const { lines } = await bytesOf(file, { output: "csv", wire });
      expect(lines).toEqual([
        "Query s,requests,responses,bytes_in,bytes_out,retransmitted_in,retransmitted_out,missed_at_most",
        "yo,3,3,408,1230,0,0,0",
        "yo2,1,1,137,410,0,0,0",
      ]);
    },
  );

  test("whole bodies, and the first packet alone", async () => {
    const file = capture(exchange("10.0.0.1", "/x?s=a", 200, "x".repeat(3_000)).packets);
    const whole = JSON.parse((await bytesOf(file, { output: "json" })).lines[0]);
    const first = JSON.parse((await bytesOf(file, { output: "json", wire: "first-packet" })).lines[0]);
    const head = "HTTP/1.1 200 Reason\r\nContent-Length: 3000\r\n\r\n".length;
    expect(whole).toMatchObject({ type: "bytes", by: "query:s", keys: ["a"], bytes_out: 3_000 + head + 3 * 40 });
    expect(first).toMatchObject({ bytes_out: 1_500 });
  });

  test("several keys, and the table", async () => {
    const { lines } = await bytesOf(shop, { by: "host,query:s" });
    expect(lines[0]).toMatch(/^HOST\s+QUERY S\s+REQUESTS\s+REPLIES\s+BYTES IN\s+BYTES OUT/);
    expect(lines[1]).toMatch(/^shop\.example\s+a\s+1\s+1\s/);
    expect(lines[2]).toMatch(/^shop\.example\s+_unspecified\s+3\s+3\s/);
  });
});

test("memory stays flat with many paths", { timeout: 60_000 }, async () => {
  const path = join(folder, "many.pcap");
  // one connection with 60,000 exchanges, each with a path of its own: six times what a ranking keeps
  const talk = new Conversation({ acknowledge: false }).open();
  for (let number = 0; number < 60_000; number++) {
    talk.client(`GET /p/${number} HTTP/1.1\r\nHost: a\r\n\r\n`).server("HTTP/1.1 204 No\r\n\r\n");
  }
  writeFileSync(path, pcapFile(talk.close().packets));
  const rows = (await topOf({ by: "path", output: "json", limit: 5 }, path)).lines.map((line) => JSON.parse(line));
  const summary = rows.at(-1);
  expect(summary).toMatchObject({ type: "top-summary", exact: false, total: { requests: 60_000 } });
  expect(summary.keys).toBeLessThanOrEqual(10_000);
  expect(summary.floor).toBeLessThanOrEqual(60_000 / 5_001);
});

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cpu_ms } from "../../test/support/duration.ts";
import { transaction } from "../../test/support/event.ts";
import type { EarshotEvent, TlsEvent, TransactionEvent } from "../core/event.ts";
import { Trouble } from "../core/trouble.ts";
import { checkNamedFilters, compileFilter } from "./filter.ts";

const event = transaction({
  request: {
    method: "POST",
    target: "/shop/item%201?s=a+b&s=yo&id=7",
    host: "Shop.Example:8080",
    path: "/shop/item%201",
    query: "s=a+b&s=yo&id=7",
    user_agent: "curl/8.0",
    fields: [
      ["Host", "Shop.Example:8080"],
      ["X-Trace", "one"],
      ["x-trace", "two"],
    ],
    body_bytes: 12_000,
  },
  response: { status: 404, reason: "Not Found" },
  latency_ms: { ttfb: 40, total: 1_500, think: null },
  bytes: { in: 12_400, out: 900 },
  flow: { client: { ip: "10.1.2.3" }, server: { ip: "2001:db8::1", port: 8080 }, vlan: 7 },
  process: {
    server: {
      ...{ pid: 42, comm: "nginx", uid: 0, user: "root", container: { id: "abc", runtime: "docker", name: "web" } },
      pod: { uid: "u", labels: { app: "web", "app.kubernetes.io/part-of": "shop" } },
    },
  },
  quality: { midstream: true },
  anomalies: ["http1.bare-lf", "http1.obs-fold"],
  labels: { country: "CH" },
});

const tls = { ...event, type: "tls", server_name: "shop.example", version: "TLSv1.3", certificates: [] } as unknown;
const matches = (text: string, on: EarshotEvent = event) => compileFilter(text).matches(on);

describe("every operator", () => {
  test.each([
    ["method == POST", true],
    ["method = post", true],
    ["method != POST", false],
    ["status == 404", true],
    ["status != 404", false],
    ["status == 4xx", true],
    ["status != 2xx", true],
    ["status > 4xx", false],
    ["status >= 4xx", true],
    ["status < 5xx", true],
    ["status <= 4xx", true],
    ["status in (200, 4xx)", true],
    ["status not in (200, 404)", false],
    ["status == (200, 404)", true],
    ["latency > 1s", true],
    ["latency >= 1500ms", true],
    ["latency > 1500", false],
    ["latency < 1m", true],
    ["ttfb == 40ms", true],
    ["ttfb <= 0.04s", true],
    ["request.body_bytes == 12kB", true],
    ["request.body_bytes < 12KiB", true],
    ["bytes.in >= 12.4kB", true],
    ["bytes == 13300", true],
    ["path startsWith /shop", true],
    ["path endsWith '%201'", true],
    ["path contains item", true],
    ["path not contains item", false],
    ["path contains (nothing, item)", true],
    ["path matches ^/shop/(item|thing)%20\\d+$", true],
    ["(path ~ ^/shop/(item|thing))", true],
    ["path =~ 'ITEM'", false],
    ["path ~ '(?i)ITEM'", true],
    ["path !~ ^/admin", true],
    ["client == 10.1.2.3", true],
    ["client == 10.0.0.0/8", true],
    ["client cidr 10.1.0.0/16", true],
    ["client not cidr (10.2.0.0/16, 192.168.0.0/16)", true],
    ["client in (10.9.0.0/16, 10.1.2.3)", true],
    ["server == 2001:0DB8:0::1", true],
    ["server cidr 2001:db8::/32", true],
    ["server cidr 2001:db9::/32", false],
    ["ip == 2001:db8::1", true],
    ["ip != 10.1.2.3", false],
    ["server.port == 8080", true],
    ["port in (80, 8080)", true],
    ["midstream", true],
    ["midstream == true", true],
    ["not truncated", true],
    ["truncated != 1", true],
    ["exists label.country", true],
    ["label.city exists", false],
    ["label.city not exists", true],
    ["exists(label.country)", true],
    ["label.country == null", false],
    ["pod.label.app == web", true],
    ['pod.labels["app.kubernetes.io/part-of"] == shop', true],
    ["server.pod.label.app == web", true],
    ["client.pod.label.app == web", false],
    ["client.pod.label.app == null and exists pod.label.app", true],
    ["pod.label.tier exists", false],
    ["label.city == null", true],
    ["label.country != null", true],
    ["time >= 2023-11-14T22:13:20Z", true],
    ["time > 2023-11-14T22:13:20.000000Z", false],
    ["time < 2023-11-15", true],
    ["true", true],
    ["false or true", true],
    ["", true],
    ["   ", true],
  ])("%s → %s", (text, expected) => {
    expect(matches(text)).toBe(expected);
  });
});

describe("names", () => {
  test.each([
    "request.host == shop.example:8080",
    "host == shop.example",
    "host == SHOP.example:8080",
    "host endsWith .EXAMPLE:8080",
    "section == http://shop.example:8080/shop",
    'target == "/shop/item%201?s=a+b&s=yo&id=7"',
    "target contains ?s=a+b&s=yo",
    "query contains id=7",
    "param.s == yo",
    'param["id"] == 7',
    "query.s == yo",
    "path.1 == shop",
    "path.2 == 'item 1'",
    'header["x-trace"] == "one, two"',
    "request.header.X-TRACE contains two",
    "request.fields.x-trace exists",
    "response.header.Content-Type startsWith text/",
    "ua startsWith curl/",
    "user-agent contains curl",
    "flow.server.port == 8080",
    "vlan == 7",
    "comm == nginx",
    "server.comm == nginx and process.server.pid == 42",
    "user == root",
    "container == web and container == abc",
    "anomaly == http1.obs-fold",
    "anomaly ~ bare",
    "label.country == CH and labels.country == CH",
    "type == transaction",
    "http.version == 1.1 and version == 1.1",
    "outcome == complete",
    "client.port == 40000",
  ])("%s", (text) => {
    expect(matches(text)).toBe(true);
  });

  test("a TLS connection answers to host and server_name, and to no request field", () => {
    expect(matches("host == shop.example and sni endsWith example", tls as TlsEvent)).toBe(true);
    expect(matches("version == TLSv1.3", tls as TlsEvent)).toBe(true);
    expect(matches("exists method", tls as TlsEvent)).toBe(false);
    expect(matches("method != GET", tls as TlsEvent)).toBe(false);
  });
});

describe("what is not there", () => {
  const noAnswer = { ...transaction(), response: null } as TransactionEvent;
  test.each([
    ["status == 200", false],
    ["status != 200", false],
    ["status not in (200, 404)", false],
    ["status < 500", false],
    ["response.reason !~ OK", false],
    ["not status == 200", true],
    ["not (status != 200)", true],
    ["exists status", false],
    ["comm != nginx", false],
    ["anomaly != x", false],
    ["not anomaly == x", true],
  ])("%s → %s", (text, expected) => {
    expect(matches(text, noAnswer)).toBe(expected);
  });
});

describe("structure", () => {
  test.each([
    ["true or false and false", true],
    ["(true or false) and false", false],
    ["not false and false", false],
    ["!(true && false) || false", true],
    ["TRUE AND NOT FALSE", true],
    ["status==404&&method==POST||false", true],
    ["true or false, false", false],
  ])("%s → %s", (text, expected) => {
    expect(matches(text)).toBe(expected);
  });

  test.each([
    ["method==POST,status>=400", true],
    ["method==POST,status!=404", false],
    ["path~^/shop,path!~^/admin,comm=nginx", true],
    ["request.query==a\\,b", false],
    [
      "proc.comm==nginx,dst.port==8080,src.addr==10.1.2.3,status_code>=400,latency_ms>1000,runtime.containerName==web",
      true,
    ],
  ])("Inspektor Gadget's form: %s → %s", (text, expected) => {
    expect(matches(text)).toBe(expected);
  });

  test("an escaped comma is part of the value", () => {
    const comma = transaction({ request: { query: "a,b" } });
    expect(matches("query==a\\,b,method==GET", comma)).toBe(true);
    expect(matches('query == "a,b"', comma)).toBe(true);
  });
});

describe("named filters", () => {
  const named = {
    slow: "latency > 1s",
    bad: "status >= 5xx or @slow",
    loop: "@again",
    again: "not @loop",
    broken: "x ==",
  };

  test("are put in their place", () => {
    expect(compileFilter("@bad and method == POST", { named }).matches(event)).toBe(true);
    expect(compileFilter("not @slow", { named }).matches(event)).toBe(false);
    expect(compileFilter("@bad", { named }).fields).toEqual(["latency_ms.total", "response.status"]);
  });

  test.each([
    ["@loop", "@loop uses itself: @loop → @again → @loop"],
    ["@slwo", "no filter is named @slwo"],
    ["@broken", "filter @broken, column 5: expected a value here"],
    ["@toString", "no filter is named @toString"],
  ])("%s is refused", (text, message) => {
    expect(() => compileFilter(text, { named })).toThrow(message);
  });

  test("the configuration's are all checked", () => {
    expect(() => checkNamedFilters(named)).toThrow(Trouble);
    expect(() => checkNamedFilters({ slow: "latency > 1s" })).not.toThrow();
  });

  test("a bomb of names is refused", () => {
    const bomb: Record<string, string> = { n0: "true" };
    for (let level = 1; level < 30; level++) bomb[`n${level}`] = `@n${level - 1} and @n${level - 1}`;
    expect(() => compileFilter("@n29", { named: bomb })).toThrow("too large once its @names are put in");
  });
});

describe("mistakes point at their column", () => {
  function told(text: string): { message: string; hint: string; exitCode: number } {
    try {
      compileFilter(text);
    } catch (error) {
      if (error instanceof Trouble) return { message: error.message, hint: error.hint, exitCode: error.exitCode };
      throw error;
    }
    throw new Error(`accepted: ${text}`);
  }

  test("a misspelt field", () => {
    expect(told("method == GET and staus == 4xx")).toEqual({
      message:
        "filter, column 19: there is no field staus\n  method == GET and staus == 4xx\n                    ^^^^^",
      hint: "Did you mean status?",
      exitCode: 2,
    });
  });

  test.each([
    ["status == abc", 11, "response.status is a status code or a class as 4xx", ""],
    ["latency > 5parsecs", 11, "latency_ms.total is a duration", ""],
    ["bytes.in > 5ms", 12, "bytes.in is a size", ""],
    ["client == nowhere", 11, "flow.client.ip is an address", ""],
    ["client cidr 10.0.0.0/33", 13, "flow.client.ip is an address", ""],
    ["time > yesterday", 8, "time is a time", ""],
    ["midstream == maybe", 14, "quality.midstream is true or false", ""],
    ["path > 3", 6, "path is a text: > does not go with it", "Use one of"],
    ["status contains 4", 8, "contains does not go with it", "Use one of"],
    ["path cidr 10.0.0.0/8", 6, "cidr does not go with it", ""],
    ["status < (1, 2)", 8, "< takes one value", ""],
    ["path", 1, "path needs an operator and a value", "exists path"],
    ["path ~ '('", 8, "not a valid pattern", "RE2"],
    ["path ~ (a", 10, "expected `,` or `)`", ""],
    ["path ~ a(b", 8, "a parenthesis in this value is never closed", "Quote"],
    ["path == 'abc", 9, "this quote is never closed", "Add '"],
    ["(status == 1", 1, "this parenthesis is never closed", ""],
    ["(status == 1 method", 14, "expected `and`, `or` or `)`", ""],
    ["status == 1)", 12, "expected `and`, `or` or the end", ""],
    ["status == 1 method == GET", 13, "expected `and`, `or` or the end", ""],
    ["status", 1, "needs an operator", ""],
    ["status is 4", 8, "expected an operator after status", "Operators:"],
    ["path startwith /a", 6, "perhaps `startsWith`", ""],
    ["status in 4", 11, "expected a list here", ""],
    ["status ==", 10, "expected a value here", ""],
    ["and", 1, "there is no field and", ""],
    ["status == 1 and", 16, "expected a field here", ""],
    ["not", 4, "expected a field here", ""],
    ["== 4", 1, "expected a field here", ""],
    ["@", 2, "expected the name of a filter", ""],
    ["header[] == 1", 8, "expected a name here", ""],
    ['header["x" == 1', 12, "expected `]`", ""],
    ["path.0 == x", 1, "there is no field path.0", ""],
    ["status not 4", 12, "expected `in`, `contains`", ""],
    ["request.__proto__ == 1", 1, "there is no field request.__proto__", ""],
    ["constructor == 1", 1, "there is no field constructor", ""],
  ])("%s", (text, column, message, hint) => {
    const error = told(text);
    expect(error.message).toContain(message);
    expect(error.message).toContain(`filter, column ${column}:`);
    expect(error.hint).toContain(hint);
    expect(error.exitCode).toBe(2);
    const [, line, caret] = error.message.split("\n");
    expect(line.trimStart()).toBe(text.trim());
    expect(caret.indexOf("^")).toBe(column - 1 + 2);
  });

  test("control characters of the filter are shown, not printed", () => {
    expect(told("path == 'a\x1b[2J").message).toContain("a\\x1b[2J");
  });
});

describe("limits", () => {
  test.each([
    ["( ".repeat(80), "nested deeper than 64 levels"],
    ["not ".repeat(80), "nested deeper than 64 levels"],
    ["x".repeat(10_001), "longer than 10000 characters"],
    [`status in (${"1,".repeat(1_001)}1)`, "too many values"],
    [`path ~ ${"a".repeat(1_001)}`, "a pattern longer than 1000 characters"],
    ["path ~ '((a{100}){100}){100}'", "not a valid pattern"],
  ])("%.30s", (text, message) => {
    expect(() => compileFilter(text)).toThrow(message);
  });

  test("a pattern that makes backtracking engines hang takes no time", () => {
    const hostile = transaction({ request: { path: `/${"a".repeat(20_000)}!` } });
    const started = cpu_ms();
    expect(matches("path ~ '^/(a+)+$'", hostile)).toBe(false);
    expect(cpu_ms() - started).toBeLessThan(2_000);
  });
});

describe("what the kernel filter can take", () => {
  test.each([
    ["server.port == 80", { ports: [80] }],
    ["port in (8080, 80) and status == 500", { ports: [80, 8080] }],
    ["server.port == 80 or server.port == 443", { ports: [80, 443] }],
    ["server.port == 80 or status == 500", null],
    ["client == 10.0.0.1 and server.port == 80", { ports: [80], hosts: ["10.0.0.1"] }],
    ["server.port in (1, 2, 3) and client.port == 9", { ports: [9] }],
    ["client == 10.0.0.0/8", null],
    ["client in (10.0.0.1, 2001:DB8::1)", { hosts: ["10.0.0.1", "2001:db8::1"] }],
    ["not server.port == 80", null],
    ["server.port != 80", null],
    ["server.port not in (80)", null],
    ["server.port > 80", null],
    ["false", null],
    ["", null],
  ])("%s", (text, expected) => {
    expect(compileFilter(text).pushdown).toEqual(expected);
  });
});

test("every example of the manual compiles", () => {
  const page = readFileSync(new URL("../../docs/filter-language.md", import.meta.url), "utf8");
  const block = /```filter\n([^`]*)```/.exec(page)?.[1] ?? "";
  const lines = block.split("\n").filter((line) => line !== "");
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) expect(() => compileFilter(line), line).not.toThrow();
});

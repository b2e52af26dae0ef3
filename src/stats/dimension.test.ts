import { describe, expect, test } from "vitest";
import { cpu_ms } from "../../test/support/duration.ts";
import { transaction } from "../../test/support/event.ts";
import type { TlsEvent } from "../core/event.ts";
import { Trouble } from "../core/trouble.ts";
import { agentFamily } from "./agent.ts";
import { DIMENSION_NAMES, dimension, keyParts } from "./dimension.ts";
import { routeOf } from "./route.ts";

const process = { pid: 9, comm: "nginx", uid: 33, user: "www-data" };
const event = transaction({
  request: {
    method: "PUT",
    target: "/shop/77?s=a&s=b",
    host: "Shop.Example:8080",
    path: "/shop/77",
    query: "s=a&s=b",
    user_agent: "curl/8.0",
    content_type: "application/json; charset=utf-8",
    fields: [["X-Team", "red"]],
  },
  response: { status: 404, reason: "Not Found", content_type: "Text/HTML", fields: [["Server", "nginx"]] },
  process: {
    client: { pid: 1, comm: "curl", uid: 0 },
    server: {
      ...process,
      container: { id: "abc", runtime: "docker", name: "web" },
      pod: { uid: "u", name: "p", namespace: "n" },
    },
  },
  labels: { team: "blue" },
});
const country = (ip: string) => (ip === "10.0.0.7" ? "CH" : null);
const key = (name: string, on = event) => dimension(name, { country }).key(on);

test.each([
  ["section", "http://shop.example:8080/shop"],
  ["domain", "shop.example"],
  ["host", "shop.example:8080"],
  ["user-agent", "curl/8.0"],
  ["ua", "curl/8.0"],
  ["user-agent-family", "curl"],
  ["method", "PUT"],
  ["path", "/shop/77"],
  ["target", "/shop/77?s=a&s=b"],
  ["route", "/shop/{number}"],
  ["request-type", "application/json"],
  ["status", "404"],
  ["status-line", "404 Not Found"],
  ["status-class", "4xx"],
  ["content-type", "text/html"],
  ["http-version", "1.1"],
  ["outcome", "complete"],
  ["client", "10.0.0.7"],
  ["server", "10.0.0.1"],
  ["server-port", "80"],
  ["endpoint", "10.0.0.1 80"],
  ["protocol", "http/1.1"],
  ["interface", "eth0"],
  ["process", "nginx"],
  ["client-process", "curl"],
  ["container", "web"],
  ["pod", "n/p"],
  ["user", "www-data"],
  ["country", "CH"],
  ["query:s", "b"],
  ["query:none", null],
  ["header:x-team", "red"],
  ["response-header:SERVER", "nginx"],
  ["path:1", "shop"],
  ["path:3", null],
  ["label:team", "blue"],
  ["label:constructor", null],
  ["server-name", undefined],
])("%s", (name, expected) => {
  expect(key(name)).toBe(expected);
});

describe("what is not there", () => {
  const bare = { ...transaction(), request: null, response: null };
  test.each([
    "section",
    "domain",
    "user-agent",
    "method",
    "route",
    "status",
    "status-line",
    "process",
    "query:s",
    "host,status",
  ])("%s is no key", (name) => {
    expect(key(name, bare)).toBeNull();
  });

  test("a TLS connection has a server name and no method", () => {
    const tls = { ...event, type: "tls", server_name: "shop.example", alpn: "h2" } as unknown as TlsEvent;
    expect(dimension("server-name").key(tls)).toBe("shop.example");
    expect(dimension("server-name").unit).toBe("connections");
    expect(dimension("protocol").key(tls)).toBe("h2");
    expect(dimension("method").key(tls)).toBeUndefined();
  });
});

test("several keys at once keep their places", () => {
  const by = dimension("host, status ,query:none");
  expect(by.columns).toEqual(["Host", "Status", "Query none"]);
  expect(keyParts(by.key(event)!, by)).toEqual(["shop.example:8080", "404", ""]);
  const forged = transaction({ request: { query: "s=a%1Fb" } });
  const pair = dimension("query:s,method");
  expect(keyParts(pair.key(forged)!, pair)).toEqual(["a…b", "GET"]);
});

test("long keys are cut and marked", () => {
  const long = transaction({ request: { path: `/${"é".repeat(2_000)}` } });
  expect(dimension("path").key(long)).toBe(`/${"é".repeat(1_023)}…`);
  expect(dimension("path", { maxLength: 4 }).key(long)).toBe("/ééé…");
});

test.each(["", "nothing", "query:", "path:0", "path:x", "host,", "constructor", "country", "a:b"])(
  "%s is refused",
  (name) => {
    expect(() => dimension(name)).toThrow(Trouble);
    expect(() => dimension(name)).toThrow("cannot group by");
  },
);

test("a slip of the finger gets a suggestion", () => {
  const hintOf = (name: string) => {
    try {
      dimension(name);
    } catch (error) {
      return (error as Trouble).hint;
    }
    return null;
  };
  expect(hintOf("sectoin")).toBe("Did you mean section?");
  expect(hintOf("zzzzzz")).toContain("Use one of: section, domain");
});

test("every name that help shows can be used", () => {
  for (const name of DIMENSION_NAMES) {
    expect(() => dimension(name.replace("NAME", "x").replace(":N", ":1"), { country })).not.toThrow();
  }
});

describe("path templates", () => {
  test.each([
    ["/", "/"],
    ["", ""],
    ["*", "*"],
    ["/users/17/orders/2024-05-01", "/users/{number}/orders/{date}"],
    ["/o/3fa85f64-5717-4562-b3fc-2c963f66afa6/", "/o/{uuid}/"],
    ["/static/app.3f2a9c8d.js", "/static/app.{hash}.js"],
    ["/commit/9fceb02d0ae598e95dc970b74767f19372d61af8", "/commit/{hash}"],
    ["/t/dGhpc0lzQVRva2VuMTIz", "/t/{hash}"],
    ["/api/v2/things", "/api/v2/things"],
    ["/deadbeef", "/deadbeef"],
    ["/12345.html", "/{number}.html"],
    ["/lib/jquery-1.10.4.min.js", "/lib/jquery-1.10.4.min.js"],
    ["/api/1.2.3/x", "/api/1.2.3/x"],
    ["/log.20240131.gz", "/log.{number}.gz"],
    ["/a//b", "/a//b"],
    [`/x/${"long".repeat(30)}`, "/x/{long}"],
    ["/1/2/3/4/5/6/7/8/9/10", `${"/{number}".repeat(8)}/…`],
    ["/how-to-cook-rice-2024", "/how-to-cook-rice-2024"],
  ])("%s → %s", (path, route) => {
    expect(routeOf(path)).toBe(route);
  });
});

describe("user agent families", () => {
  test.each([
    ["curl/8.0", "curl"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox"],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
      "Chrome",
    ],
    ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot (bot)"],
    ["python-requests/2.31.0", "python-requests"],
    ["Go-http-client/1.1", "Go-http-client"],
    ["Prometheus/2.45.0", "Prometheus"],
    ["", "(unknown)"],
    ["Mozilla/5.0", "Mozilla (unknown)"],
  ])("%s", (agent, family) => {
    expect(agentFamily(agent)).toBe(family);
  });

  test("texts made to be slow are not", () => {
    const started = cpu_ms();
    for (let index = 0; index < 200; index++) {
      agentFamily(`Mozilla/5.0 ${"(".repeat(200)}${"; ".repeat(index)}${"a1.".repeat(4_000)}${index}`);
      agentFamily(`${index}${"bot crawler spider ".repeat(500)}`);
    }
    expect(cpu_ms() - started).toBeLessThan(3_000);
  });
});

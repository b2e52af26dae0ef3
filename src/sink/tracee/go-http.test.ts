import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { TraceeFormat } from "./format.ts";
import { canonicalName } from "./go-http.ts";
import { compileSelection } from "./select.ts";

const format = new TraceeFormat({
  ...{ format: "legacy", hostName: "", policies: [], extra: false },
  selection: compileSelection({ events: ["net_packet_http_request", "net_packet_http_response"], scope: [] }),
});

type Change = Parameters<typeof transaction>[0];

const parsed = (change: Change) => format.format(transaction(change)).map((line) => JSON.parse(line));

/** The HTTP part of the request's or the response's own event. */
function http(kind: "request" | "response", change: Change) {
  return parsed(change).find((event) => event.eventName === `net_packet_http_${kind}`).args[1].value;
}

describe("messages as Go reads them", () => {
  test("path decoded, query dropped, Host taken out of the headers", () => {
    const value = http("request", {
      request: {
        target: "/a%20b/c?s=1&s=2",
        host: "h:8080",
        path: "/a%20b/c",
        query: "s=1&s=2",
        fields: [["Host", "h:8080"]],
      },
    });
    expect(value).toMatchObject({ host: "h:8080", uri_path: "/a b/c", headers: {} });
    expect(JSON.stringify(value)).not.toContain("s=1");
  });

  test("absolute form", () => {
    const value = http("request", {
      request: { target: "http://ex.com/p?q=1", host: "ex.com", path: "/p", fields: [["Host", "other"]] },
    });
    expect(value).toMatchObject({ host: "ex.com", uri_path: "/p", headers: {} });
  });

  test("names canonical, repeats together", () => {
    const value = http("request", {
      request: {
        fields: [
          ["cookie", "a=1"],
          ["COOKIE", "b=2"],
        ],
      },
    });
    expect(value.headers).toEqual({ Cookie: ["a=1", "b=2"] });
    expect(canonicalName("x-api_key-ID")).toBe("X-Api_key-Id");
    expect(canonicalName("bad name-x")).toBe("bad name-x");
    expect(canonicalName("-a--b")).toBe("-A--B");
  });

  test.each([
    ["request", [["Content-Length", "5"]], 5, { "Content-Length": ["5"] }],
    ["request", [["Transfer-Encoding", "chunked"]], -1, {}],
    [
      "request",
      [
        ["transfer-encoding", "chunked"],
        ["content-length", "9"],
      ],
      -1,
      {},
    ],
    ["request", [], 0, {}],
    [
      "request",
      [
        ["Content-Length", "5"],
        ["content-length", "5"],
      ],
      5,
      { "Content-Length": ["5"] },
    ],
    [
      "request",
      [
        ["Content-Length", "5"],
        ["Content-Length", "6"],
      ],
      -1,
      { "Content-Length": ["5", "6"] },
    ],
    ["response", [], -1, {}],
    ["response", [["Transfer-Encoding", "chunked"]], -1, {}],
    ["response", [["Content-Length", "0"]], 0, { "Content-Length": ["0"] }],
  ] as const)("content length of a %s with %j", (kind, fields, length, headers) => {
    expect(http(kind, { [kind]: { fields } })).toMatchObject({ content_length: length, headers });
  });

  test.each([204, 100, 304])("a response that has no content: %i", (status) => {
    expect(http("response", { response: { status, fields: [] } }).content_length).toBe(0);
  });

  test("no reason", () => {
    expect(http("response", { response: { status: 200, reason: "", fields: [] } }).status).toBe("200");
  });

  test("every method is told, and only what was seen", () => {
    expect(http("request", { request: { method: "PROPFIND" } }).method).toBe("PROPFIND");
    expect(parsed({ response: null }).length).toBe(1);
    expect(parsed({ request: null }).length).toBe(1);
  });

  test("paths that cannot be decoded stay; octets that are no UTF-8 are replaced", () => {
    expect(http("request", { request: { path: "/%zz%41" } }).uri_path).toBe("/%zz%41");
    expect(http("request", { request: { path: "/%ff%41" } }).uri_path).toBe("/\ufffdA");
    expect(http("request", { request: { path: null } }).uri_path).toBe("");
  });

  test("IPv6 counts the payload only", () => {
    const [request] = parsed({
      flow: { client: { ip: "::1" }, server: { ip: "::1" } },
      bytes: { in_first_packet: 140 },
    });
    expect(request.args[0].value.packet_len).toBe(100);
  });
});

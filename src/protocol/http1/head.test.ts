/** Heads as they come: every form of target, every oddity a lenient server takes, and what it is called. */
import { describe, expect, test } from "vitest";
import { answer, get, http, talk } from "../../../test/support/dialogue.ts";
import { fastest_ms } from "../../../test/support/duration.ts";

/** The exchange of one request, answered with 200. */
function asked(request: string | Uint8Array) {
  return talk().client(request).server(answer(200)).close().event();
}

/** The exchange of a request, answered with this. */
function answered(response: string | Uint8Array) {
  return talk().client(get("/")).server(response).close("server").event();
}

describe("request targets (RFC 9112 section 3.2)", () => {
  test.each([
    ["GET /a/b?c=d&e HTTP/1.1", "a", "/a/b", "c=d&e"],
    ["GET / HTTP/1.1", "a", "/", null],
    ["GET /? HTTP/1.1", "a", "/", ""],
    ["GET //x//y HTTP/1.1", "a", "//x//y", null],
    ["GET http://b.example:8080/p?q HTTP/1.1", "b.example:8080", "/p", "q"],
    ["GET http://b.example HTTP/1.1", "b.example", "", null],
    ["GET http://b.example?q HTTP/1.1", "b.example", "", "q"],
    ["GET http://user@b.example/ HTTP/1.1", "b.example", "/", null],
    ["OPTIONS * HTTP/1.1", "a", "*", null],
    ["CONNECT b.example:443 HTTP/1.1", "b.example:443", null, null],
    ["CONNECT [2001:db8::1]:443 HTTP/1.1", "[2001:db8::1]:443", null, null],
    ["GET foo HTTP/1.1", "a", "foo", null],
  ])("%s", (line, host, path, query) => {
    const { request, anomalies } = asked(http(line, "Host: a"));
    expect(request).toMatchObject({ target: line.split(" ")[1], host, path, query });
    expect(anomalies).toEqual(line.includes("://") ? ["http1.host-mismatch"] : []);
  });

  test("without Host there is none", () => {
    expect(asked(http("GET / HTTP/1.0")).request?.host).toBeNull();
  });

  test.each([
    ["space inside", "GET /a b HTTP/1.1", "/a"],
    ["tab inside", "GET /a\tb HTTP/1.1", "/a"],
    ["control character", "GET /a\x01b HTTP/1.1", "/a\x01b"],
    ["delete", "GET /a\x7fb HTTP/1.1", "/a\x7fb"],
    ["bare CR", "GET /a\rb HTTP/1.1", "/a"],
  ])("an invalid target: %s", (_, line, target) => {
    const { request, anomalies } = asked(http(line, "Host: a"));
    expect(request?.target).toBe(target);
    expect(anomalies).toContain("http1.target-invalid");
  });
});

describe("start lines", () => {
  test.each([
    ["any token is a method", "M-SEARCH /x HTTP/1.1", "M-SEARCH", []],
    ["case is kept", "get / HTTP/1.1", "get", []],
    ["two spaces", "GET  / HTTP/1.1", "GET", ["http1.request-line-whitespace"]],
    ["tabs", "GET\t/\tHTTP/1.1", "GET", ["http1.request-line-whitespace"]],
    ["space at the end", "GET / HTTP/1.1 ", "GET", ["http1.request-line-whitespace"]],
    ["lower-case version", "GET / http/1.1", "GET", ["http1.version-invalid"]],
    ["version of the future", "GET / HTTP/3.7", "GET", ["http1.version-invalid"]],
    ["version without digits", "GET / HTTP/x.y", "GET", ["http1.version-invalid"]],
    ["version in full", "GET / HTTP/1.10", "GET", ["http1.version-invalid"]],
  ])("%s", (_, line, method, codes) => {
    const event = asked(http(line, "Host: a"));
    expect(event.request).toMatchObject({ method, fields: [["Host", "a"]] });
    expect(event.anomalies).toEqual(codes);
  });

  test.each([
    ["HTTP/1.1 200 OK", 200, "OK", []],
    ["HTTP/1.1 200 ", 200, "", []],
    ["HTTP/1.1 200", 200, "", []],
    ["HTTP/1.1 200 two words", 200, "two words", []],
    ["HTTP/1.1  200 OK", 200, "OK", ["http1.status-line-whitespace"]],
    ["HTTP/1.1 200OK", 200, "OK", ["http1.status-invalid"]],
    ["HTTP/1.1 20 OK", 20, "OK", ["http1.status-invalid"]],
    ["HTTP/1.1 2000 OK", 2000, "OK", ["http1.status-invalid"]],
    ["HTTP/1.1 999 OK", 999, "OK", []],
    ["HTTP/1 200 OK", 200, "OK", ["http1.version-invalid"]],
    ["http/1.1 200 OK", 200, "OK", ["http1.version-invalid"]],
  ])("%j", (line, status, reason, codes) => {
    const event = answered(http(line, "Content-Length: 0"));
    expect(event.response).toMatchObject({ status, reason });
    expect(event.anomalies).toEqual(codes);
  });

  test("empty lines before a request are skipped (section 2.2)", () => {
    const dialogue = talk()
      .client(`\r\n\n\r\n${get("/")}\r\n`)
      .server(answer(200))
      .client(get("/b"))
      .server(answer(200));
    expect(dialogue.close().rows()).toEqual(["GET / > 200", "GET /b > 200"]);
  });

  test("HTTP/1.0 and HTTP/0.9", () => {
    expect(asked(http("GET / HTTP/1.0")).http.version).toBe("1.0");
    const old = talk().client("GET /old\r\n").server("<html>all of it</html>").close("server").event();
    expect(old.http.version).toBe("0.9");
    expect(old.request).toMatchObject({ method: "GET", target: "/old", fields: [], header_bytes: 10 });
    // there is no status in HTTP/0.9, and none is made up
    expect(old.response).toBeNull();
    expect(old.anomalies).toContain("http1.http09");
  });
});

describe("field lines (RFC 9112 section 5)", () => {
  test("names and values as sent, in order, white space around values taken off", () => {
    const { request } = asked(http("GET / HTTP/1.1", "hOsT:a", "X-Empty:", "X-Tab:\t b \t", "x-dup: 1", "X-Dup: 2"));
    expect(request?.fields).toEqual([
      ["hOsT", "a"],
      ["X-Empty", ""],
      ["X-Tab", "b"],
      ["x-dup", "1"],
      ["X-Dup", "2"],
    ]);
  });

  test("text beyond ASCII: UTF-8 where it is valid, else latin-1", () => {
    const utf8 = asked(Buffer.from(http("GET / HTTP/1.1", "Host: a", "X: grün €"), "utf8"));
    const latin = asked(Buffer.from(http("GET / HTTP/1.1", "Host: a", "X: grün"), "latin1"));
    expect(utf8.request?.fields[1]).toEqual(["X", "grün €"]);
    expect(latin.request?.fields[1]).toEqual(["X", "grün"]);
  });

  test.each([
    ["obs-fold", ["X: one", " two", "\tthree"], ["X", "one two three"], ["http1.obs-fold"]],
    ["obs-fold of an empty value", ["X:", " two"], ["X", "two"], ["http1.obs-fold"]],
    ["space before the colon", ["X : 1"], ["X", "1"], ["http1.space-before-colon"]],
    ["space in the name", ["X Y: 1"], ["X Y", "1"], ["http1.field-name-invalid"]],
    ["empty name", [": 1"], ["", "1"], ["http1.field-name-invalid"]],
    ["no colon", ["just text"], ["just text", ""], ["http1.field-line-without-colon"]],
    ["NUL", ["X: a\0b"], ["X", "a\0b"], ["http1.nul"]],
    ["bare CR", ["X: a\rY: b"], ["X", "a\rY: b"], ["http1.bare-cr"]],
    ["control character", ["X: a\x07b"], ["X", "a\x07b"], ["http1.control-character"]],
    ["two Hosts", ["Host: b"], ["Host", "b"], ["http1.host-duplicate"]],
  ])("%s", (_, lines, field, codes) => {
    const { request, anomalies } = asked(http("GET / HTTP/1.1", "Host: a", ...lines, "Z: z"));
    expect(request?.fields).toEqual([["Host", "a"], field, ["Z", "z"]]);
    expect(anomalies).toEqual(codes);
    expect(request?.host).toBe("a");
  });

  test("white space before the first field hides it from one of two readers", () => {
    expect(asked(http("GET / HTTP/1.1", " Host: a", "Z: z")).anomalies).toEqual([
      "http1.space-before-first-field",
      "http1.host-missing",
    ]);
  });

  test("bare line feeds end lines", () => {
    const event = asked("GET / HTTP/1.1\nHost: a\nX: 1\n\n");
    expect(event.request).toMatchObject({ host: "a", header_bytes: 29 });
    expect(event.anomalies).toEqual(["http1.bare-lf"]);
  });

  test("a length hidden behind a space before the colon is still read", () => {
    const rows = talk()
      .client(`${http("POST /a HTTP/1.1", "Host: a", "Content-Length : 3")}abc${get("/b")}`)
      .server(answer(200) + answer(201))
      .close()
      .rows();
    expect(rows).toEqual(["POST /a > 200", "GET /b > 201"]);
  });
});

describe("limits", () => {
  test("more than 256 fields: the rest is counted out, framing holds", () => {
    const fields = Array.from({ length: 300 }, (_, i) => `X-${i}: ${i}`);
    const dialogue = talk()
      .client(get("/", ...fields))
      .server(answer(200))
      .client(get("/next"))
      .server(answer(200))
      .close();
    const [event] = dialogue.events();
    expect(event.request?.fields).toHaveLength(256);
    expect(event.quality.truncated).toBe(true);
    expect(event.anomalies).toContain("http1.too-many-fields");
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
  });

  test("a folded line behind 256 fields belongs to a field that is not shown", () => {
    const fields = Array.from({ length: 300 }, (_, i) => `X-${i}: ${i}`);
    const { request } = asked(get("/", ...fields, " folded"));
    expect(request?.fields.at(-1)).toEqual(["X-254", "254"]);
  });

  test("a length behind 256 fields still frames the body, however often it comes", () => {
    const fields = Array.from({ length: 300 }, (_, i) => `X-${i}: ${i}`);
    for (const framing of [["Content-Length: 18"], Array.from({ length: 40 }, () => "Content-Length: 18")]) {
      const dialogue = talk()
        .client(`${get("/", ...fields, ...framing)}GET / HTTP/1.1\r\n\r\n`)
        .server(answer(200))
        .client(get("/next"))
        .server(answer(200))
        .close();
      expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
      expect(dialogue.events()[0].request).toMatchObject({ body_bytes: 18, host: "a" });
      expect(dialogue.events()[0].request?.fields).toHaveLength(256);
    }
  });

  test.each([70_000, 200_000, 1_000_000])("a head of %d octets is cut; the next message is read", (size) => {
    const dialogue = talk()
      .client(get("/", `Cookie: ${"c".repeat(size)}`, "X-Behind: 1"))
      .server(answer(200))
      .client(get("/next"))
      .server(answer(200))
      .close();
    const [event] = dialogue.events();
    expect(event.anomalies).toEqual(["http1.head-too-large"]);
    expect(event.quality.truncated).toBe(true);
    expect(event.request?.fields[0]).toEqual(["Host", "a"]);
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
    const wire = dialogue.packets.reduce((sum, packet) => sum + packet.bytes.length, 0);
    expect(event.bytes.in).toBeGreaterThan(size);
    expect(event.bytes.in).toBeLessThan(wire);
  });

  test("a request line of 60 KiB is whole", () => {
    const target = `/${"a".repeat(60_000)}`;
    expect(asked(get(target)).request?.target).toBe(target);
  });

  test.each([
    ["in the fields", get("/", `Cookie: ${"c".repeat(64_000)}`)],
    ["in the target", get(`/${"t".repeat(64_000)}`)],
    ["many fields", get("/", ...Array.from({ length: 6_000 }, () => "X: abcd"))],
    [
      "in chunk lines",
      `${http("POST / HTTP/1.1", "Transfer-Encoding: chunked")}${"1\r\na\r\n".repeat(9_000)}0\r\n\r\n`,
    ],
    ["in trailers", `${http("POST / HTTP/1.1", "Transfer-Encoding: chunked")}0\r\n${"X: abcd\r\n".repeat(6_000)}\r\n`],
  ])("64 KiB in single octets cost no more than in a piece: %s", (_, request) => {
    const dialogue = talk({ maximumSegment_bytes: 1, step: 1 }).client(request).server(answer(200)).close();
    const spent_ms = fastest_ms(() => {
      const rows = dialogue.rows();
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatch(/ > 200$/);
    }, 1_500);
    expect(spent_ms).toBeLessThan(1_500);
  });

  test("the same for a status line, and for octets that never become HTTP", () => {
    const slow = talk({ maximumSegment_bytes: 1, step: 1 })
      .client(get("/"))
      .server(`HTTP/1.1 200 ${"r".repeat(60_000)}\r\nContent-Length: 0\r\n\r\n`)
      .close();
    const foreign = talk({ maximumSegment_bytes: 1, step: 1 }).client("a".repeat(60_000)).server("b").close();
    const spent_ms = fastest_ms(() => {
      expect(slow.rows()).toEqual(["GET / > 200"]);
      expect(foreign.rows()).toEqual([]);
    }, 3_000);
    expect(spent_ms).toBeLessThan(3_000);
  });
});

describe("request lines without a version", () => {
  test.each([
    ["DELETE /HTTP/1.1", "DELETE", "/HTTP/1.1"],
    ["OPTIONS HTTP/1.1", "OPTIONS", "HTTP/1.1"],
    ["POST /x", "POST", "/x"],
    ["GET / HTTP/1.1 junk", "GET", "/"],
    ["CCM_POST /x", "CCM_POST", "/x"],
    ["OPTIONS", "OPTIONS", ""],
  ])("%s, and field lines", (line, method, target) => {
    for (const size of [1, 1_000]) {
      const dialogue = talk({ maximumSegment_bytes: size }).client(http(line, "Host: a")).server(answer(400)).close();
      const event = dialogue.event();
      expect(event.request).toMatchObject({ method, target, fields: [["Host", "a"]] });
      expect(event.response?.status).toBe(400);
      expect(event.anomalies).toContain("http1.version-missing");
    }
  });

  test.each([
    "DELETE /key\r\nGET /key\r\n",
    "OPTIONS rtsp://a/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "CONNECT\naccept-version:1.2\nhost:a\n\n\0",
    "SEND /queue\ndestination:/queue/a\n\n\0",
    "DELETE /k\x01y\r\nHost: a\r\n\r\n",
    "QUIT\r\nHost: a\r\n\r\n",
    "GET\r\nkey: a\r\n\r\n",
    "CONNECT\r\nhost:a\r\n\r\n\0",
    "ious HTTP/1.1\r\nHost: a\r\n\r\n",
  ])("%j is no HTTP", (text) => {
    expect(talk().client(text).server("ERROR\r\n").close().rows()).toEqual([]);
  });

  test("SHOUTcast's ICY is a status line", () => {
    const event = talk()
      .client(http("GET / HTTP/1.0"))
      .server("ICY 200 OK\r\nicy-name: x\r\n\r\nstream")
      .close()
      .event();
    expect(event).toMatchObject({ response: { status: 200, reason: "OK", body_bytes: 6 }, outcome: "complete" });
    expect(event.anomalies).toEqual(["http1.version-invalid"]);
  });
});

test("a request found behind a loss has its whole method", () => {
  const dialogue = talk().lost("client", "x".repeat(50));
  for (const method of ["M-SEARCH", "VERSION-CONTROL", "NOTIFY", "GET"]) dialogue.client(http(`${method} /x HTTP/1.1`));
  const first = talk()
    .lost("client", "x")
    .client(`yz ${http("M-SEARCH * HTTP/1.1", "Host: a")}`);
  expect(first.rows()).toEqual(["M-SEARCH * > - gap"]);
  expect(dialogue.rows().map((row) => row.split(" ")[0])).toEqual(["M-SEARCH", "VERSION-CONTROL", "NOTIFY", "GET"]);
});

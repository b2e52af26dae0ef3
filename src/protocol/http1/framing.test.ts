/** Where a body ends: RFC 9112 section 6.3 step by step, told by what the flow holds behind it. */
import { describe, expect, test } from "vitest";
import { answer, get, http, talk } from "../../../test/support/dialogue.ts";

/** The response, then a second exchange: its row shows that the first body ended where it should. */
function responseThenNext(request: string, response: string) {
  return talk().client(request).server(response).client(get("/next")).server(answer(200)).close();
}

describe("responses without a body whatever their fields say (6.3, 1)", () => {
  test.each([
    ["HEAD", 200],
    ["HEAD", 404],
    ["GET", 204],
    ["GET", 304],
  ])("%s answered with %d", (method, status) => {
    const request = http(`${method} / HTTP/1.1`, "Host: a");
    for (const field of ["Content-Length: 99", "Transfer-Encoding: chunked", "X: y"]) {
      const dialogue = responseThenNext(request, http(`HTTP/1.1 ${status} Reason`, field));
      expect(dialogue.rows(), field).toEqual([`${method} / > ${status}`, "GET /next > 200"]);
    }
  });

  test("a 204 that announces a body says so; a HEAD and a 304 may", () => {
    const codes = (method: string, status: number) =>
      talk()
        .client(http(`${method} / HTTP/1.1`, "Host: a"))
        .server(http(`HTTP/1.1 ${status} Reason`, "Content-Length: 9"))
        .close()
        .event().anomalies;
    expect(codes("GET", 204)).toEqual(["http1.framing-on-bodyless-status"]);
    expect(codes("GET", 304)).toEqual([]);
    expect(codes("HEAD", 200)).toEqual([]);
  });

  test("informational responses do not close the request", () => {
    const response = http("HTTP/1.1 103 Early Hints", "Link: </a.css>") + http("HTTP/1.1 102 Processing") + answer(200);
    expect(responseThenNext(get("/"), response).rows()).toEqual(["GET / > 200", "GET /next > 200"]);
  });
});

describe("tunnels (6.3, 2 and RFC 9110 section 7.8)", () => {
  test("CONNECT answered with 2xx ends HTTP; what follows is the tunnel's", () => {
    const event = talk()
      .client(http("CONNECT example.com:443 HTTP/1.1", "Host: example.com:443"))
      .server(http("HTTP/1.1 200 Connection established", "Content-Length: 5"))
      .client(Uint8Array.of(0x16, 3, 1, 0, 200, 1, 0, 0, 0))
      .server(Uint8Array.of(0x16, 3, 3, 0, 50, 2, 0, 0, 0))
      .close()
      .event();
    expect(event.http.upgrade).toBe("connect");
    expect(event.request).toMatchObject({
      target: "example.com:443",
      host: "example.com:443",
      path: null,
      query: null,
    });
    expect(event.outcome).toBe("complete");
  });

  test("HTTP inside of CONNECT is seen, with ids of its own", () => {
    const dialogue = talk()
      .client(http("CONNECT example.com:80 HTTP/1.1", "Host: example.com:80"))
      .server(http("HTTP/1.1 200 OK"))
      .client(get("/inside"))
      .server(answer(200, "x"))
      .close();
    expect(dialogue.rows()).toEqual(["CONNECT example.com:80 > 200", "GET /inside > 200"]);
    expect(dialogue.events().map(({ depth, id }) => [depth, id])).toEqual([
      [1, "1.1"],
      [2, "1.2"],
    ]);
  });

  test("CONNECT refused is a response like others", () => {
    const refused = responseThenNext(http("CONNECT a:1 HTTP/1.1"), answer(407, "no"));
    expect(refused.rows()).toEqual(["CONNECT a:1 > 407", "GET /next > 200"]);
  });

  test("101 switches; frames behind it are not read as HTTP", () => {
    const event = talk()
      .client(get("/chat", "Connection: Upgrade", "Upgrade: websocket"))
      .server(`${http("HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: Upgrade")}\x81\x05hello`)
      .client("\x81\x85GET /not-a-request HTTP/1.1\r\n\r\n")
      .close()
      .event();
    expect(event.response?.status).toBe(101);
    expect(event.http.upgrade).toBe("websocket");
  });

  test("an Upgrade that the server does not take changes nothing", () => {
    const dialogue = responseThenNext(get("/", "Connection: Upgrade", "Upgrade: h2c"), answer(200, "plain"));
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
    expect(dialogue.events().map((event) => event.http.upgrade)).toEqual([null, null]);
  });
});

describe("Transfer-Encoding (6.3, 3 and 4)", () => {
  const chunked = (body: string, ...fields: string[]) =>
    http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", ...fields) + body;

  test("chunks, with extensions and trailers", () => {
    const dialogue = responseThenNext(
      get("/"),
      chunked('5;name=value\r\nhello\r\n6 ; q="a;b"\r\n world\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n'),
    );
    const [event] = dialogue.events();
    expect(event.response).toMatchObject({
      body_bytes: 11,
      trailers: [
        ["X-Sum", "1"],
        ["X-Sum", "2"],
      ],
    });
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
  });

  test.each([
    ["upper case and leading zeros", "00A\r\n0123456789\r\n000\r\n\r\n", 10],
    ["no data", "0\r\n\r\n", 0],
    ["bare line feeds", "3\nabc\n0\n\n", 3],
  ])("%s", (_, body, octets) => {
    const dialogue = responseThenNext(get("/"), chunked(body));
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
    expect(dialogue.events()[0].response?.body_bytes).toBe(octets);
  });

  test("request and response at once", () => {
    const event = talk()
      .client(`${http("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked")}2\r\nab\r\n0\r\nT: 1\r\n\r\n`)
      .server(chunked("1\r\nx\r\n0\r\n\r\n"))
      .close()
      .event();
    expect(event.request).toMatchObject({ body_bytes: 2, trailers: [["T", "1"]] });
    expect(event.response?.body_bytes).toBe(1);
    expect(event.anomalies).toEqual([]);
  });

  test("chunked wins over Content-Length, which is a smuggling attempt", () => {
    const dialogue = responseThenNext(get("/"), chunked("1\r\nx\r\n0\r\n\r\n", "Content-Length: 3"));
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
    expect(dialogue.events()[0].anomalies).toEqual(["http1.content-length-with-transfer-encoding"]);
  });

  test("a response whose last coding is not chunked ends with the connection", () => {
    const event = talk()
      .client(get("/"))
      .server(`${http("HTTP/1.1 200 OK", "Transfer-Encoding: gzip", "Content-Length: 2")}abcdef`)
      .close("server")
      .event();
    expect(event.response?.body_bytes).toBe(6);
    expect(event.outcome).toBe("complete");
  });

  test.each([
    ["chunked, gzip", ["http1.chunked-not-final"]],
    ["chunked, chunked", ["http1.chunked-twice"]],
    ["chunked, identity", ["http1.transfer-encoding-unknown"]],
    ["xchunked", ["http1.transfer-encoding-unknown"]],
    ["\tchunked", []],
    ["CHUNKED", []],
  ])("Transfer-Encoding: %s", (coding, codes) => {
    const event = talk()
      .client(get("/"))
      .server(`${http("HTTP/1.1 200 OK", `Transfer-Encoding: ${coding}`)}0\r\n\r\n`)
      .close("server")
      .event();
    expect(event.anomalies).toEqual(codes);
  });

  test("two Transfer-Encoding fields, and one in HTTP/1.0", () => {
    const codes = (head: string) =>
      talk().client(get("/")).server(`${head}0\r\n\r\n`).close("server").event().anomalies;
    expect(codes(http("HTTP/1.1 200 OK", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked"))).toEqual([
      "http1.transfer-encoding-duplicate",
    ]);
    expect(codes(http("HTTP/1.0 200 OK", "Transfer-Encoding: chunked"))).toEqual(["http1.transfer-encoding-in-1.0"]);
  });

  test.each([
    ["no size", "xyz\r\n", "http1.chunk-size-invalid"],
    ["minus", "-1\r\nab", "http1.chunk-size-invalid"],
    ["0x", "0x1\r\na\r\n0\r\n\r\n", "http1.chunk-size-invalid"],
    ["size beyond any length", "ffffffffffffffff\r\n", "http1.chunk-size-invalid"],
    ["data longer than its size", "2\r\nabc\r\n0\r\n\r\n", "http1.chunk-end-missing"],
    ["bare CR behind the size", "2\rX\r\nab\r\n0\r\n\r\n", "http1.chunk-size-invalid"],
  ])("a broken chunk is noted, and the next message is found: %s", (_, body, code) => {
    const dialogue = responseThenNext(get("/"), chunked(body));
    expect(dialogue.events()[0].anomalies).toContain(code);
    expect(dialogue.rows()).toEqual(["GET / > 200 aborted", "GET /next > 200"]);
  });
});

describe("Content-Length (6.3, 5 and 6)", () => {
  test.each([
    ["3", 3, []],
    ["003", 3, []],
    [" 3 ", 3, []],
    ["3, 3", 3, ["http1.content-length-duplicate"]],
  ])("%j", (value, octets, codes) => {
    const dialogue = responseThenNext(get("/"), `${http("HTTP/1.1 200 OK", `Content-Length:${value}`)}abc`);
    const [event] = dialogue.events();
    expect(event.response?.body_bytes).toBe(octets);
    expect(event.anomalies).toEqual(codes);
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
  });

  test.each(["+3", "-3", "3.0", "0x3", "3 4", "", "9".repeat(20), "3,", ",3"])("invalid: %j", (value) => {
    const event = talk()
      .client(get("/"))
      .server(`${http("HTTP/1.1 200 OK", `Content-Length: ${value}`)}abc`)
      .close("server")
      .event();
    expect(event.anomalies).toEqual(["http1.content-length-invalid"]);
    expect(event.response?.body_bytes).toBe(3);
  });

  test("two lengths that differ: the first is read, the conflict told", () => {
    const dialogue = responseThenNext(
      get("/"),
      `${http("HTTP/1.1 200 OK", "Content-Length: 3", "Content-Length: 4")}abc`,
    );
    expect(dialogue.rows()).toEqual(["GET / > 200", "GET /next > 200"]);
    expect(dialogue.events()[0].anomalies).toEqual(["http1.content-length-conflict"]);
  });

  test("a body that ends with the connection before its length is aborted", () => {
    const response = `${http("HTTP/1.1 200 OK", "Content-Length: 10")}abc`;
    expect(talk().client(get("/")).server(response).close("server").rows()).toEqual(["GET / > 200 aborted"]);
    expect(talk().client(get("/")).server(response).reset("server").rows()).toEqual(["GET / > 200 aborted"]);
  });
});

describe("no length at all", () => {
  test("a request without length has no body (6.3, 7): what follows is the next request", () => {
    const dialogue = talk()
      .client(http("POST /a HTTP/1.1", "Host: a") + get("/b"))
      .server(answer(200) + answer(201))
      .close();
    expect(dialogue.rows()).toEqual(["POST /a > 200", "GET /b > 201"]);
  });

  test("a response without length lasts until the connection ends (6.3, 8)", () => {
    const response = `${http("HTTP/1.1 200 OK", "Connection: close")}line\r\nHTTP/1.1 500 in the body\r\n\r\n`;
    const event = talk().client(get("/")).server(response).server("more").close("server").event();
    expect(event.response?.body_bytes).toBe(34 + 4);
    expect(event.outcome).toBe("complete");
    expect(talk().client(get("/")).server(response).reset("server").rows()).toEqual(["GET / > 200 aborted"]);
  });

  test("a request with a coding that is not chunked is read by its length", () => {
    const request = `${http("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip", "Content-Length: 2")}ab`;
    const dialogue = responseThenNext(request, answer(400));
    expect(dialogue.rows()).toEqual(["POST / > 400", "GET /next > 200"]);
    expect(dialogue.events()[0].anomalies).toEqual([
      "http1.content-length-with-transfer-encoding",
      "http1.chunked-not-final",
    ]);
  });
});

describe("100-continue (RFC 9110 section 10.1.1)", () => {
  const request = http("POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 4");

  test("the client waits for it", () => {
    const event = talk()
      .client(request)
      .server(http("HTTP/1.1 100 Continue"))
      .client("body")
      .server(answer(201))
      .close();
    expect(event.rows()).toEqual(["POST / > 201"]);
    expect(event.event().request?.body_bytes).toBe(4);
  });

  test("the server refuses, and the client does not send its body", () => {
    expect(talk().client(request).server(answer(417)).close().rows()).toEqual(["POST / > 417 aborted"]);
  });

  test("a response's time is that of the final one", () => {
    const event = talk({ step: 0 })
      .client(request)
      .wait(1000)
      .server(http("HTTP/1.1 100 Continue"))
      .wait(1000)
      .client("body")
      .wait(5000)
      .server(answer(201))
      .close()
      .event();
    expect(event.latency_ms).toEqual({ ttfb: 7, total: 7, upload: 2, think: 5 });
  });
});

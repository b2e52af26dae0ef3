/** What attackers and broken programs send: no exchange is shown that no endpoint could have seen without a word. */
import { describe, expect, test } from "vitest";
import { answer, get, http, talk } from "../../../test/support/dialogue.ts";

describe("between messages", () => {
  test("octets that begin no message are told, and the next one is found", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${answer(200)}garbage\r\nmore garbage\r\n`)
      .client(get("/b"))
      .server(answer(404))
      .close();
    const run = dialogue.run();
    expect(dialogue.rows()).toEqual(["GET /a > 200", "GET /b > 404"]);
    expect(run.ledger.anomalies.get("http1.cruft-between-messages")).toBe(1);
  });

  test("a body longer than its length is cruft in front of the next response", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 2")}ab and too much`)
      .client(get("/b"))
      .server(answer(404))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > 200", "GET /b > 404"]);
    expect(dialogue.run().ledger.anomalies.get("http1.cruft-between-messages")).toBe(1);
  });

  test("cruft between requests", () => {
    const dialogue = talk()
      .client(`${get("/a")}\0\0\0\0\r\n${get("/b")}`)
      .server(answer(200) + answer(201))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > 200", "GET /b > 201 gap"]);
    expect(dialogue.events()[1].anomalies).toEqual(["http1.resynchronized"]);
  });

  test("a request that nobody can read may be answered: pairs behind it are not certain, until all is quiet", () => {
    const dialogue = talk()
      .client(`${get("/a")}G(T /b HTTP/1.1\r\nHost: a\r\n\r\n${get("/c")}${get("/d")}`)
      .server(answer(200) + answer(400) + answer(201) + answer(202))
      .client(get("/e"))
      .server(answer(203))
      .close();
    const rows = ["GET /a > 200", "GET /c > 400 gap", "GET /d > 201 gap", "- > 202", "GET /e > 203"];
    expect(dialogue.rows()).toEqual(rows);
  });

  test("an answer that is no HTTP is told with its request", () => {
    const event = talk().client(get("/a")).server("<html>no head</html>\r\n").close().event();
    expect(event).toMatchObject({ outcome: "no-response", anomalies: ["http1.cruft-between-messages"] });
  });
});

describe("response splitting (CWE-113)", () => {
  test("one request, two responses: the second is nobody's answer", () => {
    const split = `${http("HTTP/1.1 302 Found", "Location: /x", "Content-Length: 0")}${answer(200, "<script>")}`;
    const dialogue = talk().client(get("/?lang=x")).server(split).close();
    expect(dialogue.rows()).toEqual(["GET /?lang=x > 302", "- > 200"]);
    expect(dialogue.events()[1].anomalies).toEqual(["http1.response-without-request"]);
  });

  test("the forged response never answers a request that came after it", () => {
    const dialogue = talk()
      .client(get("/poison"))
      .server(answer(302) + answer(200, "forged"))
      .client(get("/victim"))
      .server(answer(404))
      .close();
    expect(dialogue.rows()).toEqual(["GET /poison > 302", "- > 200", "GET /victim > 404"]);
  });
});

describe("request smuggling", () => {
  test("CL.TE: what a reader of Content-Length would take for body is a request, and both lengths are told", () => {
    const smuggled = "GET /admin HTTP/1.1\r\nX: ";
    const dialogue = talk()
      .client(
        `${http("POST / HTTP/1.1", "Host: a", `Content-Length: ${5 + smuggled.length}`, "Transfer-Encoding: chunked")}0\r\n\r\n${smuggled}`,
      )
      .client(get("/next"))
      .server(answer(200) + answer(403))
      .close();
    expect(dialogue.rows()).toEqual(["POST / > 200", "GET /admin > 403"]);
    expect(dialogue.events()[0].anomalies).toEqual(["http1.content-length-with-transfer-encoding"]);
  });

  test.each([
    ["Transfer-Encoding : chunked", "http1.space-before-colon"],
    ["Transfer-Encoding: xchunked", "http1.transfer-encoding-unknown"],
    ["Transfer-Encoding:\x0bchunked", "http1.transfer-encoding-unknown"],
    ["X: y\rTransfer-Encoding: chunked", "http1.bare-cr"],
    ["Transfer-Encoding:\r\n chunked", "http1.obs-fold"],
    ["Transfer-Encoding: identity, chunked", "http1.transfer-encoding-unknown"],
    ["Transfer_Encoding: chunked\r\nTransfer-Encoding: chunked, cow", "http1.transfer-encoding-unknown"],
  ])("TE.TE: %j is told", (line, code) => {
    const event = talk()
      .client(`${http("POST / HTTP/1.1", "Host: a", line, "Content-Length: 5")}0\r\n\r\n`)
      .server(answer(200))
      .close()
      .events()[0];
    expect(event.anomalies).toContain(code);
  });

  test("a head inside a chunk extension is no message, and the odd line ends are told", () => {
    const hidden = "GET /smuggled HTTP/1.1\r\n";
    const dialogue = talk()
      .client(
        `${http("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")}2;\rx\nab\r\n0;${"e".repeat(300)}\r\n\r\n`,
      )
      .server(answer(200))
      .client(
        `${http("POST /2 HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")}${hidden.length.toString(16)};a\r\n${hidden}\r\n0\r\n\r\n`,
      )
      .server(answer(201))
      .close();
    expect(dialogue.rows()).toEqual(["POST / > 200", "POST /2 > 201"]);
    expect(dialogue.events()[0].anomalies).toEqual([
      "http1.chunk-extension-bare-cr",
      "http1.chunk-extension-bare-lf",
      "http1.chunk-extension-long",
    ]);
  });

  test("requests inside of a body are content", () => {
    const body = get("/inside");
    const dialogue = talk()
      .client(`${http("POST / HTTP/1.1", `Content-Length: ${body.length}`)}${body}`)
      .server(answer(200))
      .close();
    expect(dialogue.rows()).toEqual(["POST / > 200"]);
  });
});

describe("who speaks when", () => {
  test("a server's greeting of another protocol before HTTP", () => {
    const dialogue = talk().server("220 proxy ready\r\n").client(get("/")).server(answer(200)).close();
    expect(dialogue.rows()).toEqual(["GET / > 200"]);
  });

  test("a server that speaks HTTP first answers nobody", () => {
    const dialogue = talk().server(answer(408)).client(get("/")).server(answer(200)).close();
    expect(dialogue.rows()).toEqual(["- > 408", "GET / > 200"]);
  });

  test("an idle connection is closed with an unasked 408", () => {
    const dialogue = talk().client(get("/")).server(answer(200)).wait(60e6).server(answer(408)).close("server");
    expect(dialogue.rows()).toEqual(["GET / > 200", "- > 408"]);
    expect(dialogue.events()[1].anomalies).toEqual(["http1.response-without-request"]);
  });

  test("the server answers early, while the request's body goes on", () => {
    const dialogue = talk()
      .client(`${http("POST / HTTP/1.1", "Host: a", "Content-Length: 6")}abc`)
      .server(answer(413))
      .client("def")
      .client(get("/b"))
      .server(answer(200))
      .close();
    expect(dialogue.rows()).toEqual(["POST / > 413", "GET /b > 200"]);
    expect(dialogue.events()[0].latency_ms.think).toBeNull();
    expect(dialogue.events()[0].request?.body_bytes).toBe(6);
  });

  test("and the client gives up behind an early answer", () => {
    const dialogue = talk()
      .client(`${http("POST / HTTP/1.1", "Host: a", "Content-Length: 600")}abc`)
      .server(answer(413))
      .close();
    expect(dialogue.rows()).toEqual(["POST / > 413 aborted"]);
  });

  test("half-open: the client has finished, the answer comes", () => {
    const dialogue = talk().client(get("/")).packet("client", 0x11).wait(5e6).server(answer(200, "late"));
    dialogue.packet("server", 0x11);
    expect(dialogue.rows()).toEqual(["GET / > 200"]);
  });

  test("HTTP is found on any port, and the one that asks is the client, whoever connected", () => {
    const ends = { client: { ip: "10.0.0.1", port: 80 }, server: { ip: "10.0.0.2", port: 31337 } };
    const event = talk(ends).server(get("/reverse")).client(answer(200)).close().event();
    expect(event.flow.client).toEqual(ends.server);
    expect(event.flow.server).toEqual(ends.client);
  });

  test("what is not HTTP stays silent", () => {
    for (const [from, to] of [
      ["SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0-OpenSSH_9.6\r\n"],
      ["EHLO a\r\n", "250 HTTP/1.1 is not spoken here\r\n"],
      ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\x16\x03\x03\x00\x50"],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\0\0\x04\0\0\0\0\0"],
      ["OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"],
      ["INVITE sip:a@b SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"],
    ]) {
      const dialogue = talk().client(Buffer.from(from, "latin1")).server(Buffer.from(to, "latin1")).close();
      expect(dialogue.rows(), from).toEqual([]);
    }
  });
});

/** Figures of an exchange: octets on the wire, each once and all of them; times between first and last octets. */
import { describe, expect, test } from "vitest";
import { answer, type Dialogue, get, http, talk } from "../../test/support/dialogue.ts";
import type { PipelineRun } from "../../test/support/pipeline-run.ts";

const ETHERNET = 14;

/** IP octets of the packets with data. */
function wireOctets(dialogue: Dialogue): number {
  return dialogue.packets
    .map(({ bytes, wireLength }) => (wireLength ?? bytes.length) - ETHERNET)
    .filter((octets) => octets > 40)
    .reduce((sum, octets) => sum + octets, 0);
}

function charged({ events }: PipelineRun): number {
  return events.reduce(
    (sum, { bytes }) => sum + bytes.in + bytes.out + bytes.in_retransmitted + bytes.out_retransmitted,
    0,
  );
}

describe("octets", () => {
  const body = "b".repeat(5000);
  test.each<[string, Dialogue]>([
    ["one packet each", talk().client(get("/")).server(answer(200, "x"))],
    [
      "many packets",
      talk()
        .client(`${http("POST / HTTP/1.1", "Content-Length: 5000")}${body}`)
        .server(answer(200, body)),
    ],
    ["small packets", talk({ maximumSegment_bytes: 7 }).client(get("/")).server(answer(200, "some body"))],
    [
      "pipelined in one packet",
      talk()
        .client(get("/1") + get("/2"))
        .server(answer(200, "1") + answer(200, "2")),
    ],
    [
      "chunks and trailers",
      talk()
        .client(get("/"))
        .server(`${http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")}5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n`),
    ],
    ["100-continue", talk().client(get("/")).server(http("HTTP/1.1 100 Continue")).server(answer(200))],
    [
      "retransmissions",
      talk()
        .client(get("/"))
        .again("client")
        .server(`${answer(200, "abc").slice(0, -1)}`)
        .again("server")
        .server("c"),
    ],
    [
      "empty lines",
      talk()
        .client(`\r\n${get("/")}`)
        .server(answer(200))
        .client(`\r\n\r\n${get("/")}`)
        .server(answer(200)),
    ],
    ["obs-fold and bare LF", talk().client("GET / HTTP/1.1\nHost: a\n b\n\n").server(answer(200))],
    [
      "a large head",
      talk()
        .client(get("/", `C: ${"c".repeat(200_000)}`))
        .server(answer(200)),
    ],
    ["until close", talk().client(get("/")).server(http("HTTP/1.0 200 OK")).server(body)],
    [
      "cut by the snap length",
      talk()
        .client(get("/"))
        .server(answer(200, "b".repeat(900)))
        .cutBy(800),
    ],
    [
      "overlap",
      talk()
        .client(get("/"))
        .server(answer(200, "abcdef").slice(0, 46))
        .piece("server", 43, answer(200, "abcdef").slice(43))
        .lose("server", answer(200, "abcdef").length - 46),
    ],
  ])("what exchanges are charged is what the wire had: %s", (_, dialogue) => {
    const run = dialogue.close().run();
    expect(charged(run)).toBe(wireOctets(dialogue));
  });

  test("requests are in, responses are out; first packets apart", () => {
    const dialogue = talk({ maximumSegment_bytes: 30 })
      .client(get("/"))
      .server(answer(200, "b".repeat(100)))
      .close();
    const { bytes } = dialogue.event();
    const [request, response] = [get("/").length, answer(200, "b".repeat(100)).length];
    expect(bytes).toEqual({
      in: request + 40 * Math.ceil(request / 30),
      out: response + 40 * Math.ceil(response / 30),
      in_retransmitted: 0,
      out_retransmitted: 0,
      in_first_packet: Math.min(request, 30) + 40,
      out_first_packet: 70,
    });
  });

  test("head and content octets", () => {
    const request = http("POST / HTTP/1.1", "Content-Type: text/plain", "Content-Length: 4");
    const response = http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Type: a/b");
    const event = talk().client(`${request}body`).server(`${response}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`).close().event();
    expect(event.request).toMatchObject({ header_bytes: request.length, body_bytes: 4, content_type: "text/plain" });
    expect(event.response).toMatchObject({ header_bytes: response.length, body_bytes: 5, content_type: "a/b" });
  });

  test("packets of IPv6 count their 40 octets of header", () => {
    const ends = { client: { ip: "2001:db8::1", port: 4000 }, server: { ip: "2001:db8::2", port: 80 } };
    const { bytes, flow } = talk(ends).client(get("/")).server(answer(200)).close().event();
    expect(bytes.in).toBe(40 + 20 + get("/").length);
    expect(flow.client).toEqual(ends.client);
  });
});

describe("times", () => {
  test("upload, think, ttfb and total, with three digits", () => {
    const event = talk({ step: 0 })
      .client(http("POST / HTTP/1.1", "Content-Length: 4"))
      .wait(1_500)
      .client("body")
      .wait(20_003)
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 2")}a`)
      .wait(7)
      .server("b")
      .close()
      .event();
    expect(event.latency_ms).toEqual({ upload: 1.5, think: 20.003, ttfb: 21.503, total: 21.51 });
    expect(event.time).toBe("2023-11-14T22:13:20.000000Z");
    expect(event.time_us).toBe(1_700_000_000_000_000);
  });

  test("a head in pieces begins with its first octet and ends with its last", () => {
    const event = talk({ step: 1_000, maximumSegment_bytes: 10 })
      .client(get("/")) // 27 octets: three packets
      .server(answer(204)) // 44 octets: five packets
      .close()
      .event();
    const packets = (text: string) => Math.ceil(text.length / 10);
    expect(event.latency_ms).toEqual({
      upload: packets(get("/")) - 1,
      think: 1,
      ttfb: packets(get("/")),
      total: packets(get("/")) + packets(answer(204)) - 1,
    });
  });

  test("a request line that ends in its last packet is not earlier than it was", () => {
    const event = talk({ step: 0 })
      .client("GET / HT")
      .wait(9_000)
      .client("TP/1.0\r\n\r\n")
      .wait(1_000)
      .server(answer(200))
      .close()
      .event();
    expect(event.latency_ms).toEqual({ upload: 9, think: 1, ttfb: 10, total: 10 });
  });

  test("what was not seen has no time", () => {
    const unanswered = talk().client(get("/")).reset("server").event();
    expect(unanswered.latency_ms).toEqual({ upload: 0, think: null, ttfb: null, total: null });
    const unasked = talk().server(answer(408)).close().event();
    expect(unasked.latency_ms).toEqual({ upload: null, think: null, ttfb: null, total: null });
    expect(unasked.time).toBe("2023-11-14T22:13:20.000300Z");
    const unfinished = talk().client(get("/")).server(answer(200, "abc").slice(0, -1)).reset().event();
    expect(unfinished.latency_ms.total).toBeNull();
    expect(unfinished.latency_ms.ttfb).not.toBeNull();
  });

  test("a response until close ends with its last octet, not with the FIN", () => {
    const dialogue = talk({ step: 0 })
      .client(get("/"))
      .wait(1_000)
      .server(`${http("HTTP/1.0 200 OK")}abc`);
    expect(dialogue.wait(60_000).close("server").event().latency_ms.total).toBe(1);
  });
});

/** Which response answers which request: in order, and by acknowledgment numbers once something was lost. */
import { describe, expect, test } from "vitest";
import { answer, get, http, talk } from "../../test/support/dialogue.ts";

describe("without loss", () => {
  test("pipelined requests are answered in order", () => {
    const dialogue = talk()
      .client(get("/1") + get("/2"))
      .client(get("/3"))
      .server(answer(201))
      .server(answer(202) + answer(203))
      .close();
    expect(dialogue.rows()).toEqual(["GET /1 > 201", "GET /2 > 202", "GET /3 > 203"]);
    expect(dialogue.events().map(({ id, depth }) => [id, depth])).toEqual([
      ["1.1", 1],
      ["1.2", 2],
      ["1.3", 3],
    ]);
  });

  test("requests and responses overlap", () => {
    const dialogue = talk().client(get("/1") + get("/2"));
    for (let i = 1; i < 20; i++) dialogue.server(answer(200 + i)).client(get(`/${i + 2}`));
    dialogue.server(answer(220) + answer(221)).close();
    expect(dialogue.rows()).toEqual(Array.from({ length: 21 }, (_, i) => `GET /${i + 1} > ${201 + i}`));
  });

  test("requests that nobody answers", () => {
    expect(
      talk()
        .client(get("/1") + get("/2"))
        .server(answer(200))
        .close()
        .rows(),
    ).toEqual(["GET /1 > 200", "GET /2 > - no-response"]);
    expect(talk().client(get("/")).reset("server").rows()).toEqual(["GET / > - no-response"]);
    expect(talk().client(get("/")).rows()).toEqual(["GET / > - no-response"]);
  });

  test("at most 1,024 requests wait on one flow; more are given up and counted", () => {
    const dialogue = talk()
      .client(Array.from({ length: 1_100 }, (_, i) => get(`/${i}`)).join(""))
      .close();
    const run = dialogue.run();
    expect(run.events).toHaveLength(1_100);
    expect(run.ledger.evicted.get("transaction.pipelined")).toBe(76);
  });

  test("a message that the connection's end cuts in its head", () => {
    expect(talk().client(get("/")).server("HTTP/1.1 200 OK\r\nServer: x\r\n").reset("server").rows()).toEqual([
      "GET / > 200 aborted",
    ]);
    expect(talk().client("GET /cut HTTP/1.1\r\nHost: a\r\nX: ").reset().rows()).toEqual(["GET /cut > - no-response"]);
    expect(talk().client("GET /cut").reset().rows()).toEqual([]);
  });
});

describe("one side only", () => {
  test("requests alone, and responses alone", () => {
    const clientOnly = talk()
      .client(get("/1"))
      .lost("server", answer(200))
      .client(get("/2"))
      .lost("server", answer(200));
    expect(clientOnly.rows().map((row) => row.split(" gap")[0].split(" no-")[0])).toEqual(["GET /1 > -", "GET /2 > -"]);
    const serverOnly = talk({ handshake: false })
      .lost("client", get("/1"))
      .server(answer(200))
      .lost("client", get("/2"))
      .server(answer(404));
    expect(serverOnly.rows()).toEqual(["- > 200 gap", "- > 404 gap"]);
  });

  test("a capture of one direction keeps its pace: nothing waits for what never comes", () => {
    const dialogue = talk({ handshake: false });
    for (let i = 0; i < 50; i++)
      dialogue
        .client(get(`/${i}`))
        .wait(10_000)
        .lost("server", answer(200));
    const run = dialogue.run();
    expect(run.events).toHaveLength(50);
    expect(run.events.every((event) => event.response === null)).toBe(true);
  });
});

describe("joined in the middle", () => {
  test("in a response: the first whole exchange is right, and all are marked", () => {
    const dialogue = talk({ handshake: false })
      .server("rest of some body that was under way")
      .client(get("/a"))
      .server(answer(200))
      .client(get("/b"))
      .server(answer(404));
    expect(dialogue.rows()).toEqual(["GET /a > 200", "GET /b > 404"]);
    expect(dialogue.events().every((event) => event.quality.midstream)).toBe(true);
  });

  test("in a request", () => {
    const dialogue = talk({ handshake: false })
      .client("=rest&of=a+form")
      .server(answer(201))
      .client(get("/b"))
      .server(answer(404));
    expect(dialogue.rows()).toEqual(["- > 201 gap", "GET /b > 404"]);
  });
});

describe("loss", () => {
  test("inside a body with a length: skipped by it, the flow goes on", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 10")}abc`)
      .lost("server", "defg")
      .server("hij")
      .client(get("/b"))
      .server(answer(404))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > 200 gap", "GET /b > 404"]);
    const [event] = dialogue.events();
    expect(event.quality).toEqual({ midstream: false, gap_bytes: 4, truncated: false });
    expect(event.response?.body_bytes).toBe(6);
  });

  test("inside a chunk: skipped too", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")}a\r\nabc`)
      .lost("server", "defghij")
      .server("\r\n0\r\n\r\n")
      .client(get("/b"))
      .server(answer(404))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > 200 gap", "GET /b > 404"]);
  });

  test("over the end of a chunk: the next message is found again", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")}3\r\nab`)
      .lost("server", "c\r\n5\r\nhel")
      .server("lo\r\n0\r\n\r\n")
      .client(get("/b"))
      .server(answer(404))
      .client(get("/c"))
      .server(answer(403))
      .close();
    const rows = dialogue.rows();
    expect(rows[0]).toBe("GET /a > 200 gap");
    expect(rows[2]).toMatch(/^GET \/c > 403/);
    expect(rows).toHaveLength(3);
  });

  test("in a head", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server("HTTP/1.1 200 OK\r\nServer: x\r\nX-")
      .lost("server", "Y: z\r\nContent-Length: 3\r\n")
      .server("\r\nabc")
      .client(get("/b"))
      .server(answer(404))
      .client(get("/c"))
      .server(answer(403))
      .close();
    const rows = dialogue.rows();
    expect(rows[0]).toBe("GET /a > 200 gap");
    expect(rows.at(-1)).toMatch(/^GET \/c > 403/);
  });

  test("a whole response: no other takes its place", () => {
    const dialogue = talk()
      .client(get("/a"))
      .lost("server", answer(200, "lost"))
      .client(get("/b"))
      .wait(50_000)
      .server(answer(404))
      .client(get("/c"))
      .server(answer(403))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > - gap", "GET /b > 404 gap", "GET /c > 403"]);
  });

  test("the first requests of a flow: nobody else's responses are theirs", () => {
    const dialogue = talk({ acknowledge: true })
      .lost("client", get("/1") + get("/2"))
      .client(get("/3") + get("/4"))
      .server(answer(201) + answer(202) + answer(203) + answer(204))
      .client(get("/5"))
      .server(answer(205));
    // the client pipelines: only after some quiet moments is it sure that nothing that was lost is still open
    for (let i = 6; i < 10; i++) dialogue.client(get(`/${i}`)).server(answer(200 + i));
    const rows = dialogue.close().rows();
    expect(rows.filter((row) => /\/(\d) > 20(\d)$/.test(row) && !/\/(\d) > 20\1$/.test(row))).toEqual([]);
    expect(rows.at(-1)).toBe("GET /9 > 209");
    expect(dialogue.events()[0].quality.gap_bytes).toBe((get("/1") + get("/2")).length);
  });

  test("the first response in a flow joined late", () => {
    const dialogue = talk({ handshake: false })
      .client(get("/1") + get("/2"))
      .lost("server", answer(201))
      .server(answer(202))
      .client(get("/3"))
      .server(answer(203));
    const rows = dialogue.rows();
    expect(rows).not.toContain("GET /1 > 202");
    expect(dialogue.run().ledger.gapBytes).toBe(answer(201).length);
  });

  test("a client that pipelines without waiting: its lost requests take their responses with them", () => {
    const dialogue = talk()
      .client(get("/0"))
      .server(answer(200))
      .lost("client", get("/1") + get("/2") + get("/3"))
      .server(answer(201))
      .client(get("/4"))
      .client(get("/5"))
      .server(answer(202))
      .client(get("/6"))
      .server(answer(203) + answer(204) + answer(205) + answer(206))
      .close();
    const rows = dialogue.rows();
    expect(rows[0]).toBe("GET /0 > 200");
    expect(rows.slice(1).filter((row) => row.startsWith("GET") && !row.endsWith("gap"))).toEqual([]);
  });

  test("a whole request: its response is shown alone", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(answer(200))
      .lost("client", get("/lost"))
      .server(answer(404))
      .client(get("/c"))
      .server(answer(403))
      .close();
    const rows = dialogue.rows();
    expect(rows[0]).toBe("GET /a > 200");
    expect(rows.some((row) => row.startsWith("- > 404"))).toBe(true);
    expect(rows.at(-1)).toMatch(/^GET \/c > 403/);
    expect(rows.some((row) => row.includes("/c > 404"))).toBe(false);
  });

  test("the end of a response and the head of the next", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 6")}abc`)
      .lost("server", "def")
      .client(get("/b"))
      .lost("server", "HTTP/1.1 404 ")
      .server("Not Found\r\nContent-Length: 0\r\n\r\n")
      .client(get("/c"))
      .server(answer(403))
      .close();
    const rows = dialogue.rows();
    expect(rows[0]).toBe("GET /a > 200 gap");
    expect(rows).toContain("GET /b > - gap");
    expect(rows.at(-1)).toMatch(/^GET \/c > 403/);
  });

  test("the last packet before the FIN was lost by the capture: a gap, not an abort", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 6")}abc`)
      .lost("server", "def")
      .close("server");
    const run = dialogue.run();
    expect(run.events.map((event) => [event.outcome, event.quality.gap_bytes])).toEqual([["gap", 3]]);
  });
});

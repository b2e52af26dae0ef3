/** Connections that begin and end as textbooks rarely show it (RFC 9293 section 3, RFC 7413), and what rows they give. */
import { describe, expect, test } from "vitest";
import { answer, Dialogue, get, http, row, talk } from "../../test/support/dialogue.ts";
import { ACK, FIN, PSH, RST, SYN } from "../core/packet.ts";

const closed = () => new Dialogue({ acknowledge: false });

describe("beginnings", () => {
  test("data in the SYN (TCP Fast Open)", () => {
    const dialogue = closed()
      .packet("client", SYN, get("/fast"))
      .packet("server", SYN | ACK);
    expect(dialogue.server(answer(200)).close().rows()).toEqual(["GET /fast > 200"]);
  });

  test("data in the SYN that the server did not take, sent again", () => {
    const dialogue = closed();
    const { client } = dialogue.sequence;
    dialogue.packet("client", SYN, get("/fast"));
    dialogue.sequence.client = client + 1;
    dialogue
      .packet("server", SYN | ACK)
      .client(get("/fast"))
      .server(answer(200))
      .close();
    expect(dialogue.rows()).toEqual(["GET /fast > 200"]);
  });

  test("both sides open at once", () => {
    const dialogue = closed();
    const { server } = dialogue.sequence;
    dialogue.packet("client", SYN);
    dialogue.packet("server", SYN);
    dialogue.sequence.server = server;
    dialogue.at("client", dialogue.sequence.client - 1, "", SYN | ACK).packet("server", SYN | ACK);
    expect(dialogue.client(get("/both")).server(answer(200)).close().rows()).toEqual(["GET /both > 200"]);
  });

  test("a SYN that is sent again, and one with another number", () => {
    const dialogue = closed().packet("client", SYN);
    dialogue.sequence.client--;
    dialogue.packet("client", SYN);
    dialogue.sequence.client += 70_000;
    dialogue
      .packet("client", SYN)
      .packet("server", SYN | ACK)
      .packet("client", ACK);
    const run = dialogue.client(get("/again")).server(answer(200)).close().run();
    expect(run.events.map(({ outcome }) => outcome)).toEqual(["complete"]);
    expect(run.ledger.gaps).toBe(0);
  });

  test("only the SYN-ACK of the handshake was captured", () => {
    const dialogue = closed();
    dialogue.sequence.client++;
    dialogue
      .packet("server", SYN | ACK)
      .client(get("/half"))
      .server(answer(200))
      .close();
    const [event] = dialogue.events();
    expect(event).toMatchObject({ outcome: "complete", request: { target: "/half" }, quality: { midstream: false } });
    expect(event.flow.client.port).toBe(40_000);
  });

  test("an old connection's ports are used again, with and without an end", () => {
    for (const end of [true, false]) {
      const first = talk().client(get("/1")).server(answer(200));
      if (end) first.close();
      const second = talk({ start: first.time, clientSequence: 900_000, serverSequence: 800_000 });
      second.client(get("/2")).server(answer(201)).close();
      first.packets.push(...second.packets);
      expect(first.rows(), `ended: ${end}`).toEqual(["GET /1 > 200", "GET /2 > 201"]);
    }
  });
});

describe("ends", () => {
  test("a reset inside a body", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 9")}part`)
      .reset("server");
    expect(dialogue.event()).toMatchObject({ outcome: "aborted", response: { body_bytes: 4 } });
  });

  test("a FIN inside a body", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Content-Length: 9")}part`)
      .close("server");
    expect(dialogue.event()).toMatchObject({ outcome: "aborted", response: { body_bytes: 4 } });
  });

  test("a FIN with the last data of each side", () => {
    const dialogue = talk().packet("client", FIN | PSH | ACK, get("/fin"));
    dialogue.packet("server", FIN | PSH | ACK, `${http("HTTP/1.0 200 OK")}body`).packet("client", ACK);
    expect(dialogue.event()).toMatchObject({ outcome: "complete", response: { body_bytes: 4 } });
  });

  test("a reset with text in it is no data", () => {
    const dialogue = talk()
      .client(get("/a"))
      .packet("server", RST | ACK, answer(200));
    expect(dialogue.rows()).toEqual(["GET /a > - no-response"]);
  });

  test("what is told behind a FIN is marked: who saw the FIN does not read it", () => {
    const dialogue = talk()
      .client(get("/a") + get("/b"))
      .server(answer(200))
      .packet("server", FIN | ACK);
    const events = dialogue
      .packet("server", PSH | ACK, answer(201))
      .packet("client", FIN | ACK)
      .events();
    expect(events.map(row)).toEqual(["GET /a > 200", "GET /b > 201"]);
    expect(events.map(({ anomalies }) => anomalies)).toEqual([[], ["http1.behind-fin"]]);
  });

  test("somebody else's reset, far outside of the window, ends nothing", () => {
    const dialogue = talk().client(get("/a")).at("server", 0x7000_0000, "", RST).server(answer(200)).close();
    const run = dialogue.run();
    expect(run.events.map(({ outcome }) => outcome)).toEqual(["complete"]);
    expect(run.ledger.anomalies.get("tcp.reset-out-of-window")).toBe(1);
  });

  test("a segment far outside of the window is left out", () => {
    const dialogue = talk().client(get("/a")).at("server", 0x7000_0000, answer(500)).server(answer(200)).close();
    expect(dialogue.rows()).toEqual(["GET /a > 200"]);
  });
});

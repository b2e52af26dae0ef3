/** The order of octets: what the capture shuffled, lost, cut or saw twice, and what the exchange's figures say of it. */
import { describe, expect, test } from "vitest";
import { answer, get, http, talk } from "../../test/support/dialogue.ts";
import { Flow } from "../core/flow.ts";
import { Ledger } from "../core/ledger.ts";
import { Packet } from "../core/packet.ts";
import { REASSEMBLY_LIMITS, Reassembler } from "./reassembly.ts";

const SYN = 0x02;
const URG_ACK = 0x30;

describe("order", () => {
  test("segments that come in another order", () => {
    const dialogue = talk({ maximumSegment_bytes: 20 }).client(get("/swapped", "X: 1"));
    dialogue
      .swapped()
      .server(answer(200, "x".repeat(30)))
      .swapped()
      .close();
    expect(dialogue.event()).toMatchObject({
      outcome: "complete",
      request: { target: "/swapped" },
      response: { body_bytes: 30 },
      quality: { gap_bytes: 0 },
    });
  });

  test("a request that overtakes the response that caused it waits for it", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(answer(200))
      .client(get("/b"))
      .swapped()
      .server(answer(404))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > 200", "GET /b > 404"]);
  });

  test("a FIN that overtakes the last octets", () => {
    const dialogue = talk()
      .client(get("/a"))
      .server(`${http("HTTP/1.1 200 OK", "Connection: close")}until the end`)
      .packet("server", 0x11)
      .swapped()
      .packet("client", 0x11);
    expect(dialogue.event()).toMatchObject({ outcome: "complete", response: { body_bytes: 13 } });
  });

  test("megabytes in flight behind a segment that the network lost: the retransmission completes them", () => {
    const body = 4_000_000;
    const dialogue = talk({ maximumSegment_bytes: 1_400, step: 20 }).client(get("/large"));
    dialogue.server(answer(200, "y".repeat(body)));
    const [lost] = dialogue.packets.splice(6, 1);
    dialogue.packets.push({ ...lost, time: dialogue.time });
    const run = dialogue.run();
    expect(run.events).toMatchObject([{ outcome: "complete", response: { body_bytes: body } }]);
    expect(run.ledger.gaps).toBe(0);
  });

  test("a head in single octets, the last first", () => {
    const head = get("/backwards", `X: ${"y".repeat(1_000)}`);
    const dialogue = talk().packet("server", 0x10);
    for (let at = head.length - 1; at >= 0; at--) dialogue.piece("client", at, head[at]);
    expect(dialogue.rows()).toEqual(["GET /backwards > - no-response"]);
  });

  test("a flow joined late: a FIN that overtakes the only octets", () => {
    const dialogue = talk({ handshake: false }).client("? not HTTP\r\n");
    dialogue
      .server(`${http("HTTP/1.1 400 Bad Request")}no`)
      .packet("server", 0x11)
      .swapped()
      .packet("client", 0x11);
    expect(dialogue.rows()).toEqual(["- > 400 gap"]);
  });

  test("tiny segments that wait cost more than their octets, and that is counted", () => {
    const limits = { ...REASSEMBLY_LIMITS, totalHeldBytes: 1 << 20 };
    const ledger = new Ledger();
    const reassembler = new Reassembler(ledger, limits);
    const flows = Array.from({ length: 4 }, () => new Flow());
    for (let i = 0; i < 8_000; i++) {
      const flow = flows[i & 3];
      const packet = Object.assign(new Packet(), { bytes: new Uint8Array(1), payloadEnd: 1, time: i / 100 });
      flow.halves[0].known = true;
      reassembler.segment(flow, 0, packet, 2 + 2 * i);
    }
    const held = flows.reduce((sum, flow) => sum + flow.halves[0].held.length, 0);
    expect(held).toBeLessThan(limits.totalHeldBytes / 256);
    expect(held).toBeGreaterThan(1_000);
    expect(ledger.evicted.get("flow.held-segments")).toBeGreaterThan(1_000);
  });

  test.each([0xffffff00, 0x7fffff00, 0xffffffff])("sequence numbers wrap at 2^32, from %d", (start) => {
    const dialogue = talk({ clientSequence: start, serverSequence: start - 7, maximumSegment_bytes: 100 });
    for (let i = 0; i < 5; i++)
      dialogue
        .client(get(`/${i}`))
        .server(answer(200, "y".repeat(150)))
        .swapped();
    expect(dialogue.close().rows()).toEqual([0, 1, 2, 3, 4].map((i) => `GET /${i} > 200`));
  });

  test("overlap: the octets that came first hold", () => {
    const dialogue = talk()
      .piece("client", 0, "GET /first HTTP/1.1\r\n")
      .piece("client", 4, "/evil! HTTP/1.1\r\nHost: a\r\n\r\n")
      .lose("client", 32)
      .server(answer(200))
      .close();
    expect(dialogue.event().request).toMatchObject({ target: "/first", host: "a" });
    expect(dialogue.run().ledger.retransmittedBytes).toBe(17);
  });

  test("a hole that a retransmission fills", () => {
    const head = get("/a", "X: filled");
    const dialogue = talk()
      .piece("client", 0, head.slice(0, 10))
      .piece("client", 20, head.slice(20))
      .wait(250_000)
      .piece("client", 10, head.slice(10, 20))
      .lose("client", head.length)
      .server(answer(200))
      .close();
    expect(dialogue.event()).toMatchObject({ outcome: "complete", quality: { gap_bytes: 0 } });
  });
});

describe("sent again", () => {
  test("a retransmission is no second request; its octets are apart", () => {
    const dialogue = talk().client(get("/a")).again("client").server(answer(200)).again("server").close();
    const event = dialogue.event();
    expect(event.bytes.in_retransmitted).toBe(event.bytes.in);
    expect(event.bytes.in).toBe(40 + get("/a").length);
    expect(event.bytes.out_retransmitted).toBe(0); // the exchange was over
    expect(dialogue.run().ledger.retransmittedPackets).toBe(2);
  });

  test("a keep-alive probe: one octet that was sent before", () => {
    const dialogue = talk().client(get("/a")).server(answer(200)).wait(45e6);
    dialogue
      .at("client", dialogue.sequence.client - 1, "\0")
      .client(get("/b"))
      .server(answer(404))
      .close();
    expect(dialogue.rows()).toEqual(["GET /a > 200", "GET /b > 404"]);
  });

  test("the same packet on a second interface is a copy, not a retransmission", () => {
    const dialogue = talk().client(get("/a")).seenAgain({ interfaceId: 1 });
    dialogue.server(answer(200)).seenAgain({ interfaceId: 1 }).close();
    const { ledger, events } = dialogue.run();
    expect(events).toHaveLength(1);
    expect(events[0].bytes).toMatchObject({ in_retransmitted: 0, out_retransmitted: 0 });
    expect([ledger.copies, ledger.retransmittedPackets]).toEqual([2, 0]);
  });

  test("loopback shows each packet going out and coming in", () => {
    const dialogue = talk()
      .client(get("/a"))
      .seenAgain({ direction: 1 })
      .server(answer(200))
      .seenAgain({ direction: 1 });
    const packets = dialogue.packets.map((packet) => ({ ...packet, direction: packet.direction ?? (2 as const) }));
    dialogue.packets.splice(0, dialogue.packets.length, ...packets);
    const { ledger, events } = dialogue.run();
    expect(events).toHaveLength(1);
    expect([ledger.copies, ledger.retransmittedPackets]).toEqual([2, 0]);
  });
});

describe("octets that were not captured", () => {
  test("the snap length cuts a body: its octets are a gap, and still were on the wire", () => {
    const response = answer(200, "b".repeat(500));
    const whole = talk().client(get("/a")).server(response).client(get("/b")).server(answer(404)).close();
    const cut = talk().client(get("/a")).server(response).cutBy(400).client(get("/b")).server(answer(404)).close();
    expect(cut.rows()).toEqual(["GET /a > 200 gap", "GET /b > 404"]);
    const [event] = cut.events();
    expect(event.quality.gap_bytes).toBe(400);
    expect(event.response?.body_bytes).toBe(100);
    expect(event.bytes).toEqual(whole.events()[0].bytes);
  });

  test("the snap length cuts a head: what is known of it is shown", () => {
    const dialogue = talk()
      .client(get("/a", `Cookie: ${"c".repeat(100)}`))
      .cutBy(60)
      .server(answer(200))
      .client(get("/b"))
      .server(answer(404))
      .close();
    const [first, ...others] = dialogue.events();
    expect(first).toMatchObject({ outcome: "gap", request: { target: "/a", host: "a" }, quality: { truncated: true } });
    expect(others.at(-1)).toMatchObject({ request: { target: "/b" }, response: { status: 404 } });
  });

  test("headers only (-s 54): connections, no exchange, no error", () => {
    const dialogue = talk().client(get("/a")).cutBy(get("/a").length).server(answer(200)).cutBy(answer(200).length);
    const run = dialogue.close().run();
    expect(run.events).toEqual([]);
    expect(run.ledger.flows).toBe(1);
    expect(run.ledger.gapBytes).toBe(get("/a").length + answer(200).length);
  });

  test("a hole waits 30 ms when its receiver has it, 1.5 s when nobody can tell", () => {
    const wait = (acknowledged: boolean, time: number) => {
      const dialogue = talk()
        .client(get("/a"))
        .server(`${http("HTTP/1.1 200 OK", "Content-Length: 6")}ab`)
        .lost("server", "cd")
        .server("ef");
      if (acknowledged) dialogue.ack("client");
      return dialogue.wait(time).ack("client").run().ledger.gapBytes;
    };
    // the end of the capture settles all: the ledger tells, not the moment
    expect(wait(true, 40_000)).toBe(2);
    expect(wait(false, 2_000_000)).toBe(2);
  });
});

describe("urgent data (RFC 6093)", () => {
  /** Segments of a request, one octet of which is out of band. */
  function urgent(order: readonly number[]) {
    const dialogue = talk();
    const pieces = [
      () => dialogue.piece("client", 0, "GET /malic"),
      () => urgentPiece(dialogue, 10, "X", 1),
      () => dialogue.piece("client", 11, "ious HTTP/1.1\r\nHost: a\r\n\r\n"),
    ];
    for (const index of order) pieces[index]();
    return dialogue.lose("client", 38).server(answer(200)).close();
  }

  function urgentPiece(dialogue: ReturnType<typeof talk>, offset: number, data: string, pointer: number): void {
    dialogue.piece("client", offset, data, URG_ACK);
    const last = dialogue.packets.at(-1)!.bytes;
    last[14 + 20 + 19] = pointer;
  }

  test.each([[[0, 1, 2]], [[0, 2, 1]], [[1, 0, 2]], [[0, 1, 1, 2]]])(
    "an octet out of band is not in the stream: segments in the order %j",
    (order) => {
      const dialogue = urgent(order);
      expect(dialogue.event().request?.target).toBe("/malicious");
      expect(dialogue.run().ledger.anomalies.get("tcp.urgent-data")).toBe(1);
    },
  );

  test("inside of a segment, and more than one", () => {
    const dialogue = talk();
    urgentPiece(dialogue, 0, "GET /aXb", 7);
    urgentPiece(dialogue, 8, "YZc HTTP/1.1\r\nHost: a\r\n\r\n", 1);
    dialogue.lose("client", 34).server(answer(200)).close();
    expect(dialogue.event().request?.target).toBe("/abZc");
  });

  test("a pointer beyond all data takes nothing", () => {
    const dialogue = talk();
    urgentPiece(dialogue, 0, get("/a"), 255);
    dialogue.lose("client", get("/a").length).server(answer(200)).close();
    expect(dialogue.event().request?.target).toBe("/a");
  });

  test("a thousand marks are bounded", () => {
    const dialogue = talk();
    for (let i = 0; i < 1000; i++) urgentPiece(dialogue, i + 5000, "a", 200);
    const run = dialogue.run();
    expect(run.ledger.anomalies.get("tcp.urgent-data")).toBeLessThan(200);
    expect(run.errors).toEqual([]);
  });
});

describe("TCP Fast Open (RFC 7413)", () => {
  const open = () => talk({ handshake: false }).packet("client", SYN, get("/tfo"));

  test("data in the SYN", () => {
    const dialogue = open().packet("server", 0x12).ack("client").server(answer(200)).close();
    expect(dialogue.event()).toMatchObject({ outcome: "complete", quality: { midstream: false } });
  });

  test("the SYN is sent again with its data: the same connection", () => {
    const dialogue = open();
    dialogue.at("client", 1000, get("/tfo"), SYN).packet("server", 0x12).ack("client").server(answer(200)).close();
    expect(dialogue.rows()).toEqual(["GET /tfo > 200"]);
  });

  test("the server takes the SYN without its data, which is sent again", () => {
    const dialogue = open()
      .acknowledging(-get("/tfo").length, "server", 0x12)
      .again("client")
      .server(answer(200))
      .close();
    expect(dialogue.rows()).toEqual(["GET /tfo > 200"]);
  });
});

test("what waits is bounded: segments of one direction, and the hole before them is given up", () => {
  const dialogue = talk()
    .client(get("/a"))
    .server(`${http("HTTP/1.1 200 OK", "Content-Length: 900000")}a`);
  dialogue.lost("server", "b");
  for (let i = 0; i < 600; i++) dialogue.server("c".repeat(1000));
  const run = dialogue.run();
  expect(run.events[0]).toMatchObject({ outcome: "gap", quality: { gap_bytes: 1 } });
  expect(run.pipeline.flows.reassembler.waiting.size).toBe(0);
});

describe("octets that come twice and differ", () => {
  const codes = (dialogue: ReturnType<typeof talk>) => {
    const run = dialogue.run();
    return [
      run.events.map(({ request, anomalies }) => [request?.target, anomalies]),
      run.ledger.anomalies.get("tcp.overlap-conflict"),
    ];
  };

  test("in a head whose beginning was seen", () => {
    const dialogue = talk().piece("client", 0, "GET /fine HT").piece("client", 0, "GET /evil HT");
    dialogue.piece("client", 12, "TP/1.1\r\nHost: a\r\n\r\n");
    expect(codes(dialogue)).toEqual([[["/fine", ["http1.head-overwritten"]]], 1]);
  });

  test("in a later head of the flow, with more behind it", () => {
    const dialogue = talk().client(get("/a")).server(answer(200)).client("GET /fi");
    const at = get("/a").length;
    dialogue.piece("client", at, "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(codes(dialogue)).toEqual([
      [
        ["/a", []],
        ["/fiil", ["http1.head-overwritten"]],
      ],
      1,
    ]);
  });

  test("in segments that wait for an earlier one", () => {
    const dialogue = talk()
      .piece("client", 5, "fine HTTP/1.1\r\n")
      .piece("client", 5, "evil HTTP/1.1\r\nHost: a\r\n\r\n");
    dialogue.piece("client", 0, "GET /");
    expect(codes(dialogue)).toEqual([[["/fine", ["http1.head-overwritten"]]], 2]);
  });

  test("behind an urgent octet nothing is compared: it moved what is kept", () => {
    const dialogue = talk().piece("client", 0, "GET /fi");
    const { packets } = dialogue.piece("client", 7, "Xne HT", URG_ACK);
    packets.at(-1)!.bytes.set([0, 1], 14 + 20 + 18);
    dialogue.piece("client", 6, "iXne HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(codes(dialogue)).toEqual([[["/fine", []]], undefined]);
  });

  test("in a body: told, and not of the next head", () => {
    const head = http("POST /a HTTP/1.1", "Host: a", "Content-Length: 8");
    const dialogue = talk().client(head);
    dialogue.piece("client", head.length + 4, "efgh").piece("client", head.length + 4, "EFGH");
    dialogue.piece("client", head.length, "abcd").piece("client", head.length + 8, get("/b"));
    expect(codes(dialogue)).toEqual([
      [
        ["/a", []],
        ["/b", []],
      ],
      1,
    ]);
  });

  test("equal octets, and a keep-alive's octet, are no conflict", () => {
    const dialogue = talk()
      .piece("client", 0, "GET /fine HT")
      .piece("client", 0, "GET /fine HT")
      .piece("client", 11, "\0");
    dialogue.piece("client", 6, "ine HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(codes(dialogue)).toEqual([[["/fine", []]], undefined]);
  });
});

/** When a flow begins, ends, and makes room: ports used again, resets, idleness, limits, VLANs. */
import { describe, expect, test } from "vitest";
import { answer, type Dialogue, get, row, talk } from "../../test/support/dialogue.ts";
import { PipelineRun, type RunOptions, runPackets } from "../../test/support/pipeline-run.ts";

/** Packets of several connections, in the order of time. */
function together(dialogues: readonly Dialogue[], options: RunOptions = {}) {
  return runPackets(
    dialogues.flatMap(({ packets }) => packets).sort((a, b) => a.time - b.time),
    options,
  );
}

describe("the end of a flow", () => {
  test("FIN from both sides gives everything out at once", () => {
    const run = new PipelineRun();
    for (const packet of talk().client(get("/a")).close().packets) run.push(packet);
    expect(run.events.map(row)).toEqual(["GET /a > - no-response"]);
    expect(run.pipeline.flows.liveFlows).toBe(0);
  });

  test("stragglers of an ended flow are no new flow", () => {
    const dialogue = talk().client(get("/a")).server(answer(200)).close();
    dialogue.again("server").again("client").ack("client");
    const run = dialogue.run();
    expect(run.ledger.flows).toBe(1);
    expect(run.events).toHaveLength(1);
  });

  test("a reset ends it, one out of window does not", () => {
    const forged = talk().client(get("/a")).at("server", 4_000_000_000, "", 0x14).server(answer(200)).close();
    expect(forged.rows()).toEqual(["GET /a > 200"]);
    expect(forged.run().ledger.anomalies.get("tcp.reset-out-of-window")).toBe(1);
    expect(talk().client(get("/a")).reset("server").server(answer(200)).rows()).toEqual(["GET /a > - no-response"]);
  });

  test("ten minutes without a packet", () => {
    const run = new PipelineRun();
    const dialogue = talk().client(get("/a"));
    for (const packet of dialogue.packets) run.push(packet);
    run.pipeline.advance(dialogue.time + 599e6);
    expect(run.events).toEqual([]);
    run.pipeline.advance(dialogue.time + 602e6);
    expect(run.events.map(row)).toEqual(["GET /a > - no-response"]);
  });

  test("both sides finish behind a hole: the exchange does not wait for ten minutes", () => {
    const run = new PipelineRun();
    const dialogue = talk().client(get("/a")).lost("server", answer(200)).close("server");
    for (const packet of dialogue.packets) run.push(packet);
    run.pipeline.advance(dialogue.time + 2e6);
    expect(run.events.map(row)).toEqual(["GET /a > - gap"]);
  });
});

describe("ports used again", () => {
  test("a new SYN with other numbers is a new connection, even while the old one never ended", () => {
    const first = talk().client(get("/1"));
    const second = talk({ start: first.time + 100, clientSequence: 777_777, serverSequence: 888_888 });
    second.client(get("/2")).server(answer(200)).close();
    const run = together([first, second]);
    expect(run.events.map(row)).toEqual(["GET /1 > - no-response", "GET /2 > 200"]);
    expect(run.events.map((event) => event.flow.id)).toEqual([1, 2]);
  });

  test("right behind the end of the old one", () => {
    const first = talk().client(get("/1")).server(answer(200)).close();
    const second = talk({ start: first.time + 100, clientSequence: 777_777 })
      .client(get("/2"))
      .server(answer(201))
      .close();
    expect(together([first, second]).events.map(row)).toEqual(["GET /1 > 200", "GET /2 > 201"]);
  });

  test("a SYN sent again is the same connection", () => {
    const dialogue = talk({ handshake: false }).packet("client", 2).at("client", 1000, "", 2);
    dialogue.packet("server", 0x12).ack("client").client(get("/a")).server(answer(200)).close();
    expect(dialogue.run().ledger.flows).toBe(1);
    expect(dialogue.rows()).toEqual(["GET /a > 200"]);
  });
});

describe("limits", () => {
  test("the flow unused longest makes room, gives out what it has, and is counted", () => {
    const dialogues = Array.from({ length: 20 }, (_, i) =>
      talk({ client: { ip: "192.0.2.1", port: 40_000 + i }, start: 1e15 + i * 1000 }).client(get(`/${i}`)),
    );
    const run = together(dialogues, { maxFlows: 4 });
    expect(run.events).toHaveLength(20);
    expect(run.ledger.evicted.get("flows")).toBe(16);
    expect(run.events.map((event) => event.request?.path)).toEqual(dialogues.map((_, i) => `/${i}`));
  });

  test("a flood of connections leaves nothing behind", () => {
    const run = new PipelineRun({ maxFlows: 100 });
    for (let i = 0; i < 5_000; i++) {
      const dialogue = talk({ client: { ip: "192.0.2.1", port: 1024 + i }, start: 1e15 + i * 1000 }).client(get("/"));
      for (const packet of dialogue.packets) run.push(packet);
      expect(run.pipeline.flows.liveFlows).toBeLessThanOrEqual(100);
    }
    expect(run.end().events).toHaveLength(5_000);
    expect(run.pipeline.flows.liveFlows).toBe(0);
  });
});

describe("address spaces", () => {
  test("equal addresses in two VLANs are two flows", () => {
    const [one, two] = [7, 8].map((vlan) =>
      talk({ vlans: [vlan] })
        .client(get(`/${vlan}`))
        .server(answer(200))
        .close(),
    );
    const run = together([one, two]);
    expect(run.events.map((event) => [event.flow.vlan, row(event)])).toEqual([
      [7, "GET /7 > 200"],
      [8, "GET /8 > 200"],
    ]);
  });

  test("a tap that tags each direction with a VLAN of its own: one flow", () => {
    const tagged = talk({ vlans: [7] })
      .client(get("/a"))
      .server(answer(200))
      .close();
    const other = talk({ vlans: [8] })
      .client(get("/a"))
      .server(answer(200))
      .close();
    const packets = tagged.packets.map((packet, index) => (isServer(packet.bytes) ? other.packets[index] : packet));
    const run = runPackets(packets);
    expect(run.events.map(row)).toEqual(["GET /a > 200"]);
    expect(run.ledger.flows).toBe(1);
  });

  test("the same packets on two interfaces, one of them a VLAN device", () => {
    const plain = talk({ interfaceId: 0 }).client(get("/a")).server(answer(200)).close();
    const tagged = talk({ interfaceId: 1, vlans: [7] })
      .client(get("/a"))
      .server(answer(200))
      .close();
    for (const [below, above] of [
      [tagged, plain],
      [plain, tagged],
    ]) {
      const packets = below.packets.flatMap((packet, i) => [packet, { ...above.packets[i], time: packet.time + 3 }]);
      for (const skipped of [0, 3]) {
        const run = runPackets(packets.slice(2 * skipped));
        expect(run.events.map(row)).toEqual(["GET /a > 200"]);
        expect([run.ledger.flows, run.pipeline.flows.liveFlows]).toEqual([1, 0]);
        expect(run.ledger.copies).toBeGreaterThan(2);
      }
    }
  });
});

/** The source address ends in .2: the server of `talk`. */
function isServer(frame: Uint8Array): boolean {
  return frame[14 + 4 + 12] === 198;
}

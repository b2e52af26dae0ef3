/** Flows that rest as numbers: nobody who looks at what comes out may be able to tell. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BuiltPacket } from "../../test/support/capture-builder.ts";
import { answer, type Dialogue, get, http, talk } from "../../test/support/dialogue.ts";
import { type CapturedPacket, loadCapture, runPackets } from "../../test/support/pipeline-run.ts";
import type { FlowParser, Protocol } from "../core/protocol.ts";

/** All that came out, in an order that does not depend on which flow was ended first at the end of the capture. */
function outcome(packets: readonly CapturedPacket[], maxAwake: number, maxFlows?: number) {
  const run = runPackets(packets, { maxAwake, maxFlows, json: true });
  expect(run.errors).toEqual([]);
  return { lines: [...run.jsonLines].sort(), ledger: JSON.stringify(run.ledger) };
}

function expectTheSame(packets: readonly CapturedPacket[]): void {
  const awake = outcome(packets, 1 << 20);
  for (const maxAwake of [1, 3]) expect(outcome(packets, maxAwake)).toEqual(awake);
}

const body = "b".repeat(3_000);
const client = (port: number) => ({ ip: "192.0.2.1", port });
/** Connections of every kind, of which the packets of several will be mixed. */
const stories: readonly ((dialogue: Dialogue) => Dialogue)[] = [
  (dialogue) => dialogue.client(get("/open")),
  (dialogue) => dialogue.client(get("/a")).server(answer(200, body)).client(get("/b")).server(answer(404)).close(),
  (dialogue) =>
    dialogue
      .client(get("/1") + get("/2"))
      .server(answer(200) + answer(201))
      .close(),
  (dialogue) => dialogue.client(`${http("POST / HTTP/1.1", "Content-Length: 3000")}${body}`).server(answer(200)),
  (dialogue) =>
    dialogue
      .client(get("/chunks"))
      .server(http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
      .server("5\r\nhello\r\n")
      .server("0\r\n\r\n"),
  (dialogue) =>
    dialogue
      .client(get("/until-close"))
      .server(`${http("HTTP/1.0 200 OK")}${body}`)
      .server(body)
      .close(),
  (dialogue) => dialogue.client("GET /in-pieces HTTP/1.1\r\nHo").client("st: a\r\n\r\n").server(answer(200)),
  (dialogue) =>
    dialogue.client(get("/lost")).lost("server", answer(200, body)).client(get("/after")).server(answer(203)),
  (dialogue) => dialogue.client(get("/again")).again("client").server(answer(200, "x")).again("server"),
  (dialogue) => dialogue.client(get("/reset")).reset("server"),
  (dialogue) =>
    dialogue
      .client(http("CONNECT a:80 HTTP/1.1"))
      .server(http("HTTP/1.1 200 OK"))
      .client(get("/inside"))
      .server(answer(200)),
  (dialogue) => dialogue.client(get("/early")).server(http("HTTP/1.1 100 Continue")).server(answer(200)),
  (dialogue) => dialogue.server("220 mail\r\n").client("EHLO a\r\n"),
];

/** The packets of each story keep their order; whose turn it is comes from `turns`. */
function mixed(chosen: readonly number[], turns: readonly number[]): BuiltPacket[] {
  const queues = chosen.map((story, index) => {
    const options = { client: client(20_000 + index), handshake: story % 3 !== 2 };
    return [...stories[story](talk(options)).packets];
  });
  const packets: BuiltPacket[] = [];
  for (let turn = 0; queues.some((queue) => queue.length > 0); turn++) {
    const waiting = queues.filter((queue) => queue.length > 0);
    const queue = waiting[(turns[turn % turns.length] ?? turn) % waiting.length];
    packets.push({ ...queue.shift()!, time: 1_700_000_000_000_000 + turn * 2_000 });
  }
  return packets;
}

describe("the same comes out, however few flows are awake", () => {
  test("connections of every kind, mixed", () => {
    const story = fc.nat(stories.length - 1);
    const all = fc.array(story, { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(all, fc.array(fc.nat(7), { minLength: 1, maxLength: 30 }), (chosen, turns) =>
        expectTheSame(mixed(chosen, turns)),
      ),
      { numRuns: 80 },
    );
  });

  test("the same addresses in several VLANs, and packets seen twice", () => {
    const dialogues = [0, 7, 8].map((vlan) =>
      talk({ vlans: vlan === 0 ? [] : [vlan] })
        .client(get(`/${vlan}`))
        .server(answer(200, body))
        .client(get("/2")),
    );
    const other = talk({ client: client(30_000) })
      .client(get("/other"))
      .server(answer(200));
    const packets = [...dialogues, other].flatMap(({ packets }) => packets).sort((a, b) => a.time - b.time);
    expectTheSame(packets.flatMap((packet) => [packet, { ...packet, interfaceId: 1 }]));
  });

  const folder = join(import.meta.dirname, "../../../shared/corpus");
  const captures = existsSync(folder)
    ? readdirSync(folder).filter((name) => /cap(ng)?$/.test(name) && statSync(join(folder, name)).size < 100_000)
    : [];
  test.skipIf(captures.length === 0)("captures of the corpus (needs ../shared/corpus)", async () => {
    for (const name of captures) {
      const packets = await loadCapture(join(folder, name)).catch(() => []);
      expect(outcome(packets, 1), name).toEqual(outcome(packets, 1 << 20));
    }
  });
});

describe("bounds", () => {
  /** One connection after the other, each with an open request. */
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      talk({ client: client(20_000 + index), start: 1_700_000_000_000_000 + index * 2e6 }).client(get(`/${index}`)),
    ).flatMap(({ packets }) => packets);

  test("flows that rest count, and make room like all others: the one unused longest first", () => {
    for (const maxAwake of [1, 4, 1 << 20]) {
      const run = runPackets(many(50), { maxAwake, maxFlows: 20 });
      expect(run.ledger.evicted.get("flows")).toBe(30);
      expect(run.events).toHaveLength(50);
      expect(run.events[0].flow.client.port).toBe(20_000);
    }
  });

  test("they end when they were idle for too long", () => {
    const packets = many(30);
    const late = talk({ client: client(40_000), start: packets.at(-1)!.time + 700e6 }).client(get("/late"));
    const run = runPackets([...packets, ...late.packets], { maxAwake: 2 });
    expect(run.events).toHaveLength(31);
    expect(run.ledger.noResponse).toBe(31);
  });

  test("a parser that has more to say than there is room for keeps its flow awake", () => {
    let woken = 0;
    class Talkative implements FlowParser {
      octets = 0;
      data(_flow: unknown, _from: unknown, _bytes: Uint8Array, start: number, end: number) {
        this.octets += end - start;
      }
      gap() {}
      close() {
        expect(this.octets).toBeGreaterThan(0);
      }
      rest(_flow: unknown, record: { putInt(value: number): void }) {
        for (let index = 0; index < 100; index++) record.putInt(index);
        return {
          wake: () => {
            woken++;
            return new Talkative();
          },
        };
      }
      rested() {
        throw new Error("it was not put away");
      }
    }
    const protocol: Protocol = {
      name: "talkative",
      detect: (bytes, start) => (bytes[start] === 0x7e ? "yes" : "no"),
      open: () => new Talkative(),
    };
    const packets = [1, 2, 3].flatMap((index) => talk({ client: client(20_000 + index) }).client("~~~").packets);
    const run = runPackets(packets, { maxAwake: 1, protocols: [protocol] });
    expect(run.errors).toEqual([]);
    expect(woken).toBe(0);
  });
});

/** Ended flows: found in both directions, forgotten in time and at the limit, never mixed up. */
import { expect, test } from "vitest";
import { Flow } from "../core/flow.ts";
import { Packet } from "../core/packet.ts";
import { EndedFlows } from "./ended-flows.ts";
import { hashOf } from "./match.ts";

function packet(port: number, reverse = false): Packet {
  const one = new Packet();
  const [source, destination] = reverse ? [2, 1] : [1, 2];
  one.source2 = one.destination2 = 0xffff;
  one.source3 = source;
  one.destination3 = destination;
  one.sourcePort = reverse ? 80 : port;
  one.destinationPort = reverse ? port : 80;
  return one;
}

function flow(port: number): Flow {
  const made = new Flow();
  const like = packet(port);
  made.source2 = made.destination2 = 0xffff;
  made.source3 = 1;
  made.destination3 = 2;
  made.sourcePort = port;
  made.destinationPort = 80;
  made.hash = hashOf(like);
  return made;
}

const found = (ended: EndedFlows, one: Packet) => ended.find(one, hashOf(one)) >= 0;

test("both directions of an ended flow are known, other flows are not", () => {
  const ended = new EndedFlows();
  ended.add(flow(1000), 10);
  expect(found(ended, packet(1000))).toBe(true);
  expect(found(ended, packet(1000, true))).toBe(true);
  expect(found(ended, packet(1001))).toBe(false);
  const tagged = packet(1000);
  tagged.scope = 7;
  expect(found(ended, tagged)).toBe(false);
});

test("forgotten when its time is over, or when its addresses are used anew", () => {
  const ended = new EndedFlows();
  ended.add(flow(1), 10);
  ended.add(flow(2), 20);
  ended.forget(10);
  expect([found(ended, packet(1)), found(ended, packet(2))]).toEqual([false, true]);
  ended.remove(ended.find(packet(2), hashOf(packet(2))));
  expect(found(ended, packet(2))).toBe(false);
  ended.add(flow(2), 30);
  ended.forget(20);
  expect(found(ended, packet(2))).toBe(true);
});

test("at the limit the oldest goes, and the table stays whole", () => {
  const ended = new EndedFlows();
  for (let port = 0; port < 20_000; port++) ended.add(flow(port), 1e9 + port);
  expect([found(ended, packet(0)), found(ended, packet(3_615)), found(ended, packet(3_616))]).toEqual([
    false,
    false,
    true,
  ]);
  expect(found(ended, packet(19_999))).toBe(true);
  ended.forget(Number.POSITIVE_INFINITY);
  for (let port = 0; port < 20_000; port += 97) expect(found(ended, packet(port))).toBe(false);
});

test("a handshake goes on after a reset only with the right acknowledgment", () => {
  const ended = new EndedFlows();
  const reset = flow(5);
  reset.wasReset = true;
  reset.halves[0].known = true;
  reset.halves[0].next = 777;
  ended.add(reset, 10);
  const answer = packet(5, true);
  const place = ended.find(answer, hashOf(answer));
  answer.acknowledgment = 776;
  expect(ended.continues(place, answer)).toBe(false);
  answer.acknowledgment = 777;
  expect(ended.continues(place, answer)).toBe(true);
});

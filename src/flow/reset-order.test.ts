/** A capture that shows a reset before octets that were sent earlier: they still count; what stays away is a gap. */
import { expect, test } from "vitest";
import { Conversation } from "../../test/support/conversation.ts";
import { runPackets } from "../../test/support/pipeline-run.ts";
import { Flow, FlowHalf } from "../core/flow.ts";

const BODY = "x".repeat(2_000);

/** Packets 0-2 handshake, 3 request, 4 and 5 the response, 6 the reset. */
function packets() {
  const talk = new Conversation({ acknowledge: false, maximumSegment_bytes: 1_400 });
  talk.open().client("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  talk.server(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`).reset("client");
  expect(talk.packets).toHaveLength(7);
  return talk.packets;
}

const late = (by: number) => {
  const all = packets();
  const [missing] = all.splice(4, 1);
  return { all, missing: { ...missing, time: all[all.length - 1].time + by } };
};

test("octets that come a little later than the reset complete the exchange", () => {
  const { all, missing } = late(5_000);
  const { events, errors } = runPackets([...all, missing]);
  expect(errors).toEqual([]);
  expect(events.map(({ outcome, quality }) => [outcome, quality.gap_bytes])).toEqual([["complete", 0]]);
  expect(events[0].response?.body_bytes).toBe(BODY.length);
});

test("much later they are not waited for", () => {
  const { all, missing } = late(200_000);
  const { events, ledger } = runPackets([...all, missing]);
  expect(events.map(({ outcome }) => outcome)).toEqual(["gap"]);
  expect(ledger.gaps).toBe(1);
});

test("when they never come the flow still ends by the reset", () => {
  const { all } = late(0);
  const { events, ledger } = runPackets(all);
  expect(events.map(({ outcome }) => outcome)).toEqual(["gap"]);
  expect(ledger.flows).toBe(1);
});

test("the next flow, which gets the same object, is not ended by that reset", () => {
  const { all } = late(0);
  const next = (port: number) => {
    const talk = new Conversation({ client: { ip: "192.0.2.1", port }, start: all[all.length - 1].time + port * 1e4 });
    talk.open().client("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    talk.server("HTTP/1.1 204 No Content\r\n\r\n").close();
    return talk.packets;
  };
  const { events } = runPackets([...all, ...next(40_001), ...next(40_002)]);
  expect(events.map(({ request, outcome }) => `${request?.target} ${outcome}`)).toEqual([
    "/ gap",
    "/next complete",
    "/next complete",
  ]);
});

test("a flow that is begun anew is as one that was just made", () => {
  const used = new Flow();
  const dirty = (object: object) => {
    for (const [key, value] of Object.entries(object)) {
      if (typeof value === "boolean") Reflect.set(object, key, true);
      else if (typeof value === "number") Reflect.set(object, key, 77);
    }
  };
  dirty(used);
  used.halves.forEach(dirty);
  used.reset();
  const fresh = new Flow();
  // valid only when a flag says so, or set for each new flow
  const given =
    /^(id|live|source|destination|scope|reverseScope|vlan|interfaceId|.*Time|now|data.*|hash|firstAcked|heldSince|conflictStart|conflictEnd|initial)/;
  const left = (a: object, b: object) =>
    Object.entries(a).filter(
      ([key, value]) => typeof value !== "object" && value !== Reflect.get(b, key) && !given.test(key),
    );
  expect(left(used, fresh)).toEqual([]);
  expect(used.halves.flatMap((half) => left(half, new FlowHalf()))).toEqual([]);
  expect(used.resetTime).toBe(-1);
});

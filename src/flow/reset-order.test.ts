/** A capture that shows a reset before octets that were sent earlier: they still count; what stays away is a gap. */
import { expect, test } from "vitest";
import { Conversation } from "../../test/support/conversation.ts";
import { runPackets } from "../../test/support/pipeline-run.ts";

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

/**
 * The laws that the engine keeps, on made-up dialogues: how octets are cut (1), shuffled and repeated (2) changes
 * nothing; no octets make it throw or grow (4, 5); the same capture gives the same output (6).
 */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answer, type Dialogue, get, http, talk } from "../../test/support/dialogue.ts";
import { fastest_ms } from "../../test/support/duration.ts";
import { concat } from "../../test/support/packet-builder.ts";
import { type CapturedPacket, PipelineRun, runPackets } from "../../test/support/pipeline-run.ts";
import type { TransactionEvent } from "../core/event.ts";
import { Redactor } from "../redact/redactor.ts";

const SEED = { seed: 20260131 };

// ---- dialogues

const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.!~"), minLength: 1, maxLength: 12 });
const value = fc.string({ unit: fc.constantFrom(..."abc 019;=,\"'\\/\té€\0\r\x7f"), maxLength: 20 });
const fields = fc.array(
  fc.tuple(token, value).map(([name, text]) => `X-${name}: ${text}`),
  { maxLength: 4 },
);
const body = fc.string({ unit: fc.constantFrom(..."ab\r\n\0HTTP/1.1 200"), maxLength: 60 });

const message = (start: fc.Arbitrary<string>) =>
  fc
    .record({ start, fields, body, coding: fc.constantFrom("length", "chunked", "none") })
    .map(({ start, fields, body, coding }) => {
      if (coding === "none") return http(start, "Content-Length: 0", ...fields);
      if (coding === "length") return http(start, ...fields, `Content-Length: ${Buffer.byteLength(body)}`) + body;
      const half = body.length >> 1;
      const chunk = (text: string) => (text === "" ? "" : `${Buffer.byteLength(text).toString(16)};e\r\n${text}\r\n`);
      return `${http(start, ...fields, "Transfer-Encoding: chunked")}${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\nT: 1\r\n\r\n`;
    });

const request = message(
  fc
    .tuple(fc.constantFrom("GET", "POST", "HEAD", "M-SEARCH"), fc.webPath(), fc.constantFrom("1.1", "1.0"))
    .map(([method, path, version]) => `${method} ${path || "/"} HTTP/${version}`),
);
const response = message(fc.constantFrom(200, 404, 500, 302).map((status) => `HTTP/1.1 ${status} Some reason`));
/** Exchanges, some requests of which are pipelined in front of their responses. */
const exchanges = fc.array(fc.tuple(request, response, fc.boolean()), { minLength: 1, maxLength: 5 });
type Exchanges = [string, string, boolean][];

function tell(told: Exchanges, segment_bytes: number): Dialogue {
  const dialogue = talk({ maximumSegment_bytes: segment_bytes });
  let waiting = "";
  for (const [asked, answered, pipelined] of told) {
    dialogue.client(asked);
    // a HEAD is answered without a body, whatever was made up
    waiting += asked.startsWith("HEAD") ? `${answered.split("\r\n\r\n")[0]}\r\n\r\n` : answered;
    if (pipelined) continue;
    dialogue.server(waiting);
    waiting = "";
  }
  return dialogue.server(waiting).close();
}

/** What must not depend on how octets came: all but times and figures of packets. */
function said(run: PipelineRun): unknown[] {
  if (run.errors.length > 0) throw run.errors[0];
  return run.events.map((event) => {
    const {
      time: _time,
      time_us: _us,
      latency_ms: _latency,
      bytes: _bytes,
      ...rest
    } = JSON.parse(JSON.stringify(event)) as TransactionEvent;
    return rest;
  });
}

const LIMITS = { maxBodyBytes: 32 };

test("law 1: how a dialogue is cut into segments changes nothing", () => {
  fc.assert(
    fc.property(exchanges, fc.integer({ min: 1, max: 50 }), (told, size) => {
      const whole = runPackets(tell(told, 60_000).packets, LIMITS);
      const cut = runPackets(tell(told, size).packets, LIMITS);
      expect(said(cut)).toEqual(said(whole));
      expect(whole.events).toHaveLength(told.length);
      expect(whole.events.map(({ outcome }) => outcome)).toEqual(told.map(() => "complete"));
    }),
    { ...SEED, numRuns: 150 },
  );
});

/** Octets that look like HTTP, in any order. */
const pieces = fc.constantFrom(
  ..."GET / HTTP/1.1\r\n|Host: a\r\n|\r\n|HTTP/1.1 200 OK\r\n|HTTP/1.1 101 X\r\n|Content-Length: 5\r\n|Content-Length: 99999999999\r\n|Transfer-Encoding: chunked\r\n|5\r\n|hello|0\r\n|ffffffffffffff\r\n| fold\r\n|HEAD /x HTTP/1.0\r\n|CONNECT a:1 HTTP/1.1\r\n|HTTP/|GET /9\r\n|\0|\r|\n|:|PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".split(
    "|",
  ),
);
const speech = fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join(""));
const speeches = fc.array(fc.tuple(fc.boolean(), speech), { maxLength: 8 });

function hold(told: readonly (readonly [boolean, string])[], segment_bytes: number): Dialogue {
  const dialogue = talk({ maximumSegment_bytes: segment_bytes });
  for (const [client, text] of told) client ? dialogue.client(text) : dialogue.server(text);
  return dialogue.close();
}

test("law 1 holds for what is no proper HTTP too", () => {
  fc.assert(
    fc.property(speeches, fc.integer({ min: 1, max: 30 }), (told, size) => {
      expect(said(hold(told, size).run(LIMITS))).toEqual(said(hold(told, 60_000).run(LIMITS)));
    }),
    { ...SEED, numRuns: 300 },
  );
});

test("law 2: shuffled and repeated segments give the same stream", () => {
  fc.assert(
    fc.property(exchanges, fc.integer({ min: 5, max: 60 }), fc.infiniteStream(fc.nat(999)), (told, size, chance) => {
      const { packets } = tell(told, size);
      const shuffled: CapturedPacket[] = [];
      // the handshake stays in front: nothing tells the order of what comes before it
      for (const packet of packets.slice(0, 3)) shuffled.push(packet);
      const rest = packets.slice(3).flatMap((packet) => {
        const late = (chance.next().value % 8) * 100;
        const copies = chance.next().value % 5 === 0 ? [{ ...packet, time: packet.time + late + 200 }] : [];
        return [{ ...packet, time: packet.time + late }, ...copies];
      });
      shuffled.push(...rest.sort((a, b) => a.time - b.time));
      expect(said(runPackets(shuffled, LIMITS))).toEqual(said(runPackets(packets, LIMITS)));
    }),
    { ...SEED, numRuns: 150 },
  );
});

/** IP octets of the packets with data: Ethernet has 14 in front, headers without data take 40. */
function dataOctets(packets: readonly CapturedPacket[]): number {
  const octets = packets.map((packet) => (packet.wireLength ?? packet.bytes.length) - 14);
  return octets.filter((count) => count > 40).reduce((sum, count) => sum + count, 0);
}

function charged(run: PipelineRun): number {
  if (run.errors.length > 0) throw run.errors[0];
  return run.events.reduce((sum, { bytes }) => sum + bytes.in + bytes.out, 0);
}

test("octets: exchanges are charged what the wire had, in whatever order it came", () => {
  fc.assert(
    fc.property(exchanges, fc.integer({ min: 1, max: 80 }), fc.infiniteStream(fc.nat(999)), (told, size, chance) => {
      const late = (index: number) => (index > 2 && chance.next().value % 4 === 0 ? 250 : 0);
      const packets = tell(told, size).packets.map((packet, index) => ({ ...packet, time: packet.time + late(index) }));
      packets.sort((a, b) => a.time - b.time);
      expect(charged(runPackets(packets))).toBe(dataOctets(packets));
    }),
    { ...SEED, numRuns: 150 },
  );
});

test("octets: of what is no proper HTTP never more than the wire had", () => {
  fc.assert(
    fc.property(speeches, fc.integer({ min: 1, max: 30 }), (told, size) => {
      const { packets } = hold(told, size);
      expect(charged(runPackets(packets))).toBeLessThanOrEqual(dataOctets(packets));
    }),
    { ...SEED, numRuns: 150 },
  );
});

/** Exchanges whose status tells the number in the request's path. */
function numbered(chance: Stream, rounds: number, pipelined: boolean): Dialogue {
  const roll = (below: number) => chance.next().value % below;
  const dialogue = talk({ acknowledge: roll(3) > 0, maximumSegment_bytes: roll(2) ? 1460 : 15 + roll(80) });
  let number = 0;
  for (let round = 0; round < rounds; round++) {
    const numbers = Array.from({ length: pipelined ? 1 + roll(6) : 1 }, () => number++);
    const requests = numbers.map((n) => get(`/${n}`));
    for (const part of roll(2) ? requests : [requests.join("")]) dialogue.client(part);
    const responses = numbers.map((n) => answer(200 + n, "x".repeat(roll(60))));
    for (const part of roll(2) ? responses : [responses.join("")]) dialogue.server(part);
    dialogue.wait(roll(60_000));
  }
  return dialogue.close();
}
type Stream = Iterator<number>;

test.each([
  ["one request at a time", false],
  ["requests in batches", true],
])("lost segments: no pair that was not there, or it says gap: %s", (_, pipelined) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.infiniteStream(fc.nat(9_999)), (rounds, chance) => {
      const share = 5 + (chance.next().value % 30);
      const { packets } = numbered(chance, rounds, pipelined);
      const run = runPackets(packets.filter((_, index) => index < 3 || chance.next().value % share !== 0));
      if (run.errors.length > 0) throw run.errors[0];
      for (const { request, response, outcome } of run.events) {
        expect(request ?? response).not.toBeNull();
        if (request === null || response === null || outcome === "gap") continue;
        expect(response.status).toBe(200 + Number(request.path?.slice(1)));
      }
    }),
    { ...SEED, numRuns: 400 },
  );
});

describe("law 4: nothing on the wire throws, hangs or grows", () => {
  function survives(run: PipelineRun): void {
    if (run.errors.length > 0) throw run.errors[0];
    expect(run.ledger.internalErrors).toBe(0);
    expect(run.pipeline.flows.liveFlows).toBe(0);
    expect(run.pipeline.flows.reassembler.waiting.size).toBe(0);
  }

  test("random octets in both directions", () => {
    const octets = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), octets), { maxLength: 12 }), (said) => {
        const dialogue = talk();
        for (const [client, data] of said) client ? dialogue.client(data) : dialogue.server(data);
        survives(dialogue.close().run(LIMITS));
      }),
      { ...SEED, numRuns: 150 },
    );
  });

  test("octets that look like HTTP, in any order", () => {
    fc.assert(
      fc.property(speeches, fc.nat(20), (told, size) => {
        survives(hold(told, size + 1).run(LIMITS));
      }),
      { ...SEED, numRuns: 300 },
    );
  });

  test("a dialogue with octets of its packets changed, headers too", () => {
    fc.assert(
      fc.property(exchanges, fc.infiniteStream(fc.nat(9999)), (told, chance) => {
        const packets = tell(told, 40).packets.map((packet) => {
          const bytes = packet.bytes.slice();
          if (chance.next().value % 3 === 0) bytes[chance.next().value % bytes.length] = chance.next().value & 255;
          if (chance.next().value % 10 !== 0) return { ...packet, bytes };
          return { ...packet, bytes: bytes.slice(0, chance.next().value % bytes.length), wireLength: bytes.length };
        });
        survives(runPackets(packets, LIMITS));
      }),
      { ...SEED, numRuns: 200 },
    );
  });

  test("a million octets of requests in a single line, in line feeds, in colons", () => {
    for (const unit of [
      "GET /",
      "\n",
      "\r\n",
      ":",
      "HTTP/1.1 ",
      "GET / HTTP/1.1\r\n",
      "0\r\n",
      "HTTP/1.1 200 OK\r\n\r\n",
    ]) {
      const text = unit.repeat(1_000_000 / unit.length);
      const { packets } = talk().client(text).server(text).close();
      const spent_ms = fastest_ms(() => survives(runPackets(packets)), 3_000);
      expect(spent_ms, JSON.stringify(unit)).toBeLessThan(3_000);
    }
  });
});

describe("law 5: memory stays bounded, and what is dropped is counted", () => {
  test("unanswered requests on many flows: the arena fills, heads are left out, nothing fails", () => {
    const large = get("/", `Cookie: ${"c".repeat(60_000)}`);
    const packets = Array.from({ length: 2_500 }, (_, i) =>
      talk({ client: { ip: "192.0.2.1", port: 1024 + i }, start: 1e15 + i * 10_000, maximumSegment_bytes: 60_500 })
        .client(large)
        .packets.slice(-1),
    ).flat();
    const run = runPackets(packets);
    expect(run.errors).toEqual([]);
    expect(run.events).toHaveLength(2_500);
    const whole = run.events.filter((event) => !event.quality.truncated).length;
    expect(whole).toBeGreaterThan(1_000);
    expect(run.ledger.truncated).toBe(2_500 - whole);
    expect(run.ledger.truncated).toBeGreaterThan(0);
  });

  test("the arena is whole again when its exchanges are gone", () => {
    const dialogue = talk();
    for (let i = 0; i < 300; i++) dialogue.client(get("/", `C: ${"c".repeat(60_000)}`)).server(answer(200));
    const events = dialogue.close().events();
    expect(events.filter((event) => event.quality.truncated)).toEqual([]);
  });

  test.each([
    ["heads in progress", get("/").slice(0, -2)],
    ["first lines", "GET /"],
    ["no known protocol", "\x01\x02 binary "],
  ])("half-sent beginnings of many flows: %s", (_, begin) => {
    const run = new PipelineRun();
    const dialogues = Array.from({ length: 1_500 }, (_, i) =>
      talk({
        client: { ip: "192.0.2.1", port: 1024 + i },
        start: 1e15 + i,
        maximumSegment_bytes: 20_000,
        handshake: i % 2 === 0,
      }).client(`${begin}${"x".repeat(60_000)}`),
    );
    for (const { packets } of dialogues) for (const packet of packets) run.push(packet);
    expect(run.errors).toEqual([]);
    if (begin.startsWith("GET")) expect(run.ledger.evicted.get("protocol.waiting")).toBeGreaterThan(0);
    // later flows are served when the memory is free again
    for (const { packets } of dialogues) run.push({ ...packets.at(-1)!, bytes: reset(packets.at(-1)!.bytes) });
    const later = talk({ start: 2e15, maximumSegment_bytes: 10 }).client(get("/later")).server(answer(200)).close();
    for (const packet of later.packets) run.push(packet);
    expect(run.end().events.at(-1)?.request?.path).toBe("/later");
  });

  test("held segments of all flows together", () => {
    const filler = "x".repeat(60_000);
    const packets = Array.from({ length: 70 }, (_, i) => {
      const dialogue = talk({
        client: { ip: "192.0.2.1", port: 1024 + i },
        start: 1e15 + i * 1_000,
        maximumSegment_bytes: 60_500,
      });
      dialogue
        .client(get("/"))
        .server(`${http("HTTP/1.1 200 OK", "Content-Length: 9999999")}`)
        .lost("server", "b");
      for (let n = 0; n < 16; n++) dialogue.server(filler);
      return dialogue.packets;
    }).flat();
    const run = runPackets(packets);
    expect(run.ledger.evicted.get("flow.held-segments")).toBeGreaterThan(0);
    expect(run.events).toHaveLength(70);
  });
});

/** The same TCP packet as a reset without data. */
function reset(frame: Uint8Array): Uint8Array {
  const bytes = frame.slice(0, 54);
  bytes[47] = 0x14;
  bytes.set([0, 40], 16);
  return bytes;
}

describe("law 6: the same octets, the same output", () => {
  test("read twice", () => {
    fc.assert(
      fc.property(exchanges, (told) => {
        const { packets } = tell(told, 100);
        const [first, second] = [1, 2].map(() => runPackets(packets, { ...LIMITS, json: true }).jsonLines);
        expect(first).toEqual(second);
      }),
      { ...SEED, numRuns: 30 },
    );
  });

  test.each([-5_000_001, -1, 0, 2 ** 31, 2 ** 53, 2 ** 60, 2 ** 63, -(2 ** 63)])(
    "times that no clock has, from %d: valid lines, the same as the event's, RFC 3339",
    (start) => {
      const run = talk({ start }).client(get("/")).server(answer(200)).close().run({ json: true });
      expect(run.jsonLines).toHaveLength(1);
      expect(JSON.parse(run.jsonLines[0])).toEqual(JSON.parse(JSON.stringify(run.events[0])));
      expect(run.events[0].time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    },
  );

  const redactor = new Redactor();
  const redaction = {
    head: redactor.head,
    body: (text: string, type: string) => redactor.body(text, type),
  };

  test.each([
    ["as sent", null],
    ["redacted", redaction],
  ])("JsonWriter writes what JSON.stringify of the event would: any heads, %s", (_, redactor) => {
    const any = fc.uint8Array({ maxLength: 80 });
    const secret = fc.constantFrom(
      "Authorization: Basic dXNlcjpwYXNz",
      "Cookie: a=b; c=d",
      'X-Api-Key: k"\\',
      "Password: \xff",
    );
    const query = fc.constantFrom("?token=abc&x=1", "?password=%22\\", '?q="', "");
    fc.assert(
      fc.property(any, any, secret, query, body, (one, two, field, query, content) => {
        const start = `POST /${Buffer.from(one).toString("latin1").replace(/[\s]/g, "")}${query} HTTP/1.1\r\n`;
        const asked = concat(
          Buffer.from(`${start}${field}\r\nX: `, "latin1"),
          two,
          `\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(content)}\r\n\r\n${content}`,
        );
        const answered = concat(
          "HTTP/1.1 200 ",
          one,
          "\r\nY: ",
          two,
          "\r\nSet-Cookie: s=1\r\nContent-Length: 0\r\n\r\n",
        );
        const run = talk()
          .client(asked)
          .server(answered)
          .close()
          .run({ ...LIMITS, json: true, redactor });
        if (run.errors.length > 0) throw run.errors[0];
        const lines = run.jsonLines.map((line) => JSON.parse(line) as unknown);
        const events = run.events.map((event) => JSON.parse(JSON.stringify(event)) as unknown);
        expect(isDeepStrictEqual(lines, events)).toBe(true);
        expect(lines.length).toBeGreaterThan(0);
      }),
      { ...SEED, numRuns: 300 },
    );
  });
});

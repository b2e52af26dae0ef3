/** Laws 1 and 4: how octets are cut changes nothing; no octets throw, hang, or take more room than stated. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cpu_ms } from "../../../test/support/duration.ts";
import { concat } from "../../../test/support/packet-builder.ts";
import {
  alert,
  applicationData,
  certificates,
  changeCipherSpec,
  clientHello,
  finished,
  handshake,
  message,
  RECORD,
  RETRY_RANDOM,
  record,
  records,
  selectedVersion,
  serverHello,
  ssl2ClientHello,
} from "../../../test/support/tls-builder.ts";
import { runTls, type Step, TlsRun, tlsOf } from "../../../test/support/tls-run.ts";
import { Budget } from "../../core/budget.ts";
import { readClientHello } from "./client-hello.ts";
import { HandshakeMessages, type MessageListener } from "./handshake-messages.ts";
import { readServerHello } from "./server-hello.ts";

const done = message(14, new Uint8Array(0));
const tls13 = serverHello({ cipher: 0x1301, extensions: [selectedVersion(0x0304)] });

const TALKS: Record<string, Step[]> = {
  "TLS 1.2": [
    ["client", handshake(clientHello())],
    ["server", handshake(serverHello(), certificates(new Uint8Array(50)), done)],
    ["client", concat(changeCipherSpec, finished)],
    ["server", concat(changeCipherSpec, finished)],
    ["client", applicationData(100)],
    ["server", applicationData(1000)],
  ],
  "TLS 1.3 with a hello asked for again": [
    ["client", handshake(clientHello())],
    ["server", handshake(serverHello({ random: RETRY_RANDOM, extensions: [selectedVersion(0x0304)] }))],
    ["client", concat(changeCipherSpec, handshake(clientHello()))],
    ["server", concat(handshake(tls13), changeCipherSpec, applicationData(900))],
    ["client", applicationData(53)],
    ["client", applicationData(200)],
  ],
  "a hello in records of seven octets": [
    ["client", records(RECORD.handshake, clientHello(), 7, 0x0301)],
    ["server", alert(2, 40)],
  ],
  "SSL 2.0's hello": [
    ["client", ssl2ClientHello()],
    ["server", handshake(serverHello({ version: 0x0301, extensions: null }), done)],
  ],
  "an answer that is no TLS": [
    ["client", handshake(clientHello())],
    ["server", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ],
};

/** Sizes depend on how many packets there were, times on when; all else must not. */
function essence(steps: readonly Step[], options: object = {}) {
  const { events, ledger } = runTls(steps, { pause: 0, ...options });
  return { events: events.map((event) => ({ ...event, bytes: null })), anomalies: [...ledger.anomalies] };
}

describe.each(Object.entries(TALKS))("law 1: %s", (_name, steps) => {
  const whole = essence(steps);

  test("every size of pieces gives the same", () => {
    for (let cut = 1; cut <= 300; cut += cut < 20 ? 1 : 37) expect(essence(steps, { cut })).toEqual(whole);
  });

  test("every first cut gives the same", () => {
    const longest = Math.max(...steps.map(([, data]) => (data as Uint8Array).length));
    for (let firstCut = 1; firstCut < longest; firstCut++) expect(essence(steps, { firstCut })).toEqual(whole);
  });

  test("whoever sent the first packet, client is who said hello", () => {
    const flow = (events: readonly object[]) => events.map((event) => ({ ...event, flow: null }));
    expect(flow(essence(steps, { serverFirst: true }).events)).toEqual(flow(whole.events));
  });
});

describe("law 4", () => {
  const octets = fc.uint8Array({ maxLength: 400 });

  test("random octets behind a hello", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("client", "server"), octets), { maxLength: 6 }), (noise) => {
        const { events } = runTls([["client", handshake(clientHello())], ...(noise as Step[])], { cut: 33 });
        expect(events).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  test("random octets as messages", () => {
    fc.assert(
      fc.property(octets, fc.integer({ min: 0, max: 400 }), (bytes, start) => {
        readClientHello(bytes, Math.min(start, bytes.length), bytes.length);
        readServerHello(bytes, Math.min(start, bytes.length), bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test("changed octets anywhere in a handshake", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(TALKS)), changes, fc.nat(), (steps, edits, cut) => {
        const changed = steps.map(([side, data]) => [side, (data as Uint8Array).slice()] as const);
        for (const [place, value] of edits) {
          const data = changed[place % changed.length][1];
          data[Math.floor(place / changed.length) % data.length] = value;
        }
        const { events, flow } = runTls(changed, { cut: (cut % 90) + 1 });
        // a damaged beginning may be no TLS any more
        expect(events.length).toBeLessThanOrEqual(1);
        expect(flow.id).toBe(1);
      }),
      { numRuns: 600 },
    );
  });

  test("holes anywhere in a handshake", () => {
    const holes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 3000 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(TALKS)), holes, (steps, gaps) => {
        const torn: Step[] = [...steps];
        for (const [place, length] of gaps) {
          torn.splice(1 + (place % torn.length), 0, [place % 2 === 0 ? "client" : "server", length]);
        }
        const { events } = runTls(torn, { reason: "end" });
        expect(events).toHaveLength(1);
        expect(events[0].quality.gap_bytes).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe("limits", () => {
  test("a message longer than 64 KiB is passed over, and said", () => {
    const long = message(11, new Uint8Array(70_000));
    const event = tlsOf([
      ["client", handshake(clientHello())],
      ["server", concat(handshake(serverHello()), records(RECORD.handshake, concat(long, done), 16_000))],
    ]);
    expect(event).toMatchObject({ version: "TLSv1.2", certificates: [], resumed: false });
    expect(event.quality.truncated).toBe(true);
    expect(event.anomalies).toContain("tls.handshake-message-too-long");
  });

  test("an announced length takes no room: only octets that came do", () => {
    const kept: number[] = [];
    const budget = new Budget(8 << 20);
    const listener: MessageListener = {
      wants: () => true,
      message: (_type, content) => kept.push(content?.buffer.byteLength ?? 0),
    };
    const messages = new HandshakeMessages(listener, budget);
    const announced = Uint8Array.of(1, 0, 255, 255, 1, 2, 3);
    const before = process.memoryUsage().arrayBuffers;
    const many = Array.from({ length: 2_000 }, () => {
      const own = new HandshakeMessages({ wants: () => true, message: () => {} }, budget);
      own.data(announced, 0, announced.length);
      return own;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(many.length * 2_048);
    messages.data(clientHello(), 0, clientHello().length);
    expect(kept[0]).toBeLessThanOrEqual(4_096);
  });

  test("messages in pieces share their room: what finds none is said to be too long, and gives back what it had", () => {
    const refused: number[] = [];
    const budget = new Budget(110_000, () => refused.push(1));
    const results: (number | null)[] = [];
    const begun = Array.from({ length: 10 }, () => {
      const listener = {
        wants: () => true,
        message: (_type: number, content: Uint8Array | null) => void results.push(content?.length ?? null),
      };
      const own = new HandshakeMessages(listener, budget);
      own.data(message(11, new Uint8Array(20_000)), 0, 19_000);
      return own;
    });
    expect(refused).toHaveLength(5);
    for (const own of begun) own.data(new Uint8Array(1_004), 0, 1_004);
    expect(results.filter((length) => length === 20_000)).toHaveLength(5);
    expect(results.filter((length) => length === null)).toHaveLength(5);
    expect(budget.free).toBe(110_000);
  });

  test("thirty thousand ciphers are fingerprinted and let go", () => {
    const ciphers = Array.from({ length: 30_000 }, (_, index) => index);
    const event = tlsOf([
      ["client", records(RECORD.handshake, clientHello({ ciphers }), 16_384)],
      ["server", handshake(tls13)],
    ]);
    expect(event.ja4).toMatch(/^t13d9906h2_/);
    expect(event.cipher).toBe("TLS_AES_128_GCM_SHA256");
  });

  test("more certificates than ten, and protocols than thirty-two, are cut and said", () => {
    const event = tlsOf([
      ["client", handshake(clientHello())],
      ["server", handshake(serverHello(), certificates(...Array.from({ length: 12 }, (_, i) => Uint8Array.of(i))))],
    ]);
    expect(event.quality.truncated).toBe(true);
    expect(event.anomalies).toContain("tls.certificate-unreadable");
  });

  test("records without content, and empty application data, come to an end", () => {
    const empty = concat(...Array.from({ length: 5_000 }, () => record(RECORD.applicationData, new Uint8Array(0))));
    expect(tlsOf([["client", concat(handshake(clientHello()), empty)]]).outcome).toBe("failed");
  });

  test("after the handshake octets are not looked at", () => {
    const run = new TlsRun();
    for (const step of TALKS["TLS 1.2"]) run.step(step);
    // 64 MiB of zeros would be a million faulty records
    const bulk = new Uint8Array(1 << 20);
    const start = cpu_ms();
    for (let turn = 0; turn < 64; turn++) run.flow.parser!.data(run.flow, 1, bulk, 0, bulk.length);
    expect(cpu_ms() - start).toBeLessThan(50);
    expect(run.close().events[0]).toMatchObject({ outcome: "established", anomalies: ["tls.certificate-unreadable"] });
  });
});

/** What the event says of a connection: who, which version, how it ended, and never more than was seen. */
import { describe, expect, test } from "vitest";
import { concat, u16 } from "../../../test/support/packet-builder.ts";
import {
  alert,
  alpn,
  applicationData,
  changeCipherSpec,
  clientHello,
  extension,
  finished,
  handshake,
  message,
  RECORD,
  RETRY_RANDOM,
  record,
  selectedVersion,
  serverHello,
  serverName,
  ssl2ClientHello,
  supportedVersions,
  vector,
} from "../../../test/support/tls-builder.ts";
import { runTls, type Step, tlsOf } from "../../../test/support/tls-run.ts";

const done = message(14, new Uint8Array(0));
const hello: Step = ["client", handshake(clientHello())];
const flight = concat(changeCipherSpec, finished);
const answer12: Step = ["server", handshake(serverHello({ extensions: [alpn("h2")] }), done)];
const answer13: Step = [
  "server",
  concat(handshake(serverHello({ cipher: 0x1301, extensions: [selectedVersion(0x0304)] })), applicationData(900)),
];
const established: Step[] = [hello, answer12, ["client", flight], ["server", flight]];

test("a TLS 1.2 connection", () => {
  const event = tlsOf([...established, ["client", applicationData(10)]]);
  expect(event).toMatchObject({
    type: "tls",
    id: "1.tls",
    version: "TLSv1.2",
    cipher: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    server_name: "example.org",
    alpn_offered: ["h2", "http/1.1"],
    alpn: "h2",
    resumed: false,
    outcome: "established",
    alert: null,
    // hello to the server's Finished, a millisecond a step
    handshake_ms: 3,
    duration_ms: 4,
    anomalies: [],
    quality: { midstream: false, gap_bytes: 0, truncated: false },
  });
  expect(event.labels).toBeUndefined();
});

test("a TLS 1.3 connection: what is encrypted is not known", () => {
  const event = tlsOf([hello, answer13, ["client", concat(changeCipherSpec, applicationData(53))]]);
  expect(event).toMatchObject({
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    alpn: null,
    certificates: [],
    resumed: false,
    outcome: "established",
    handshake_ms: 2,
  });
});

describe("versions", () => {
  test.each([
    [0x0300, "SSLv3"],
    [0x0301, "TLSv1.0"],
    [0x0302, "TLSv1.1"],
    [0x0303, "TLSv1.2"],
    [0x0305, "0x0305"],
  ])("%d is %s", (version, name) => {
    expect(tlsOf([hello, ["server", handshake(serverHello({ version }))]]).version).toBe(name);
  });

  test.each([
    [0x0304, "TLSv1.3"],
    [0x7f17, "TLSv1.3-draft23"],
    [0x7e02, "0x7e02"],
  ])("supported version %d is %s", (version, name) => {
    const answer = handshake(serverHello({ cipher: 0x1301, extensions: [selectedVersion(version)] }));
    expect(tlsOf([hello, ["server", answer]]).version).toBe(name);
  });

  test("a hello of SSL 2.0's form leads to TLS, and has no JA3", () => {
    const event = tlsOf([
      ["client", ssl2ClientHello()],
      ["server", handshake(serverHello({ version: 0x0301, cipher: 5, extensions: null }), done)],
      ["client", flight],
      ["server", flight],
    ]);
    expect(event).toMatchObject({
      version: "TLSv1.0",
      cipher: "TLS_RSA_WITH_RC4_128_SHA",
      ja3: null,
      ja4: null,
      server_name: null,
      outcome: "established",
    });
  });

  test("a server of SSL 2.0 alone: how it went on is not read", () => {
    const body = concat(Uint8Array.of(4, 0, 1), u16(2, 0, 3, 16), Uint8Array.of(1, 0, 128), new Uint8Array(16));
    const event = tlsOf([
      ["client", ssl2ClientHello(0x0002)],
      ["server", concat(u16(0x8000 | body.length), body)],
    ]);
    expect(event).toMatchObject({ version: "SSLv2", cipher: null, outcome: "incomplete", anomalies: ["tls.ssl2"] });
  });
});

describe("how it ended", () => {
  test("a fatal alert", () => {
    const event = tlsOf([hello, ["server", alert(2, 40)]]);
    expect(event).toMatchObject({ outcome: "failed", alert: "handshake_failure", version: null, handshake_ms: null });
  });

  test("a warning is told, and the handshake goes on", () => {
    const event = tlsOf([hello, ["server", alert(1, 112)], answer12, ["client", flight], ["server", flight]]);
    expect(event).toMatchObject({ outcome: "established", alert: "unrecognized_name" });
  });

  test("an alert nobody registered has its number", () => {
    expect(tlsOf([hello, ["server", alert(2, 199)]]).alert).toBe("alert-199");
  });

  test("an encrypted alert instead of the Finished is a failure without a name", () => {
    const event = tlsOf([hello, answer13, ["client", applicationData(19)]]);
    expect(event).toMatchObject({ outcome: "failed", alert: null, handshake_ms: null });
  });

  test.each([
    ["fin", "failed"],
    ["rst", "failed"],
    ["idle", "incomplete"],
    ["evicted", "incomplete"],
    ["end", "incomplete"],
  ] as const)("closed by %s in the middle is %s", (reason, outcome) => {
    expect(tlsOf([hello, answer12], { reason }).outcome).toBe(outcome);
  });

  test("octets missed in the handshake make it uncertain, not failed", () => {
    const event = tlsOf([hello, ["server", 400], ["client", flight]]);
    expect(event).toMatchObject({ outcome: "gap", version: null, quality: { gap_bytes: 400 } });
  });

  test("application data of the server proves the handshake, but not how long it took", () => {
    const cut = handshake(serverHello(), done);
    const event = tlsOf([hello, ["server", cut], ["client", 60], ["server", concat(flight, applicationData(50))]]);
    expect(event).toMatchObject({ outcome: "established", handshake_ms: null });
  });

  test("a False Start is no end of the handshake", () => {
    const event = tlsOf([hello, answer12, ["client", concat(flight, applicationData(50))]], { reason: "end" });
    expect(event.outcome).toBe("incomplete");
  });

  test("a hole inside a record does not lose the records behind it", () => {
    const long = record(RECORD.handshake, message(12, new Uint8Array(1000)));
    const event = tlsOf([
      hello,
      ["server", concat(handshake(serverHello()), long.subarray(0, 100))],
      ["server", 300],
      ["server", concat(long.subarray(400), handshake(done))],
      ["client", flight],
      ["server", flight],
    ]);
    expect(event).toMatchObject({ outcome: "established", version: "TLSv1.2", handshake_ms: 5 });
  });

  test("early data is not the end of the handshake", () => {
    const early = handshake(clientHello({ extensions: [supportedVersions(0x0304), extension(42)] }));
    const steps: Step[] = [["client", concat(early, changeCipherSpec, applicationData(500))], answer13];
    expect(tlsOf([...steps, ["client", applicationData(500)]], { reason: "end" }).outcome).toBe("incomplete");
    const whole = tlsOf([...steps, ["client", concat(applicationData(21), applicationData(53))]]);
    expect(whole).toMatchObject({ outcome: "established", labels: { "tls.early-data-offered": "true" } });
  });
});

describe("resumed", () => {
  const sessionId = new Uint8Array(32).fill(7);

  test("a session id that comes back", () => {
    const event = tlsOf([
      ["client", handshake(clientHello({ sessionId }))],
      ["server", concat(handshake(serverHello({ sessionId })), flight)],
      ["client", flight],
    ]);
    expect(event).toMatchObject({ resumed: true, outcome: "established", handshake_ms: 2 });
  });

  test("a ticket: no certificate and no ServerHelloDone before the server's Finished", () => {
    const ticket = message(4, new Uint8Array(60));
    const event = tlsOf([hello, ["server", concat(handshake(serverHello(), ticket), flight)], ["client", flight]]);
    expect(event.resumed).toBe(true);
  });

  test("a session id sent for middleboxes says nothing in TLS 1.3; a pre-shared key does", () => {
    const first: Step = ["client", handshake(clientHello({ sessionId }))];
    const answer = (psk: boolean): Step => {
      const extensions = [selectedVersion(0x0304), ...(psk ? [extension(41, "\0\0")] : [])];
      return ["server", handshake(serverHello({ sessionId, cipher: 0x1301, extensions }))];
    };
    expect(tlsOf([first, answer(false)]).resumed).toBe(false);
    expect(tlsOf([first, answer(true)]).resumed).toBe(true);
  });

  test("not known before the server told", () => {
    expect(tlsOf([hello, ["server", handshake(serverHello())]]).resumed).toBeNull();
  });
});

describe("what a hello may hold", () => {
  const of = (...extensions: ReturnType<typeof extension>[]) =>
    tlsOf([["client", handshake(clientHello({ extensions }))]]);

  test("encrypted ClientHello is told; the name is the outer one", () => {
    const event = of(serverName("front.example"), extension(0xfe0d, "\0"));
    expect(event).toMatchObject({ server_name: "front.example", labels: { "tls.ech-offered": "true" } });
  });

  test("a retry is told, and the first hello counts", () => {
    const event = tlsOf([
      hello,
      ["server", handshake(serverHello({ random: RETRY_RANDOM, extensions: [selectedVersion(0x0304)] }))],
      ["client", concat(changeCipherSpec, handshake(clientHello({ extensions: [serverName("other.example")] })))],
      answer13,
      ["client", applicationData(53)],
    ]);
    expect(event).toMatchObject({
      server_name: "example.org",
      version: "TLSv1.3",
      outcome: "established",
      labels: { "tls.hello-retry": "true" },
    });
    expect(event.anomalies).toEqual([]);
  });

  test("GREASE protocols are not offered", () => {
    expect(of(alpn(Uint8Array.of(0x1a, 0x1a), "h2")).alpn_offered).toEqual(["h2"]);
  });

  test("no name, an empty name, a name too long, one that is not ASCII", () => {
    expect(of()).toMatchObject({ server_name: null, anomalies: [] });
    expect(of(serverName(""))).toMatchObject({ server_name: null, anomalies: ["tls.empty-server-name"] });
    const long = of(serverName("a".repeat(300)));
    expect(long).toMatchObject({ server_name: "a".repeat(255), anomalies: ["tls.server-name-too-long"] });
    expect(of(serverName("bücher.example")).server_name).toBe("bücher.example");
    const raw: ReturnType<typeof extension> = [0, vector(2, Uint8Array.of(0), vector(2, Uint8Array.of(0xff, 0x61)))];
    expect(of(raw).server_name).toBe("ÿa");
  });

  test("a malformed extension leaves the others", () => {
    const event = of(extension(10, "\0\x09\0"), serverName("a.example"));
    expect(event).toMatchObject({ server_name: "a.example", anomalies: ["tls.malformed-extension"] });
    expect(event.ja4).not.toBeNull();
  });

  test("an extension twice", () => {
    const event = of(serverName("a.example"), serverName("b.example"));
    expect(event).toMatchObject({ server_name: "a.example", anomalies: ["tls.duplicate-extension"] });
  });

  test("a hello that ends too early has no fingerprint", () => {
    const body = clientHello().subarray(4, 200);
    const event = tlsOf([["client", handshake(message(1, body.subarray(0, body.length - 5)))]]);
    expect(event).toMatchObject({ server_name: "example.org", ja3: null, ja4: null });
    expect(event.anomalies).toEqual(["tls.malformed-client-hello"]);
  });

  test("a cipher that was not offered", () => {
    const event = tlsOf([hello, ["server", handshake(serverHello({ cipher: 0x0005 }))]]);
    expect(event).toMatchObject({ cipher: "TLS_RSA_WITH_RC4_128_SHA", anomalies: ["tls.cipher-not-offered"] });
  });

  test("a heartbeat that asks for more than it brings", () => {
    const event = tlsOf([hello, answer12, ["client", record(RECORD.heartbeat, Uint8Array.of(1, 0x40, 0))]]);
    expect(event.anomalies).toEqual(["tls.heartbeat-in-handshake", "tls.heartbeat-overread"]);
  });
});

describe("what is wrong is named", () => {
  test.each([
    ["tls.malformed-alert", [hello, ["server", alert(9, 40)]]],
    ["tls.repeated-client-hello", [hello, hello]],
    ["tls.server-hello-from-client", [hello, ["client", handshake(serverHello())]]],
    ["tls.grease-chosen", [hello, ["server", handshake(serverHello({ cipher: 0x2a2a }))]]],
    ["tls.malformed-server-hello", [hello, ["server", handshake(message(2, new Uint8Array(38).fill(3)))]]],
    ["tls.malformed-certificates", [hello, ["server", handshake(serverHello(), message(11, Uint8Array.of(0, 0, 9)))]]],
    ["tls.not-a-record", [hello, ["server", concat(handshake(serverHello()), new Uint8Array(9))]]],
    ["tls.answer-not-tls", [hello, ["server", new Uint8Array(9).fill(65)]]],
  ] as [string, Step[]][])("%s", (code, steps) => {
    expect(tlsOf(steps).anomalies).toContain(code);
  });

  test("more than thirty-two protocols", () => {
    const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
    const event = tlsOf([["client", handshake(clientHello({ extensions: [alpn(...names)] }))]]);
    expect(event.alpn_offered).toEqual(names.slice(0, 32));
    expect(event.anomalies).toEqual(["tls.too-many-protocols"]);
  });
});

describe("one side only", () => {
  test("the answer alone: version and cipher, and the sides are right", () => {
    const { events, flow } = runTls([answer12], { serverFirst: true, reason: "end" });
    expect(flow.clientHalf).toBe(1);
    expect(events[0]).toMatchObject({ version: "TLSv1.2", ja3: null, server_name: null, outcome: "incomplete" });
    expect(events[0].handshake_ms).toBeNull();
  });

  test("the client alone: its data proves the handshake, the rest is unknown", () => {
    const steps: Step[] = [hello, ["client", concat(flight, applicationData(300))]];
    expect(tlsOf(steps)).toMatchObject({ outcome: "established", version: null, handshake_ms: null });
    // but not when it may be early data
    const early: Step = ["client", handshake(clientHello({ extensions: [extension(42)] }))];
    expect(tlsOf([early, ["client", applicationData(300)]], { reason: "end" }).outcome).toBe("incomplete");
  });
});

test("anomalies are counted in the ledger, connections too", () => {
  const { ledger } = runTls([hello, ["server", handshake(serverHello({ cipher: 0x0005 }))]]);
  expect(ledger.tlsConnections).toBe(1);
  expect(ledger.anomalies.get("tls.cipher-not-offered")).toBe(1);
});

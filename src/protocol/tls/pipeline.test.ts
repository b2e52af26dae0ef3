/** TLS in whole packets: behind other protocols' openings, inside CONNECT, beside HTTP; octets as the wire had them. */
import { describe, expect, test } from "vitest";
import { bytesOf, concat, u16 } from "../../../test/support/capture-builder.ts";
import { Conversation } from "../../../test/support/conversation.ts";
import { type CapturedPacket, PipelineRun } from "../../../test/support/pipeline-run.ts";
import {
  applicationData,
  changeCipherSpec,
  clientHello,
  finished,
  handshake,
  message,
  RECORD,
  records,
  serverHello,
} from "../../../test/support/tls-builder.ts";
import type { TlsEvent, TransactionEvent } from "../../core/event.ts";

const done = message(14, new Uint8Array(0));
const hello = handshake(clientHello());
const answer = handshake(serverHello(), done);
const flight = concat(changeCipherSpec, finished);

function run(packets: readonly CapturedPacket[]): { tls: TlsEvent[]; http: TransactionEvent[]; run: PipelineRun } {
  const pipeline = new PipelineRun();
  const tls: TlsEvent[] = [];
  pipeline.pipeline.onEvent((event) => {
    if (event.type === "tls") tls.push(event);
  });
  for (const packet of packets) pipeline.push(packet);
  pipeline.end();
  expect(pipeline.errors).toEqual([]);
  return { tls, http: pipeline.events, run: pipeline };
}

const talk = () => new Conversation({ server: { ip: "198.51.100.2", port: 4711 } }).open();

const withTls = (before: Conversation) => before.client(hello).server(answer).client(flight).server(flight);

describe("STARTTLS and its kin", () => {
  test.each([
    [
      "SMTP",
      ["220 mx.example ESMTP\r\n"],
      ["EHLO a\r\n", "STARTTLS\r\n"],
      ["250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"],
    ],
    ["POP3", ["+OK ready\r\n"], ["STLS\r\n"], ["+OK\r\n"]],
    ["FTP", ["220 ftp\r\n"], ["AUTH TLS\r\n"], ["234 ok\r\n"]],
    [
      "XMPP",
      [],
      ["<?xml version='1.0'?><stream:stream to='a'>", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
      ["<stream:features><starttls/></stream:features>", "<proceed/>"],
    ],
    ["PostgreSQL", [], [concat(u16(0, 8), u16(1234, 5679))], ["S"]],
    [
      "MySQL",
      [concat(Uint8Array.of(74, 0, 0, 0, 10), bytesOf("5.7.16\0"), new Uint8Array(62))],
      [concat(Uint8Array.of(32, 0, 0, 1), new Uint8Array(32))],
      [],
    ],
    ["a SOCKS proxy", [], [Uint8Array.of(5, 1, 0), Uint8Array.of(5, 1, 0, 3, 1, 97, 1, 187)], [Uint8Array.of(5, 0)]],
  ] as [string, (string | Uint8Array)[], (string | Uint8Array)[], (string | Uint8Array)[]][])(
    "%s",
    (_name, greeting, asks, answers) => {
      const conversation = talk();
      for (const line of greeting) conversation.server(line);
      asks.forEach((line, index) => {
        conversation.client(line);
        if (answers[index] !== undefined) conversation.server(answers[index]);
      });
      const { tls, http } = run(withTls(conversation).close().packets);
      expect(http).toEqual([]);
      expect(tls).toHaveLength(1);
      expect(tls[0]).toMatchObject({ server_name: "example.org", version: "TLSv1.2", outcome: "established" });
      // neither are time and octets of what came before it: three steps of 200 microseconds
      expect(tls[0].handshake_ms).toBeCloseTo(0.6, 6);
      // the greeting is no part of it: four messages with headers of 40 octets each
      expect(tls[0].bytes).toMatchObject({
        in: hello.length + flight.length + 80,
        out: answer.length + flight.length + 80,
      });
    },
  );

  test("far behind other octets nothing is looked for", () => {
    const { tls } = run(
      withTls(talk().client(new Uint8Array(9_000).fill(0x41)).server(new Uint8Array(9_000).fill(0x42))).close().packets,
    );
    expect(tls).toEqual([]);
  });
});

test("inside CONNECT: the exchange, and the connection", () => {
  const tunnel = talk().client("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  const { tls, http } = run(withTls(tunnel.server("HTTP/1.1 200 OK\r\n\r\n")).close().packets);
  expect(http.map((event) => event.request?.method)).toEqual(["CONNECT"]);
  expect(tls).toHaveLength(1);
  expect(tls[0]).toMatchObject({ server_name: "example.org", outcome: "established", flow: http[0].flow });
  expect(tls[0].bytes).toMatchObject({
    in: hello.length + flight.length + 80,
    out: answer.length + flight.length + 80,
  });
});

test("a server that answers in plain HTTP: both are told", () => {
  const { tls, http } = run(
    talk().client(hello).server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").close().packets,
  );
  expect(tls).toMatchObject([{ outcome: "failed", version: null, anomalies: ["tls.answer-not-tls"] }]);
  expect(http).toMatchObject([{ request: null, response: { status: 400 } }]);
});

test("octets: every packet with data once, headers and all; what was sent again is apart", () => {
  const conversation = withTls(talk());
  const again = conversation.packets.length;
  conversation.client(applicationData(5_000)).server(applicationData(30_000));
  const { packets } = conversation.close();
  const repeated = packets.findIndex((packet, index) => index >= again && packet.bytes.length > 1000);
  const copy = { ...packets[repeated], bytes: packets[repeated].bytes.slice() };
  // another IP identification: sent again by its host, not seen twice by the capture
  copy.bytes[18] ^= 0x55;
  const { tls } = run([...packets.slice(0, repeated + 3), copy, ...packets.slice(repeated + 3)]);
  const inData = hello.length + flight.length + 5_005;
  const outData = answer.length + flight.length + 30_005;
  expect(tls[0].bytes).toEqual({
    in: inData + 40 * (2 + Math.ceil(5_005 / 1460)),
    out: outData + 40 * (2 + Math.ceil(30_005 / 1460)),
    in_retransmitted: 1500,
    out_retransmitted: 0,
  });
});

test("a hello in many small segments and records", () => {
  const conversation = new Conversation({ maximumSegment_bytes: 3 }).open();
  conversation.client(records(RECORD.handshake, clientHello(), 5)).server(answer);
  const { tls } = run(conversation.close().packets);
  const size = records(RECORD.handshake, clientHello(), 5).length;
  expect(tls[0]).toMatchObject({ server_name: "example.org", bytes: { in: size + 40 * Math.ceil(size / 3) } });
});

test("joined late at the answer: told as midstream, nothing guessed", () => {
  const { packets } = withTls(talk());
  const { tls } = run(packets.slice(5));
  expect(tls).toHaveLength(1);
  expect(tls[0]).toMatchObject({
    server_name: null,
    ja3: null,
    version: "TLSv1.2",
    flow: { client: { port: 40000 }, server: { port: 4711 } },
    quality: { midstream: true },
  });
});

test("connections are counted, and owners are looked up before the event is made", () => {
  const used: string[] = [];
  const pipeline = new PipelineRun({
    enrichers: [
      {
        name: "owners",
        flowUsed(flow) {
          used.push("flow");
          flow.clientProcess = { pid: 7 } as never;
        },
      },
    ],
  });
  let seen: TlsEvent | null = null;
  pipeline.pipeline.onEvent((event) => {
    if (event.type === "tls") seen = event;
  });
  for (const packet of withTls(talk()).close().packets) pipeline.push(packet);
  pipeline.end();
  expect(used).toEqual(["flow"]);
  expect(seen).toMatchObject({ process: { client: { pid: 7 }, server: null } });
  expect(pipeline.ledger.tlsConnections).toBe(1);
});

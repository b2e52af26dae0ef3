import { expect, test } from "vitest";
import { concat } from "../../../test/support/packet-builder.ts";
import {
  applicationData,
  clientHello,
  handshake,
  RECORD,
  record,
  records,
  serverHello,
  ssl2ClientHello,
} from "../../../test/support/tls-builder.ts";
import { findClientHello, isHello } from "./signature.ts";

const detect = (bytes: Uint8Array) => isHello(bytes, 0, bytes.length);
const ascii = (text: string) => new TextEncoder().encode(text);

test.each([
  ["a ClientHello", handshake(clientHello())],
  ["a ServerHello", handshake(serverHello())],
  ["an SSL 2.0 hello", ssl2ClientHello()],
  ["one of SSL 2.0 itself", ssl2ClientHello(0x0002)],
  ["a hello in records of one octet", records(RECORD.handshake, clientHello(), 1)],
  ["an SSL 3.0 record", record(RECORD.handshake, clientHello({ version: 0x0300, extensions: null }), 0x0300)],
  ["a record of version 3.4", record(RECORD.handshake, clientHello(), 0x0304)],
])("%s begins TLS, and every part of its beginning may", (_name, bytes) => {
  expect(detect(bytes)).toBe("yes");
  let decided = false;
  for (let length = 1; length <= 16; length++) {
    const answer = detect(bytes.subarray(0, length));
    expect(answer).not.toBe("no");
    // once said, it stays
    if (decided) expect(answer).toBe("yes");
    decided = answer === "yes";
  }
  expect(decided).toBe(true);
});

test("the first octet says no to everything that begins otherwise", () => {
  for (let first = 0; first < 0x80; first++) if (first !== 22) expect(detect(Uint8Array.of(first))).toBe("no");
});

test.each([
  ["HTTP", ascii("GET / HTTP/1.1\r\n")],
  ["a status line", ascii("HTTP/1.1 200 OK\r\n")],
  ["another version", Uint8Array.of(22, 2, 0, 0, 100, 1, 0, 0, 96, 3, 3)],
  ["a record that is too long", Uint8Array.of(22, 3, 1, 0x48, 1, 1, 0, 0x47, 0xfd, 3, 3)],
  ["an empty record", Uint8Array.of(22, 3, 1, 0, 0, 1)],
  ["another message", Uint8Array.of(22, 3, 1, 0, 100, 11, 0, 0, 96, 3, 3)],
  ["a hello of 16 MiB", Uint8Array.of(22, 3, 1, 0, 100, 1, 1, 0, 96, 3, 3)],
  ["a hello too short to be one", Uint8Array.of(22, 3, 1, 0, 100, 1, 0, 0, 20, 3, 3)],
  ["a hello of version 2", Uint8Array.of(22, 3, 1, 0, 100, 1, 0, 0, 96, 2, 3)],
  ["SSL 2.0 lengths that do not add up", concat(Uint8Array.of(0x80, 0x40), ssl2ClientHello().subarray(2))],
  ["application data", applicationData(100)],
  ["high octets", Uint8Array.of(0xff, 0xff, 0xff, 0xff)],
])("%s does not", (_name, bytes) => {
  expect(detect(bytes)).toBe("no");
});

test("a hello is found behind other octets, at the place where it begins", () => {
  const hello = handshake(clientHello());
  const before = concat("220 ready\r\n", Uint8Array.of(22, 3, 1, 0, 9, 2, 22, 22, 3));
  const both = concat(before, hello);
  expect(findClientHello(both, 0, both.length)).toBe(before.length);
  expect(findClientHello(both, 5, both.length)).toBe(before.length);
  // one octet short of certain
  expect(findClientHello(both, 0, before.length + 10)).toBe(-1);
  expect(findClientHello(both, 0, before.length + 11)).toBe(before.length);
});

test("nothing is found in text, in random octets, or behind the end", () => {
  const text = ascii("EHLO example.org\r\nSTARTTLS\r\n".repeat(100));
  expect(findClientHello(text, 0, text.length)).toBe(-1);
  const noise = new Uint8Array(200_000);
  let state = 1;
  for (let at = 0; at < noise.length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    noise[at] = state >>> 16;
  }
  expect(findClientHello(noise, 0, noise.length)).toBe(-1);
});

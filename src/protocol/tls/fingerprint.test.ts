/** Fingerprints against the examples of their definitions, and their rules one by one. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import {
  alpn,
  type ClientHelloOptions,
  clientHello,
  extension,
  groups,
  pointFormats,
  serverHello,
  serverName,
  signatureAlgorithms,
  supportedVersions,
} from "../../../test/support/tls-builder.ts";
import { readClientHello } from "./client-hello.ts";
import { ja3, ja3s, ja3Text, ja4 } from "./fingerprint.ts";
import { readServerHello } from "./server-hello.ts";

const HEADER = 4;

function hello(options: ClientHelloOptions) {
  const bytes = clientHello(options);
  return readClientHello(bytes, HEADER, bytes.length);
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

test("JA3 hashes version, ciphers, extensions, groups and point formats in the order sent, without GREASE", () => {
  const chrome = hello({
    version: 0x0303,
    ciphers: [0x2a2a, 0x1301, 0xc02b],
    extensions: [
      extension(0x3a3a),
      serverName("a.example"),
      groups(0x4a4a, 29, 23),
      pointFormats(0),
      extension(0x5a5a, "\0"),
    ],
  });
  expect(ja3Text(chrome)).toBe("771,4865-49195,0-10-11,29-23,0");
  expect(ja3(chrome)).toBe(md5("771,4865-49195,0-10-11,29-23,0"));
});

test("JA3 of a hello without extensions has empty lists", () => {
  expect(ja3Text(hello({ version: 0x0301, ciphers: [4, 5, 10], extensions: null }))).toBe("769,4-5-10,,,");
});

test("JA3S hashes version, cipher and extensions of the answer", () => {
  const bytes = serverHello({ cipher: 0xc02f, extensions: [extension(0xff01, "\0"), extension(23)] });
  expect(ja3s(readServerHello(bytes, HEADER, bytes.length))).toBe(md5("771,49199,65281-23"));
});

/** The example of the JA4 definition: its ciphers, extensions and signature algorithms, in another order. */
const EXAMPLE: ClientHelloOptions = {
  ciphers: [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
    0x0035,
  ],
  extensions: [
    extension(0x001b),
    serverName("example.org"),
    extension(0x0033),
    alpn("h2", "http/1.1"),
    extension(0x4469),
    extension(0x0017),
    extension(0x002d),
    signatureAlgorithms(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
    extension(0x0005),
    extension(0x0023),
    extension(0x0012),
    supportedVersions(0x0a0a, 0x0304, 0x0303),
    extension(0xff01),
    pointFormats(0),
    groups(29),
    extension(0x0015),
  ],
};

test("JA4 of the definition's own example", () => {
  expect(ja4(hello(EXAMPLE))).toBe("t13d1516h2_8daaf6152771_e5627efa2ab1");
});

test("GREASE changes nothing in JA4", () => {
  const greased = hello({
    ciphers: [0xfafa, ...EXAMPLE.ciphers!],
    extensions: [extension(0x1a1a), ...EXAMPLE.extensions!, extension(0xdada, "\0")],
  });
  expect(ja4(greased)).toBe("t13d1516h2_8daaf6152771_e5627efa2ab1");
});

test("without signature algorithms the list of extensions ends without underscore", () => {
  const extensions = EXAMPLE.extensions!.map(([type, content]) => extension(type, type === 13 ? "" : content));
  expect(ja4(hello({ ...EXAMPLE, extensions }))).toBe("t13d1516h2_8daaf6152771_6d807ffa2a79");
});

test("nothing to hash shows as zeros, and counts end at 99", () => {
  const many = Array.from({ length: 120 }, (_, index) => 0xc100 + index);
  expect(ja4(hello({ ciphers: many, extensions: null }))).toMatch(/^t12i990000_[0-9a-f]{12}_000000000000$/);
  expect(ja4(hello({ ciphers: [0x0a0a], extensions: null }))).toBe("t12i000000_000000000000_000000000000");
});

test.each([
  [[0x0304], "13"],
  [[0x0303, 0x0302], "12"],
  [[0x0302], "11"],
  [[0x0301], "10"],
  [[0x0300], "s3"],
  [[0x7f17], "00"],
])("highest supported version %j is %s", (versions, text) => {
  expect(ja4(hello({ extensions: [supportedVersions(...versions)] })).slice(1, 3)).toBe(text);
});

test.each([
  [["h2"], "h2"],
  [["http/1.1"], "h1"],
  [["x"], "xx"],
  [[""], "00"],
  [[], "00"],
  [[Uint8Array.of(0xab)], "ab"],
  [[Uint8Array.of(0xab, 0xcd)], "ad"],
  [[Uint8Array.of(0x30, 0xab)], "3b"],
  [[Uint8Array.of(0x30, 0x31, 0xab, 0xcd)], "3d"],
  [[Uint8Array.of(0x30, 0xab, 0xcd, 0x31)], "01"],
  [[Uint8Array.of(0x2a, 0x2a), "h2"], "h2"],
])("first and last character of ALPN %j are %s", (names, text) => {
  expect(ja4(hello({ extensions: [alpn(...names)] })).slice(8, 10)).toBe(text);
});

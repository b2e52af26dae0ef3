/** Kept bodies: nothing by default, a limit that holds, content codings undone within limits. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { http, talk } from "../../test/support/dialogue.ts";
import { fastest_ms } from "../../test/support/duration.ts";
import { concat } from "../../test/support/packet-builder.ts";

function bodyOf(content: string | Uint8Array, maxBodyBytes: number, ...fields: string[]) {
  const head = http("HTTP/1.1 200 OK", `Content-Length: ${Buffer.from(content).length}`, ...fields);
  const dialogue = talk().client(http("GET / HTTP/1.1")).server(concat(head, content)).close();
  return dialogue.event({ maxBodyBytes }).response?.body;
}

test("no body is kept unless asked for; an empty one never is", () => {
  expect(bodyOf("hello", 0)).toBeUndefined();
  expect(bodyOf("", 100)).toBeUndefined();
});

test("text, cut at the limit between characters", () => {
  expect(bodyOf("grün", 100)).toEqual({ text: "grün", encoding: "utf-8", truncated: false });
  expect(bodyOf("grün", 3)).toEqual({ text: "gr", encoding: "utf-8", truncated: true });
});

test("what is no text comes as base64", () => {
  expect(bodyOf(Uint8Array.of(0xff, 0xfe, 0), 100)).toEqual({ text: "//4A", encoding: "base64", truncated: false });
});

const page = "<p>the same words again and again</p>".repeat(40);

describe("content codings", () => {
  test.each([
    ["gzip", gzipSync(page)],
    ["x-gzip", gzipSync(page)],
    ["GZIP", gzipSync(page)],
    ["deflate", deflateSync(page)],
    ["deflate", deflateRawSync(page)],
    ["br", brotliCompressSync(page)],
    ["zstd", zstdCompressSync(page)],
    ["gzip, br", brotliCompressSync(gzipSync(page))],
    ["identity", Buffer.from(page)],
  ])("%s", (coding, content) => {
    const body = bodyOf(content, 4_000, `Content-Encoding: ${coding}`);
    expect(body).toEqual({ text: page, encoding: "utf-8", truncated: false });
  });

  test("a part of a compressed body gives its beginning", () => {
    const varied = Array.from({ length: 2_000 }, (_, i) => `line ${i * 7919}`).join("\n");
    for (const [coding, content] of [
      ["gzip", gzipSync(varied)],
      ["deflate", deflateSync(varied)],
      ["br", brotliCompressSync(varied)],
      ["zstd", zstdCompressSync(varied, { params: {} })],
    ] as const) {
      const body = bodyOf(content, 1_000, `Content-Encoding: ${coding}`);
      expect(body?.truncated, coding).toBe(true);
      if (body?.encoding === "utf-8") expect(varied.startsWith(body.text), coding).toBe(true);
    }
  });

  test("a coding that is unknown or a lie leaves the octets as they are", () => {
    expect(bodyOf("plain", 100, "Content-Encoding: gzip")?.text).toBe("plain");
    expect(bodyOf("plain", 100, "Content-Encoding: rot13")?.text).toBe("plain");
  });

  test.each([
    ["gzip", gzipSync(Buffer.alloc(50_000_000))],
    ["br", brotliCompressSync(Buffer.alloc(50_000_000))],
    ["zstd", zstdCompressSync(Buffer.alloc(50_000_000))],
    ["gzip, gzip", gzipSync(gzipSync(Buffer.alloc(50_000_000)))],
  ])("a bomb gives no more than its part: %s", (coding, content) => {
    const spent_ms = fastest_ms(() => {
      const body = bodyOf(content, 65_536, `Content-Encoding: ${coding}`);
      expect(body?.text.length).toBeLessThanOrEqual(65_536 * 1.4);
      expect(body?.truncated).toBe(true);
    }, 1_000);
    expect(spent_ms).toBeLessThan(1_000);
  });
});

test("both bodies, and secrets hidden in them", () => {
  const dialogue = talk()
    .client(`${http("POST / HTTP/1.1", "Content-Type: text/plain", "Content-Length: 3")}abc`)
    .server(`${http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")}2\r\nde\r\n1\r\nf\r\n0\r\n\r\n`)
    .close();
  const event = dialogue.event({ maxBodyBytes: 10 });
  expect([event.request?.body?.text, event.response?.body?.text]).toEqual(["abc", "def"]);
});

test("a gap inside of a body is not papered over", () => {
  const dialogue = talk()
    .client(http("GET / HTTP/1.1"))
    .server(`${http("HTTP/1.1 200 OK", "Content-Length: 9")}abc`)
    .lost("server", "def")
    .server("ghi")
    .close();
  expect(dialogue.event({ maxBodyBytes: 100 }).response?.body).toEqual({
    text: "abc",
    encoding: "utf-8",
    truncated: true,
  });
});

/** The kernel's rendering of heads against the one here: the same text in the arena, with and without redaction. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Arena } from "../core/arena.ts";
import { hasKernel, kernelFields } from "../core/head-kernel.ts";
import type { HeadRedactor } from "../core/http.ts";
import { type KeptHead, KeptRequest, KeptResponse } from "../core/kept-head.ts";
import { memory } from "../core/memory.ts";
import { Head } from "../protocol/http1/head.ts";
import { HeadRedactor as Redactor } from "../redact/head.ts";
import { HeadKeeper } from "./keep.ts";

const quick = new Head(kernelFields);
const careful = new Head();

/** Everything that was kept, as text. */
function kept(keeper: HeadKeeper, head: Head) {
  const into: KeptRequest | KeptResponse = head.isRequest ? new KeptRequest() : new KeptResponse();
  const whole =
    into instanceof KeptRequest
      ? keeper.keepRequest(head, into, false)
      : keeper.keepResponse(head, into as KeptResponse);
  const text = (start: number, end: number) => (start < 0 ? null : Buffer.from(memory.slice(start, end)).toString());
  const common = (kept: KeptHead) => [
    text(kept.fieldsStart, kept.fieldsEnd),
    text(kept.contentTypeStart, kept.contentTypeEnd),
  ];
  const own =
    into instanceof KeptRequest
      ? [
          text(into.methodStart, into.methodEnd),
          text(into.targetStart, into.targetEnd),
          text(into.hostStart, into.hostEnd),
          text(into.pathStart, into.pathEnd),
          text(into.queryStart, into.targetEnd),
          text(into.userAgentStart, into.userAgentEnd),
        ]
      : [text(into.reasonStart, into.reasonEnd)];
  return { whole, common: common(into), own, length: into.kept };
}

/** Both ways on one head; false when it is none for the kernel. */
function agree(text: Uint8Array, redactor: HeadRedactor | null): boolean {
  if (quick.readPlain(text, 0, text.length, 3) < 0) return false;
  const arena = new Arena();
  const keeper = new HeadKeeper(arena, redactor);
  const byKernel = kept(keeper, quick);
  careful.read(text, 0, text.length, quick.isRequest);
  careful.isRequest = quick.isRequest;
  expect(careful.inKernel).toBe(false);
  const here = kept(keeper, careful);
  expect(byKernel).toEqual(here);
  // it is JSON, whatever came
  const [fields] = byKernel.common;
  expect(Array.isArray(JSON.parse(`[${fields}]`))).toBe(true);
  return true;
}

const names =
  "Host,host,User-Agent,Content-Type,Cookie,Set-Cookie,Authorization,Referer,Link,X-Api-Key,X-Trace,X-Any,Via,Accept,Location,Sec-WebSocket-Protocol".split(
    ",",
  );
const name = fc.oneof(
  { arbitrary: fc.constantFrom(...names), weight: 5 },
  fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.!~"), minLength: 1, maxLength: 70 }),
);
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...`ab9 ="\\/?&;,:%@#J\t<>{}`), maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'ab \x7f\x80\xc3\xa9\xff"'), maxLength: 40 }),
  fc.constantFrom(
    "a=1; session=abcdef; b",
    "sid=0123456789; Path=/; HttpOnly; =x; secret; SameSite=Lax",
    "Bearer abcdefgh",
    "http://user:pass@host/p?token=abc&x=1",
    "<http://a/?key=1>; rel=next",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "x".repeat(300),
    '\\"'.repeat(40),
  ),
);
const target = fc.oneof(fc.constantFrom("/", "/a?token=b&c=d", "http://u:p@h/x", "*"), fc.webPath({ size: "small" }));
const fieldLines = fc.array(fc.tuple(name, value), { maxLength: 20 });
const heads = fc
  .tuple(fc.constantFrom("GET", "PUT", ""), target, fieldLines)
  .map(([method, target, lines]) =>
    Buffer.from(
      `${method === "" ? 'HTTP/1.1 200 Fi"ne' : `${method} ${target || "/"} HTTP/1.1`}\r\n` +
        `${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
      "latin1",
    ),
  );

test.skipIf(!hasKernel)("heads of every kind of value (needs WebAssembly)", () => {
  const redactors = [null, new Redactor(), new Redactor({ hash_key: "k" }), new Redactor({ deny: ["x-any"] })];
  let taken = 0;
  const property = fc.property(heads, fc.constantFrom(...redactors), (head, redactor) => {
    if (agree(head, redactor)) taken++;
  });
  fc.assert(property, { seed: 20260131, numRuns: 3_000 });
  // lines with octets that no plain head has are rare
  expect(taken).toBeGreaterThan(2_500);
});

test.skipIf(!hasKernel)("heads at the limit of what is kept are cut at the same line (needs WebAssembly)", () => {
  for (const length of [65_300, 65_400, 65_480, 65_500, 65_520]) {
    const lines = `A: b\r\nX-Long: ${'"'.repeat(2_000)}${"y".repeat(length - 4_100)}\r\nHost: late\r\nCookie: a=${"z".repeat(90)}\r\n`;
    const head = Buffer.from(`GET / HTTP/1.1\r\n${lines}\r\n`);
    // longer than what is copied, so it lies where a file is read
    memory.set(head, 256 << 10);
    const there = memory.subarray(256 << 10, (256 << 10) + head.length);
    expect(agree(there, null)).toBe(true);
    expect(agree(there, new Redactor())).toBe(true);
  }
});

/** JSON lines of one exchange, by modules loaded now. */
async function linesOfOne(): Promise<string[]> {
  const { answer, get, talk } = await import("../../test/support/dialogue.ts");
  const { runPackets } = await import("../../test/support/pipeline-run.ts");
  const { HeadRedactor } = await import("../redact/head.ts");
  const request = get("/a?token=secret", "Cookie: a=b", "X-Odd: \t\xe9", "User-Agent: me");
  const { packets } = talk()
    .client(request)
    .server(answer(200, "hello", "Content-Type: text/plain"))
    .close();
  const redactor = { head: new HeadRedactor(), body: (text: string) => text };
  return runPackets(packets, { json: true, redactor }).jsonLines;
}

test("without WebAssembly the same comes out", async () => {
  const usual = await linesOfOne();
  expect(usual).toHaveLength(1);
  vi.resetModules();
  vi.stubGlobal("WebAssembly", undefined);
  try {
    expect((await import("../core/head-kernel.ts")).hasKernel).toBe(false);
    expect(await linesOfOne()).toEqual(usual);
  } finally {
    vi.unstubAllGlobals();
    vi.resetModules();
  }
});

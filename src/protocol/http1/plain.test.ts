/** The short cut for plain heads against the reader that takes everything: where the first answers, both say the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { kernelFields } from "../../core/head-kernel.ts";
import { ANY_METHOD, FIELD_STRIDE } from "../../core/http.ts";
import { requestFraming, responseFraming } from "./framing.ts";
import { Head, INCOMPLETE, MORE } from "./head.ts";
import { latin1 } from "./octets.ts";
import { isRequestLine, isStatusLine, REQUESTS, RESPONSES } from "./start-line.ts";

const quick = new Head(kernelFields);
const careful = new Head();

/** Everything that a head tells, free of where it lies. */
function told(head: Head, length: number) {
  const text = (start: number, end: number) => latin1(head.bytes, start, end);
  const line = (index: number) => {
    const at = index * FIELD_STRIDE;
    const [nameStart, nameEnd, valueStart, valueEnd] = head.fields.subarray(at, at + 4);
    return `${text(nameStart, nameEnd)}: ${text(valueStart, valueEnd)}`;
  };
  const known = [head.host, head.contentType, head.userAgent, head.upgrade, head.contentEncoding];
  const lists = [
    head.contentLengths.subarray(0, head.contentLengthCount),
    head.transferEncodings.subarray(0, head.transferEncodingCount),
    head.connections.subarray(0, head.connectionCount),
  ];
  return {
    length,
    isRequest: head.isRequest,
    version: head.version,
    start: head.isRequest
      ? [text(head.methodStart, head.methodEnd), text(head.targetStart, head.targetEnd)]
      : [head.status, text(head.reasonStart, head.reasonEnd)],
    fields: Array.from({ length: head.fieldCount }, (_, index) => line(index)),
    known: known.map((index) => (index < 0 ? null : index)),
    lists: lists.map((list) => [...list]),
    leftOut: head.fieldsLeftOut,
    truncated: head.truncated,
    anomalies: [...head.anomalies],
    framing: { ...(head.isRequest ? requestFraming(head) : responseFraming(head, ANY_METHOD)) },
  };
}

/** Both readers on `bytes` behind `before` others; how many heads the short cut took. */
function agree(bytes: Uint8Array, before: number, kinds: number): boolean {
  const buffer = new Uint8Array(before + bytes.length + 8).fill(10);
  buffer.set(bytes, before);
  const end = before + bytes.length;
  const plain = quick.readPlain(buffer, before, end, kinds);
  if (plain === MORE) {
    // a whole start line of a kind that was asked for, and no end of the head
    const isRequest = (kinds & REQUESTS) !== 0 && isRequestLine(buffer, before, end, true) === "yes";
    const isResponse = (kinds & RESPONSES) !== 0 && isStatusLine(buffer, before, end) === "yes";
    expect(isRequest || isResponse).toBe(true);
    expect(careful.read(buffer, before, end, isRequest)).toBe(INCOMPLETE);
  }
  if (plain < 0) return false;
  const quickly = told(quick, plain);
  const sure = quickly.isRequest ? isRequestLine(buffer, before, end, true) : isStatusLine(buffer, before, end);
  expect(sure).toBe("yes");
  expect(quickly.isRequest ? kinds & REQUESTS : kinds & RESPONSES).not.toBe(0);
  const carefulEnd = careful.read(buffer, before, end, quickly.isRequest);
  expect(quickly).toEqual(told(careful, carefulEnd - before));
  return true;
}

const startLine = fc.constantFrom(
  "GET / HTTP/1.1",
  "POST /a?b=c HTTP/1.0",
  "CONNECT a:443 HTTP/1.1",
  "M-SEARCH * HTTP/1.1",
  "GET http://a/b HTTP/1.1",
  "HTTP/1.1 200 OK",
  "HTTP/1.0 404 Not Found",
  "HTTP/1.1 204 ",
  "HTTP/1.1 204",
  "HTTP/1.1 101 Switching Protocols",
  "PRI * HTTP/2.0",
  "GET /",
  "HTTP/2 200",
  "GET  / HTTP/1.1",
  "http/1.1 200 OK",
);
const name = fc.constantFrom(
  ..."Host|host|HOST|Content-Length|content-length|Transfer-Encoding|transfer-encoding|Connection|Upgrade|User-Agent|user-agent|Content-Type|Content-Encoding|X|Via|X-Forwarded-For|Accept-Encoding|Set-Cookie|Content_Length|Content-Lengthy|X Y||: ".split(
    "|",
  ),
);
const value = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "5",
    "0",
    " 7",
    "5, 5",
    "chunked",
    "gzip, chunked",
    "close",
    "a:b",
    "text/html; charset=utf-8",
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(..."ab\t \r\n\0\x7f\x80\xff,:"), maxLength: 10 }),
);
const separator = fc.constantFrom(":", ": ", ":  ", ":\t", " :", ": ", ": ");
const lineEnd = fc.oneof(
  { arbitrary: fc.constant("\r\n"), weight: 30 },
  fc.constantFrom("\n", "\r", "\r\r\n", "\r\n "),
);
const fieldLine = fc
  .tuple(name, separator, value, fc.constantFrom("", "", " ", "\t"), lineEnd)
  .map((parts) => parts.join(""));
const head = fc
  .tuple(startLine, lineEnd, fc.array(fieldLine, { maxLength: 12 }), lineEnd, fc.string({ maxLength: 20 }))
  .map(([start, end, fields, blank, behind]) => `${start}${end}${fields.join("")}${blank}${behind}`);
const kinds = fc.constantFrom(REQUESTS, RESPONSES, REQUESTS | RESPONSES);

test("made-up heads, at any place in their buffer", () => {
  let taken = 0;
  fc.assert(
    fc.property(head, fc.nat(70), kinds, (text, before, kinds) => {
      if (agree(Buffer.from(text, "latin1"), before, kinds)) taken++;
    }),
    { seed: 20260131, numRuns: 4000 },
  );
  // the law says nothing when the short cut takes nothing
  expect(taken).toBeGreaterThan(200);
});

test("a plain head with any octet changed, or cut anywhere", () => {
  const plain = Buffer.from(
    "POST /upload?x=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5\r\nContent-Type: a/b\r\nContent-Length: 12\r\nConnection: keep-alive\r\nAccept-Encoding: gzip, br\r\n\r\n",
  );
  expect(agree(plain, 0, REQUESTS)).toBe(true);
  for (let at = 0; at < plain.length; at++) {
    expect(agree(plain.subarray(0, at), 3, REQUESTS | RESPONSES)).toBe(false);
    for (const octet of [0, 9, 10, 11, 13, 32, 34, 44, 45, 47, 48, 57, 58, 65, 97, 127, 128, 255]) {
      const changed = Uint8Array.from(plain);
      changed[at] = octet;
      agree(changed, at % 7, REQUESTS | RESPONSES);
    }
  }
});

test("heads of many fields and many octets", () => {
  for (const count of [0, 1, 100, 255, 256, 257, 300, 5000]) {
    const fields = Array.from({ length: count }, (_, i) => `X-${i}: ${"v".repeat(i % 50)}\r\n`).join("");
    agree(Buffer.from(`GET / HTTP/1.1\r\n${fields}Content-Length: 3\r\n\r\n`), 0, REQUESTS);
  }
  for (const size of [1_000, 16_000, 60_000, 65_400, 66_000, 70_000, 200_000])
    agree(Buffer.from(`GET /${"a".repeat(size)} HTTP/1.1\r\nHost: a\r\n\r\n`), 1, REQUESTS);
});

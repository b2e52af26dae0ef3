/**
 * Octets that two HTTP/1 readers read in two ways (RFC 9110, RFC 9112): what a strict server or client makes of them,
 * what a lenient one does, and what we show. `http1/two-readers.test.ts` holds our rows to this table, and
 * docs/two-readers.md is made from it.
 */
import { answer, get, http } from "./dialogue.ts";

export interface HostileCase {
  readonly what: string;
  readonly client: string;
  readonly server: string;
  readonly strict: string;
  readonly lenient: string;
  /** As `row` of dialogue.ts gives them. */
  readonly rows: readonly string[];
  /** Codes of all rows and of the ledger, without `http1.`; in order of the alphabet. */
  readonly codes: readonly string[];
}

const post = (...fields: readonly string[]) => http("POST / HTTP/1.1", "Host: a", ...fields);
const chunked = post("Transfer-Encoding: chunked");
const two = answer(200) + answer(201);
const refuses = "400";

function of(
  what: string,
  [client, server]: readonly [string, string],
  [strict, lenient]: readonly [string, string],
  rows: readonly string[],
  codes: readonly string[],
): HostileCase {
  return { what, client, server, strict, lenient, rows, codes };
}

const startLines: readonly HostileCase[] = [
  of(
    "no Host in HTTP/1.1",
    [http("GET / HTTP/1.1"), answer(200)],
    [refuses, "its default host"],
    ["GET / > 200"],
    ["host-missing"],
  ),
  of(
    "two Hosts",
    [get("/", "Host: b"), answer(200)],
    [refuses, "the first, or the last"],
    ["GET / > 200"],
    ["host-duplicate"],
  ),
  of(
    "a Host with a space",
    [http("GET / HTTP/1.1", "Host: a b"), answer(200)],
    [refuses, "`a`, or `a b`"],
    ["GET / > 200"],
    ["host-invalid"],
  ),
  of(
    "target and Host differ",
    [http("GET http://x/ HTTP/1.1", "Host: a"), answer(200)],
    ["`x`", "`a`"],
    ["GET http://x/ > 200"],
    ["host-mismatch"],
  ),
  of(
    "two spaces",
    ["GET  / HTTP/1.1\r\nHost: a\r\n\r\n", answer(200)],
    [refuses, "the request"],
    ["GET / > 200"],
    ["request-line-whitespace"],
  ),
  of(
    "tabs",
    ["GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", answer(200)],
    [refuses, "the request"],
    ["GET / > 200"],
    ["request-line-whitespace"],
  ),
  of(
    "a space in the target",
    ["GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", answer(200)],
    [refuses, "`/a`, or `/a b`"],
    ["GET /a > 200"],
    ["target-invalid"],
  ),
  of(
    "words behind the version",
    ["GET / HTTP/1.1 x\r\nHost: a\r\n\r\n", answer(400)],
    [refuses, "HTTP/1.1 for `/`"],
    ["GET / > 400"],
    ["target-invalid", "version-missing"],
  ),
  of(
    "no version",
    ["DELETE /x\r\nHost: a\r\n\r\n", answer(400)],
    [refuses, "HTTP/0.9 or 1.0"],
    ["DELETE /x > 400"],
    ["version-missing"],
  ),
  of(
    "`GET` without a version, first on its connection",
    ["GET /\r\n", "<html>"],
    [refuses, "HTTP/0.9"],
    ["GET / > - no-response"],
    ["http09"],
  ),
  of(
    "`HTTP/1.2`",
    ["GET / HTTP/1.2\r\nHost: a\r\n\r\n", answer(200)],
    ["as 1.1", "as 1.1"],
    ["GET / > 200"],
    ["version-invalid"],
  ),
  of(
    "`HTTP/2.0` as text",
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", answer(505)],
    ["505", "as 1.1"],
    ["GET / > 505"],
    ["version-invalid"],
  ),
  of(
    "`http/1.1`",
    ["GET / http/1.1\r\nHost: a\r\n\r\n", answer(200)],
    [refuses, "the request"],
    ["GET / > 200"],
    ["version-invalid"],
  ),
  of(
    "a method that is no token",
    ["G(T / HTTP/1.1\r\nHost: a\r\n\r\n", answer(400)],
    [refuses, refuses],
    ["- > 400"],
    ["response-without-request"],
  ),
  of(
    "the same between others",
    [`${get("/a")}G(T / HTTP/1.1\r\nHost: a\r\n\r\n${get("/c")}`, answer(200) + answer(400) + answer(201)],
    [`/a, ${refuses}, end`, "all three"],
    ["GET /a > 200", "GET /c > 400 gap", "- > 201"],
    ["cruft-between-messages", "response-without-request", "resynchronized"],
  ),
  of(
    "a bare CR at the line's end",
    ["GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", answer(200)],
    [refuses, "the request"],
    ["GET / > 200"],
    ["bare-cr", "request-line-whitespace"],
  ),
  of(
    "line feeds only",
    [get("/").replaceAll("\r", ""), answer(200)],
    [refuses, "the request"],
    ["GET / > 200"],
    ["bare-lf"],
  ),
  of(
    "status of four digits",
    [get("/"), "HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n"],
    ["no response", "200, or 2000"],
    ["GET / > 2000"],
    ["status-invalid"],
  ),
  of(
    "`ICY 200 OK`",
    [http("GET / HTTP/1.0"), "ICY 200 OK\r\n\r\nx"],
    ["no HTTP", "HTTP/1.0"],
    ["GET / > 200"],
    ["version-invalid"],
  ),
  of(
    "an answer without a status line",
    [get("/"), "<html>"],
    ["no HTTP", "HTTP/0.9"],
    ["GET / > - no-response"],
    ["cruft-between-messages"],
  ),
];

const fields: readonly HostileCase[] = [
  of(
    "a space before the colon",
    [`${post("Content-Length : 3")}abc${get("/b")}`, two],
    [refuses, "the field, or none"],
    ["POST / > 200", "GET /b > 201"],
    ["space-before-colon"],
  ),
  of(
    "a space in a name",
    [post("Content Length: 3") + get("/b"), two],
    [refuses, "an unknown field"],
    ["POST / > 200", "GET /b > 201"],
    ["field-name-invalid"],
  ),
  of(
    "no colon",
    [post("Content-Length 3") + get("/b"), two],
    [refuses, "no such field"],
    ["POST / > 200", "GET /b > 201"],
    ["field-line-without-colon"],
  ),
  of(
    "a folded line",
    [`${post("Content-Length:\r\n 3")}abc${get("/b")}`, two],
    [refuses, "3, or an empty length"],
    ["POST / > 200", "GET /b > 201"],
    ["obs-fold"],
  ),
  of(
    "a folded first line",
    [http("GET / HTTP/1.1", " X: y", "Host: a"), answer(200)],
    [refuses, "with or without it"],
    ["GET / > 200"],
    ["space-before-first-field"],
  ),
  of("NUL in a value", [get("/", "X: a\0b"), answer(200)], [refuses, "`a`, or all"], ["GET / > 200"], ["nul"]),
  of(
    "a bare CR in a value",
    [get("/", "X: a\rTransfer-Encoding: chunked"), answer(200)],
    [refuses, "one field, or two"],
    ["GET / > 200"],
    ["bare-cr"],
  ),
];

const lengths: readonly HostileCase[] = [
  of(
    "CL.TE",
    [`${post("Content-Length: 6", "Transfer-Encoding: chunked")}0\r\n\r\nX${get("/b")}`, two],
    ["400, or one body and `XGET`", "six octets of body"],
    ["POST / > 200", "XGET /b > 201"],
    ["content-length-with-transfer-encoding"],
  ),
  of(
    "two lengths",
    [`${post("Content-Length: 3", "Content-Length: 4")}abcd${get("/b")}`, two],
    [refuses, "3, or 4"],
    ["POST / > 200", "dGET /b > 201"],
    ["content-length-conflict"],
  ),
  of(
    "one length twice",
    [`${post("Content-Length: 3, 3")}abc`, answer(200)],
    ["3, or 400", "3"],
    ["POST / > 200"],
    ["content-length-duplicate"],
  ),
  of(
    "`+3`",
    [`${post("Content-Length: +3")}abc`, answer(400)],
    [refuses, "3"],
    ["POST / > 400"],
    ["content-length-invalid"],
  ),
  of(
    "a length beyond 2^64",
    [`${post("Content-Length: 18446744073709551619")}abc`, answer(400)],
    [refuses, "3"],
    ["POST / > 400"],
    ["content-length-invalid"],
  ),
  of(
    "a coding that is not chunked, of a request",
    [post("Transfer-Encoding: gzip"), answer(400)],
    [refuses, "until the end"],
    ["POST / > 400"],
    ["chunked-not-final"],
  ),
  of(
    "`xchunked`",
    [post("Transfer-Encoding: xchunked"), answer(400)],
    [refuses, "chunked"],
    ["POST / > 400"],
    ["chunked-not-final", "transfer-encoding-unknown"],
  ),
  of(
    "`chunked, identity`",
    [`${post("Transfer-Encoding: chunked, identity")}0\r\n\r\n`, answer(200)],
    [refuses, "chunked"],
    ["POST / > 200"],
    ["transfer-encoding-unknown"],
  ),
  of(
    "chunked twice",
    [`${post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")}0\r\n\r\n`, answer(200)],
    [refuses, "chunked"],
    ["POST / > 200"],
    ["chunked-twice", "transfer-encoding-duplicate"],
  ),
  of(
    "chunked in HTTP/1.0",
    [`${http("POST / HTTP/1.0", "Transfer-Encoding: chunked")}0\r\n\r\n`, answer(200)],
    ["chunked, then the end", "no body"],
    ["POST / > 200"],
    ["transfer-encoding-in-1.0"],
  ),
  of(
    "a 204 with a length",
    [get("/a") + get("/b"), `${http("HTTP/1.1 204 X", "Content-Length: 4")}${answer(201)}`],
    ["no body", "four octets"],
    ["GET /a > 204", "GET /b > 201"],
    ["framing-on-bodyless-status"],
  ),
  of(
    "an answer to HEAD with its body",
    [http("HEAD /a HTTP/1.1", "Host: a") + get("/b"), answer(200, "body") + answer(201)],
    ["no body; the end", "the next answer"],
    ["HEAD /a > 200", "GET /b > 201"],
    ["cruft-between-messages", "resynchronized"],
  ),
  of(
    "a second answer",
    [get("/a"), answer(302) + answer(200, "x")],
    ["the first", "the first"],
    ["GET /a > 302", "- > 200"],
    ["response-without-request"],
  ),
  of(
    "101 that nobody asked for",
    [get("/a"), http("HTTP/1.1 101 X", "Upgrade: x") + answer(200)],
    ["no response", "101; what follows is x"],
    ["GET /a > 101"],
    ["switch-unasked"],
  ),
];

const chunks: readonly HostileCase[] = [
  of(
    "`0x3`",
    [`${chunked}0x3\r\nabc\r\n0\r\n\r\n`, answer(200)],
    [refuses, "3, or 0"],
    ["POST / > 200 aborted"],
    ["chunk-size-invalid"],
  ),
  of(
    "`-3`",
    [`${chunked}-3\r\nabc\r\n0\r\n\r\n${get("/b")}`, two],
    [refuses, "some number"],
    ["POST / > 200 aborted", "GET /b > 201 gap"],
    ["chunk-size-invalid", "resynchronized"],
  ),
  of(
    "`3 `",
    [`${chunked}3 \r\nabc\r\n0\r\n\r\n`, answer(200)],
    [refuses, "3"],
    ["POST / > 200"],
    ["chunk-size-whitespace"],
  ),
  of(
    "2^64 + 3",
    [`${chunked}10000000000000003\r\nabc\r\n0\r\n\r\n`, answer(400)],
    [refuses, "3"],
    ["POST / > 400 aborted"],
    ["chunk-size-invalid"],
  ),
  of(
    "2^32 + 3",
    [`${chunked}100000003\r\nabc\r\n0\r\n\r\n`, answer(400)],
    ["all that follows", "3"],
    ["POST / > 400 aborted"],
    ["chunk-size-large"],
  ),
  of(
    "3 with 20 zeros before",
    [`${chunked}${"0".repeat(20)}3\r\nabc\r\n0\r\n\r\n`, answer(200)],
    ["3, or 400", "3"],
    ["POST / > 200"],
    ["chunk-size-large"],
  ),
  of(
    "a head in an extension",
    [`${chunked}3;${"x".repeat(300)}\nabc\r\n0\r\n\r\n`, answer(200)],
    [refuses, "the chunk"],
    ["POST / > 200"],
    ["chunk-extension-bare-lf", "chunk-extension-long"],
  ),
  of(
    "a longer chunk than its size",
    [`${chunked}3\r\nabcd\r\n0\r\n\r\n${get("/b")}`, two],
    [refuses, "some go on"],
    ["POST / > 200 aborted", "GET /b > 201 gap"],
    ["chunk-end-missing", "resynchronized"],
  ),
  of(
    "Content-Length as a trailer",
    [`${chunked}3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n`, answer(200)],
    ["left out", "a field of the head"],
    ["POST / > 200"],
    ["trailer-forbidden"],
  ),
  of(
    "no blank line behind the last chunk",
    [`${chunked}3\r\nabc\r\n0\r\n${get("/b")}`, two],
    [refuses, "/b, or trailers"],
    ["POST / > 200", "- > 201"],
    ["field-line-without-colon", "response-without-request", "trailer-forbidden"],
  ),
];

export const HOSTILE: Readonly<Record<string, readonly HostileCase[]>> = {
  "Start lines": startLines,
  "Field lines": fields,
  "Where a message ends": lengths,
  Chunks: chunks,
};

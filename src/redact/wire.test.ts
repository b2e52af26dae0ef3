/** A secret in every place of real packets, cut anywhere, looked for in every event and line that comes out. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Conversation } from "../../test/support/conversation.ts";
import { runPackets } from "../../test/support/pipeline-run.ts";
import { Redactor } from "./redactor.ts";

const CANARY = "CANARYsecret0123456789";
const JWT = `eyJhbGciOiJIUzI1NiJ9.eyJ${CANARY}.${CANARY}`;

function message(head: string, body: string | Uint8Array): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`${head}\r\nContent-Length: ${bytes.length}\r\n\r\n`), bytes]);
}

const HEAD =
  `Host: h\r\nAuthorization: Bearer ${CANARY}\r\ncookie:a=b;sid=${CANARY};${CANARY}\r\nX-API-Key:   ${CANARY}  \r\n` +
  `Proxy-Authorization: Basic ${CANARY}\r\nReferer: http://u:${CANARY}@h/x;jsessionid=${CANARY}?token=${CANARY}\r\n` +
  `X-Other: note ${JWT}\r\nSec-WebSocket-Protocol: v1, ${JWT}`;

const REQUESTS = [
  message(
    `POST /in;sid=${CANARY}?password=${CANARY}&v=%7B%22pin%22%3A%22${CANARY}%22%7D HTTP/1.1\r\n${HEAD}\r\nContent-Type: application/json`,
    `{"user":"bob","password":"${CANARY}","list":[{"api_key":"${CANARY}"}],"note":"Bearer ${JWT}"}`,
  ),
  message(
    `PUT http://bob:${CANARY}@h/p#access_token=${CANARY} HTTP/1.1\r\n${HEAD}\r\nContent-Type: application/x-www-form-urlencoded`,
    `a=b&new_password=${CANARY}&code=${CANARY}`,
  ),
  message(
    `POST /${JWT} HTTP/1.1\r\n${HEAD}\r\nContent-Type: multipart/form-data; boundary=XX`,
    `--XX\r\nContent-Disposition: form-data; name="password"\r\n\r\n${CANARY}\r\n--XX--\r\n`,
  ),
  message(
    `POST /z HTTP/1.1\r\n${HEAD}\r\nContent-Type: application/json\r\nContent-Encoding: gzip`,
    gzipSync(`{"secret":"${CANARY}"}`),
  ),
  Buffer.from(
    `POST /c HTTP/1.1\r\n${HEAD}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Auth-Token\r\n\r\n` +
      `5\r\nhello\r\n0\r\nX-Auth-Token: ${CANARY}\r\n\r\n`,
  ),
];

const RESPONSE = message(
  `HTTP/1.1 200 OK\r\nSet-Cookie: sid=${CANARY}; Path=/; HttpOnly\r\nLocation: /cb?code=${CANARY}#id_token=${CANARY}\r\n` +
    `Link: <http://h/?token=${CANARY}>; rel="next"\r\nWWW-Authenticate: Negotiate ${CANARY}\r\nContent-Type: text/xml`,
  `<a><password>${CANARY}</password><b key="x">card 4111 1111 1111 1111</b></a>`,
);

function run(segment_bytes: number, keptPackets: number, reveal: boolean) {
  const talk = new Conversation({ maximumSegment_bytes: segment_bytes }).open();
  for (const request of REQUESTS) talk.client(request).wait(1000).server(RESPONSE);
  talk.close();
  const redactor = reveal ? null : new Redactor();
  const result = runPackets(talk.packets.slice(0, keptPackets), { redactor, json: true, maxBodyBytes: 4096 });
  expect(result.errors).toEqual([]);
  return { printed: JSON.stringify(result.events) + result.jsonLines.join("\n"), events: result.events };
}

test("whole: every exchange is there, and no secret", () => {
  const { printed, events } = run(1460, Number.POSITIVE_INFINITY, false);
  expect(events.length).toBe(REQUESTS.length);
  expect(events.every((event) => event.outcome === "complete")).toBe(true);
  expect(printed).not.toContain("CANARY");
  expect(printed).not.toContain("4111 1111");
  expect(printed.split("<redacted:").length).toBeGreaterThan(200);
});

test("revealed, they are there, so that the test above can fail", () => {
  expect(run(1460, Number.POSITIVE_INFINITY, true).printed.split(CANARY).length).toBeGreaterThan(150);
});

test("however the bytes were cut into packets, and wherever the capture ended", () => {
  fc.assert(
    fc.property(fc.integer({ min: 7, max: 1460 }), fc.integer({ min: 3, max: 400 }), (segment_bytes, packets) => {
      expect(run(segment_bytes, packets, false).printed).not.toContain("CANARY");
    }),
    { numRuns: 60 },
  );
});

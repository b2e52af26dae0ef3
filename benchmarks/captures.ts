/**
 * Captures for the benchmark, made up but shaped like traffic: browsers' heads with cookies of random length, nginx'
 * answers, small bodies. Always the same octets. `keep-alive` has 40 connections in turn, `one-each` a connection for
 * every request.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { type BuiltPacket, Conversation, pcapFile } from "../test/support/capture-builder.ts";

export interface MadeCapture {
  readonly name: string;
  readonly path: string;
  readonly exchanges: number;
}

const START = 1_769_850_000_000_000;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Of an IPv4 packet behind an Ethernet header. */
const SOURCE_ADDRESS = 26;
/** Microseconds from one exchange to the next, and from a request to its response. */
const PACE = 60;
const ANSWER_TIME = 250;
/** Exchanges built, and connections that they use in turn when these are kept. */
const BATCH = 2_000;
const CONNECTIONS = 40;

const AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];
const HOSTS = ["www.example.com", "shop.example.com", "api.example.org", "cdn.example.net"];

/** Numerical Recipes' generator: the same captures everywhere. */
class Chance {
  private state = 20260131;

  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }

  text(length: number): string {
    const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return Array.from({ length }, () => letters[this.below(letters.length)]).join("");
  }
}

function request(chance: Chance, keepAlive: boolean): string {
  const host = chance.of(HOSTS);
  const query = chance.below(5) < 2 ? `?q=${chance.text(10)}&page=${chance.below(50)}` : "";
  const cookies = [
    `_ga=GA1.2.${chance.below(1e9)}.${chance.below(1e9)}`,
    `session=${chance.text(60 + chance.below(140))}`,
    `csrftoken=${chance.text(32)}`,
    "theme=dark",
  ];
  return [
    `GET /s/${chance.below(1000)}.html${query} HTTP/1.1`,
    `Host: ${host}`,
    `User-Agent: ${chance.of(AGENTS)}`,
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-US,en;q=0.9,de;q=0.7",
    "Accept-Encoding: gzip, deflate",
    `Referer: http://${host}/${chance.text(12)}/list?page=${chance.below(99)}`,
    `Cookie: ${cookies.join("; ")}`,
    "Upgrade-Insecure-Requests: 1",
    `Connection: ${keepAlive ? "keep-alive" : "close"}`,
    "\r\n",
  ].join("\r\n");
}

function response(chance: Chance, keepAlive: boolean): string {
  const body = "x".repeat(50 + chance.below(600));
  const id = chance.text(32);
  return [
    "HTTP/1.1 200 OK",
    "Server: nginx/1.28.0",
    "Date: Sat, 31 Jan 2026 09:00:00 GMT",
    "Content-Type: text/html",
    `Content-Length: ${body.length}`,
    "Last-Modified: Fri, 30 Jan 2026 12:00:00 GMT",
    `Connection: ${keepAlive ? "keep-alive" : "close"}`,
    `ETag: "697c8f40-${body.length.toString(16)}"`,
    "Cache-Control: public, max-age=3600",
    `X-Request-Id: ${id}`,
    "X-Content-Type-Options: nosniff",
    `Set-Cookie: sid=${id}; Path=/; HttpOnly; SameSite=Lax`,
    "Accept-Ranges: bytes",
    `\r\n${body}`,
  ].join("\r\n");
}

/**
 * Makes a capture of about `size_bytes`. Building packets is slow, so one batch is built, and written again and again as
 * if other clients had done the same later.
 */
export function makeCapture(name: "keep-alive" | "one-each", path: string, size_bytes: number): MadeCapture {
  const batch = pcapFile(batchOf(new Chance(), name === "keep-alive"));
  const file = openSync(path, "w");
  let round = 0;
  try {
    let written = writeSync(file, batch.subarray(0, FILE_HEADER_BYTES));
    do {
      toRound(batch, round++);
      written += writeSync(file, batch.subarray(FILE_HEADER_BYTES));
    } while (written < size_bytes);
  } finally {
    closeSync(file);
  }
  return { name, path, exchanges: round * BATCH };
}

/** Packets of some exchanges in order of time. */
function batchOf(chance: Chance, keepAlive: boolean): BuiltPacket[] {
  const talks: Conversation[] = [];
  for (let i = 0; i < BATCH; i++) {
    const isNew = !keepAlive || i < CONNECTIONS;
    if (isNew) talks.push(newConversation(i));
    const talk = isNew ? talks[i] : talks[i % CONNECTIONS];
    talk.time = START + i * PACE;
    if (isNew) talk.open();
    talk.client(request(chance, keepAlive)).wait(ANSWER_TIME).server(response(chance, keepAlive));
    if (!keepAlive) talk.close("server");
  }
  return talks.flatMap((talk) => talk.packets).sort((a, b) => a.time - b.time);
}

/** Moves all packets to the time and the clients of this round. */
function toRound(file: Uint8Array, round: number): void {
  const view = new DataView(file.buffer, file.byteOffset);
  for (let at = FILE_HEADER_BYTES; at < file.length; at += RECORD_HEADER_BYTES + view.getUint32(at + 8, true)) {
    const time = view.getUint32(at, true) * 1e6 + view.getUint32(at + 4, true) + (round > 0 ? BATCH * PACE : 0);
    view.setUint32(at, Math.floor(time / 1e6), true);
    view.setUint32(at + 4, time % 1e6, true);
    const source = at + RECORD_HEADER_BYTES + SOURCE_ADDRESS;
    // clients are 10.ROUND.*
    file[(file[source] === 10 ? source : source + 4) + 1] = round;
  }
}

function newConversation(number: number): Conversation {
  const client = { ip: `10.0.${(number >> 14) & 255}.1`, port: 20_000 + (number & 16_383) };
  return new Conversation({
    client,
    step: 10,
    clientSequence: number * 7_919,
    serverSequence: number * 104_729,
    maximumSegment_bytes: 65_000,
  });
}

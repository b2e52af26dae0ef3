/**
 * Captures for the benchmark, made up but shaped like traffic: browsers' heads with cookies of random length, nginx'
 * answers, small bodies. Always the same octets. `keep-alive` has 40 connections in turn, `one-each` a connection for
 * every request.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { Conversation, pcapFile } from "../test/support/capture-builder.ts";

export interface MadeCapture {
  readonly name: string;
  readonly path: string;
  readonly exchanges: number;
}

const START = 1_769_850_000_000_000;
const FILE_HEADER_BYTES = 24;
/** Microseconds from one exchange to the next, and from a request to its response. */
const PACE = 60;
const ANSWER_TIME = 250;
/** Exchanges written at once. */
const BATCH = 2_000;

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

/** Makes a capture of about `size_bytes`. */
export function makeCapture(name: "keep-alive" | "one-each", path: string, size_bytes: number): MadeCapture {
  const chance = new Chance();
  const keepAlive = name === "keep-alive";
  const file = openSync(path, "w");
  const open: Conversation[] = [];
  let exchanges = 0;
  let written = 0;
  try {
    while (written < size_bytes) {
      const batch: Conversation[] = [];
      for (let i = 0; i < BATCH; i++, exchanges++) {
        const talk = keepAlive && exchanges >= 40 ? open[exchanges % 40] : newConversation(exchanges);
        if (keepAlive && exchanges < 40) open.push(talk);
        talk.time = START + exchanges * PACE;
        if (!keepAlive || exchanges < 40) talk.open();
        talk.client(request(chance, keepAlive)).wait(ANSWER_TIME).server(response(chance, keepAlive));
        if (!keepAlive) talk.close("server");
        if (!batch.includes(talk) || !keepAlive) batch.push(talk);
      }
      // packets of exchanges that overlap a batch's end may come a little late: captures do that too
      const packets = batch.flatMap((talk) => talk.packets.splice(0)).sort((a, b) => a.time - b.time);
      const bytes = pcapFile(packets);
      written += writeSync(file, written === 0 ? bytes : bytes.subarray(FILE_HEADER_BYTES));
    }
  } finally {
    closeSync(file);
  }
  return { name, path, exchanges };
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

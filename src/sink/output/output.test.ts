import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { decodeMultiStream, encode } from "@msgpack/msgpack";
import { afterEach, describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { FormatSink } from "./destination.ts";
import { ForwardSender } from "./forward.ts";
import { openDestination } from "./open.ts";
import { QueuedSender } from "./queued-sender.ts";
import { RotatingFile } from "./rotating-file.ts";
import { parseOutputSpec } from "./spec.ts";
import { NodeStreamWriter } from "./stdout.ts";
import { type ChunkWriter, StreamDestination } from "./stream-destination.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "output-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

/** Takes chunks only when told to. */
class SlowWriter implements ChunkWriter {
  taken = "";
  private release: (() => void) | null = null;
  open = false;
  write(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const take = () => {
        this.taken += Buffer.from(chunk).toString();
        resolve();
      };
      if (this.open) take();
      else this.release = take;
    });
  }
  unblock(): void {
    this.open = true;
    this.release?.();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("streams", () => {
  test("live: over the limit records are dropped and counted, the rest comes whole and in order", async () => {
    const ledger = new Ledger();
    const writer = new SlowWriter();
    const output = new StreamDestination(writer, { name: "o", ledger, drop: true, limit_bytes: 100 });
    for (let index = 0; index < 100; index++) output.record(`record ${index}`);
    await turn();
    expect(output.full).toBe(true);
    const dropped = ledger.sinkDropped.get("o")!;
    expect(dropped).toBeGreaterThan(80);
    writer.unblock();
    await output.close();
    expect(writer.taken).toBe(Array.from({ length: 100 - dropped }, (_, index) => `record ${index}\n`).join(""));
  });

  test("reading: nothing is dropped, the reader waits", async () => {
    const ledger = new Ledger();
    const writer = new SlowWriter();
    const output = new StreamDestination(writer, { name: "o", ledger, drop: false, limit_bytes: 100 });
    let waited = 0;
    setTimeout(() => writer.unblock(), 20);
    for (let index = 0; index < 1000; index++) {
      output.record(`record ${index}`);
      if (output.full) {
        waited++;
        await output.drained();
      }
    }
    await output.close();
    expect(waited).toBeGreaterThan(10);
    expect(writer.taken.split("\n").length).toBe(1001);
    expect(ledger.sinkDropped.size).toBe(0);
  });

  test("closing gives up on a live output that is stuck, and counts", async () => {
    const ledger = new Ledger();
    const output = new StreamDestination(new SlowWriter(), { name: "o", ledger, drop: true, close_timeout_ms: 20 });
    for (let index = 0; index < 7; index++) output.record("x");
    await turn();
    output.record("y");
    await output.close();
    expect(ledger.sinkDropped.get("o")).toBe(8);
  });

  test("bytes and lines keep their order", async () => {
    const writer = new SlowWriter();
    writer.open = true;
    const output = new StreamDestination(writer, { name: "o", ledger: new Ledger(), drop: false });
    output.record("a");
    output.bytes(Buffer.from("b\nc\n"), 2);
    output.record("d");
    await Promise.all([output.close(), output.close()]);
    expect(writer.taken).toBe("a\nb\nc\nd\n");
  });

  test("a closed pipe ends the output once and is no failure", async () => {
    const broken = new Writable({
      write(_chunk, _encoding, callback) {
        callback(Object.assign(new Error("EPIPE"), { code: "EPIPE" }));
      },
    });
    let ends = 0;
    const output = new StreamDestination(new NodeStreamWriter(broken), {
      name: "o",
      ledger: new Ledger(),
      drop: false,
      onEnd: () => ends++,
      onFailure: () => expect.unreachable(),
    });
    output.record("a");
    await turn();
    output.record("b");
    await output.drained();
    await output.close();
    expect(ends).toBe(1);
    expect(output.ended).toBe(true);
  });

  test("a full disk is told once and counted", async () => {
    const ledger = new Ledger();
    const failures: Error[] = [];
    const writer = { write: () => Promise.reject(new Error("ENOSPC")), close: () => Promise.resolve() };
    const output = new StreamDestination(writer, { name: "o", ledger, drop: true, onFailure: (e) => failures.push(e) });
    for (let index = 0; index < 3; index++) {
      output.record("x");
      await turn();
    }
    await output.close();
    expect(failures.length).toBe(1);
    expect(ledger.sinkDropped.get("o")).toBe(3);
  });

  test("a real pipe to head ends the program without an error; a slow reader gets all of a file", () => {
    const program = (body: string) => `
      import { openDestination } from ${JSON.stringify(new URL("./open.ts", import.meta.url))};
      import { parseOutputSpec } from ${JSON.stringify(new URL("./spec.ts", import.meta.url))};
      import { Ledger } from ${JSON.stringify(new URL("../../core/ledger.ts", import.meta.url))};
      let ended = false;
      const options = { ledger: new Ledger(), live: false, header: "h", onEnd: () => { ended = true; } };
      const output = openDestination(parseOutputSpec("csv"), options);
      for (let n = 0; ${body}; n++) { output.record("x".repeat(100)); if (output.full) await output.drained(); }
      await output.close();`;
    const run = (body: string, reader: string) =>
      spawnSync(
        "bash",
        ["-c", `set -o pipefail; "$0" --input-type=module -e "$1" | ${reader}`, process.execPath, program(body)],
        {
          encoding: "utf8",
          timeout: 20_000,
        },
      );
    const head = run("!ended", "head -1");
    expect([head.stdout, head.stderr.replace(/^.*Warning.*\n/gm, ""), head.status]).toEqual(["h\n", "", 0]);
    expect(run("n < 200_000", "(sleep 0.2; wc -l)").stdout.trim()).toBe("200001");
  });

  test("standard output gets the header first", async () => {
    const stdout = new PassThrough();
    const output = openDestination(parseOutputSpec("csv"), { ledger: new Ledger(), live: true, header: "a,b", stdout });
    const sink = new FormatSink({ name: "x", format: (event) => [event.id, "second"] }, output);
    sink.write(transaction({ id: "7" }));
    await sink.close();
    expect(String(stdout.read())).toBe("a,b\n7\nsecond\n");
  });
});

describe("files", () => {
  const base = { rotate_bytes: null, rotate_age_s: null, keep: null, compress: false, header: "#h" };

  test("rotation by size keeps the newest, compressed, each with its header; no record is lost or split", async () => {
    const path = join(folder(), "a.log");
    let now = 1_700_000_000;
    const file = new RotatingFile({ ...base, path, rotate_bytes: 30, compress: true, now: () => now });
    for (let index = 0; index < 10; index++) {
      await file.write(Buffer.from(`record number ${index}\n`));
      if (index % 3 === 0) now++;
    }
    await file.close();
    const names = readdirSync(join(path, "..")).sort();
    expect(names.length).toBe(10);
    const texts = names.map((name) => {
      const bytes = readFileSync(join(path, "..", name));
      return (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
    });
    expect(texts.toSorted()).toEqual(Array.from({ length: 10 }, (_, index) => `#h\nrecord number ${index}\n`));
    expect(names.filter((name) => /^a\.log\.\d{8}T\d{6}Z(-\d)?\.gz$/.test(name)).length).toBe(9);
  });

  test("a small file rotates near its size, however much comes at once", async () => {
    const path = join(folder(), "a.log");
    const spec = parseOutputSpec(`json=${path}?rotate-size=1600`);
    const output = openDestination(spec, { ledger: new Ledger(), live: false });
    for (let index = 0; index < 500; index++) output.record(`record ${index}`);
    await output.close();
    const sizes = readdirSync(join(path, "..")).map((name) => readFileSync(join(path, "..", name)).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1600);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(500 * 11 - 100 - 10);
  });

  test("reading does not wait for ever for a receiver that is gone", async () => {
    const ledger = new Ledger();
    const sender = { batch: 1, parallel: 4, send: () => turn().then(() => Promise.reject(new Error("gone"))) };
    const output = new QueuedSender(
      { ...sender, close: async () => {} },
      {
        ...{ name: "w", ledger, drop: false, attempts: 2, pause_ms: 10, limit_records: 100, close_timeout_ms: 20 },
      },
    );
    for (let index = 0; index < 20_000; index++) {
      output.record("x");
      if (output.full) await output.drained();
    }
    expect(output.queued).toBeLessThanOrEqual(100);
    await output.close();
    expect(ledger.sinkDropped.get("w")).toBe(20_000);
  });

  test("nobody at the webhook is said with the reason", async () => {
    const failures: string[] = [];
    const spec = parseOutputSpec("json=webhook:http://127.0.0.1:1/?attempts=1");
    const output = openDestination(spec, {
      ledger: new Ledger(),
      live: true,
      onFailure: (_, error) => failures.push(error.message),
    });
    output.record("x");
    await output.close();
    expect(failures).toEqual([expect.stringMatching(/cannot be reached: .*(?:ECONNREFUSED|bad port)/)]);
  });

  test("only so many are kept, and other files stay", async () => {
    const path = join(folder(), "a.log");
    writeFileSync(join(path, "..", "a.log.keep-me"), "");
    let now = 1_700_000_000;
    const file = new RotatingFile({ ...base, path, rotate_age_s: 10, keep: 2, now: () => now });
    for (let index = 0; index < 6; index++) {
      await file.write(Buffer.from(`${index}\n`));
      now += 10;
    }
    await file.close();
    const names = readdirSync(join(path, "..")).sort();
    expect(names.length).toBe(4);
    expect(names).toContain("a.log.keep-me");
    expect(readFileSync(path, "utf8")).toBe("#h\n5\n");
    expect(readFileSync(join(path, "..", names[2]), "utf8")).toBe("#h\n4\n");
  });

  test("a file is continued without a second header", async () => {
    const path = join(folder(), "a.log");
    for (const text of ["a\n", "b\n"]) {
      const file = new RotatingFile({ ...base, path });
      await file.write(Buffer.from(text));
      await file.close();
    }
    expect(readFileSync(path, "utf8")).toBe("#h\na\nb\n");
  });

  test("what cannot be written is told at the start", () => {
    expect(() => new RotatingFile({ ...base, path: "/nonexistent/folder/a.log" })).toThrow(/folder does not exist/);
    expect(() => new RotatingFile({ ...base, path: folder() })).toThrow(/it is a folder/);
  });
});

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

describe("webhook", () => {
  async function receiver(answer: (count: number) => number | null) {
    const bodies: string[] = [];
    let count = 0;
    const server = createHttpServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => {
        const status = answer(++count);
        if (status === null) return;
        if (status === 200) bodies.push(`${request.headers["content-type"]} ${request.headers.authorization} ${body}`);
        response.writeHead(status).end();
      });
    });
    const port = await listening(server as Server);
    cleanups.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return { bodies, port, requests: () => count };
  }

  const ofWebhook = (url: string) => parseOutputSpec(`tracee=webhook:${url}`).destination as never;

  test("posts each record, tries again when the receiver fails", async () => {
    const { WebhookSender } = await import("./webhook.ts");
    const { bodies, port } = await receiver((count) => (count === 1 ? 503 : 200));
    const ledger = new Ledger();
    const sender = new WebhookSender(ofWebhook(`http://u:p@127.0.0.1:${port}/x`));
    const output = new QueuedSender(sender, { name: "w", ledger, drop: true, attempts: 3, pause_ms: 5 });
    for (let index = 0; index < 20; index++) output.record(`{"n":${index}}`);
    await output.close();
    const expected = Array.from({ length: 20 }, (_, index) => `application/json Basic dTpw {"n":${index}}`);
    expect(bodies.toSorted()).toEqual(expected.toSorted());
    expect(ledger.sinkDropped.size).toBe(0);
  });

  test("what is refused is dropped at once", async () => {
    const { WebhookSender } = await import("./webhook.ts");
    const { port, requests } = await receiver(() => 400);
    const ledger = new Ledger();
    const failures: string[] = [];
    const output = new QueuedSender(new WebhookSender(ofWebhook(`http://127.0.0.1:${port}/`)), {
      name: "w",
      ledger,
      drop: true,
      attempts: 3,
      onFailure: (error) => failures.push(error.message),
    });
    output.record("{}");
    await output.close();
    expect([requests(), ledger.sinkDropped.get("w"), failures]).toEqual([1, 1, ["the webhook answered 400"]]);
  });

  test("a receiver that never answers costs the caller nothing; what is over the limit is counted", async () => {
    const { port } = await receiver(() => null);
    const ledger = new Ledger();
    const spec = parseOutputSpec(`tracee=webhook:http://127.0.0.1:${port}/?timeout=60s`);
    const output = openDestination(spec, { ledger, live: true }) as QueuedSender;
    const start = performance.now();
    for (let index = 0; index < 50_000; index++) output.record("x".repeat(100));
    expect(performance.now() - start).toBeLessThan(1000);
    expect(output.queued).toBe(10_000);
    expect(ledger.sinkDropped.get(output.name)).toBe(40_000);
    Object.assign((output as unknown as { options: object }).options, { close_timeout_ms: 50 });
    await output.close();
    expect(performance.now() - start).toBeLessThan(3000);
    await turn();
    expect(ledger.sinkDropped.get(output.name)).toBe(50_000);
  });
});

describe("Fluent forward", () => {
  async function fluent(each: (socket: Socket) => Promise<void> | void) {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      // a client that goes away ends the reading: no concern of the test
      Promise.resolve(each(socket)).catch(() => {});
    });
    const port = await listening(server);
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return { port, sockets };
  }

  test("a receiver reads [tag, time, record], also over a second connection when the first breaks", async () => {
    const messages: unknown[] = [];
    const { port, sockets } = await fluent(async (socket) => {
      for await (const message of decodeMultiStream(socket)) messages.push(message);
    });
    const spec = parseOutputSpec(`tracee=forward:tcp://127.0.0.1:${port}?tag=web`).destination;
    const sender = new ForwardSender(spec as never, () => 1_700_000_000);
    const ledger = new Ledger();
    const output = new QueuedSender(sender, { name: "f", ledger, drop: true, attempts: 5, pause_ms: 5 });
    for (let index = 0; index < 150; index++) output.record(`{"n":${index}}`);
    await expect.poll(() => messages.length).toBe(150);
    for (const socket of sockets) socket.destroy();
    await turn();
    await turn();
    output.record('{"n":150}');
    await output.close();
    await expect.poll(() => messages.length).toBe(151);
    expect(messages).toEqual(
      Array.from({ length: 151 }, (_, index) => ["web", 1_700_000_000, { event: `{"n":${index}}` }]),
    );
    expect(ledger.sinkDropped.size).toBe(0);
  });

  test("a receiver that asks for key and user lets in who knows them", async () => {
    const sha512 = (...parts: (string | Uint8Array)[]) =>
      parts.reduce((hash, part) => hash.update(part), createHash("sha512")).digest("hex");
    const records: unknown[] = [];
    const { port } = await fluent(async (socket) => {
      socket.write(encode(["HELO", { nonce: Buffer.from("n1"), auth: Buffer.from("a1"), keepalive: true }]));
      for await (const message of decodeMultiStream(socket) as AsyncIterable<unknown[]>) {
        if (message[0] !== "PING") records.push(message[2]);
        else {
          const [, host, salt, digest, user, password] = message as [
            string,
            string,
            Uint8Array,
            string,
            string,
            string,
          ];
          const accepted =
            digest === sha512(salt, host, "n1", "key") && user === "bob" && password === sha512("a1", "bob", "pw");
          const answer = encode([
            "PONG",
            accepted,
            accepted ? "" : "who are you",
            "srv",
            sha512(salt, "srv", "n1", "key"),
          ]);
          // in two pieces, as the wire may bring it
          socket.write(answer.subarray(0, 9));
          setTimeout(() => socket.write(answer.subarray(9)), 5);
        }
      }
    });
    const send = async (userinfo: string) => {
      const ledger = new Ledger();
      const failures: string[] = [];
      const spec = parseOutputSpec(`tracee=forward:tcp://${userinfo}@127.0.0.1:${port}?shared_key=key`).destination;
      const output = new QueuedSender(new ForwardSender(spec as never), {
        name: "f",
        ledger,
        drop: true,
        attempts: 1,
        onFailure: (error) => failures.push(error.message),
      });
      output.record("x");
      await output.close();
      return { failures, dropped: ledger.sinkDropped.get("f") };
    };
    expect(await send("bob:pw")).toEqual({ failures: [], dropped: undefined });
    await expect.poll(() => records).toEqual([{ event: "x" }]);
    expect(await send("bob:wrong")).toEqual({ failures: ["the receiver refused: who are you"], dropped: 1 });
  });

  test("nobody there: dropped after the tries and counted", async () => {
    const { port, sockets: _ } = await fluent(() => {});
    for (const cleanup of cleanups.splice(0)) await cleanup();
    const spec = parseOutputSpec(`tracee=forward:tcp://127.0.0.1:${port}`).destination;
    const ledger = new Ledger();
    const output = new QueuedSender(new ForwardSender(spec as never), {
      name: "f",
      ledger,
      drop: true,
      attempts: 2,
      pause_ms: 1,
    });
    output.record("x");
    await output.close();
    expect(ledger.sinkDropped.get("f")).toBe(1);
  });
});

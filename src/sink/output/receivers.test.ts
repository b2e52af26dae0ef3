import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { decodeMultiStream, encode } from "@msgpack/msgpack";
import { afterEach, describe, expect, test } from "vitest";
import { cpu_ms } from "../../../test/support/duration.ts";
import { Ledger } from "../../core/ledger.ts";
import { ForwardSender } from "./forward.ts";
import { openDestination } from "./open.ts";
import { QueuedSender } from "./queued-sender.ts";
import { parseOutputSpec } from "./spec.ts";
import { WebhookSender } from "./webhook.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

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
    const before = cpu_ms();
    for (let index = 0; index < 50_000; index++) output.record("x".repeat(100));
    expect(cpu_ms() - before).toBeLessThan(1000);
    expect(output.queued).toBe(10_000);
    expect(ledger.sinkDropped.get(output.name)).toBe(40_000);
    Object.assign((output as unknown as { options: object }).options, { close_timeout_ms: 50 });
    const start = performance.now();
    await output.close();
    // not the minute that the request may take
    expect(performance.now() - start).toBeLessThan(10_000);
    await turn();
    expect(ledger.sinkDropped.get(output.name)).toBe(50_000);
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

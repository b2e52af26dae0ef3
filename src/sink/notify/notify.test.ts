/** Notifications against real receivers on the loopback: that stall, refuse, close, and say when to come back. */
import { createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { AlertEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { Notifier } from "./notifier.ts";
import { notifyTest, sampleAlert } from "./notify.ts";
import { type NotifierConfigInput, notifierSchema } from "./schema.ts";
import { syslogMessage } from "./syslog.ts";

const NOW = Date.UTC(2024, 0, 2, 10) * 1000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const record = (change: Partial<AlertEvent> = {}): AlertEvent => ({
  ...sampleAlert(NOW),
  id: "a-1",
  rule: "requests",
  severity: "warning",
  labels: {},
  ...change,
});

function open(config: NotifierConfigInput, options: { redact?: (event: AlertEvent) => AlertEvent } = {}) {
  const ledger = new Ledger();
  const failures: string[] = [];
  const notifier = new Notifier(notifierSchema.parse(config), {
    ledger,
    redact: options.redact ?? ((event) => event),
    pause_ms: 5,
    close_timeout_ms: 1500,
    onFailure: (_, error) => failures.push(error.message),
  });
  return { notifier, ledger, failures };
}

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly at: number;
}

/** An HTTP receiver that answers the n-th request as told; keeps what it got. */
async function receiver(answer: (response: ServerResponse, count: number, request: IncomingMessage) => void) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      received.push({ path: request.url ?? "", headers: request.headers, body, at: performance.now() });
      answer(response, received.length, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}
const ok = (response: ServerResponse) => response.end("ok");

describe("webhook", () => {
  test("posts the record, signed so that the receiver can check it", async () => {
    const { url, received } = await receiver(ok);
    const { notifier } = open({ kind: "webhook", url, secret: "s3cret", headers: { "x-team": "ops" } });
    notifier.write(record());
    await notifier.close();
    expect(JSON.parse(received[0].body)).toEqual(record());
    expect(received[0].headers["x-team"]).toBe("ops");
    const [, seconds, given] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(received[0].headers["x-earshot-signature"])) ?? [];
    expect(given).toBe(createHmac("sha256", "s3cret").update(`${seconds}.${received[0].body}`).digest("hex"));
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
  });

  test("tries again after errors and broken connections, in order, and loses nothing", async () => {
    const { url, received } = await receiver((response, count, request) => {
      if (count === 1) response.writeHead(500).end();
      else if (count === 2) request.socket.destroy();
      else ok(response);
    });
    const { notifier, ledger, failures } = open({ kind: "webhook", url });
    notifier.write(record());
    notifier.write(record({ state: "resolved" }));
    await notifier.close();
    expect(received.map(({ body }) => JSON.parse(body).state)).toEqual(["firing", "firing", "firing", "resolved"]);
    expect(ledger.sinkDropped.size).toBe(0);
    expect(failures).toHaveLength(1);
  });

  test("comes back when Retry-After says so", async () => {
    const { url, received } = await receiver((response, count) => {
      if (count === 1) response.writeHead(429, { "retry-after": "1" }).end();
      else ok(response);
    });
    const { notifier } = open({ kind: "webhook", url });
    notifier.write(record());
    await notifier.close();
    expect(received).toHaveLength(2);
    expect(received[1].at - received[0].at).toBeGreaterThan(900);
  });

  test("a refusal is not repeated, a receiver that stalls costs its timeout; both are counted", async () => {
    const refusing = await receiver((response) => response.writeHead(400).end());
    const refused = open({ kind: "webhook", url: refusing.url });
    refused.notifier.write(record());
    await refused.notifier.close();
    expect(refusing.received).toHaveLength(1);
    expect([...refused.ledger.sinkDropped.values()]).toEqual([1]);
    const stalling = await receiver(() => {});
    const stalled = open({ kind: "webhook", url: stalling.url, timeout_s: 0.1, attempts: 2 });
    stalled.notifier.write(record());
    await stalled.notifier.close();
    expect(stalling.received).toHaveLength(2);
    expect([...stalled.ledger.sinkDropped.values()]).toEqual([1]);
  });

  test("the queue is bounded", async () => {
    const { url } = await receiver(() => {});
    const { notifier, ledger } = open({ kind: "webhook", url, queue: 3, timeout_s: 0.2, attempts: 1 });
    for (let index = 0; index < 10; index++) notifier.write(record({ id: `a-${index}` }));
    expect([...ledger.sinkDropped]).toEqual([[notifier.name, 7]]);
    await notifier.close();
    expect([...ledger.sinkDropped.values()]).toEqual([10]);
  });

  test("the name shows the host and no token", () => {
    const { notifier } = open({ kind: "webhook", url: "https://hooks.example.com/services/T0/secret" });
    expect(notifier.name).toBe("notify:webhook:hooks.example.com");
  });
});

describe("what is told", () => {
  async function told(config: object, events: AlertEvent[]): Promise<string[]> {
    const { url, received } = await receiver(ok);
    const { notifier } = open({ kind: "webhook", url, ...config });
    for (const event of events) notifier.write(event);
    await notifier.close();
    return received.map(({ body }) => `${JSON.parse(body).state} ${JSON.parse(body).severity}`);
  }

  test("the beginning, what is worse, the end; not each turn between", async () => {
    const events = [
      record({ state: "pending" }),
      record(),
      record({ state: "resolving" }),
      record({ reopened: 1 }),
      record({ severity: "critical" }),
      record({ state: "resolved", severity: "critical" }),
    ];
    expect(await told({}, events)).toEqual(["firing warning", "firing critical", "resolved critical"]);
  });

  test("nothing silenced or acknowledged; but the end of what was told", async () => {
    expect(await told({}, [record({ labels: { silenced: "q-1" } })])).toEqual([]);
    const marked = { acknowledged: "true", silenced: "q-1" };
    expect(
      await told({}, [
        record(),
        record({ severity: "critical", labels: marked }),
        record({ state: "resolved", labels: marked }),
      ]),
    ).toEqual(["firing warning", "resolved warning"]);
  });

  test("by severity and state", async () => {
    expect(await told({ severity: "critical" }, [record(), record({ id: "a-2", severity: "critical" })])).toEqual([
      "firing critical",
    ]);
    expect(await told({ states: ["resolved"] }, [record(), record({ state: "resolved" })])).toEqual([
      "resolved warning",
    ]);
  });

  test("redacted before anything is made of it", async () => {
    const { url, received } = await receiver(ok);
    const redact = (event: AlertEvent) => ({ ...event, summary: event.summary.replace("hunter2", "[redacted]") });
    for (const kind of ["webhook", "slack", "alertmanager"] as const) {
      const { notifier } = open({ kind, url }, { redact });
      notifier.write(record({ summary: "HIGH /login?password=hunter2" }));
      await notifier.close();
    }
    expect(received).toHaveLength(3);
    for (const { body } of received) {
      expect(body).not.toContain("hunter2");
      expect(body).toContain("[redacted]");
    }
  });
});

test("slack: a payload in which captured text commands nothing", async () => {
  const { url, received } = await receiver(ok);
  const { notifier } = open({ kind: "slack", url });
  notifier.write(record({ summary: "HIGH <!channel> & \u001b[2J" }));
  await notifier.close();
  const payload = JSON.parse(received[0].body);
  expect(payload.text).toBe("HIGH &lt;!channel&gt; &amp; \\x1b[2J");
  expect(payload.attachments[0]).toMatchObject({ color: "#daa038", ts: NOW / 1e6 });
  expect(payload.attachments[0].fields[0]).toMatchObject({ title: "section (94 %)" });
});

test("alertmanager: one identity from firing to resolved, and none left over when it got worse", async () => {
  const { url, received } = await receiver(ok);
  const { notifier } = open({ kind: "alertmanager", url: url.replace("/hook", "/"), labels: { instance: "web1" } });
  notifier.write(record({ group: "10.0.0.7" }));
  notifier.write(record({ group: "10.0.0.7", severity: "critical" }));
  notifier.write(record({ group: "10.0.0.7", severity: "critical", state: "resolved" }));
  await notifier.close();
  expect(received.map(({ path }) => path)).toEqual(Array(3).fill("/api/v2/alerts"));
  const [firing, worse, resolved] = received.map(({ body }) => JSON.parse(body));
  expect(firing).toHaveLength(1);
  expect(firing[0].labels).toEqual({
    ...{
      alertname: "requests",
      job: "earshot",
      severity: "warning",
      group: "10.0.0.7",
      direction: "high",
      instance: "web1",
    },
  });
  expect(Date.parse(firing[0].endsAt)).toBeGreaterThan(NOW / 1000);
  expect(worse.map((alert: { labels: { severity: string } }) => alert.labels.severity)).toEqual([
    "critical",
    "warning",
  ]);
  expect(worse[1].labels).toEqual(firing[0].labels);
  expect(Date.parse(worse[1].endsAt)).toBe(NOW / 1000);
  for (const alert of resolved) expect(Date.parse(alert.endsAt)).toBe(NOW / 1000);
});

describe("syslog", () => {
  const SHAPE =
    /^<132>1 2024-01-02T10:00:00\.000000Z \S+ earshot \d+ firing \[earshot@32473 id="a-1" rule="requests" state="firing" severity="warning" direction="high" value="412"\] \ufeffTEST/;

  test("one datagram a record", async () => {
    const socket = createSocket("udp4");
    const messages: string[] = [];
    socket.on("message", (message) => messages.push(message.toString()));
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    cleanups.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
    const { notifier } = open({ kind: "syslog", port: socket.address().port });
    notifier.write(record());
    await notifier.close();
    await expect.poll(() => messages.length).toBe(1);
    expect(messages[0]).toMatch(SHAPE);
  });

  test("octet counting over TCP, and a new connection when the receiver closed the old one", async () => {
    const sockets: Socket[] = [];
    let text = "";
    const server = createTcpServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", (data) => {
        text += data.toString();
        if (sockets.length === 1) socket.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    const { notifier, ledger } = open({
      kind: "syslog",
      transport: "tcp",
      port: (server.address() as AddressInfo).port,
    });
    notifier.write(record());
    await expect.poll(() => sockets[0]?.destroyed ?? false).toBe(true);
    notifier.write(record({ state: "resolved" }));
    await notifier.close();
    await expect.poll(() => text).toContain('state="resolved"');
    expect(sockets).toHaveLength(2);
    const [, length, message] = /^(\d+) (<132>.*?nothing is wrong)/s.exec(text) ?? [];
    expect(Buffer.byteLength(message)).toBe(Number(length));
    expect(ledger.sinkDropped.size).toBe(0);
  });

  test("nobody listens: counted, and told once", async () => {
    const { notifier, ledger, failures } = open({ kind: "syslog", transport: "tcp", port: 1, attempts: 2 });
    notifier.write(record());
    await notifier.close();
    expect([...ledger.sinkDropped.values()]).toEqual([1]);
    expect(failures).toHaveLength(1);
  });

  test("hostile text: escaped, one line, at most 2048 octets of whole characters", () => {
    const config = { facility: 16, app_name: "earshot" };
    const message = syslogMessage(record({ rule: 'a"]\\\n', summary: `€\n<0>1${"€".repeat(2000)}` }), config, "ho st");
    expect(message).toContain(String.raw`rule="a\"\]\\\\n"`);
    expect(message).toContain(" host earshot ");
    expect(message).not.toContain("\n");
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2048);
    expect(message).not.toContain("\ufffd");
  });
});

describe("programs", () => {
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), "notify-"));
    cleanups.push(() => rmSync(path, { recursive: true }));
    return path;
  }
  function script(path: string, text: string): string {
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  test("a command gets the record on its input, no shell, and none of our environment", async () => {
    const path = folder();
    const program = script(
      join(path, "told"),
      `cat > ${path}/input; printf '%s|' "$@" > ${path}/arguments; env > ${path}/environment`,
    );
    process.env["EARSHOT_TEST_SECRET"] = "hunter2";
    cleanups.push(() => delete process.env["EARSHOT_TEST_SECRET"]);
    const { notifier } = open({ kind: "command", command: [program, "$(id)", "a b; true"] });
    notifier.write(record());
    await notifier.close();
    expect(JSON.parse(readFileSync(join(path, "input"), "utf8"))).toEqual(record());
    expect(readFileSync(join(path, "arguments"), "utf8")).toBe("$(id)|a b; true|");
    expect(readFileSync(join(path, "environment"), "utf8")).not.toContain("hunter2");
  });

  test("one that fails is tried again; one that hangs is killed with its children", async () => {
    const path = folder();
    const failing = script(
      join(path, "fails"),
      `cat > /dev/null; echo x >> ${path}/runs; [ $(wc -l < ${path}/runs) -ge 2 ]`,
    );
    const failed = open({ kind: "command", command: [failing] });
    failed.notifier.write(record());
    await failed.notifier.close();
    expect(readFileSync(join(path, "runs"), "utf8")).toBe("x\nx\n");
    expect(failed.ledger.sinkDropped.size).toBe(0);
    const hanging = script(join(path, "hangs"), `sleep 30 & echo $! > ${path}/child; wait`);
    const hung = open({ kind: "command", command: [hanging], timeout_s: 0.3, attempts: 1 });
    hung.notifier.write(record());
    await hung.notifier.close();
    expect([...hung.ledger.sinkDropped.values()]).toEqual([1]);
    const child = Number(readFileSync(join(path, "child"), "utf8"));
    await expect.poll(() => alive(child)).toBe(false);
  });

  /** A killed child may stay a zombie until it is reaped: that is not alive. */
  function alive(pid: number): boolean {
    const stat = `/proc/${pid}/stat`;
    return existsSync(stat) && !/\) Z /.test(readFileSync(stat, "utf8"));
  }

  test("a program that is not there is no reason to wait", async () => {
    const { notifier, ledger, failures } = open({ kind: "command", command: ["/nonexistent/program"] });
    notifier.write(record());
    await notifier.close();
    expect([...ledger.sinkDropped.values()]).toEqual([1]);
    expect(failures).toEqual(["cannot run /nonexistent/program: ENOENT"]);
  });

  test("mail: recipients as arguments, headers that no record can add to, text that can be read", async () => {
    const path = folder();
    const sendmail = script(join(path, "sendmail"), `printf '%s\\n' "$@" > ${path}/arguments; cat > ${path}/mail`);
    const { notifier } = open({
      kind: "email",
      sendmail,
      to: ["ops@example.com", "me@example.com"],
      from: "earshot@example.com",
    });
    notifier.write(record({ summary: "HIGH\r\nBcc: all@example.com\r\n\r\nüber" }));
    await notifier.close();
    expect(readFileSync(join(path, "arguments"), "utf8")).toBe(
      "-i\n-f\nearshot@example.com\n--\nops@example.com\nme@example.com\n",
    );
    const [head, body] = readFileSync(join(path, "mail"), "utf8").split("\r\n\r\n");
    expect(head).not.toMatch(/^Bcc/m);
    expect(head).toMatch(/^To: ops@example\.com, me@example\.com\r$/m);
    expect(head).toMatch(/^Subject: =\?utf-8\?B\?/m);
    const text = Buffer.from(body, "base64").toString();
    expect(text).toMatch(/^HIGH\\r\\nBcc/);
    expect(text).toContain("94 % section http://shop.example/login: 280, usual 31");
  });

  test("addresses that would be options or lists are refused", () => {
    for (const to of ["-oQ/tmp@x", "a@b, c@d", "a b@c", "nobody"])
      expect(notifierSchema.safeParse({ kind: "email", to: [to] }).success).toBe(false);
  });
});

test("json lines to a file, safe to print", async () => {
  const path = mkdtempSync(join(tmpdir(), "notify-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  const { notifier } = open({ kind: "json", path: join(path, "alerts.ndjson") });
  notifier.write(record({ state: "resolving", summary: "\u001b[2J" }));
  notifier.write(record({ state: "restarted" }));
  await notifier.close();
  const lines = readFileSync(join(path, "alerts.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).state)).toEqual(["resolving", "restarted"]);
  expect(lines[0]).not.toContain("\u001b");
  expect(JSON.parse(lines[0]).summary).toBe("\u001b[2J");
});

test("the test record goes through every notifier, and each says how it went", async () => {
  const good = await receiver(ok);
  const bad = await receiver((response) => response.writeHead(403).end());
  const configs = [
    { kind: "webhook", url: good.url, name: "good" },
    { kind: "slack", url: bad.url, name: "bad" },
    { kind: "syslog", transport: "tcp", port: 1, name: "gone" },
    { kind: "webhook", url: bad.url, enabled: false },
  ].map((config) => notifierSchema.parse(config));
  const results = await notifyTest(configs, { redact: (event) => event }, NOW);
  expect(results.map(({ notifier, ok }) => [notifier, ok])).toEqual([
    ["good", true],
    ["bad", false],
    ["gone", false],
  ]);
  expect(results[1].error).toBe("the webhook answered 403");
  expect(results[2].error).toContain("ECONNREFUSED");
  expect(JSON.parse(good.received[0].body)).toMatchObject({ id: "a-test", labels: { test: "true" } });
});

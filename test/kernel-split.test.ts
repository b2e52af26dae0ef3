/**
 * The kernel time split, through the whole program: a server that measures itself says in each response how long it
 * worked (`X-Work`, nanoseconds between its read and its write) and how long after its former write it read (`X-Late`);
 * `earshot watch` has to tell the same of each exchange, and of no other.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TransactionEvent } from "../src/core/event.ts";
import { probeAttribution } from "../src/enrich/attribution.ts";
import { exchangesOf, textsOf } from "./support/printed-events.ts";
import * as lab from "./support/process-lab.ts";

const MAIN = join(import.meta.dirname, "../src/cli/main.ts");

function reason(): string {
  if (!lab.isRoot) return "needs root";
  if (!lab.installed("python3")) return "needs python3";
  if (!process.features.typescript) return "needs a Node that runs TypeScript";
  return probeAttribution().some(({ tier, works }) => works && tier < "C") ? "" : "needs tier A or B";
}

const why = reason();
const noWrk = lab.installed("wrk") ? "" : " (SKIPPED: needs wrk)";

/** Two processes that accept from one socket, with a thread for each connection. Targets: /WORK/REST, microseconds. */
const SERVER = `import os, socket, threading, time
listener = socket.create_server(("127.0.0.1", 0), backlog=256)
print("ready", listener.getsockname()[1], flush=True)
now = time.monotonic_ns
def answer(connection, target, read, late):
    work, rest, *more = [int(part) for part in target.split(b"/")[1:]]
    if more: connection.sendall(b"HTTP/1.1 103 Early Hints\\r\\n\\r\\n")
    if work: time.sleep(work / 1e6)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nX-Pid: %d\\r\\nX-Late: %d\\r\\nX-Work: %d\\r\\n\\r\\n"
                       % (os.getpid(), late, now() - read))
    return rest
def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wrote = now()
    try:
        while data := connection.recv(65536):
            read = now()
            rests = [answer(connection, one.split(b" ")[1], read, read - wrote) for one in data.split(b"\\r\\n\\r\\n")[:-1]]
            wrote = now()
            if rests[-1]: time.sleep(rests[-1] / 1e6)
    except ConnectionError: pass
    connection.close()
alive = os.pipe()
if os.fork() == 0:
    os.close(alive[1])
    # the first process ends: so do we
    threading.Thread(target=lambda: os.read(alive[0], 1) or os._exit(0)).start()
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()`;

/** Keep-alive connections at once, each with requests one after the other; \`each\` is 1 for short-lived connections. */
const CLIENT = `import random, socket, sys, threading
port, width, count, each = (int(word) for word in sys.argv[1:])
def ask():
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(each):
            connection.sendall(b"GET /%d/%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % (random.randrange(8000), random.choice((0, random.randrange(8000)))))
            text = b""
            while not text.endswith(b"\\r\\n\\r\\n"): text += connection.recv(4096)
        connection.close()
lanes = [threading.Thread(target=ask) for _ in range(width)]
for lane in lanes: lane.start()
for lane in lanes: lane.join()`;

/** One connection with what is given, one after the other; waits for so many responses. */
const SAY = `import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall("".join("GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % target for target in sys.argv[2:]).encode())
text = b""
while text.count(b"HTTP/1.1 200") < len(sys.argv) - 2 or not text.endswith(b"\\r\\n\\r\\n"): text += connection.recv(4096)`;

const fieldOf = ({ response }: TransactionEvent, name: string) =>
  Number(response!.fields.find(([one]) => one === name)![1]);

/** What the server says of itself, in milliseconds. */
const workOf = (event: TransactionEvent) => fieldOf(event, "X-Work") / 1e6;
const lateOf = (event: TransactionEvent) => fieldOf(event, "X-Late") / 1e6;

/** Between the server's own looks at its clock and the kernel's it may have had to wait for a processor. */
const DISTURBED_MS = 0.5;

describe.skipIf(why !== "")(`kernel time split${why && ` (SKIPPED: ${why})`}`, () => {
  let server: lab.Server & { readonly pid: number };
  let watch: ChildProcess;
  let printed: () => string;
  let rows: () => number;
  let said: () => string;

  beforeAll(async () => {
    server = await lab.startScript(["python3", "-c", SERVER]);
    watch = spawn(process.execPath, [MAIN, "watch", "-i", "lo", "-p", String(server.port), "-o", "json"]);
    ({ printed, rows, said } = textsOf(watch));
    // the first exchanges may pass before the capture is open
    await lab.until(() => {
      lab.command("python3", "-c", SAY, String(server.port), "/0/0");
      return exchangesOf(printed()).length > 0;
    }, 15_000);
  }, 20_000);

  afterAll(() => {
    watch.kill("SIGKILL");
    server.stop();
  });

  /** Exchanges that came of what `ask` did: so many, or all when nothing more comes for a while. */
  async function seen(ask: () => Promise<unknown>, count?: number): Promise<TransactionEvent[]> {
    const before = printed().length;
    await ask();
    const fresh = () => exchangesOf(printed().slice(before));
    let length = before;
    let since = performance.now();
    await lab.until(() => {
      if (count !== undefined) return fresh().length >= count;
      if (printed().length !== length) since = performance.now();
      length = printed().length;
      return length > before && performance.now() - since > 500;
    }, 10_000);
    return fresh();
  }

  const ask = (code: string, ...words: readonly (string | number)[]) =>
    once(lab.run(["python3", "-c", code, String(server.port), ...words.map(String)]), "close");

  /** Of each exchange its own: never shorter than what the server did, and mostly hardly longer. */
  function expectRight(events: readonly TransactionEvent[]): void {
    const wrong = events.filter((event) => {
      const { request_wait: before, process: work, response_wait: behind } = event.kernel_ms!;
      const whole = Math.abs(before! + work! + behind! - event.latency_ms.think!) < 0.005;
      const right = work! > workOf(event) - 0.002 && event.process.server?.pid === fieldOf(event, "X-Pid");
      return !(before! >= 0 && work! >= 0 && behind! >= 0 && whole && right);
    });
    expect(wrong.map(({ kernel_ms, response }) => ({ kernel_ms, ...response }))).toEqual([]);
    expectMostly(events.map((event) => event.kernel_ms!.process! - workOf(event) < DISTURBED_MS));
  }

  function expectMostly(right: readonly boolean[]): void {
    expect(right.filter((one) => !one).length).toBeLessThan(0.1 * right.length + 1);
  }

  test("kept connections: each exchange has its own times, of two processes on one port", async () => {
    const events = await seen(() => ask(CLIENT, 8, 1, 100), 800);
    expect(events.filter(({ kernel_ms }) => kernel_ms === null)).toEqual([]);
    expectRight(events);
    expect(new Set(events.map((event) => event.process.server?.pid)).size).toBe(2);
    // a server that reads late: the request waited for as long as the server did not read, less what it came later
    const byFlow = Map.groupBy(events, ({ flow }) => flow.id);
    const near: boolean[] = [];
    let late = 0;
    for (const flow of byFlow.values()) {
      for (const [index, event] of flow.entries()) {
        if (index === 0) continue;
        const former = flow[index - 1];
        const came = (event.time_us - former.time_us) / 1_000 - former.latency_ms.ttfb!;
        const waited = lateOf(event) - came;
        if (waited > 2) late++;
        near.push(Math.abs(event.kernel_ms!.request_wait! - waited) < DISTURBED_MS);
      }
    }
    expect(late).toBeGreaterThan(100);
    expectMostly(near);
  }, 20_000);

  test("a connection for each request", async () => {
    const events = await seen(() => ask(CLIENT, 8, 25, 1), 200);
    expect(events.length - events.filter(({ kernel_ms }) => kernel_ms !== null).length).toBeLessThan(5);
    expectRight(events.filter(({ kernel_ms }) => kernel_ms !== null));
  }, 20_000);

  test("pipelined and answered in one go: the first has times, of the others nobody knows; then it goes on", async () => {
    const events = await seen(() => ask(SAY, "/3000/0", "/2000/0", "/1000/0"), 3);
    expect(events.map(({ kernel_ms }) => kernel_ms !== null)).toEqual([true, false, false]);
    expectRight(events.slice(0, 1));
  });

  test("an interim response was written first: not told", async () => {
    const [event] = await seen(() => ask(SAY, "/3000/0/1"), 1);
    expect(event.kernel_ms).toBeNull();
  });

  test.skipIf(noWrk !== "")(
    `thousands of requests a second on kept connections${noWrk}`,
    async () => {
      const [length, count] = [printed().length, rows()];
      await once(lab.run(["wrk", "-t1", "-c16", "-d1", `http://127.0.0.1:${server.port}/0/0`]), "close");
      // not all of them: where this process reads too slowly, earshot drops rows, and counts them
      await lab.until(() => rows() - count > 1_000, 20_000);
      const events = exchangesOf(printed().slice(length));
      expect(said()).not.toContain("dropped");
      expect(events.length).toBeGreaterThan(1_000);
      const told = events.filter(({ kernel_ms }) => kernel_ms !== null);
      expect(told.length / events.length).toBeGreaterThan(0.97);
      expectRight(told);
    },
    30_000,
  );
});

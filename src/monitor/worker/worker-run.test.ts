/** Capture by several threads, in this process, on loopback: nothing lost, nothing twice, nothing left behind. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EarshotEvent, TransactionEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { Trouble } from "../../core/trouble.ts";
import type { AttributionMode } from "../../enrich/attribution.ts";
import { Redactor } from "../../redact/redactor.ts";
import { parseOutputSpec } from "../../sink/output/spec.ts";
import type { SessionOptions } from "../session.ts";
import type { ShardSettings } from "./messages.ts";
import { WorkerRun } from "./worker-run.ts";

const root = process.platform === "linux" && process.geteuid?.() === 0;
/** A test machine that is busy may let blocks wait. */
const BUFFER_BYTES = 32 << 20;

let server: Server;
let port = 0;

beforeAll(async () => {
  server = createServer((_, response) => void response.end("x")).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** `connections` connections with `each` requests one after the other; all paths differ. */
async function visit(connections: number, each: number): Promise<void> {
  await Promise.all(
    Array.from({ length: connections }, async (_, visitor) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let turn = 0; turn < each; turn++) {
        const call = request({ agent, port, host: "127.0.0.1", path: `/${visitor}/${turn}?token=hush` });
        call.end();
        const [response] = await once(call, "response");
        response.resume();
        await once(response, "close");
      }
      agent.destroy();
    }),
  );
}

interface Opened {
  readonly run: WorkerRun;
  readonly ledger: Ledger;
  readonly events: TransactionEvent[];
  readonly failures: string[];
}

async function opened(
  settings: Partial<ShardSettings> = {},
  session: Partial<SessionOptions> = {},
  { workers = 2, linesUnread = true, attribution = "none" as AttributionMode } = {},
): Promise<Opened> {
  const ledger = new Ledger();
  const events: TransactionEvent[] = [];
  const failures: string[] = [];
  const observer = (event: EarshotEvent) => void (event.type === "transaction" && events.push(event));
  const run = await WorkerRun.open({
    workers,
    attribution,
    settings: {
      capture: { interfaces: ["lo"], ports: [{ from: port, to: port }], tunnels: false, bufferBytes: BUFFER_BYTES },
      redact: {},
      choosing: { filters: { texts: [] }, processes: {} },
      captureRequest: true,
      captureResponse: true,
      minLatency_ms: 0,
      maxBodyBytes: 0,
      ...settings,
    },
    session: {
      live: true,
      ledger,
      outputs: [],
      redactor: new Redactor(),
      table: { width: 160, color: false, columns: null },
      formats: {} as SessionOptions["formats"],
      maxBodyBytes: 0,
      captureRequest: true,
      captureResponse: true,
      tests: [],
      observers: [observer],
      onOutputClosed: () => {},
      onNotice: () => {},
      ...session,
    },
    linesUnread,
    onFailed: (line) => failures.push(line),
  });
  return { run, ledger, events, failures };
}

/** Connections that are on their way out have descriptors still, in this process at both ends. */
async function quiet(): Promise<void> {
  const connections = () => new Promise((told) => server.getConnections((_, count) => told(count)));
  await expect.poll(connections, { timeout: 20_000 }).toBe(0);
}

const descriptors = () => readdirSync("/proc/self/fd").length;
const rings = () => readFileSync("/proc/self/maps", "utf8").match(/socket:\[/g)?.length ?? 0;

function problem(opening: Promise<Opened>): Promise<Trouble> {
  return opening.then(
    () => {
      throw new Error("it opened");
    },
    (error) => error,
  );
}

describe.skipIf(!root)(`capture workers${root ? "" : " (needs Linux and root)"}`, () => {
  test.each([1, 2, 3])("%i: each exchange once, flows whole, numbers apart, ledgers added up", async (workers) => {
    const { run, ledger, events, failures } = await opened({}, {}, { workers });
    run.start();
    await visit(40, 12);
    await run.stop();
    expect(failures).toEqual([]);
    expect(events.map((event) => event.request?.path).sort()).toEqual(
      Array.from({ length: 40 * 12 }, (_, index) => `/${index % 40}/${Math.floor(index / 40)}`).sort(),
    );
    expect(new Set(events.map((event) => event.id)).size).toBe(480);
    const flows = Map.groupBy(events, (event) => event.flow.id);
    expect(flows.size).toBe(new Set(events.map((event) => event.flow.client.port)).size);
    for (const group of flows.values()) {
      expect(group.map((event) => event.depth)).toEqual(group.map((_, index) => index + 1));
      expect(new Set(group.map((event) => event.flow.client.port)).size).toBe(1);
    }
    const used = new Set([...flows.keys()].map((id) => id % workers));
    expect(used.size).toBe(workers);
    expect(events.every((event) => event.outcome === "complete" && !event.quality.midstream)).toBe(true);
    expect(events[0].request?.query).toBe("token=<redacted:4>");
    expect(ledger.transactions).toBe(480);
    expect(ledger.complete).toBe(480);
    expect(ledger.flows).toBe(flows.size);
    expect([ledger.kernelDropped, ledger.gaps, ledger.flowsMidstream, ledger.internalErrors]).toEqual([0, 0, 0, 0]);
    expect(ledger.sinkDropped.size).toBe(0);
  });

  test("filters, latency and halves are the workers' part", async () => {
    const { run, ledger, events } = await opened({
      choosing: { filters: { texts: ['path startsWith "/3/"'] }, processes: {} },
      captureResponse: false,
    });
    run.start();
    await visit(5, 4);
    await run.stop();
    expect(events.map((event) => [event.request?.path, event.response]).sort()).toEqual(
      [0, 1, 2, 3].map((turn) => [`/3/${turn}`, null]),
    );
    expect(ledger.transactions).toBe(20);
  });

  test("tests of the main thread come behind them", async () => {
    let left = 3;
    const { run, events } = await opened({}, { tests: [() => left-- > 0] });
    run.start();
    await visit(4, 4);
    await run.stop();
    expect(events.length).toBe(3);
  });

  test("JSON is written as it comes, whole lines, and filters can come later", async () => {
    const folder = mkdtempSync(join(tmpdir(), "earshot-workers-"));
    const path = join(folder, "events.json");
    const { run, events } = await opened({}, { outputs: [parseOutputSpec(`json=${path}`)], observers: [] });
    run.start();
    await visit(10, 5);
    await expect.poll(() => run.session.ledger.transactions, { timeout: 20_000 }).toBe(50);
    await sleep(300);
    const only = (event: EarshotEvent) => event.type === "transaction" && event.request?.path === "/1/1";
    run.session.refilter([only], { texts: ['path == "/1/1"'] });
    await visit(10, 5);
    await run.stop();
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    rmSync(folder, { recursive: true });
    expect(events.length).toBe(0);
    expect(lines.length).toBe(51);
    const read = lines.map((line) => JSON.parse(line) as TransactionEvent);
    expect(new Set(read.map((event) => event.id)).size).toBe(51);
    expect(read[50].request?.path).toBe("/1/1");
  });

  test("where something else goes to the same output, events are made of the lines", async () => {
    const folder = mkdtempSync(join(tmpdir(), "earshot-workers-"));
    const path = join(folder, "events.json");
    const { run } = await opened(
      {},
      { outputs: [parseOutputSpec(`json=${path}`)], captureResponse: false, observers: [] },
      { linesUnread: false },
    );
    const heard: string[] = [];
    run.session.pipeline.onEvent((event) => heard.push(event.type));
    run.start();
    await visit(3, 1);
    await run.stop();
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    rmSync(folder, { recursive: true });
    expect(lines.map((line) => JSON.parse(line).response)).toEqual([null, null, null]);
    expect(heard.length).toBe(3);
  });

  test.each(["none", "auto"] as AttributionMode[])("nothing is left behind, attribution %s", async (attribution) => {
    const warm = await opened({}, {}, { attribution });
    await warm.run.stop();
    await quiet();
    const before = [descriptors(), rings()];
    for (let round = 0; round < 2; round++) {
      const { run } = await opened({}, {}, { attribution });
      run.start();
      await visit(2, 1);
      await run.stop();
    }
    await quiet();
    await expect.poll(() => [descriptors(), rings()], { timeout: 20_000 }).toEqual(before);
  });

  test("time comes from the worker that is behind most, and the ledger meanwhile", async () => {
    const { run, ledger } = await opened();
    const ticks: number[] = [];
    run.onTick = (now) => ticks.push(now);
    run.start();
    await visit(4, 1);
    await expect.poll(() => ledger.transactions, { timeout: 20_000 }).toBe(4);
    await expect.poll(() => ticks.length, { timeout: 20_000 }).toBeGreaterThan(1);
    await run.stop();
    expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
    expect(Math.abs(ticks.at(-1)! / 1000 - Date.now())).toBeLessThan(10_000);
  });

  test("what is wrong with the options is told as without workers, and all is closed", async () => {
    await quiet();
    const before = [descriptors(), rings()];
    const nowhere = await problem(opened({ capture: { interfaces: ["nowhere"] } }));
    expect(nowhere).toBeInstanceOf(Trouble);
    expect(nowhere.message).toContain('"nowhere"');
    const filter = await problem(opened({ choosing: { filters: { texts: ["nonsense =="] }, processes: {} } }));
    expect(filter.exitCode).toBe(2);
    const broken = await problem(opened({ capture: { interfaces: 5 as unknown as string[] } }));
    expect(broken.message).toMatch(/capture worker \d did not start/);
    // a thread that broke is tidied up after it was told of
    await expect.poll(() => [descriptors(), rings()], { timeout: 20_000 }).toEqual(before);
  });

  test("a worker that breaks is told of, and the others end well", async () => {
    const { run, ledger, failures } = await opened();
    run.start();
    const { shards } = run as unknown as { shards: { worker: { postMessage(message: unknown): void } }[] };
    shards[1].worker.postMessage(null);
    await expect.poll(() => failures.length, { timeout: 20_000 }).toBe(1);
    expect(failures[0]).toMatch(/^capture worker 2 is lost: /);
    expect(ledger.internalErrors).toBe(1);
    const start = performance.now();
    await run.stop();
    expect(performance.now() - start).toBeLessThan(9_000); // it does not wait for the one that is gone
    expect(failures.length).toBe(1);
  });

  test("workers that are ended in the middle of traffic do not take the program with them", () => {
    const script = fileURLToPath(new URL("../../../test/support/breaking-workers.ts", import.meta.url));
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [script, "3"], { timeout: 60_000 });
    expect([status, signal, String(stdout), String(stderr)]).toEqual([0, null, "3 lost\n", ""]);
  }, 70_000);
});

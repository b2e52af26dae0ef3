/** `--workers` through the whole program: rows, JSON, limits, alerts, signals, and what it refuses. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetworkNamespace, whyNoNamespace } from "../../test/support/network-namespace.ts";
import { openCaptures } from "../../test/support/open-captures.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const whyNot = whyNoNamespace();

/** A server, and 20 connections with 5 requests each; ends by itself. */
const VISITS = `
const { createServer, request, Agent } = require("node:http");
const server = createServer((_, response) => response.end("x")).listen(8080, "127.0.0.1", async () => {
  await Promise.all(Array.from({ length: 20 }, async (_, visitor) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 0; turn < 5; turn++) await new Promise((done, failed) => {
      const call = request({ agent, port: 8080, host: "127.0.0.1", path: "/" + visitor + "/" + turn }, (response) => {
        response.resume().on("end", done);
      });
      call.on("error", failed).end();
    });
    agent.destroy();
  }));
  server.close();
});`;

describe("what needs one thread is refused", () => {
  test.each([
    ["--write-pcapng", "x.pcapng"],
    ["--plugin", "./x.ts"],
    ["-o", "plugin:x"],
  ])("%s", (...given) => {
    const { status, stderr } = spawnSync(process.execPath, [main, "watch", "--workers", "2", ...given]);
    expect(status).toBe(2);
    expect(String(stderr)).toMatch(/^earshot: --workers: .* in one thread only; .*\n$/);
  });
});

describe.skipIf(whyNot !== null)(`watch --workers${whyNot === null ? "" : ` (${whyNot})`}`, () => {
  let space: NetworkNamespace;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "earshot-workers-"));
    space = new NetworkNamespace("workers");
  });
  afterAll(() => {
    space?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Run {
    readonly child: ChildProcess;
    readonly out: () => string;
    readonly error: () => string;
  }

  /** Started, and with all its sockets open. */
  async function watching(...given: string[]): Promise<Run> {
    const command = [process.execPath, main, "watch", "-i", "lo", "--workers", "2", "--attribution", "none", ...given];
    const environment = { ...process.env, EARSHOT_STATE: join(folder, "state"), NO_COLOR: "1" };
    const child = spawn("ip", ["netns", "exec", space.name, ...command], { env: environment, stdio: "pipe" });
    let [out, error] = ["", ""];
    child.stdout.on("data", (text) => void (out += text));
    child.stderr.on("data", (text) => void (error += text));
    const open = () => openCaptures(child.pid!, ["ip", "netns", "exec", space.name]);
    await expect.poll(open, { timeout: 20_000, interval: 100 }).toBe(2);
    return { child, out: () => out, error: () => error };
  }

  async function end(run: Run, signal: NodeJS.Signals | null): Promise<number | null> {
    const ended = run.child.exitCode === null ? once(run.child, "close") : null;
    if (signal !== null) run.child.kill(signal);
    await ended;
    return run.child.exitCode;
  }

  const visit = () => space.run(process.execPath, "-e", VISITS);

  test.each(["SIGINT", "SIGTERM"] as const)("%s ends it with everything and a summary", async (signal) => {
    const run = await watching("-o", "json");
    visit();
    expect(await end(run, signal)).toBe(0);
    const events = run.out().trimEnd().split("\n");
    expect(new Set(events.map((line) => JSON.parse(line).id)).size).toBe(100);
    expect(run.error()).toMatch(/20 flows \(20 with HTTP\), 100 exchanges: 100 complete/);
    expect(run.error()).toContain("in 2 workers");
    expect(run.error()).toContain("nothing known to be missing");
  });

  test("rows, and JSON to a file beside them; the filter is the workers' part", async () => {
    const path = join(folder, "rows.json");
    const run = await watching("-o", "table", "-o", `json=${path}`, "--filter", 'path startsWith "/3/"');
    visit();
    expect(await end(run, "SIGTERM")).toBe(0);
    expect(run.out().match(/ \/3\/\d /g)).toHaveLength(5);
    expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(5);
  });

  test("--count ends it by itself after so many", async () => {
    const run = await watching("-o", "json", "--count", "7");
    visit();
    expect(await end(run, null)).toBe(0);
    expect(run.out().trimEnd().split("\n")).toHaveLength(7);
  });

  test("with alerts every exchange comes, and what is shown is still chosen", async () => {
    const run = await watching("-o", "json", "--alerts", "--filter", 'path == "/3/3"', "--capture-response", "false");
    visit();
    expect(await end(run, "SIGTERM")).toBe(0);
    const events = run
      .out()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const shown = events.filter((event) => event.type === "transaction");
    expect(shown.map((event) => [event.request.path, event.response])).toEqual([["/3/3", null]]);
    expect(run.error()).toMatch(/alerts: .*learning/);
  });
});

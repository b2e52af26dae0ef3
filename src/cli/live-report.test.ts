/** `top` and `stats` on live traffic of this host: in place on a terminal, in blocks elsewhere. Needs root. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCaptures } from "../../test/support/open-captures.ts";
import { installed } from "../../test/support/process-lab.ts";
import { reportOptions, TextOut } from "../../test/support/report-options.ts";
import { LiveCapture } from "../source/afpacket/live-capture.ts";
import { stats } from "./stats.ts";
import { top } from "./top.ts";

function canCapture(): boolean {
  try {
    new LiveCapture({ interfaceOpened() {}, packet() {} }, { interfaces: ["lo"] }).close();
    return true;
  } catch {
    return false;
  }
}

const missing = !canCapture() ? "needs root or CAP_NET_RAW" : installed("ss") ? "" : "needs iproute2 (ss)";
const open = () => openCaptures(process.pid);
const server = createServer((incoming, response) => response.writeHead(incoming.url === "/bad" ? 500 : 200).end("ok"));
let port = 0;

beforeAll(async () => {
  // loaded now and not within the moments that a run is given to open
  await import("../enrich/attribution.ts");
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => void server.close());

const ask = (path: string) =>
  new Promise<void>((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      response.resume().on("end", () => resolve());
    });
    asked.on("error", reject).end();
  });

async function while_(run: Promise<void>): Promise<void> {
  await expect.poll(open, { timeout: 20_000 }).toBe(1);
  for (const path of ["/a", "/a", "/a", "/bad"]) await ask(path);
  await run;
}

describe.skipIf(missing !== "")(`live traffic${missing && ` (SKIPPED: ${missing})`}`, () => {
  const live = () => ({
    ...reportOptions,
    attribution: "none" as const,
    interface: ["lo"],
    port: [String(port)],
    duration: 2,
    interval: 0.3,
  });

  test("blocks, each with its time; the last has everything", async () => {
    const out = new TextOut();
    await while_(top([], { ...live(), by: "path", metric: "requests", output: "json" }, out));
    const rows = out.lines.map((line) => JSON.parse(line));
    const blocks = rows.filter(({ type }) => type === "top-summary");
    expect(blocks.length).toBeGreaterThanOrEqual(3);
    expect(new Set(blocks.map(({ time }) => time)).size).toBe(blocks.length);
    expect(blocks.at(-1)).toMatchObject({ total: { requests: 4, errors: 1 } });
    expect(rows.at(-3)).toMatchObject({ keys: ["/a"], requests: 3 });
  });

  test("in place on a terminal: second screen, home, and back; then the last report stays", async () => {
    const out = new TextOut(true);
    await while_(top([], { ...live(), by: "path", metric: "requests" }, out));
    expect(out.text.startsWith("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H")).toBe(true);
    expect(out.text.split("\x1b[H").length).toBeGreaterThan(3);
    const [, after] = out.text.split("\x1b[?7h\x1b[?25h\x1b[?1049l");
    expect(after).toMatch(/^#\s+PATH\s+REQUESTS/);
    expect(after).toMatch(/1\s+\/a\s+3\s/);
    expect(after).not.toContain("\x1b");
  });

  test("ports that a filter implies are all that is captured", async () => {
    const out = new TextOut();
    const { port: _, ...options } = live();
    await while_(top([], { ...options, filter: [`server.port == ${port}`], by: "path", metric: "requests" }, out));
    expect(out.text).toMatch(/\/a\s+3\s/);
  });

  test.each([1, 2])("counts are what the server counted, with %i workers", { timeout: 30_000 }, async (workers) => {
    const served = new Map<string, number>();
    const count = (incoming: { readonly url?: string }) =>
      void served.set(incoming.url!, (served.get(incoming.url!) ?? 0) + 1);
    const out = new TextOut();
    const options = {
      ...live(),
      ...{ workers, duration: 4, by: "path", metric: "requests", output: "csv", limit: 100, interval: 60 },
      filter: ["path != /n0"],
    };
    const run = top([], options, out);
    await expect.poll(open, { timeout: 20_000 }).toBe(workers);
    server.on("request", count);
    for (let round = 0; round < 60; round++) {
      await Promise.all(Array.from({ length: 10 }, (_, number) => ask(`/n${(round * number) % 37}`)));
    }
    await run;
    server.off("request", count);
    const counted = out.lines.slice(1).map((line) => line.split(",").slice(1, 3));
    expect([...served.values()].reduce((sum, one) => sum + one)).toBe(600);
    served.delete("/n0");
    expect(new Map(counted.map(([path, requests]) => [path, Number(requests)]))).toEqual(served);
  });

  test("the page of everything", async () => {
    const out = new TextOut();
    await while_(stats([], { ...live(), window: 60 }, out));
    expect(out.text).toContain("4 requests, 4 responses, 1 client");
  });
});

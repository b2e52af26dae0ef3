/** Plug-ins in a whole run: a protocol's events, labels, sinks, and one that fails on the way. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { Conversation, pcapFile } from "../../test/support/capture-builder.ts";
import { reportOptions, TextOut } from "../../test/support/report-options.ts";
import type { EarshotEvent } from "../core/event.ts";
import { configSchema } from "./config-schema.ts";
import { readThrough } from "./read.ts";
import { stopOnSignals } from "./signals.ts";
import { stats } from "./stats.ts";
import { top } from "./top.ts";

const told: string[] = [];
// the summary goes to standard error past Node's stream
vi.mock("../sink/json/stdout.ts", async (original) => ({
  ...(await original<object>()),
  writeAll: (_descriptor: number, bytes: Uint8Array, length: number) =>
    told.push(Buffer.from(bytes).toString("utf8", 0, length)),
}));

const folder = mkdtempSync(join(tmpdir(), "earshot-run-plugins-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const capture = write(
  "a.pcap",
  pcapFile([
    ...new Conversation({ client: { ip: "10.0.0.1", port: 4_000 } })
      .open()
      .client("GET /a?token=abcdef0123456789 HTTP/1.1\r\nHost: a\r\n\r\n")
      .server("HTTP/1.1 204 No\r\n\r\n")
      .close().packets,
    ...new Conversation({ client: { ip: "10.0.0.2", port: 4_000 }, start: 1_700_000_001_000_000 })
      .open()
      .client("SAY hello\n")
      .client("SAY /x?password=hunter2secret\n")
      .close().packets,
  ]),
);

const say = write(
  "say.ts",
  `import { definePlugin, type EarshotEvent } from "earshot";
import { sampleTransaction } from "earshot/testing";
let emit: (event: EarshotEvent) => void = () => {};
export default definePlugin({
  name: "say",
  start(context) { emit = context.emit; },
  protocols: [{
    name: "say",
    detect: (bytes, start, end) => (end - start < 4 ? "need-more" : Buffer.from(bytes.subarray(start, start + 4)).toString() === "SAY " ? "yes" : "no"),
    open: (flow, from) => {
      flow.setClient(from);
      return {
        data(flow, _from, bytes, start, end) {
          const target = Buffer.from(bytes.subarray(start + 4, end)).toString().trim();
          emit({ ...sampleTransaction({ time_us: flow.now, request: { method: "SAY", target, path: target, query: null } }), flow: flow.info, labels: { said: target } });
        },
        gap() {},
        close() {},
      };
    },
  }],
});
`,
);

const label = write(
  "label.mjs",
  `export default { name: "label", enrichers: [{ name: "l", enrich: (event) => ({ ...event, labels: { ...event.labels, note: "Authorization: Bearer abcdef0123456789abcdef" } }) }] };`,
);

const bad = write(
  "bad.mjs",
  `let seen = 0;
export default { name: "bad",
  statistics: [{ name: "bad", unit: "x", create: () => ({}), observe() { if (++seen > 1) throw new Error("second"); }, merge() {}, report: () => ({ seen }) }] };`,
);

const keep = write(
  "keep.mjs",
  `export default { name: "keep", sinks: [{ name: "keep", write(event) { (globalThis.kept ??= []).push(event); }, async close() { globalThis.keptClosed = true; } }] };`,
);

async function events(plugin: string[], output: string[] = ["none"]) {
  const list: EarshotEvent[] = [];
  const stop = stopOnSignals();
  const options = { ...reportOptions, plugin, output };
  const { session } = await readThrough([capture], options, stop, { observers: [(event) => void list.push(event)] });
  stop.dispose();
  return { list, ledger: session.ledger };
}

describe("in a run", () => {
  test("a protocol's events are shown, counted and redacted like all others", async () => {
    const { list, ledger } = await events([say]);
    const said = list.filter((event) => event.type === "transaction" && event.request?.method === "SAY");
    expect(said).toHaveLength(2);
    expect(said[0]).toMatchObject({ flow: { client: { ip: "10.0.0.2" } }, labels: { said: "hello" } });
    expect(JSON.stringify(said)).not.toContain("hunter2secret");
    expect(ledger.transactions).toBe(3);
    const out = new TextOut();
    const options = { ...reportOptions, plugin: [say], by: "method", metric: "requests", output: "csv" };
    await top([capture], options, out);
    expect(out.lines.slice(1).map((line) => line.split(",").slice(1, 3).join(" "))).toEqual(["SAY 2", "GET 1"]);
  });

  test("what an enricher puts in is redacted", async () => {
    const { list } = await events([label]);
    const [event] = list;
    expect(event).toMatchObject({ type: "transaction", labels: { note: expect.any(String) } });
    expect(JSON.stringify(list)).not.toContain("abcdef0123456789");
  });

  test("a sink takes what passes the filters, and is closed", async () => {
    const kept = globalThis as unknown as { kept?: EarshotEvent[]; keptClosed?: boolean };
    await events([keep], ["plugin:keep"]);
    expect(kept.kept).toHaveLength(1);
    expect(kept.keptClosed).toBe(true);
    await expect(events([keep], ["plugin:kepp"])).rejects.toThrow("no plug-in brings a sink called `kepp`");
    await expect(events([], ["plugin:keep"])).rejects.toThrow("no plug-in brings a sink");
  });

  test("one that fails is off; the page is whole, and says so", async () => {
    const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(String(text)) > 0);
    const out = new TextOut();
    await stats([capture], { ...reportOptions, summary: true, plugin: [bad, say] }, out).finally(() =>
      spy.mockRestore(),
    );
    expect(out.text).toContain("3 requests");
    expect(out.text).toMatch(/bad \(x\)\nNAME\s+VALUE\nswitched off\s+statistic bad: second/);
    expect(told.join("")).toContain("earshot: plug-in bad failed and is switched off (statistic bad: second)\n");
    expect(told.join("")).toContain("plug-ins switched off after an error: bad");
  });

  test("of the configuration, from its folder", async () => {
    const parsed = configSchema.parse({ plugins: ["say.ts"] });
    const settings = { ...parsed, path: join(folder, "earshot.toml"), folder, raw: {}, origins: new Map() };
    const out = new TextOut();
    await top([capture], { ...reportOptions, settings, by: "method", metric: "requests", output: "csv" }, out);
    expect(out.text).toContain("SAY,2");
  });
});

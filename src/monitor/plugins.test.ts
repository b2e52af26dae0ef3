/** The registry: shapes, names, and plug-ins that fail while they run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { troubleOf } from "../../test/support/trouble-of.ts";
import type { EarshotEvent } from "../core/event.ts";
import { Flow } from "../core/flow.ts";
import { Ledger } from "../core/ledger.ts";
import { INCOMING } from "../core/packet.ts";
import type { Plugin, Statistic } from "../core/roles.ts";
import { EXIT, type Trouble } from "../core/trouble.ts";
import { loadPlugin } from "./plugin-loader.ts";
import { Registry } from "./plugins.ts";

const folder = mkdtempSync(join(tmpdir(), "earshot-plugins-"));
afterAll(() => rmSync(folder, { recursive: true }));

const counting = (change: Partial<Statistic<{ n: number }>> = {}): Statistic<{ n: number }> => ({
  name: "count",
  unit: "requests",
  create: () => ({ n: 0 }),
  observe: (state) => void state.n++,
  merge: (into, from) => void (into.n += from.n),
  report: ({ n }) => ({ n }),
  ...change,
});

/** A registry in a run: what was told and counted. */
function running(...plugins: Plugin[]) {
  const registry = new Registry();
  for (const plugin of plugins) registry.add(plugin, `${plugin.name}.ts`);
  const ledger = new Ledger();
  const told: string[] = [];
  const emitted: EarshotEvent[] = [];
  registry.start({ ledger, onNotice: (line) => told.push(line), emit: (event) => emitted.push(event) });
  return { registry, ledger, told, emitted };
}

describe("shapes", () => {
  test.each([
    [undefined, "has no default export"],
    [null, "is null, not a plug-in"],
    ["text", "is a string, not a plug-in"],
    [{}, "`name` is missing"],
    [{ name: "a b" }, "`name` is no name"],
    [{ name: 7 }, "`name` is no name"],
    [{ name: "a", statistic: [] }, "`statistic` is no part of a plug-in (did you mean `statistics`?)"],
    [{ name: "a", statistics: {} }, "`statistics` is an object, not a list"],
    [{ name: "a", statistics: [null] }, "`statistics[0]` is null, not an object"],
    [{ name: "a", statistics: [{ name: "b" }] }, "`statistics[0].unit` is missing, not a text"],
    [{ name: "a", statistics: [{ ...counting(), merge: 1 }] }, "`statistics[0].merge` is a number, not a function"],
    [{ name: "a", sinks: [{ name: "s" }] }, "`sinks[0].write` is missing, not a function"],
    [{ name: "a", detectors: [{ name: "d" }] }, "`detectors[0].inspect` is missing, not a function"],
    [{ name: "a", enrichers: [{ name: "e", enrich: "x" }] }, "`enrichers[0].enrich` is a string, not a function"],
    [{ name: "a", protocols: [{ name: "p", detect() {} }] }, "`protocols[0].open` is missing, not a function"],
    [{ name: "a", start: 1 }, "`start` is a number, not a function"],
    [[], "is a list, not a plug-in"],
  ])("%j", (exported, message) => {
    const trouble = troubleOf(() => new Registry().add(exported, "mine.ts"));
    expect(trouble.message).toContain("mine.ts");
    expect(trouble.message).toContain(message);
    expect(trouble.exitCode).toBe(EXIT.usage);
    expect(trouble.hint).not.toBe("");
  });

  test("names are taken once", () => {
    const registry = new Registry().add({ name: "a", statistics: [counting()] }, "a.ts");
    expect(troubleOf(() => registry.add({ name: "a" }, "b.ts")).message).toContain("already by a.ts");
    expect(troubleOf(() => registry.add({ name: "c", statistics: [counting()] }, "c.ts")).message).toContain(
      "statistic called `count`",
    );
    expect(() => registry.addBuiltin({ name: "earshot" }).add({ name: "earshot" }, "d.ts")).toThrow("earshot itself");
  });

  test("asking for what nobody brings suggests what is there", () => {
    const registry = new Registry();
    expect(troubleOf(() => registry.statistic("count")).hint).toContain("--plugin");
    registry.add({ name: "a", statistics: [counting()] }, "a.ts");
    expect(troubleOf(() => registry.statistic("cuont")).hint).toBe("did you mean `count`?");
    expect(registry.statistic("count").name).toBe("count");
  });
});

describe("failing while it runs", () => {
  test("a statistic that throws is off, told once, counted; the others go on", () => {
    const { registry, told, ledger } = running(
      {
        name: "bad",
        statistics: [
          counting({
            name: "bad",
            observe(state) {
              if (++state.n === 2) throw new Error("third\nline two");
            },
          }),
        ],
        enrichers: [{ name: "label", enrich: (event) => ({ ...event, labels: { a: "b" } }) }],
      },
      { name: "good", statistics: [counting({ name: "good" })] },
    );
    const [bad, good] = registry.statistics;
    const [one, two] = [bad.create(), good.create()];
    for (let index = 0; index < 5; index++) {
      bad.observe(one, transaction());
      good.observe(two, transaction());
    }
    expect(told).toEqual(["plug-in bad failed and is switched off (statistic bad: third)"]);
    expect(Object.fromEntries(ledger.pluginFailures)).toEqual({ bad: 1 });
    expect(good.report(two)).toEqual({ n: 5 });
    expect(bad.report(one)).toEqual({ "switched off": "statistic bad: third" });
    // all of it is off, not only the part that failed
    expect(registry.enrichers[0].enrich!(transaction()).labels).toBeUndefined();
    expect(registry.failures.get("bad")).toBe("statistic bad: third");
  });

  test("every part of an enricher is handed all that it is called with, and its answer comes back", () => {
    const calls: unknown[][] = [];
    const heard =
      (name: string) =>
      (...given: unknown[]) =>
        void calls.push([name, ...given]);
    const times = { requestWait: 1, process: 2, responseWait: null };
    const { registry } = running({
      name: "listens",
      enrichers: [
        {
          name: "listens",
          flowOpened: heard("flowOpened"),
          flowUsed: heard("flowUsed"),
          flowComment: heard("flowComment"),
          kernelTimes: (...given) => {
            heard("kernelTimes")(...given);
            return times;
          },
        },
      ],
    });
    const [enricher] = registry.enrichers;
    const flow = new Flow();
    enricher.flowOpened!(flow);
    enricher.flowComment!(flow, "pid=1", INCOMING, 1);
    enricher.flowUsed!(flow);
    expect(enricher.kernelTimes!(flow, 1, 2, 3)).toEqual(times);
    expect(calls).toEqual([
      ["flowOpened", flow],
      ["flowComment", flow, "pid=1", INCOMING, 1],
      ["flowUsed", flow],
      ["kernelTimes", flow, 1, 2, 3],
    ]);
  });

  test("enrichers: a throw, or no event back, leaves the event as it was", () => {
    for (const enrich of [
      () => {
        throw new Error("no");
      },
      () => undefined as never,
    ]) {
      const { registry, told } = running({ name: "bad", enrichers: [{ name: "e", enrich }] });
      const event = transaction();
      expect(registry.enrichers[0].enrich!(event)).toBe(event);
      expect(told).toHaveLength(1);
    }
  });

  test("an enricher offers only what it has: others cost nothing", () => {
    const { registry } = running({ name: "a", enrichers: [{ name: "e", flowOpened() {} }] });
    expect(Object.keys(registry.enrichers[0])).toEqual(["name", "flowOpened"]);
  });

  test("detectors: findings become labels; a bad one does not take the others' away", () => {
    const finding = { detector: "d", code: "x.y", severity: "warning", message: "odd" } as const;
    const { registry, told } = running(
      { name: "fine", detectors: [{ name: "d", inspect: () => [finding] }] },
      { name: "bad", detectors: [{ name: "e", inspect: () => null as never }] },
    );
    let event = transaction({ labels: { a: "b" } });
    for (const enricher of registry.enrichers) event = enricher.enrich!(event);
    expect(event.labels).toEqual({ a: "b", "finding.x.y": "warning: odd" });
    expect(event.type).toBe("transaction");
    expect(told).toEqual([expect.stringContaining("plug-in bad failed")]);
  });

  test("sinks: thrown at once, or later in a promise, or when closed", async () => {
    const { registry, told } = running(
      {
        name: "now",
        sinks: [
          {
            name: "now",
            write() {
              throw new Error("now");
            },
          },
        ],
      },
      { name: "later", sinks: [{ name: "later", write: (() => Promise.reject(new Error("later"))) as never }] },
      { name: "end", sinks: [{ name: "end", write() {}, close: () => Promise.reject(new Error("end")) }] },
    );
    for (const sink of registry.sinks) for (let turn = 0; turn < 3; turn++) sink.write(transaction());
    await new Promise((resolve) => setImmediate(resolve));
    for (const sink of registry.sinks) await sink.close!();
    expect(told.map((line) => /\((.*)\)/.exec(line)![1])).toEqual([
      "sink now: now",
      "sink later: later",
      "sink end: end",
    ]);
  });

  test("protocols: a failing detect is a no, a failing parser is silent", () => {
    const parser = {
      data() {
        throw new Error("data");
      },
      gap() {},
      close() {},
    };
    const { registry, told } = running({
      name: "p",
      protocols: [{ name: "p", detect: () => "yes", open: () => parser }],
    });
    const [protocol] = registry.protocols;
    const flow = new Flow();
    expect(protocol.detect(new Uint8Array(4), 0, 4)).toBe("yes");
    const open = protocol.open(flow, 0);
    open.data(flow, 0, new Uint8Array(4), 0, 4);
    open.data(flow, 0, new Uint8Array(4), 0, 4);
    open.gap(flow, 0, 5);
    expect(protocol.detect(new Uint8Array(4), 0, 4)).toBe("no");
    expect(told).toEqual(["plug-in p failed and is switched off (protocol p: data)"]);
  });

  test("start: may give out events until it fails", () => {
    const events: (() => void)[] = [];
    const { emitted, told } = running({
      name: "s",
      start(context) {
        events.push(() => context.emit(transaction()));
        context.notice("hello \x1b[2J");
        context.emit(transaction());
        throw new Error("late");
      },
    });
    events[0]();
    expect(emitted).toHaveLength(1);
    expect(told).toEqual(["plug-in s: hello \\x1b[2J", "plug-in s failed and is switched off (start: late)"]);
  });

  test("whatever is thrown can be told", () => {
    for (const thrown of [undefined, null, { toString: 1 }, "\x1b[31mred", new Error("")]) {
      const { registry, told } = running({
        name: "x",
        enrichers: [
          {
            name: "e",
            enrich() {
              throw thrown;
            },
          },
        ],
      });
      registry.enrichers[0].enrich!(transaction());
      expect(told).toHaveLength(1);
      expect(told[0]).not.toContain("\x1b");
    }
  });
});

describe("files", () => {
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const failure = (name: string) =>
    loadPlugin(name, folder).then(
      () => Promise.reject(new Error("loaded")),
      (error) => error as Trouble,
    );

  test("JavaScript and TypeScript, named from the folder", async () => {
    write("a.mjs", "export default { name: 'a' }");
    write("b.ts", "type Name = string; export default { name: 'b' satisfies Name }");
    expect(await loadPlugin("a.mjs", folder)).toEqual({ name: "a" });
    expect(await loadPlugin("./b.ts", folder)).toEqual({ name: "b" });
  });

  test("no such file, a folder, one that throws, one that is wrong", async () => {
    expect(await failure("none.ts")).toMatchObject({
      exitCode: EXIT.badFile,
      message: "plug-in none.ts: no such file",
    });
    expect((await failure(".")).message).toContain("is not a file");
    write("throws.mjs", "throw new Error('not today\\nsecond line')");
    expect((await failure("throws.mjs")).message).toContain("cannot be loaded: not today");
    write("wrong.mjs", "export default {");
    expect((await failure("wrong.mjs")).exitCode).toBe(EXIT.badFile);
    expect(await loadPlugin(write("empty.mjs", "export const a = 1"), folder)).toBeUndefined();
  });
});

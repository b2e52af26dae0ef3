/** Start-up stays short: what every start loads is counted, and what the built program takes to its first row is timed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
// @ts-expect-error a script without types
import { BUNDLED, everyStart, src } from "../scripts/start-graph.mjs";
import { Conversation, pcapFile } from "./support/capture-builder.ts";

/** Cheap: Node has them in its own start, or they are small. What is more is loaded by core/on-demand.ts. */
const CHEAP_PARTS_OF_NODE = ["node:fs", "node:module", "node:os", "node:path"];

test("what every start loads is no more than reading needs", () => {
  const { files, others } = everyStart() as { files: Set<string>; others: Set<string> };
  const names = [...files].map((path) => relative(src, path));
  // of types alone nothing is left when it runs, so this is more than is loaded
  expect(names.length).toBeLessThan(230);
  expect(names.filter((name) => /^(dashboard|alert|stats)\/|config-schema|config\.ts$/.test(name))).toEqual([]);
  expect([...others].filter((name) => !CHEAP_PARTS_OF_NODE.includes(name)).sort()).toEqual(BUNDLED);
});

const inRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const main = inRoot("dist/cli/main.js");
const time = (path: string) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const isCurrent =
  existsSync(main) &&
  ["src/cli/program.ts", "src/cli/main.ts", "src/cli/code-cache.ts", "scripts/build.mjs"].every(
    (path) => time(inRoot(path)) < time(inRoot("dist/.built")),
  );

describe.skipIf(!isCurrent)("the built program (skipped while dist is not built anew)", () => {
  let folder: string;
  let capture: string;
  let facts: string;
  let hook: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "earshot-start-"));
    const talk = new Conversation().open().client("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    capture = join(folder, "a.pcap");
    writeFileSync(capture, pcapFile(talk.server("HTTP/1.1 204 No\r\n\r\n").close().packets));
    facts = join(folder, "facts.json");
    hook = join(folder, "hook.cjs");
    const told = `{ cpu: process.cpuUsage(), parts: process.moduleLoadList }`;
    const write = `require("fs").writeFileSync(${JSON.stringify(facts)}, JSON.stringify(${told}))`;
    writeFileSync(hook, `process.on("exit", () => ${write});`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function run(...args: string[]) {
    const env = { PATH: process.env.PATH, XDG_CACHE_HOME: folder };
    const ran = spawnSync(process.execPath, ["--max-semi-space-size=4", "--require", hook, main, ...args], {
      encoding: "utf8",
      cwd: folder,
      env,
    });
    const { cpu, parts } = JSON.parse(readFileSync(facts, "utf8")) as {
      readonly cpu: { readonly user: number; readonly system: number };
      readonly parts: readonly string[];
    };
    return { ...ran, cpu_s: (cpu.user + cpu.system) / 1e6, parts: parts.map((part) => part.split(" ")[1]) };
  }

  test("the second start finds the code of the first, and gives the same", () => {
    const first = run("read", capture, "-o", "json");
    expect(first.status).toBe(0);
    expect(first.stdout.split("\n")).toHaveLength(2);
    const kept = () => readdirSync(join(folder, "earshot")).filter((name) => name.endsWith(".code"));
    expect(kept()).toEqual([expect.stringMatching(/^read-[0-9a-f]{12}-v[\d.]+\.code$/)]);
    const { ino } = statSync(join(folder, "earshot", kept()[0]));
    const second = run("read", capture, "-o", "json");
    expect([second.status, second.stdout, second.stderr]).toEqual([first.status, first.stdout, first.stderr]);
    // it was good, so it was not written anew
    expect(statSync(join(folder, "earshot", kept()[0])).ino).toBe(ino);
  });

  test("no part of Node is loaded that reading a file does not need", () => {
    const { parts } = run("read", capture, "-o", "json");
    const heavy = ["child_process", "crypto", "dgram", "fs/promises", "net", "stream", "tty", "v8", "zlib"];
    expect(
      parts.filter((part) => [...heavy, "https", "worker_threads", "internal/streams/readable"].includes(part)),
    ).toEqual([]);
  });

  test("the first row comes within 0.25 CPU seconds", () => {
    // the best of some: a machine under load makes all of them longer, and none of them shorter
    const times = Array.from({ length: 5 }, () => run("read", capture, "-o", "json").cpu_s);
    expect(Math.min(...times)).toBeLessThan(0.25);
  });

  test("help and version end by themselves", () => {
    expect(run("--version").stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect([run("read", "--help").status, run("--help").status, run("config").status]).toEqual([0, 0, 2]);
  });
});

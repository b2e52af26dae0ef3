/** SIGHUP: what is taken over, what is told to wait, and that a wrong file changes nothing. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { reportOptions } from "../../test/support/report-options.ts";
import { Ledger } from "../core/ledger.ts";
import type { EventTest } from "../monitor/session.ts";
import type { RedactOptions } from "../redact/schema.ts";
import { openDestination } from "../sink/output/open.ts";
import { parseOutputSpec } from "../sink/output/spec.ts";
import { loadSettings } from "./config.ts";
import { pushedPorts } from "./push-down.ts";
import { reloader } from "./reload.ts";
import type { RunOptions } from "./run-options.ts";
import { stopOnSignals } from "./signals.ts";

const folder = mkdtempSync(join(tmpdir(), "earshot-reload-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "earshot.toml");
const around = { folder, environment: {}, system: folder };

function running(text: string, flags: Partial<RunOptions> = {}) {
  writeFileSync(path, text);
  const { settings } = loadSettings(undefined, around);
  const told: string[] = [];
  let filters: readonly EventTest[] = [];
  let reopened = 0;
  let redaction: RedactOptions = {};
  const options = { ...reportOptions, settings, filter: settings.output.filter, output: undefined, ...flags };
  const reload = reloader({
    options,
    session: {
      refilter: (fresh) => (filters = fresh),
      reredact: (fresh) => (redaction = fresh),
      reopenFiles: () => void reopened++,
    },
    onNotice: (line) => told.push(line),
    around,
  });
  return {
    reload(next: string) {
      writeFileSync(path, next);
      reload();
      return told.at(-1);
    },
    passes: (status: number) => filters.every((filter) => filter(transaction({ response: { status } }))),
    get redaction() {
      return redaction;
    },
    get reopened() {
      return reopened;
    },
  };
}

describe("reloading", () => {
  test("filters are taken over, named ones too", () => {
    const run = running("[output]\nfilter = ['status == 200']");
    expect(run.reload("[output]\nfilter = ['@bad']\n[filters]\nbad = 'status == 5xx'")).toContain(
      "changed: output.filter, filters",
    );
    expect([run.passes(200), run.passes(503)]).toEqual([false, true]);
    run.reload("[output]\nfilter = ['@bad']\n[filters]\nbad = 'status == 4xx'");
    expect([run.passes(404), run.passes(503)]).toEqual([true, false]);
    expect(run.reload("[output]\nfilter = ['@bad']\n[filters]\nbad = 'status == 4xx'")).toContain("nothing changed");
    expect(run.reopened).toBe(3);
  });

  test("a flag stays, with the names it uses read anew", () => {
    const run = running("[filters]\nmine = 'status == 200'", { filter: ["@mine"] });
    run.reload("[output]\nfilter = ['status == 1']\n[filters]\nmine = 'status == 404'");
    expect([run.passes(200), run.passes(404)]).toEqual([false, true]);
  });

  test("what waits for a restart is told", () => {
    const run = running("[capture]\nsnaplen = 96");
    expect(run.reload("[capture]\nsnaplen = 128\n[redact]\nreveal = true\n[output]\nfilter = ['status == 1']")).toMatch(
      /only after a restart: capture\.snaplen, redact\.reveal$/,
    );
  });

  test("names to redact are taken over; a key given as a flag stays", () => {
    const run = running("");
    expect(run.reload("[redact]\ndeny = ['x']\nhash_key = 'a'")).not.toContain("restart");
    expect(run.redaction).toEqual({ allow: [], deny: ["x"], hash_key: "a" });
    const flagged = running("[redact]\nhash_key = 'a'", { hashSecrets: "mine" });
    flagged.reload("[redact]\nhash_key = 'b'");
    expect(flagged.redaction.hash_key).toBe("mine");
  });

  test("a wrong file changes nothing", () => {
    const run = running("[output]\nfilter = ['status == 200']");
    run.reload("[output]\nfilter = ['status == 200']");
    for (const wrong of ["[output]\nfilter = ['staus == 1']", "[outptu]", "= 1", "[filters]\na = '('"]) {
      expect(run.reload(wrong)).toContain("is not taken over, all stays as it was: ");
      expect([run.passes(200), run.passes(503)]).toEqual([true, false]);
    }
    expect(run.reload("")).toContain("changed: output.filter");
    expect(run.passes(503)).toBe(true);
  });

  test("a signal reads again instead of ending the run, where a run can", async () => {
    const stop = stopOnSignals();
    let reloads = 0;
    stop.onReload = () => void reloads++;
    process.kill(process.pid, "SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const ended = stop.reason;
    stop.dispose();
    // a test that runs without its terminal ends instead, which is right
    expect(reloads === 1 ? ended : "SIGHUP").toBe(reloads === 1 ? null : ended);
  });
});

test("log files are opened anew: what is renamed stays, a new one begins", async () => {
  const log = join(folder, "access.log");
  const file = openDestination(parseOutputSpec(`common=${log}`), { ledger: new Ledger(), live: true, header: "#top" });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 60));
  file.record("one");
  await settle();
  renameSync(log, `${log}.1`);
  file.record("two");
  await settle();
  file.reopen!();
  file.record("three");
  await settle();
  await file.close();
  expect(readFileSync(`${log}.1`, "utf8")).toBe("#top\none\ntwo\n");
  expect(readFileSync(log, "utf8")).toBe("#top\nthree\n");
});

describe("ports for the kernel", () => {
  const ports = (given: Partial<Parameters<typeof pushedPorts>[0]>) => pushedPorts(given)?.map(({ from }) => from);

  test("of the filter that leaves the fewest", () => {
    expect(ports({ filter: ["server.port in (80, 8080)"] })).toEqual([80, 8080]);
    expect(ports({ filter: ["server.port in (80, 8080)", "port == 80 and status == 5xx"] })).toEqual([80]);
    expect(ports({ filter: ["status == 200", "server.port == 80"] })).toEqual([80]);
  });

  test("none where a match may have another", () => {
    expect(ports({})).toBeUndefined();
    expect(ports({ filter: ["status == 200"] })).toBeUndefined();
    expect(ports({ filter: ["server.port == 80 or status == 500"] })).toBeUndefined();
    expect(ports({ filter: ["not server.port == 80"] })).toBeUndefined();
  });

  test("none where ports are given, a file is written, or the filter may change while it runs", () => {
    const filter = ["server.port == 80"];
    expect(ports({ filter, port: ["81"] })).toBeUndefined();
    expect(ports({ filter, writePcapng: "a.pcapng" })).toBeUndefined();
    expect(ports({ filter: ["@web and server.port == 80"] })).toBeUndefined();
    writeFileSync(path, "[output]\nfilter = ['server.port == 80']");
    const { settings } = loadSettings(undefined, around);
    expect(ports({ filter: settings.output.filter, settings })).toBeUndefined();
  });
});

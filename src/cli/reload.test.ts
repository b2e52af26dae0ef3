/** SIGHUP: what is taken over, what is told to wait, and that a wrong file changes nothing. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { reportOptions } from "../../test/support/report-options.ts";
import { formatAddress } from "../core/address.ts";
import { Ledger } from "../core/ledger.ts";
import type { EventTest } from "../monitor/session.ts";
import type { RedactOptions } from "../redact/schema.ts";
import { openDestination } from "../sink/output/open.ts";
import { parseOutputSpec } from "../sink/output/spec.ts";
import { loadSettings } from "./config.ts";
import { pushedDown } from "./push-down.ts";
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

describe("ports and hosts for the kernel", () => {
  type Given = Parameters<typeof pushedDown>[0];
  const ports = (given: Given) => pushedDown(given).ports?.map(({ from }) => from);
  const hosts = (given: Given) => pushedDown(given).hosts?.map((words) => formatAddress(...words));

  test("of the filter that leaves the fewest", () => {
    expect(ports({ filter: ["server.port in (80, 8080)"] })).toEqual([80, 8080]);
    expect(ports({ filter: ["server.port in (80, 8080)", "port == 80 and status == 5xx"] })).toEqual([80]);
    expect(ports({ filter: ["status == 200", "server.port == 80"] })).toEqual([80]);
    expect(hosts({ filter: ["ip in (10.0.0.1, 10.0.0.2)", "client == 2001:DB8::1"] })).toEqual(["2001:db8::1"]);
    const both = { filter: ["server.ip == 10.0.0.1 and server.port == 80"] };
    expect([ports(both), hosts(both)]).toEqual([[80], ["10.0.0.1"]]);
  });

  test("none where a match may have another", () => {
    for (const filter of [
      ["status == 200"],
      ["server.port == 80 or status == 500"],
      ["not server.port == 80"],
      ["ip == 10.0.0.1 or status == 500"],
      ["ip != 10.0.0.1"],
      ["ip in (10.0.0.0/8, 192.0.2.1)"],
      ["ip startsWith 10."],
      // the name that the client asked for says nothing about addresses
      ["host == 10.0.0.1"],
      [],
      undefined,
    ]) {
      expect(pushedDown({ filter })).toEqual({});
    }
  });

  test("none where a file is written, an expression is given, or the filter may change while it runs", () => {
    const filter = ["server.port == 80 and ip == 10.0.0.1"];
    expect(ports({ filter, port: ["81"] })).toBeUndefined();
    expect(hosts({ filter, port: ["81"] })).toEqual(["10.0.0.1"]);
    expect(pushedDown({ filter, writePcapng: "a.pcapng" })).toEqual({});
    expect(pushedDown({ filter, bpf: "udp port 5247" })).toEqual({});
    expect(pushedDown({ filter: ["@web and server.port == 80"] })).toEqual({});
    writeFileSync(path, "[output]\nfilter = ['server.port == 80']");
    const { settings } = loadSettings(undefined, around);
    expect(pushedDown({ filter: settings.output.filter, settings })).toEqual({});
  });

  test("not so many that the kernel would not take them", () => {
    const list = (count: number) => Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`).join(", ");
    expect(hosts({ filter: [`ip in (${list(16)})`] })?.length).toBe(16);
    expect(pushedDown({ filter: [`ip in (${list(17)})`] })).toEqual({});
  });
});

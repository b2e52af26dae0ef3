/** `earshot backtest` and `earshot read --alerts`, from packets in a file to what is printed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shopCapture } from "../../test/support/alert-capture.ts";
import { reportOptions, TextOut } from "../../test/support/report-options.ts";
import type { BacktestReport } from "../alert/backtest.ts";
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import { type BacktestOptions, backtest } from "./backtest.ts";
import { loadSettings } from "./config.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const noTypes = process.features.typescript ? "" : " (SKIPPED: needs a Node that runs TypeScript)";

let folder: string;
let capture: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-backtest-"));
  capture = join(folder, "shop.pcap");
  writeFileSync(capture, shopCapture({ minutes: 110, flood: [90, 97] }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(options: Partial<BacktestOptions> = {}, toml = ""): Promise<string> {
  const path = join(folder, "earshot.toml");
  writeFileSync(path, toml);
  const { settings } = loadSettings(path, { environment: {}, folder });
  const out = new TextOut();
  await backtest([capture], { ...reportOptions, ...options, settings }, out);
  return out.text;
}

test("what fired, when, why, and the timeline", async () => {
  const text = await run({ width: 84 });
  const lines = text.split("\n");
  expect(lines[0]).toMatch(
    /^Backtest of \d+ exchanges, 2024-01-02 00:00:0\dZ to 2024-01-02 01:49:5\dZ \(1 h 50 m\): 1 alert$/,
  );
  expect(lines.find((line) => line.startsWith("value"))).toMatch(/^value [ ▁▂▃▄▅▆▇█]{60} {2}top \d+$/);
  expect(lines.find((line) => line.startsWith("state"))).toMatch(/^state {2}·+─+\??!+~+─+$/);
  const records = lines.filter((line) => /^2024-01-02 01:\d\d:\d\dZ /.test(line));
  expect(records).toHaveLength(3);
  expect(records[0]).toMatch(
    / {2}HIGH requests: \d+ in 120 s, usual 96 \(\+\d+ %, limit \d+\) since .*; mostly shop\.example\/login from 10\.0\.0\.7 \(\d+ % of the excess\)$/,
  );
  expect(records[2]).toMatch(/ {2}RESOLVED requests after \d+ m/);
  expect(lines.at(-3)).toMatch(/^Alerts: 1 closed, 0 open; longest (.+), average \1$/);
  expect(text).not.toContain("hunter2");
});

test("as JSON", async () => {
  const report = JSON.parse(await run({ output: "json" })) as BacktestReport;
  expect(report.records.map((record) => record.state)).toEqual(["firing", "resolving", "resolved"]);
  expect(report.events).toBe(110 * 6 * 8 + 7 * 6 * 30);
  expect(report.alerts).toHaveLength(1);
  expect(report.records[0].samples).toHaveLength(3);
});

test("the configuration's rules, changed by --rule", async () => {
  const rules = `[[alerts.rules]]\nkind = "baseline"\nname = "shop"\nscope = '@shop'\n[filters]\nshop = 'host == "shop.example"'`;
  expect(await run({}, rules)).toMatch(/^shop$[\s\S]*HIGH requests @shop: /m);
  expect(await run({ rule: ["shop.z=100"] }, rules)).toMatch(/: 0 alerts$/m);
  expect(await run({ rule: ["shop.z=100", "shop.z=4"] }, rules)).toMatch(/: 1 alert$/m);
});

test("a threshold on the command line", async () => {
  const text = await run({ rule: ["count(requests[1m]) > 150"] });
  expect(text).toMatch(/: 1 alert$/m);
  expect(text).toMatch(/^count\(requests\[1m\]\) > 150$/m);
});

test("profile seed, with its setting", async () => {
  const strict = JSON.parse(await run({ profile: "seed", output: "json" })) as BacktestReport;
  expect(strict.records[0]).toMatchObject({ rule: "seed", state: "firing" });
  expect(await run({ profile: "seed", rule: ["seed.threshold=900"] })).toMatch(/: 0 alerts$/m);
});

test("a sweep, one row a value", async () => {
  const lines = (await run({ sweep: "z=3.5,100" })).trimEnd().split("\n");
  expect(lines.map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ["z", "alerts"],
    ["3.5", "1"],
    ["100", "0"],
  ]);
  const { setting, rows } = JSON.parse(await run({ sweep: "p=0.05,0.1,10", output: "json" }));
  expect(setting).toBe("p");
  expect(rows.map((row: { value: string; alerts: number }) => [row.value, row.alerts])).toEqual([
    ["0.05", 1],
    ["0.1", 1],
    ["10", 0],
  ]);
});

describe("mistakes are one line, exit code 2", () => {
  const mistakes: [Partial<BacktestOptions>, string?][] = [
    [{ rule: ["z"] }],
    [{ rule: ["nothing=3"] }],
    [{ rule: ["count(nothing[1m]) > 3"] }],
    [{ sweep: "z" }],
    [{ sweep: "z=low,high" }],
    [{ output: "xml" }],
    [{}, '[alerts]\nprofile = "off"'],
  ];
  for (const [options, toml] of mistakes)
    test(JSON.stringify([options, toml]), async () => {
      await expect(run(options, toml)).rejects.toMatchObject({ name: "Trouble", exitCode: 2 });
    });
});

describe.skipIf(noTypes !== "")(`earshot read --alerts${noTypes}`, () => {
  const read = (...more: string[]) =>
    execFileSync(process.execPath, [MAIN, "read", capture, "--config", "none", "--no-summary", ...more], {
      encoding: "utf8",
      maxBuffer: 64 << 20,
    });
  const events = (text: string) =>
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as EarshotEvent);

  test("alerts stand among the exchanges, at their place in time", () => {
    const all = events(read("--alerts", "-o", "json"));
    expect(all.filter((event) => event.type === "transaction")).toHaveLength(110 * 6 * 8 + 7 * 6 * 30);
    const alerts = all.filter((event): event is AlertEvent => event.type === "alert");
    expect(alerts.map((event) => event.state)).toEqual(["firing", "resolving", "resolved"]);
    for (const alert of alerts) {
      const at = all.indexOf(alert);
      // judged two seconds later at the least, and at the next packet that comes
      expect(all[at - 1].time_us).toBeGreaterThanOrEqual(alert.time_us - 11e6);
      expect(all[at - 1].time_us).toBeLessThanOrEqual(alert.time_us + 12e6);
    }
  });

  test("a filter of exchanges hides no alert, and is not what is watched; one of alerts chooses them", () => {
    const few = events(read("--alerts", "-o", "json", "--filter", 'path == "/item/3"'));
    expect(few.filter((event) => event.type === "alert")).toHaveLength(3);
    expect(few.filter((event) => event.type === "transaction")).toHaveLength(110 * 6);
    const fired = events(read("--alerts", "-o", "json", "--filter", 'state == "firing"'));
    expect(fired.map((event) => event.type)).toEqual(["alert"]);
    const none = read("--alerts", "--min-latency", "60000");
    expect(
      none
        .trimEnd()
        .split("\n")
        .filter((line) => /requests/.test(line)),
    ).toHaveLength(3);
  });

  test("lines in the table; none without the flag", () => {
    expect(read("--alerts")).toMatch(/^HIGH requests: \d+ in 120 s/m);
    expect(read()).not.toMatch(/HIGH requests/);
  });
});

/** Backtests: an incident made of real events, found, named and drawn; settings swept. */
import { describe, expect, test } from "vitest";
import { random, START, STEP } from "../../test/support/alert-traffic.ts";
import { transaction } from "../../test/support/event.ts";
import type { TransactionEvent } from "../core/event.ts";
import { SECOND } from "../core/units.ts";
import { backtest, backtestLines } from "./backtest.ts";
import { alertConfig } from "./schema.ts";
import { parseSweep, sweep, sweepLines, withSetting } from "./sweep.ts";

/** An hour and a half of a shop, then seven minutes in which one client hammers the login. */
function* flood(): IterableIterator<TransactionEvent> {
  const next = random(3);
  let id = 0;
  const exchange = (time: number, ip: string, path: string) =>
    transaction({ time_us: time, id: `x-${id++}`, flow: { client: { ip } }, request: { host: "shop.example", path } });
  for (let step = 0; step < 660; step++) {
    const begin = START + step * STEP;
    const flooding = step >= 540 && step < 582;
    for (let index = 0; index < 20; index++)
      yield exchange(
        begin + index * 0.5 * SECOND,
        `10.0.1.${Math.floor(next() * 50)}`,
        next() < 0.1 ? "/login" : "/item/7",
      );
    if (flooding)
      for (let index = 0; index < 30; index++) yield exchange(begin + 9 * SECOND + index, "10.0.0.7", "/login/x");
  }
}

test("a flood fires once, names who and what, shows exchanges, and resolves once", () => {
  const report = backtest(
    alertConfig({ rules: [{ kind: "baseline", name: "requests", scope: 'host == "shop.example"' }] }),
    flood(),
    {
      compile: () => () => true,
    },
  );
  const told = report.records.map((record) => record.state);
  expect(told).toEqual(["firing", "resolving", "resolved"]);
  const [firing] = report.records;
  expect(firing.contributors.filter((row) => row.dimension === "client")).toEqual([
    expect.objectContaining({ key: "10.0.0.7", new: true, usual: 0 }),
  ]);
  const login = firing.contributors.find((row) => row.dimension === "section");
  expect(login).toMatchObject({ key: "http://shop.example/login", new: false });
  expect(login?.share_of_excess).toBeGreaterThan(0.9);
  expect(firing.samples).toHaveLength(3);
  expect(firing.summary).toMatch(
    /^HIGH requests shop\.example: \d+ in 120 s, usual 240 \(\+\d+ %, limit \d+\) since \d\d:\d\d:\d\d; mostly shop\.example\/login from 10\.0\.0\.7 \(\d+ % of the excess\)$/,
  );
  const lines = backtestLines(report, 60);
  expect(lines[0]).toMatch(/^Backtest of \d+ exchanges, 2024-01-02 00:00:00Z to .* \(1 h 50 m\): 1 alert$/);
  expect(lines.find((line) => line.startsWith("value"))).toMatch(/^value [ ▁▂▃▄▅▆▇█]{60} {2}top \d+$/);
  expect(lines.find((line) => line.startsWith("state"))).toMatch(/^state {2}·+─+\??!+~+─+$/);
});

test("text from the wire cannot reach the terminal", () => {
  const hostile = function* () {
    for (let step = 0; step < 700; step++)
      for (let index = 0; index < (step > 600 ? 60 : 20); index++)
        yield transaction({
          time_us: START + step * STEP + index,
          request: { host: "a", path: step > 600 ? "/\u001b[2Jx" : "/x" },
        });
  };
  const report = backtest(alertConfig(), hostile());
  expect(report.records.length).toBeGreaterThan(0);
  expect(backtestLines(report).join("\n")).not.toMatch(/\u001b/);
});

test("no traffic is no error", () => {
  expect(backtestLines(backtest(alertConfig(), []))).toEqual(["Backtest: no traffic."]);
});

describe("sweeps", () => {
  test("one pass, one row a value", () => {
    const { setting, values } = parseSweep("z=3.5, 10,100");
    const rows = sweep({}, setting, values, flood());
    expect(rows.map((row) => [row.value, row.alerts])).toEqual([
      ["3.5", 1],
      ["10", 1],
      ["100", 0],
    ]);
    expect(sweepLines(setting, rows)[0]).toMatch(/^z +alerts +critical +longest +average +in alert +first fired$/);
    expect(sweepLines(setting, rows)[3]).toMatch(/^100 +0 +0 +- +- +0\.0 % {2}-$/);
  });

  test("settings of one rule, of the seed, of the whole", () => {
    expect(withSetting({}, "requests.for", "5m").rules[0]).toMatchObject({ for: 300 * SECOND });
    expect(withSetting({ profile: "seed" }, "seed.threshold", "25").seed.threshold).toBe(25);
    expect(withSetting({}, "suspect_loss", "5%").suspect_loss).toBe(0.05);
  });

  for (const [setting, value] of [
    ["nothing", "1"],
    ["other.z", "1"],
    ["z", "many"],
    ["name", "x"],
  ])
    test(`${setting}=${value} is refused`, () => {
      expect(() => withSetting({}, setting, value)).toThrow(expect.objectContaining({ name: "Trouble", exitCode: 2 }));
    });
});

/** Alerts that survive whatever happens to the process: killed in each state, told by commands, two at a time. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { START } from "../../test/support/alert-traffic.ts";
import { transaction } from "../../test/support/event.ts";
import { type AlertConfigInput, alertConfig } from "../alert/schema.ts";
import type { AlertEvent } from "../core/event.ts";
import { Ledger } from "../core/ledger.ts";
import { type Micros, SECOND } from "../core/units.ts";
import { compileFilter } from "../filter/filter.ts";
import { AlertWatch, type AlertWatchOptions, SAVE_COMMAND } from "./alert-watch.ts";
import { sendCommand } from "./command-spool.ts";
import { StateLock } from "./state-lock.ts";

const RULE = {
  kind: "baseline",
  ...{ name: "requests", window: "4s", step: "1s", learn_provisional: 3, learn_windows: 5 },
  ...{ for: "4s", keep_firing_for: "6s", a: 10 },
} as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-watch-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A host whose earshot may be killed and started again; time goes on. */
class Host {
  now: Micros = START;
  readonly told: AlertEvent[] = [];
  readonly notices: string[] = [];
  watch: AlertWatch;
  private readonly config: AlertConfigInput;

  constructor(config: AlertConfigInput = { rules: [RULE] }, capture = "every interface") {
    this.config = config;
    this.watch = this.start(capture);
  }

  start(capture = "every interface", config = this.config): AlertWatch {
    const options: AlertWatchOptions = {
      ...{ config: alertConfig(config), ledger: new Ledger(), folder, capture, now: this.now },
      compile: (text) => compileFilter(text).matches,
      emit: (event) => this.told.push(event),
      onNotice: (line) => this.notices.push(line),
    };
    return new AlertWatch(options);
  }

  /** SIGKILL: nothing is closed, nothing is written. */
  kill(away_s = 1): void {
    rmSync(join(folder, "lock"), { force: true });
    this.now += away_s * SECOND;
    this.watch = this.start();
  }

  /** Seconds of traffic at this rate. */
  run(seconds: number, rate: number, path = "/"): void {
    for (let second = 0; second < seconds; second++) {
      for (let index = 0; index < rate; index++) {
        const time_us = this.now + Math.floor((index / rate) * SECOND);
        this.watch.observe(transaction({ time_us, latency_ms: { total: 1 }, request: { host: "shop.example", path } }));
      }
      for (let tick = 0; tick < 5; tick++) {
        this.now += SECOND / 5;
        this.watch.advance(this.now);
      }
    }
  }

  /** Goes on until a rule is in this state. */
  until(state: string, rate: number): void {
    for (let second = 0; second < 60; second++) {
      if (this.watch.engine.status()[0].state === state) return;
      this.run(1, rate, "/login");
    }
    throw new Error(`never ${state}`);
  }

  get states(): string[] {
    return this.told.map((event) => event.state);
  }
}

describe("killed in each state, it goes on: one firing, one end", () => {
  /** Seconds away: less than a sleep, and more. */
  for (const away_s of [1, 45])
    for (const state of ["learning", "normal", "pending", "firing", "resolving"])
      test(`${state}, ${away_s} s away`, () => {
        const host = new Host();
        if (state === "learning") {
          host.run(9, 5);
          host.kill(away_s);
        }
        host.run(60, 5);
        expect(host.watch.engine.status()[0].state).toBe("normal");
        if (state === "normal") host.kill(away_s);
        host.run(20, 5);
        if (state === "pending") {
          host.until("pending", 60);
          host.kill(away_s);
        }
        host.until("firing", 60);
        const [{ id }] = host.told;
        if (state === "firing") host.kill(away_s);
        host.run(12, 60, "/login");
        if (state === "resolving") {
          host.until("resolving", 5);
          host.kill(away_s);
        }
        host.run(60, 5);
        expect(host.states).toEqual(["firing", "resolving", "resolved"]);
        expect(new Set(host.told.map((event) => event.id))).toEqual(new Set([id]));
        expect(host.watch.engine.alerts().map(({ event }) => event.state)).toEqual(["resolved"]);
        expect(host.notices).toEqual([]);
      });
});

test("the state is its user's alone, whole, and nothing else is left beside it", () => {
  const host = new Host();
  host.run(5, 5);
  host.watch.close();
  expect(readdirSync(folder)).toEqual(["alerts.json"]);
  expect(statSync(join(folder, "alerts.json")).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(join(folder, "alerts.json"), "utf8"))).toMatchObject({ capture: "every interface" });
});

test.each(["", "{}", '{"schema":1', '{"schema":99}', "null"])("a damaged state %j is told of, and replaced", (text) => {
  writeFileSync(join(folder, "alerts.json"), text);
  const host = new Host();
  expect(host.notices).toEqual([
    expect.stringMatching(/alerts\.json is damaged or of another version; learning begins anew$/),
  ]);
  host.run(40, 5);
  host.kill();
  expect(host.notices).toHaveLength(1);
  expect(host.watch.engine.status()[0].windows).toBe(5);
});

test("what was learned of other traffic is not used; alerts that were stay known", () => {
  const host = new Host();
  host.run(60, 5);
  host.until("firing", 60);
  host.watch.close();
  host.watch = host.start("eth0; ports 80");
  expect(host.notices).toEqual([
    "alerts: learned of every interface, and this is eth0; ports 80: learning begins anew",
  ]);
  expect(host.watch.engine.status()[0].windows).toBe(0);
  expect(host.states).toEqual(["firing", "resolved"]);
  expect(host.watch.engine.alerts()).toHaveLength(1);
});

test("a second earshot on the same state begins with a copy, keeps nothing, and says so", () => {
  const host = new Host();
  host.run(60, 5);
  const before = readFileSync(join(folder, "alerts.json"), "utf8");
  const second = host.start();
  expect(second.keeps).toBe(false);
  expect(host.notices).toEqual([expect.stringMatching(/^alerts: another earshot \(process \d+\) keeps the state/)]);
  expect(second.engine.status()[0].windows).toBeGreaterThan(0);
  second.advance(host.now + 60 * SECOND);
  second.close();
  expect(readFileSync(join(folder, "alerts.json"), "utf8")).toBe(before);
  // the first still has it
  expect(StateLock.take(folder)).not.toBeInstanceOf(StateLock);
  expect(host.watch.keeps).toBe(true);
});

test("commands reach it at its tick, and hold over a restart", async () => {
  const host = new Host();
  host.run(60, 5);
  host.until("firing", 60);
  const [{ id }] = host.told;
  const timer = setInterval(() => host.run(1, 60, "/login"), 20);
  const tell = (command: unknown) => sendCommand(folder, command, { timeout_ms: 5_000, isThere: () => true });
  try {
    expect(await tell({ do: "ack", id, comment: "deploy" })).toMatchObject({ ok: true, text: `acknowledged ${id}` });
    expect(await tell({ do: "silence", filter: 'rule == "requests"', for: "2h" })).toMatchObject({ ok: true });
    expect(await tell({ do: "ack", id: "a-none" })).toMatchObject({ ok: false, exit_code: 2 });
    expect(await tell({ do: "reboot" })).toMatchObject({ ok: false, exit_code: 2 });
    expect(await tell(SAVE_COMMAND)).toMatchObject({ ok: true, text: "saved" });
  } finally {
    clearInterval(timer);
  }
  host.kill();
  expect(host.watch.engine.alert(id)?.acknowledged).toMatchObject({ comment: "deploy" });
  host.run(30, 5);
  expect(host.told.at(-1)).toMatchObject({ state: "resolved", labels: { acknowledged: "true" } });
  expect(host.watch.engine.silences().map(({ id: silence }) => silence)).toEqual([host.told.at(-1)?.labels?.silenced]);
});

test("a capture that is down is an alert of its own, and its end is told", () => {
  const host = new Host({ rules: [RULE], no_data_after: "5s" });
  host.run(30, 5);
  host.watch.capture("down", host.now, "interface eth0 is down");
  host.run(10, 0);
  expect(host.told.at(-1)).toMatchObject({ state: "no-data", severity: "critical" });
  expect(host.told.at(-1)?.summary).toMatch(/\(interface eth0 is down\)$/);
  host.watch.capture("up", host.now, null);
  expect(host.states).toEqual(["no-data", "resolved"]);
});

test("other rules while it runs: what watches the same goes on, the rest learns, an alert nobody watches ends", () => {
  const host = new Host();
  host.run(60, 5);
  host.until("firing", 60);
  const compile = (text: string) => compileFilter(text).matches;
  const windows = host.watch.engine.status()[0].windows;
  host.watch.reconfigure(
    alertConfig({
      rules: [
        { ...RULE, z: 5 },
        { ...RULE, name: "other", window: "2s" },
      ],
    }),
    compile,
  );
  expect(host.watch.engine.status().map(({ rule, state, windows: learned }) => [rule, state, learned])).toEqual([
    ["requests", "firing", windows],
    ["other", "learning", 0],
  ]);
  expect(() => host.watch.reconfigure(alertConfig({ rules: [{ ...RULE, scope: "nothing ==" }] }), compile)).toThrow();
  expect(host.watch.engine.status()).toHaveLength(2);
  host.watch.reconfigure(alertConfig({ rules: [{ ...RULE, name: "other", window: "2s" }] }), compile);
  expect(host.states).toEqual(["firing", "resolved"]);
});

test("the summary tells what fired, what is open, what is learned", () => {
  const host = new Host();
  host.run(6, 5);
  expect(host.watch.summary()).toMatch(/^alerts: 0 fired, 0 resolved, none open; learning: requests, window \d of 5$/);
  host.run(60, 5);
  host.until("firing", 60);
  expect(host.watch.summary()).toMatch(/^alerts: 1 fired, 0 resolved, 1 open \(requests for \d+ s\)$/);
});

test("a folder that cannot be written is told of once, and watching goes on", () => {
  writeFileSync(join(folder, "file"), "");
  folder = join(folder, "file");
  const host = new Host();
  expect(host.notices).toEqual([expect.stringMatching(/^alerts: cannot keep anything in /)]);
  host.run(60, 5);
  host.until("firing", 60);
  expect(host.notices).toHaveLength(1);
  folder = join(folder, "..");
});

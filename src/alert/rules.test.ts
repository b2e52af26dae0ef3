/** Thresholds, absence, first-seen, groups, and the series beside requests. */
import { describe, expect, test } from "vitest";
import { run, START, STEP } from "../../test/support/alert-traffic.ts";
import { transaction } from "../../test/support/event.ts";
import type { AlertEvent, EarshotEvent, TlsEvent } from "../core/event.ts";
import { Ledger } from "../core/ledger.ts";
import { HOUR, MINUTE, type Micros, SECOND } from "../core/units.ts";
import { compileFilter } from "../filter/filter.ts";
import { AlertEngine } from "./engine.ts";
import { type AlertConfigInput, alertConfig, parseDuration } from "./schema.ts";

type Change = Parameters<typeof transaction>[0];
type RuleInput = NonNullable<AlertConfigInput["rules"]>[number];

/** Feeds `perStep` exchanges in each step of 10 s; `change` makes each. */
function feeder(...rules: RuleInput[]) {
  const events: AlertEvent[] = [];
  const ledger = new Ledger();
  const engine = new AlertEngine(alertConfig({ rules }), {
    emit: (event) => events.push(event),
    compile: (text) => compileFilter(text).matches,
    ledger,
  });
  engine.advance(START);
  let step = 0;
  const steps = (count: number, perStep: number, change: (index: number, step: number) => Change = () => ({})) => {
    for (let end = step + count; step < end; step++) {
      for (let index = 0; index < perStep; index++) {
        const time_us = START + step * STEP + Math.floor(((index + 0.5) / perStep) * STEP);
        engine.observe(transaction({ time_us, id: `${step}.${index}`, ...change(index, step) }));
      }
      engine.advance(START + (step + 1) * STEP);
    }
  };
  return { engine, events, ledger, steps, now: () => START + step * STEP };
}
const told = (events: readonly AlertEvent[]) =>
  events.map((event) => `${event.rule} ${event.group ?? ""} ${event.state}`.replace("  ", " "));

describe("thresholds", () => {
  test("fire after `for`, keep firing, resolve; labels and annotations are filled in", () => {
    const { steps, events } = feeder({
      kind: "threshold",
      name: "busy",
      expr: "rate(requests[1m]) > 5",
      for: "30s",
      keep_firing_for: "30s",
      severity: "critical",
      scope: 'host == "www.example.com"',
      labels: { team: "web" },
      annotations: { text: "{{ value }}/s over {{ limit }} on {{ $scope }} {{ nothing }}" },
    });
    steps(30, 30);
    steps(30, 90);
    steps(30, 30);
    expect(told(events)).toEqual(["busy firing", "busy resolving", "busy resolved"]);
    expect(events[0]).toMatchObject({ severity: "critical", direction: "high", window_s: 60, labels: { team: "web" } });
    expect(events[0].annotations?.["text"]).toBe('9/s over 5 on host == "www.example.com" {{ nothing }}');
    expect(events[0].summary).toBe(
      "FIRING busy www.example.com: 9 requests/s (rate(requests[1m]) > 5); mostly www.example.com/shop from 10.0.0.7 (100 %)",
    );
    expect(Date.parse(events[0].fired_at ?? "") - Date.parse(events[0].active_at ?? "")).toBe(30_000);
    expect(events[0].samples).toHaveLength(3);
  });

  test("who and what the number is made of", () => {
    const rule = {
      kind: "threshold",
      name: "brute force",
      scope: 'status == 401 and path startsWith "/login"',
    } as const;
    const change = (index: number): Change => ({
      request: { host: "shop.example", path: "/login" },
      response: { status: 401 },
      flow: { client: { ip: index < 8 ? "10.0.0.7" : "10.0.0.8", port: 1 } },
    });
    const summary = (more: object) => {
      const { steps, events } = feeder({ ...rule, expr: "count(requests[1m]) > 30", ...more });
      steps(12, 10, change);
      expect(events.map(({ state }) => state)).toEqual(["firing"]);
      return events[0];
    };
    const plain = summary({});
    expect(plain.summary).toBe(
      "FIRING brute force: 60 requests (count(requests[1m]) > 30); mostly shop.example/login from 10.0.0.7 (80 %)",
    );
    expect(plain.contributors.map(({ dimension, key, now, usual }) => [dimension, key, now, usual])).toEqual([
      ["section", "http://shop.example/login", 60, 0],
      ["client", "10.0.0.7", 48, 0],
      ["client", "10.0.0.8", 12, 0],
    ]);
    expect(plain.contributors.some((row) => row.new)).toBe(false);
    const grouped = summary({ group_by: "client" });
    expect(grouped.summary).toBe(
      "FIRING brute force 10.0.0.7: 48 requests (count(requests[1m]) > 30); mostly shop.example/login (100 %)",
    );
    expect(summary({ expr: "p95(latency[1m]) > 0" }).contributors).toEqual([]);
  });

  const answers: [string, (index: number) => Change, number][] = [
    ["count(errors[1m]) >= 1", (index) => ({ response: { status: index === 0 ? 500 : 200 } }), 6],
    ["share(errors[1m]) > 9", (index) => ({ response: { status: index === 0 ? 502 : 200 } }), 10],
    ["share(client_errors[1m]) == 10", (index) => ({ response: { status: index === 0 ? 404 : 200 } }), 10],
    ["avg(latency[1m]) > 10", () => ({ latency_ms: { ttfb: 20 } }), 20],
    ["sum(bytes_out[1m]) > 1000", () => ({ bytes: { out: 100 } }), 6000],
    ["count(latency[1m]) > 50", () => ({}), 60],
    [
      "count(connections_without_response[1m]) > 0",
      (index) => ({ outcome: index === 0 ? "no-response" : "complete", flow: { id: index } }),
      6,
    ],
  ];
  for (const [expr, change, value] of answers)
    test(expr, () => {
      const { steps, events } = feeder({ kind: "threshold", name: "rule", expr });
      steps(12, 10, change);
      expect(told(events)).toEqual(["rule firing"]);
      steps(1, 10, change);
      expect(events[0].value).toBeCloseTo(value, 5);
    });

  test("percentiles within 2 %, nothing to say about too few", () => {
    const { steps, events, engine } = feeder({
      kind: "threshold",
      name: "slow",
      expr: "p95(latency[1m]) > 500",
      minimum_count: 30,
    });
    steps(12, 4, () => ({ latency_ms: { ttfb: 5000 } }));
    expect(events).toEqual([]);
    steps(12, 20, (index) => ({ latency_ms: { ttfb: index === 0 ? 10_000 : index === 1 ? 800 : 10 } }));
    expect(told(events)).toEqual(["slow firing"]);
    const value = engine.status()[0].value as number;
    expect(Math.abs(value / 800 - 1)).toBeLessThan(0.02);
  });

  test("a low threshold is held while packets are lost", () => {
    const { steps, events, engine, now } = feeder({
      kind: "threshold",
      name: "quiet",
      expr: "count(requests[1m]) < 30",
    });
    steps(12, 10);
    for (let step = 0; step < 12; step++) {
      engine.observeLedger({ packets: 95, dropped: 5, bytes: 1, gapBytes: 0 }, now());
      steps(1, 1);
    }
    expect(events).toEqual([]);
    steps(12, 1);
    expect(told(events)).toEqual(["quiet firing"]);
  });

  for (const expr of [
    "requests > 5",
    "rate(requests[5m])",
    "many(requests[5m]) > 1",
    "rate(apples[5m]) > 1",
    "rate(requests[2h]) > 1",
  ])
    test(`"${expr}" is refused with a hint`, () => {
      expect(() => feeder({ kind: "threshold", name: "bad", expr })).toThrow(
        expect.objectContaining({ name: "Trouble", exitCode: 2, hint: expect.stringMatching(/.+/) }),
      );
    });

  test("grouped: each key on its own, the rest in `other`", () => {
    const rule = {
      kind: "threshold",
      name: "flood",
      expr: "count(requests[1m]) > 50",
      group_by: "client",
      group_limit: 2,
    } as const;
    const { steps, events } = feeder(rule);
    steps(7, 30, (index) => ({ flow: { client: { ip: `10.0.0.${index % 2}` } } }));
    expect(told(events)).toEqual(["flood 10.0.0.0 firing", "flood 10.0.0.1 firing"]);
  });
});

describe("groups under a learned baseline", () => {
  test("the group that floods alerts alone", () => {
    const { steps, events } = feeder({ kind: "baseline", name: "clients", group_by: "client" });
    const usual = (index: number) => ({ flow: { client: { ip: `10.0.0.${index % 3}` } } });
    steps(360, 30, usual);
    steps(30, 90, (index) => ({ flow: { client: { ip: index < 30 ? `10.0.0.${index % 3}` : "10.0.0.1" } } }));
    expect(told(events)).toEqual(["clients 10.0.0.1 firing"]);
  });

  test("bounded: newcomers share `other`, and a large one takes the place of a small one", () => {
    const { steps, engine, ledger } = feeder({ kind: "baseline", name: "clients", group_by: "client", group_limit: 3 });
    steps(60, 10, (index, step) => ({
      flow: { client: { ip: index < 3 ? `10.0.0.${index}` : `10.9.${step}.${index}` } },
    }));
    const groups = () =>
      engine
        .status()
        .map((status) => status.group)
        .sort();
    expect(groups()).toEqual(["10.0.0.0", "10.0.0.1", "10.0.0.2", "other"]);
    steps(60, 30, (index) => ({ flow: { client: { ip: index < 3 ? `10.0.0.${index}` : "10.7.7.7" } } }));
    expect(groups()).toHaveLength(4);
    expect(groups()).toContain("10.7.7.7");
    expect(ledger.evicted.get("alert.groups.clients")).toBe(1);
  });
});

describe("series beside requests", () => {
  test("errors: a share, with its own floor; zero errors are usual", () => {
    const { steps, events } = feeder({ kind: "baseline", name: "errors", series: "errors" });
    steps(120, 10);
    steps(30, 10, (index) => ({
      response: { status: index < 3 ? 503 : 200 },
      request: { path: index < 3 ? "/pay" : "/" },
    }));
    expect(told(events)).toEqual(["errors firing"]);
    expect(events[0].summary).toMatch(
      /^HIGH errors: \d+(\.\d)? % in 120 s, usual 0 % \(limit [\d.]+ %\).*; mostly www\.example\.com\/pay/,
    );
    expect(events[0].contributors.find((row) => row.dimension === "status")).toMatchObject({ key: "503", new: true });
  });

  test("latency: a percentile, and too few answers say nothing", () => {
    const { steps, events } = feeder({ kind: "baseline", name: "slow", series: "latency_p95" });
    steps(400, 10, (index) => ({ latency_ms: { ttfb: 20 + index } }));
    steps(30, 1, () => ({ latency_ms: { ttfb: 5000 } }));
    expect(events).toEqual([]);
    steps(30, 10, (index) => ({ latency_ms: { ttfb: index === 0 ? 900 : 25 } }));
    expect(told(events)).toEqual(["slow firing"]);
    expect(events[0].value as number).toBeGreaterThan(850);
  });

  test("long answers of upgraded flows are no latency", () => {
    const { steps, events } = feeder({ kind: "baseline", name: "slow", series: "latency_p95" });
    steps(400, 10);
    steps(40, 10, (index) => (index === 0 ? { http: { upgrade: "websocket" }, latency_ms: { ttfb: 60_000 } } : {}));
    expect(events).toEqual([]);
  });

  test("bytes", () => {
    const { steps, events } = feeder({ kind: "baseline", name: "out", series: "bytes_out" });
    steps(400, 10, () => ({ bytes: { out: 50_000 } }));
    steps(30, 10, () => ({ bytes: { out: 150_000 } }));
    expect(told(events)).toEqual(["out firing"]);
    expect(events[0].summary).toMatch(/^HIGH bytes_out: [\d.]+ MB in 120 s, usual 6(\.0+)? MB/);
  });

  test("connections without response: a flow counts once", () => {
    const { steps, events, engine } = feeder({
      kind: "baseline",
      name: "dead",
      series: "connections_without_response",
    });
    steps(120, 10);
    steps(30, 10, (index, step) => ({
      outcome: "no-response",
      response: undefined,
      flow: { id: step * 2 + (index < 5 ? 0 : 1) },
    }));
    expect(told(events)).toEqual(["dead firing"]);
    expect(engine.status()[0].value).toBe(24);
    expect(events[0].quality.unmatched).toBeGreaterThan(100);
  });
});

describe("absence", () => {
  test("nothing for so long fires once, the next one resolves", () => {
    const { steps, events } = feeder({ kind: "absence", name: "heartbeat", for: "5m", scope: 'path == "/beat"' });
    const beat = () => ({ request: { path: "/beat" } });
    steps(60, 1);
    expect(events).toEqual([]);
    steps(6, 1, beat);
    steps(60, 1);
    expect(told(events)).toEqual(["heartbeat firing"]);
    expect(events[0]).toMatchObject({ direction: "low", value: expect.any(Number) });
    expect(events[0].summary).toMatch(/^ABSENT heartbeat path == "\/beat": nothing for 5 m/);
    steps(6, 1, beat);
    expect(told(events)).toEqual(["heartbeat firing", "heartbeat resolved"]);
  });

  test("after_first false: expects one from the start; time without a capture does not count", () => {
    const { steps, events, engine, now } = feeder({
      kind: "absence",
      name: "heartbeat",
      for: "5m",
      after_first: false,
    });
    steps(20, 0);
    engine.observeCapture("down", now());
    steps(60, 0);
    engine.observeCapture("up", now());
    steps(8, 0);
    expect(events.filter((event) => event.rule === "heartbeat")).toEqual([]);
    steps(6, 0);
    expect(told(events.filter((event) => event.rule === "heartbeat"))).toEqual(["heartbeat firing"]);
  });
});

describe("first seen", () => {
  const at = (minute: number, change: Change): EarshotEvent =>
    transaction({ ...change, time_us: START + minute * MINUTE });
  const hosts = (more: object = {}) =>
    feeder({ kind: "first-seen", name: "hosts", of: "host", learn: "10m", ...more } as RuleInput);

  test("says nothing while it learns, then each new value once", () => {
    const { engine, events } = hosts();
    for (let minute = 0; minute < 10; minute++) engine.observe(at(minute, { request: { host: "known.example" } }));
    for (const [minute, host] of [
      [11, "known.example"],
      [12, "new.example"],
      [13, "new.example"],
    ] as const)
      engine.observe(at(minute, { request: { host } }));
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      state: "first-seen",
      severity: "info",
      summary: "FIRST SEEN host new.example",
      samples: ["1.1"],
    });
  });

  test("hosts of TLS connections too; paths as templates", () => {
    const { engine, events } = hosts({ learn: 0 });
    engine.observe({ ...at(0, {}), type: "tls", server_name: "tls.example", duration_ms: 5 } as unknown as TlsEvent);
    expect(events[0].summary).toBe("FIRST SEEN host tls.example");
    const routes = feeder({ kind: "first-seen", name: "routes", of: "route", learn: 0 });
    for (const path of ["/user/17", "/user/18", "/user/17/cart"]) routes.engine.observe(at(1, { request: { path } }));
    expect(routes.events.map((event) => event.contributors[0].key)).toEqual(["/user/{number}", "/user/{number}/cart"]);
  });

  test("a flood of new values is told ten times a minute, the rest counted", () => {
    const { engine, events } = hosts({ learn: 0 });
    for (let index = 0; index < 100; index++) engine.observe(at(0, { request: { host: `h${index}` } }));
    expect(events).toHaveLength(10);
    engine.observe(at(1, { request: { host: "next" } }));
    expect(events.at(-1)?.summary).toBe("FIRST SEEN host next (and 90 more that were not told one by one)");
  });

  test("the memory survives a restart, and a flood does not push out what is known", () => {
    const { engine } = hosts({ memory: 100 });
    for (let minute = 0; minute < 12; minute++) engine.observe(at(minute, { request: { host: "known.example" } }));
    for (let index = 0; index < 1000; index++) engine.observe(at(12, { request: { host: `h${index}` } }));
    const again = hosts({ memory: 100 });
    const saved = JSON.parse(JSON.stringify(engine.serialize()));
    again.engine.restore(saved, engine.now as Micros);
    again.engine.observe(at(14, { request: { host: "known.example" } }));
    expect(again.events).toEqual([]);
    again.engine.observe(at(14, { request: { host: "other.example" } }));
    expect(again.events).toHaveLength(1);
  });
});

test("profile seed through the engine: records, duration figures, restart", () => {
  const simulation = run({ profile: "seed" });
  const bucket = (count: number) => simulation.steps(12, () => count / 12);
  for (const count of [120, 120, 240, 240, 120, 240]) bucket(count);
  expect(simulation.events.map((event) => event.state)).toEqual(["firing", "firing", "resolved"]);
  bucket(120);
  expect(simulation.events.map((event) => event.state)).toEqual(["firing", "firing", "resolved", "firing"]);
  expect(new Set(simulation.events.map((event) => event.id)).size).toBe(2);
  expect(simulation.events[0].summary).toMatch(
    /^High traffic generated an alert - hits=240, triggered at 00:06:0\d 2024\/01\/02$/,
  );
  expect(simulation.engine.durations()).toMatchObject({ count: 1, open: 1, max_s: 240, mean_s: 240 });
  expect(simulation.engine.seed?.durations()).toMatchObject({ count: 1, max: 240 * SECOND, mean: 240 * SECOND });
});

test("what is given out is silent under profile off", () => {
  const simulation = run({ profile: "off" });
  simulation.steps(400, (step) => (step > 300 ? 1000 : 1));
  expect(simulation.events).toEqual([]);
  expect(simulation.engine.status()).toEqual([]);
});

describe("configuration", () => {
  test("lengths of time and shares as people write them", () => {
    expect(["90", "90s", "1m30s", "1.5m", 90].map((text) => parseDuration(text))).toEqual(Array(5).fill(90 * SECOND));
    expect(["", "s", "-5s", "5 s", "1y", Number.NaN].map((text) => parseDuration(text))).toEqual(Array(6).fill(null));
    const [rule] = alertConfig({
      rules: [{ kind: "baseline", name: "a", p: "15%", p_low: 0.2, for: "5m", half_life: "2d" }],
    }).rules;
    expect(rule).toMatchObject({
      p: 0.15,
      p_low: 0.2,
      for: 300 * SECOND,
      half_life: 48 * HOUR,
      z: 3.5,
      h: 0.7,
      window: 120 * SECOND,
    });
  });

  test("mistakes are refused", () => {
    const bad: unknown[] = [
      { kind: "baseline", name: "a", window: "100s", step: "15s" },
      { kind: "baseline", name: "a", group_by: "apples" },
      { kind: "baseline", name: "a", zz: 3 },
      { kind: "baseline", name: "a", p: "much" },
      { kind: "baseline", name: "a", learn_provisional: 31 },
      { kind: "baseline" },
    ];
    for (const rule of bad) expect(() => alertConfig({ rules: [rule as RuleInput] })).toThrow();
    const twice = { kind: "baseline", name: "a" } as const;
    expect(() => alertConfig({ rules: [twice, twice] })).toThrow(/same name/);
  });
});

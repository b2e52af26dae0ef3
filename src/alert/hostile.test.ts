/** Law 4: whatever the wire makes of an event, no engine throws, hangs, or grows past its limits. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { START } from "../../test/support/alert-traffic.ts";
import { transaction } from "../../test/support/event.ts";
import { DAY, SECOND } from "../core/units.ts";
import { AlertEngine } from "./engine.ts";
import { alertConfig } from "./schema.ts";

const config = alertConfig({
  no_data_after: "10s",
  rules: [
    ...(["requests", "errors", "latency_p95", "bytes_out", "connections_without_response"] as const).map((series) => ({
      ...{ kind: "baseline" as const, name: series, series, window: "10s", step: "1s", for: "2s", keep_firing_for: 0 },
      ...{ learn_provisional: 2, learn_windows: 4, minimum_count: 1, low_side: "on" as const, a: 1 },
    })),
    { kind: "baseline", name: "grouped", group_by: "section", group_limit: 3, mode: "ewma", window: "10s", step: "5s" },
    { kind: "threshold", name: "threshold", expr: "max(latency[10s]) > 1", group_by: "client", group_limit: 3 },
    { kind: "absence", name: "absence", for: "5s" },
    { kind: "first-seen", name: "first-seen", of: "user-agent", learn: 0, memory: 10 },
  ],
});

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("__proto__", "constructor", "\u0000rest", "other", ""),
);
const near = fc.integer({ min: 0, max: 600 }).map((second) => START + second * SECOND);
const time = fc.oneof(
  { weight: 20, arbitrary: near },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      -1,
      0,
      Number.NaN,
      2 ** 63,
      Number.MAX_SAFE_INTEGER,
      START + 400 * DAY,
      START - 400 * DAY,
    ),
  },
);
const latency = fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constantFrom(0, 1e300));

const action = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      ...{ do: fc.constant("observe" as const), time, host: text, path: text, agent: fc.option(text), ip: text },
      ...{ status: fc.nat(999), latency, bytes: fc.nat(), halves: fc.nat(2), flow: fc.nat(3) },
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("advance" as const), time }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("ledger" as const), time, dropped: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("capture" as const), time: near, up: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), time: near }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("relearn" as const), time: near }) },
);

test("any events, any times, restarts in between", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 150 }), (actions) => {
      const options = { emit: (event: object) => void JSON.stringify(event) };
      let engine = new AlertEngine(config, options);
      for (const step of actions) {
        if (step.do === "advance") engine.advance(step.time);
        else if (step.do === "ledger")
          engine.observeLedger({ packets: 100, dropped: step.dropped, bytes: 1, gapBytes: 1 }, step.time);
        else if (step.do === "capture") engine.observeCapture(step.up ? "up" : "down", step.time);
        else if (step.do === "relearn") engine.relearn();
        else if (step.do === "restart") {
          const saved = JSON.parse(JSON.stringify(engine.serialize()));
          engine = new AlertEngine(config, options);
          engine.restore(saved, Math.max(step.time, saved.now ?? 0));
        } else {
          const event = transaction({
            time_us: START,
            flow: { id: step.flow, client: { ip: step.ip } },
            request: { host: step.host, path: step.path, user_agent: step.agent },
            response: { status: step.status },
            latency_ms: { ttfb: step.latency, total: step.latency },
            bytes: { out: step.bytes },
            outcome: step.halves === 0 ? "no-response" : "complete",
          });
          const halves = step.halves === 0 ? { response: null } : step.halves === 1 ? { request: null } : {};
          engine.observe({ ...event, ...halves, time_us: step.time });
        }
      }
      engine.end();
      for (const status of engine.status()) expect(status.text).toEqual(expect.any(String));
      expect(engine.status().length).toBeLessThanOrEqual(5 + 4 + 4 + 2);
      engine.durations();
      expect(JSON.stringify(engine.serialize()).length).toBeLessThan(2_000_000);
    }),
    { numRuns: 150 },
  );
});

/** What workers count and hand over, merged, is what one thread would have counted; over a window as well. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { troubleOf } from "../../../test/support/trouble-of.ts";
import type { TransactionEvent } from "../../core/event.ts";
import { SECOND } from "../../core/units.ts";
import { Windows } from "../../stats/window.ts";
import { type CounterSpec, Counters, sendable } from "./counters.ts";

const START = 1_700_000_000 * SECOND;
const SPECS: readonly CounterSpec[] = [
  { kind: "ranking", by: "path", metric: "requests", country: null },
  { kind: "ranking", by: "host,method", metric: "latency-p95", country: null },
  { kind: "bytes", by: "query:s", wire: "packets", country: null },
  { kind: "overview", country: null },
];

const events = fc.array(
  fc
    .record({
      second: fc.nat(300),
      path: fc.constantFrom("/", "/a", "/b/1"),
      query: fc.constantFrom(null, "s=x", "s=y&t"),
      method: fc.constantFrom("GET", "POST"),
      status: fc.constantFrom(200, 404, 500),
      total: fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: null }),
      bytes: fc.nat(10_000),
      client: fc.constantFrom("10.0.0.1", "2001:db8::1"),
    })
    .map(({ second, path, query, method, status, total, bytes, client }) =>
      transaction({
        time_us: START + second * SECOND,
        request: { path, query, method },
        response: { status },
        latency_ms: { total: total === null ? null : total / 100 },
        bytes: { in: bytes, out: 2 * bytes },
        flow: { client: { ip: client } },
      }),
    ),
  { maxLength: 60 },
);
/** Which of three workers has an event, and whether it tells what it has counted behind it. */
const turns = fc.array(fc.tuple(fc.nat(2), fc.boolean()), { minLength: 60, maxLength: 60 });

/** Hands events to workers and gives what they told, as it comes over from a thread, in some order. */
function told(counters: readonly Counters[], list: readonly TransactionEvent[], turn: readonly [number, boolean][]) {
  const counted = list.flatMap((event, index) => {
    const [worker, tells] = turn[index];
    counters[worker].observe(event);
    return tells ? counters[worker].take() : [];
  });
  return structuredClone([...counted, ...counters.flatMap((one) => one.take())]);
}

describe.each(SPECS)("%j", (spec) => {
  const { create, observe, merge, load, save } = sendable(spec);

  test("law: counted apart and merged is counted together", () => {
    fc.assert(
      fc.property(events, turns, (list, turn) => {
        const whole = create();
        for (const event of list) observe(whole, event);
        const workers = [0, 1, 2].map(() => new Counters([{ spec, step: null }]));
        const merged = create();
        for (const { counter, slot, saved } of told(workers, list, turn)) {
          expect([counter, slot]).toEqual([0, 0]);
          merge(merged, load(saved));
        }
        expect(sorted(save(merged))).toEqual(sorted(save(whole)));
      }),
      { numRuns: 60 },
    );
  });

  test("law: so over a window", () => {
    const step = 30 * SECOND;
    fc.assert(
      fc.property(events, turns, (list, turn) => {
        const statistic = { ...{ name: "", unit: "" }, create, observe, merge, report: save };
        const [whole, merged] = [0, 1].map(() => new Windows(statistic, { span: 4 * step, step }));
        for (const event of list) whole.observe(event);
        const workers = [0, 1, 2].map(() => new Counters([{ spec, step }]));
        const counted = told(workers, list, turn);
        for (const { slot, newest, saved } of counted) merged.include(slot, load(saved), newest);
        expect(merged.newest).toBe(whole.newest);
        const end = (Math.floor(whole.newest / step) + 1) * step;
        const last = (windows: typeof whole) => save(windows.state(end - 4 * step, end));
        expect(sorted(last(merged))).toEqual(sorted(last(whole)));
      }),
      { numRuns: 40 },
    );
  });
});

/** Saved states without the order in which keys came. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const parts = value.map(sorted);
    const entries = parts.every((part) => Array.isArray(part) && typeof part[0] === "string");
    return entries ? parts.sort((a, b) => (String((a as string[])[0]) < String((b as string[])[0]) ? -1 : 1)) : parts;
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, sorted(part)]));
}

test("a dimension that is none is Trouble, as without workers", () => {
  const spec: CounterSpec = { kind: "ranking", by: "pth", metric: "requests", country: null };
  expect(troubleOf(() => new Counters([{ spec, step: null }])).message).toContain("pth");
});

/** Law 3 for every statistic: what shards observe, merged in any order, is what one would have observed. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Statistic } from "../core/roles.ts";
import { SECOND } from "../core/units.ts";
import { bytesBy } from "./bytes.ts";
import { DIMENSION_NAMES, dimension } from "./dimension.ts";
import { Overview } from "./overview.ts";
import { ranking } from "./ranking.ts";
import { METRICS } from "./top.ts";
import { Windows } from "./window.ts";

type Observed = TransactionEvent | TlsEvent;
const START = 1_700_000_000 * SECOND;

const texts = fc.constantFrom("a", "b", "/x/1", "/x/2", "é", "\x1b[2J", "x".repeat(1_100), "");
const givens = fc.record({
  kind: fc.constantFrom("both", "both", "both", "request", "response", "tls"),
  host: fc.option(texts, { nil: null }),
  path: texts,
  query: fc.constantFrom(null, "s=yo", "s=", "t=1&s=a+b"),
  method: fc.constantFrom("GET", "POST"),
  agent: fc.constantFrom(null, "curl/8.0", "Mozilla/5.0 (X11; Linux x86_64; rv:1) Gecko/20100101 Firefox/120.0"),
  status: fc.constantFrom(200, 404, 500, 999, 100),
  client: fc.constantFrom("10.0.0.1", "10.0.0.2", "2001:db8::1"),
  total: fc.option(fc.integer({ min: 0, max: 5_000_000 }), { nil: null }),
  bytes: fc.nat(100_000),
  second: fc.nat(400_000),
  comm: fc.constantFrom(null, "nginx"),
  anomalies: fc.subarray(["a.b", "c.d"]),
});

type Given = typeof givens extends fc.Arbitrary<infer T> ? T : never;

function eventOf(given: Given): Observed {
  const event = transaction({
    time_us: START + given.second * SECOND,
    request: {
      host: given.host,
      path: given.path,
      query: given.query,
      method: given.method,
      user_agent: given.agent,
    },
    response: { status: given.status },
    flow: { client: { ip: given.client } },
    latency_ms: { total: given.total === null ? null : given.total / 1_000 },
    bytes: { in: given.bytes, out: given.bytes * 3, in_retransmitted: given.bytes % 7 },
    process: { server: given.comm === null ? null : { pid: 1, comm: given.comm, uid: 0 } },
    anomalies: given.anomalies,
  });
  if (given.kind === "request") return { ...event, response: null, outcome: "no-response" as const };
  if (given.kind === "response") return { ...event, request: null };
  if (given.kind === "tls") {
    const { flow, process, quality, bytes, time, time_us, anomalies } = event;
    return {
      ...{ type: "tls", flow, process, quality, bytes, time, time_us, anomalies, id: "1", labels: undefined },
      ...{ server_name: given.host, version: "TLSv1.3", cipher: null, alpn: "h2", ja4: null, certificates: [] },
      ...{ outcome: "established", handshake_ms: given.total, duration_ms: 1 },
    } as unknown as TlsEvent;
  }
  return event;
}

function observed<State>(statistic: Statistic<State>, list: readonly Observed[]): State {
  const state = statistic.create();
  for (const event of list) statistic.observe(state, event);
  return state;
}

function holds(statistic: Statistic<unknown, unknown>, runs = 60): void {
  const lists = fc.array(fc.array(givens, { maxLength: 25 }), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(lists, fc.boolean(), (given, backwards) => {
      const parts = given.map((list) => list.map(eventOf));
      const whole = statistic.report(observed(statistic, parts.flat()));
      const states = parts.map((part) => observed(statistic, part));
      if (backwards) states.reverse();
      const merged = statistic.create();
      for (const state of states) statistic.merge(merged, state);
      expect(statistic.report(merged)).toEqual(whole);
      // associativity: the right side put together first
      const again = parts.map((part) => observed(statistic, part));
      const [first, ...rest] = again;
      const tail = statistic.create();
      for (const state of rest) statistic.merge(tail, state);
      statistic.merge(first, tail);
      expect(statistic.report(first)).toEqual(whole);
    }),
    { numRuns: runs },
  );
}

const country = (ip: string) => (ip.includes(":") ? null : "CH");
const concrete = DIMENSION_NAMES.map((name) => name.replace("NAME", "s").replace(":N", ":1"));

describe("merge(observe(a), observe(b)) = observe(a, b)", () => {
  test.each(concrete)("top by %s", (name) => {
    holds(ranking({ dimension: dimension(name, { country }), latency: true, limit: 100 }), 15);
  });

  test.each(METRICS)("top by host and status, metric %s", (metric) => {
    holds(ranking({ dimension: dimension("host,status"), metric, limit: 3 }), 20);
  });

  test.each(["query:s", "host,query:s"])("bytes by %s", (by) => {
    holds(bytesBy({ by }));
    holds(bytesBy({ by, wire: "first-packet" }), 10);
  });

  test("overview", () => holds(new Overview({ country })));

  test("overview through plain data, as workers send it", () => {
    const overview = new Overview({ country });
    fc.assert(
      fc.property(fc.array(givens, { maxLength: 60 }), fc.array(givens, { maxLength: 60 }), (givenA, givenB) => {
        const [a, b] = [givenA.map(eventOf), givenB.map(eventOf)];
        const saved = JSON.parse(JSON.stringify(overview.save(observed(overview, a))));
        const merged = overview.load(saved);
        expect(overview.report(merged)).toEqual(overview.report(observed(overview, a)));
        overview.merge(merged, observed(overview, b));
        expect(overview.report(merged)).toEqual(overview.report(observed(overview, [...a, ...b])));
      }),
      { numRuns: 40 },
    );
  });

  test("windows", () => {
    const statistic = ranking({ dimension: dimension("method"), latency: true });
    const options = { span: 120 * SECOND, step: 10 * SECOND };
    const near = givens.map((given) => ({ ...given, second: given.second % 200 }));
    fc.assert(
      fc.property(fc.array(near, { maxLength: 40 }), fc.array(near, { maxLength: 40 }), (givenA, givenB) => {
        const [a, b] = [givenA.map(eventOf), givenB.map(eventOf)];
        const [whole, left, right] = [0, 1, 2].map(() => new Windows(statistic, options));
        for (const event of [...a, ...b]) whole.observe(event);
        for (const event of a) left.observe(event);
        for (const event of b) right.observe(event);
        left.merge(right);
        expect(left.newest).toBe(whole.newest);
        expect(left.report()).toEqual(whole.report());
      }),
      { numRuns: 100 },
    );
  });
});

/** Rankings against a plain reference: arrays, sorting, and nothing shared with the code under test. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import { dimension } from "./dimension.ts";
import { ranking } from "./ranking.ts";
import { METRICS, type Metric } from "./top.ts";

const rows = fc.array(
  fc.record({
    host: fc.constantFrom("a", "b", "c", "d", "e"),
    status: fc.constantFrom(200, 404, 500, 503),
    in: fc.nat(5_000),
    out: fc.nat(50_000),
    again: fc.nat(100),
    latency: fc.integer({ min: 0, max: 3_000_000 }).map((us) => us / 1_000),
    time: fc.nat(1_000_000),
  }),
  { minLength: 1, maxLength: 200 },
);
type Row = { host: string; status: number; in: number; out: number; again: number; latency: number; time: number };

const sum = (list: readonly Row[], of: (row: Row) => number) => list.reduce((total, row) => total + of(row), 0);

function quantile(list: readonly Row[], q: number): number {
  const sorted = list.map(({ latency }) => latency).sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1];
}

const REFERENCE: Record<Metric, (list: readonly Row[]) => number> = {
  requests: (list) => list.length,
  responses: (list) => list.length,
  errors: (list) => list.filter(({ status }) => status >= 500).length,
  bytes: (list) => sum(list, (row) => row.in + row.out),
  "bytes-in": (list) => sum(list, (row) => row.in),
  "bytes-out": (list) => sum(list, (row) => row.out),
  retransmitted: (list) => sum(list, (row) => row.again * 3),
  "latency-mean": (list) => sum(list, ({ latency }) => latency) / list.length,
  "latency-p50": (list) => quantile(list, 0.5),
  "latency-p90": (list) => quantile(list, 0.9),
  "latency-p95": (list) => quantile(list, 0.95),
  "latency-p99": (list) => quantile(list, 0.99),
  "latency-max": (list) => quantile(list, 1),
};

test.each(METRICS)("%s by host", (metric) => {
  const statistic = ranking({ dimension: dimension("host"), metric });
  fc.assert(
    fc.property(rows, (given) => {
      const state = statistic.create();
      for (const row of given) {
        const bytes = { in: row.in, out: row.out, in_retransmitted: row.again, out_retransmitted: row.again * 2 };
        statistic.observe(
          state,
          transaction({
            ...{ time_us: 1e15 + row.time, bytes, latency_ms: { total: row.latency } },
            ...{ request: { host: row.host }, response: { status: row.status } },
          }),
        );
      }
      const report = statistic.report(state);
      const hosts = [...new Set(given.map(({ host }) => host))];
      expect(report.rows.map((row) => row.keys[0]).sort()).toEqual(hosts.sort());
      for (const row of report.rows) {
        const list = given.filter(({ host }) => host === row.keys[0]);
        const truth = REFERENCE[metric](list);
        const tolerance = metric.startsWith("latency") ? truth * 0.0101 + 0.001 : 0;
        expect(Math.abs(row.value! - truth)).toBeLessThanOrEqual(tolerance);
        expect(row.last_seen_us).toBe(1e15 + Math.max(...list.map(({ time }) => time)));
      }
      const values = report.rows.map(({ value }) => value!);
      expect(values).toEqual(values.toSorted((a, b) => b - a));
      expect(report.total.bytes_out).toBe(sum(given, (row) => row.out));
    }),
    { numRuns: 40 },
  );
});

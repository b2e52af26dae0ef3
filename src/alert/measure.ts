/**
 * Series: what a window's number is made of. Each event gives an amount and a weight; a window's value is the sum of
 * the amounts, their share of the weights in percent, or a quantile. Pure.
 */
import type { TransactionEvent } from "../core/event.ts";
import type { SeriesName } from "./schema.ts";

export interface Measure {
  readonly name: SeriesName;
  readonly unit: string;
  readonly kind: "sum" | "share" | "quantile";
  /** Of kind `quantile`: which; 0.95 when absent. */
  readonly quantile?: number;
  /** What the event adds; null when it does not count in this series. */
  amount(event: TransactionEvent): number | null;
  /** Least absolute distance between the baseline and a limit, when the rule sets none. */
  readonly absolute: number;
  /** Nothing in the series is as good a baseline as any. */
  readonly zeroIsUsual: boolean;
  /**
   * Least spread to believe in for a baseline `m` of windows that hold `count` events: what chance alone does, so that
   * a lucky calm while learning does not make a band of no width.
   */
  floor(m: number, count: number): number;
}

const requestSeen = (event: TransactionEvent): boolean => event.request !== null;
/** Counting n independent events leaves a relative error of one over the root of n. */
const relative = (m: number, count: number): number => m / Math.sqrt(Math.max(count, 1));

export const MEASURES: Readonly<Record<SeriesName, Measure>> = {
  requests: {
    name: "requests",
    unit: "requests",
    kind: "sum",
    amount: (event) => (requestSeen(event) ? 1 : null),
    absolute: 20,
    zeroIsUsual: false,
    floor: (m) => Math.sqrt(Math.max(m, 1)),
  },
  errors: {
    name: "errors",
    unit: "%",
    kind: "share",
    amount: (event) => (event.response === null ? null : event.response.status >= 500 ? 1 : 0),
    absolute: 5,
    zeroIsUsual: true,
    // binomial, in percent
    floor: (m, count) => {
      const chance = Math.min(Math.max(m / 100, 1 / Math.max(count, 1)), 1);
      return 100 * Math.sqrt((chance * (1 - chance)) / Math.max(count, 1));
    },
  },
  latency_p95: {
    name: "latency_p95",
    unit: "ms",
    kind: "quantile",
    // an upgraded flow's answer starts a conversation; its time says nothing about the server
    amount: (event) => (event.http.upgrade === null ? event.latency_ms.ttfb : null),
    absolute: 50,
    zeroIsUsual: true,
    // error of a 95th percentile of `count` values with an exponential tail, and the width of a histogram step
    floor: (m, count) => Math.max(m * 0.04, 1.5 * relative(m, count)),
  },
  bytes_in: {
    name: "bytes_in",
    unit: "bytes",
    kind: "sum",
    amount: (event) => event.bytes.in,
    absolute: 1_048_576,
    zeroIsUsual: false,
    floor: relative,
  },
  bytes_out: {
    name: "bytes_out",
    unit: "bytes",
    kind: "sum",
    amount: (event) => event.bytes.out,
    absolute: 1_048_576,
    zeroIsUsual: false,
    floor: relative,
  },
  connections_without_response: {
    name: "connections_without_response",
    unit: "connections",
    kind: "sum",
    amount: (event) => (event.outcome === "no-response" ? 1 : null),
    absolute: 10,
    zeroIsUsual: true,
    floor: (m) => Math.sqrt(Math.max(m, 1)),
  },
};

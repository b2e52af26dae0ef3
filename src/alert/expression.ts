/**
 * Expressions of threshold rules: `rate(requests[5m]) > 100`, `p95(latency[2m]) >= 800`, `share(errors[10m]) > 5`.
 * Takes the text; gives its parts, or says what is wrong with it. Pure.
 */
import type { TransactionEvent } from "../core/event.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { type Micros, SECOND } from "../core/units.ts";
import type { Measure } from "./measure.ts";
import { MAX_WINDOW, parseDuration } from "./schema.ts";
import type { WindowValue } from "./series.ts";

export const AGGREGATIONS = ["count", "sum", "rate", "share", "avg", "max", "p50", "p90", "p95", "p99"] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

interface Source {
  readonly unit: string;
  /** Amounts are 1 or 0: counting means adding them. */
  readonly flag: boolean;
  amount(event: TransactionEvent): number | null;
}

/** What each source adds for a transaction; null when it does not count. */
const SOURCES: Readonly<Record<string, Source>> = {
  requests: { unit: "requests", flag: true, amount: (event) => (event.request === null ? null : 1) },
  errors: {
    unit: "errors",
    flag: true,
    amount: (event) => (event.response === null ? null : event.response.status >= 500 ? 1 : 0),
  },
  client_errors: {
    unit: "client errors",
    flag: true,
    amount: ({ response }) => (response === null ? null : response.status >= 400 && response.status < 500 ? 1 : 0),
  },
  latency: { unit: "ms", flag: false, amount: (event) => (event.http.upgrade === null ? event.latency_ms.ttfb : null) },
  duration: {
    unit: "ms",
    flag: false,
    amount: (event) => (event.http.upgrade === null ? event.latency_ms.total : null),
  },
  bytes_in: { unit: "bytes", flag: false, amount: (event) => event.bytes.in },
  bytes_out: { unit: "bytes", flag: false, amount: (event) => event.bytes.out },
  gap_bytes: { unit: "bytes", flag: false, amount: (event) => event.quality.gap_bytes },
  connections_without_response: {
    unit: "connections",
    flag: true,
    amount: (event) => (event.outcome === "no-response" ? 1 : 0),
  },
};

const OPERATORS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

export interface Expression {
  readonly text: string;
  readonly source: string;
  readonly unit: string;
  readonly aggregation: Aggregation;
  readonly window: Micros;
  readonly operator: string;
  readonly limit: number;
  /** The number grows with each event that counts: it can be said what it is made of. */
  readonly adds: boolean;
  amount(event: TransactionEvent): number | null;
  /** The window's number from what it holds; null when it cannot be said. */
  value(window: WindowValue): number | null;
  holds(value: number): boolean;
}

const SHAPE = /^\s*(\w+)\s*\(\s*(\w+)\s*\[\s*([\w.]+)\s*\]\s*\)\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$/;

function wrong(text: string, what: string, hint: string): Trouble {
  return new Trouble(`alert expression "${text}": ${what}`, { exitCode: EXIT.usage, hint });
}

export function parseExpression(text: string): Expression {
  const parts = SHAPE.exec(text);
  if (parts === null) throw wrong(text, "not understood", "Write it like: rate(requests[5m]) > 100");
  const [, aggregation, source, length, operator, limit] = parts;
  if (!(AGGREGATIONS as readonly string[]).includes(aggregation))
    throw wrong(text, `no aggregation ${aggregation}`, `There are ${AGGREGATIONS.join(", ")}.`);
  if (!Object.hasOwn(SOURCES, source))
    throw wrong(text, `no source ${source}`, `There are ${Object.keys(SOURCES).join(", ")}.`);
  const window = parseDuration(length);
  if (window === null || window < SECOND || window > MAX_WINDOW || window % SECOND !== 0)
    throw wrong(text, `cannot use the window ${length}`, "Give whole seconds from 1s to 1h.");
  return {
    text: text.trim(),
    source,
    unit: aggregation === "share" ? "%" : aggregation === "rate" ? `${SOURCES[source].unit}/s` : SOURCES[source].unit,
    aggregation: aggregation as Aggregation,
    window,
    operator,
    limit: Number(limit),
    adds: ["sum", "rate", "share"].includes(aggregation) || (aggregation === "count" && SOURCES[source].flag),
    amount: SOURCES[source].amount,
    value: ({ value, count }) => {
      if (aggregation === "count" && !SOURCES[source].flag) return count;
      if (value === null) return null;
      if (aggregation === "rate") return value / (window / SECOND);
      return aggregation === "avg" ? (count === 0 ? null : value / count) : value;
    },
    holds: (value) => OPERATORS[operator](value, Number(limit)),
  };
}

/** How the series counts for this expression: reuses the windows of the learned baselines. */
export function measureOf(expression: Expression): Measure {
  const { aggregation } = expression;
  const quantile = aggregation === "max" ? 1 : /^p\d\d$/.test(aggregation) ? Number(aggregation.slice(1)) / 100 : null;
  return {
    name: expression.source === "connections_without_response" ? "connections_without_response" : "requests",
    unit: expression.unit,
    kind: quantile !== null ? "quantile" : aggregation === "share" ? "share" : "sum",
    quantile: quantile ?? undefined,
    amount: expression.amount,
    absolute: 0,
    zeroIsUsual: true,
    floor: () => 0,
  };
}

/** 1,000 random expressions against a reference that shares nothing with the compiler: it walks the JSON of the event. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { transaction } from "../../test/support/event.ts";
import type { TransactionEvent } from "../core/event.ts";
import { Trouble } from "../core/trouble.ts";
import { compileFilter } from "./filter.ts";

type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };
type Expression =
  | { op: "and" | "or"; parts: Expression[] }
  | { op: "not"; part: Expression }
  | { op: "exists"; path: string }
  | { op: "compare"; path: string; sign: string; values: (string | number | boolean)[] };

/** Follows a dotted path through plain JSON. */
function at(event: TransactionEvent, path: string): Json {
  let here = JSON.parse(JSON.stringify(event)) as Json;
  for (const step of path.split(".")) here = here === null ? null : (here as Record<string, Json> | undefined)?.[step];
  return here;
}

const POSITIVE: Record<string, (left: Json, right: string | number | boolean) => boolean> = {
  "==": (left, right) => left === right,
  in: (left, right) => left === right,
  "<": (left, right) => (left as number) < (right as number),
  "<=": (left, right) => (left as number) <= (right as number),
  ">": (left, right) => (left as number) > (right as number),
  ">=": (left, right) => (left as number) >= (right as number),
  contains: (left, right) => String(left).indexOf(String(right)) >= 0,
  startsWith: (left, right) => String(left).slice(0, String(right).length) === right,
  endsWith: (left, right) => right === "" || String(left).slice(-String(right).length) === right,
  matches: (left, right) => new RegExp(String(right), "u").test(String(left)),
};

const NEGATIVE: Record<string, string> = {
  "!=": "==",
  "!~": "matches",
  "not in": "in",
  "not contains": "contains",
  "not startsWith": "startsWith",
};

function evaluate(expression: Expression, event: TransactionEvent): boolean {
  if ("parts" in expression) {
    const wanted = expression.op === "or";
    return expression.parts.some((part) => evaluate(part, event) === wanted) === wanted;
  }
  if (expression.op === "not") return !evaluate(expression.part, event);
  const value = at(event, expression.path);
  if (value === null || value === undefined) return false;
  if (expression.op === "exists") return true;
  const positive = NEGATIVE[expression.sign] ?? expression.sign;
  const holds = expression.values.some((wanted) => POSITIVE[positive](value, wanted));
  return expression.sign in NEGATIVE ? !holds : holds;
}

const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

/** Writes an expression out; `style` picks between the spellings of one meaning. */
function write(expression: Expression, style: number): string {
  const pick = (...spellings: string[]) => spellings[style % spellings.length];
  if (expression.op === "not") return `${pick("not ", "!", "NOT ")}(${write(expression.part, style)})`;
  if (expression.op === "exists") return pick(`exists ${expression.path}`, `${expression.path} exists`);
  if (expression.op === "compare") {
    const values = expression.values.map((value) => (typeof value === "string" ? quoted(value) : String(value)));
    const sign =
      expression.sign === "=="
        ? pick("==", "=")
        : expression.sign === "matches"
          ? pick("matches", "~")
          : expression.sign;
    return `${expression.path} ${sign} ${expression.sign.endsWith("in") || values.length > 1 ? `(${values.join(", ")})` : values[0]}`;
  }
  const joiner = expression.op === "and" ? pick(" and ", " && ", "&&") : pick(" or ", " || ", " OR ");
  return `(${expression.parts.map((part) => write(part, style + 1)).join(joiner)})`;
}

const words = fc.constantFrom(
  "",
  "a",
  "GET",
  "POST",
  "/shop",
  "shop",
  "x y",
  'q"uo',
  "back\\slash",
  "ü",
  "a,b",
  "(",
  "and",
);
const numbers = fc.constantFrom(0, 1, 2, 80, 200, 404, 500, 1.5, 8080);
const patterns = fc.constantFrom("^/sh", "o+p$", "[a-z]{2}", "^$", "x|y", "(?:a|b)+");
const textPath = fc.constantFrom("request.path", "request.query", "request.target", "response.reason", "id", "outcome");
const numberPath = fc.constantFrom(
  "response.status",
  "latency_ms.total",
  "latency_ms.think",
  "bytes.in",
  "flow.vlan",
  "depth",
);
const flagPath = fc.constantFrom("quality.midstream", "quality.truncated");

const compare = fc.oneof(
  fc.record({
    op: fc.constant("compare" as const),
    path: textPath,
    sign: fc.constantFrom("==", "!=", "contains", "startsWith", "endsWith", "not contains", "not startsWith"),
    values: fc.array(words, { minLength: 1, maxLength: 1 }),
  }),
  fc.record({
    op: fc.constant("compare" as const),
    path: textPath,
    sign: fc.constantFrom("in", "not in"),
    values: fc.array(words, { minLength: 1, maxLength: 8 }),
  }),
  fc.record({
    op: fc.constant("compare" as const),
    path: textPath,
    sign: fc.constantFrom("matches", "!~"),
    values: fc.array(patterns, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    op: fc.constant("compare" as const),
    path: numberPath,
    sign: fc.constantFrom("==", "!=", "<", "<=", ">", ">="),
    values: fc.array(numbers, { minLength: 1, maxLength: 1 }),
  }),
  fc.record({
    op: fc.constant("compare" as const),
    path: flagPath,
    sign: fc.constantFrom("==", "!="),
    values: fc.array(fc.boolean(), { minLength: 1, maxLength: 1 }),
  }),
  fc.record({ op: fc.constant("exists" as const), path: fc.oneof(textPath, numberPath) }),
);

const expressions = fc.letrec<{ node: Expression }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    compare as fc.Arbitrary<Expression>,
    fc.record({
      op: fc.constantFrom("and" as const, "or" as const),
      parts: fc.array(tie("node"), { minLength: 2, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant("not" as const), part: tie("node") }),
  ),
})).node;

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const events = fc
  .record({
    half: fc.constantFrom("both", "request", "response"),
    path: maybe(words),
    query: maybe(words),
    target: words,
    reason: words,
    status: numbers,
    total: maybe(numbers),
    think: maybe(numbers),
    bytesIn: numbers,
    vlan: maybe(numbers),
    midstream: fc.boolean(),
    outcome: fc.constantFrom("complete" as const, "gap" as const),
  })
  .map((given): TransactionEvent => {
    const event = transaction({
      request: { path: given.path, query: given.query, target: given.target },
      response: { status: given.status, reason: given.reason },
      latency_ms: { total: given.total, think: given.think },
      bytes: { in: given.bytesIn },
      flow: { vlan: given.vlan },
      quality: { midstream: given.midstream },
      outcome: given.outcome,
    });
    if (given.half === "request") return { ...event, response: null };
    return given.half === "response" ? { ...event, request: null } : event;
  });

test("1,000 random expressions mean what the reference says", () => {
  fc.assert(
    fc.property(
      expressions,
      fc.array(events, { minLength: 5, maxLength: 5 }),
      fc.nat(5),
      (expression, sample, style) => {
        const text = write(expression, style);
        const filter = compileFilter(text);
        for (const event of sample) expect(filter.matches(event), text).toBe(evaluate(expression, event));
      },
    ),
    { numRuns: 1_000 },
  );
});

test("the kernel filter never hides an event the filter wants", () => {
  const part = fc.constantFrom(
    "server.port == 80",
    "port in (80, 8080)",
    "client.port == 9",
    "client == 10.0.0.1",
    "server in (10.0.0.2, 10.0.0.3)",
    "status == 200",
    "not server.port == 80",
    "ip != 10.0.0.1",
    "server == 10.0.0.0/24",
  );
  const text = fc
    .array(fc.tuple(part, fc.constantFrom(" and ", " or ", ", ")), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.map(([piece, joiner], index) => (index === 0 ? piece : joiner + piece)).join(""));
  const ports = fc.constantFrom(80, 8080, 9);
  const ips = fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3");
  fc.assert(
    fc.property(text, ports, ports, ips, ips, (filterText, clientPort, serverPort, clientIp, serverIp) => {
      const filter = compileFilter(filterText);
      const event = transaction({
        flow: { client: { ip: clientIp, port: clientPort }, server: { ip: serverIp, port: serverPort } },
      });
      if (!filter.matches(event)) return;
      const { ports: wantedPorts, hosts } = filter.pushdown ?? {};
      if (wantedPorts) expect([clientPort, serverPort].some((port) => wantedPorts.includes(port))).toBe(true);
      if (hosts) expect([clientIp, serverIp].some((ip) => hosts.includes(ip))).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test("any text gives a filter or a Trouble with exit code 2, and the filter never throws", () => {
  const pieces = fc.constantFrom(
    ..."status path host == != < ~ !~ in ( ) , and or not ! @a exists [ ] \" ' \\ 4xx 10ms /x 10.0.0.0/8 header.x &".split(
      " ",
    ),
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.array(pieces, { maxLength: 12 }).map((list) => list.join(" ")),
    fc.array(pieces, { maxLength: 12 }).map((list) => list.join("")),
  );
  const halves = [transaction(), { ...transaction(), request: null }, { ...transaction(), response: null }];
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const filter = compileFilter(text, { named: { a: "status == 2xx" } });
        for (const event of halves) expect(typeof filter.matches(event)).toBe("boolean");
      } catch (error) {
        expect(error).toBeInstanceOf(Trouble);
        expect((error as Trouble).exitCode).toBe(2);
      }
    }),
    { numRuns: 2_000 },
  );
});

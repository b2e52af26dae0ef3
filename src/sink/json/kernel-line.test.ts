/** Lines by the kernel (core/head-kernel/line.c) against those by text-line.ts: the same octets for any exchange. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Arena } from "../../core/arena.ts";
import { Exchange } from "../../core/exchange.ts";
import { Flow } from "../../core/flow.ts";
import { hasKernel } from "../../core/head-kernel.ts";
import { KeptRequest, KeptResponse } from "../../core/kept-head.ts";
import { memory, SCRATCH_AT } from "../../core/memory.ts";
import { NEVER } from "../../core/units.ts";
import { writeByKernel } from "./kernel-line.ts";
import { LineBuffer } from "./line-buffer.ts";
import { TextLine } from "./text-line.ts";

/** Where the kernel writes: nobody else uses it here. */
const LINE_AT = SCRATCH_AT;
const arena = new Arena();

let reference = "";
const out = new LineBuffer((bytes, length) => {
  reference = Buffer.from(bytes.subarray(0, length)).toString();
});
const text = new TextLine(out, () => '{"text":"b"}');

/** Both writers; null when the kernel leaves the line to the other. */
function both(exchange: Exchange): string | null {
  out.begin(8192);
  text.write(exchange);
  out.end();
  out.flush();
  memory.fill(0x23, LINE_AT, LINE_AT + 8192);
  const end = writeByKernel(exchange, LINE_AT);
  if (end < 0) return null;
  const line = Buffer.from(memory.subarray(LINE_AT, end)).toString();
  expect(line).toBe(reference);
  expect(JSON.parse(line)).toMatchObject({ type: "transaction", flow: { id: exchange.flow.id } });
  expect(line.endsWith("}\n")).toBe(true);
  return line;
}

/** Puts text into the arena; gives where it begins and ends. */
function put(value: string): [number, number] {
  const at = arena.take(Math.max(1, value.length) + 16);
  memory.set(Buffer.from(value), at);
  return [at, at + value.length];
}

const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abcXYZ-/ "), maxLength: 70 }),
  fc.constant("x".repeat(200)),
);
const maybe = fc.option(word, { nil: null });
const time = fc.oneof(
  fc.integer({ min: 1_769_850_000_000_000, max: 1_769_850_003_000_000 }),
  fc.constantFrom(NEVER, 0, 1, 999, 1000, 1_000_000, 2 ** 53 - 1),
);
const octets = fc.oneof(fc.nat(99), fc.nat(), fc.constantFrom(0, 9, 10, 100, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1));
const address = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const flows = fc.record({
  id: fc.oneof(fc.integer({ min: 1 }), fc.constantFrom(2 ** 40)),
  source2: fc.constant(0xffff),
  destination2: fc.constant(0xffff),
  source3: address,
  destination3: address,
  sourcePort: fc.nat(65_535),
  destinationPort: fc.nat(65_535),
  clientHalf: fc.constantFrom(0 as const, 1 as const, 2 as const),
  interfaceName: fc.constantFrom(null, null, "eth0", 'e"\u00e9', "n".repeat(3000)),
  vlan: fc.constantFrom(-1, -1, 0, 4095),
  encapsulation: fc.constantFrom(null, null, "vlan:7/gre"),
});
const numbers = fc.record({
  depth: fc.nat(100_000),
  version: fc.constantFrom(11, 10, 9, 20, 12),
  outcome: fc.constantFrom(0, 1, 2, 3),
  requestSeen: fc.boolean(),
  responseSeen: fc.boolean(),
  requestComplete: fc.boolean(),
  responseComplete: fc.boolean(),
  midstream: fc.boolean(),
  truncated: fc.boolean(),
  requestStart: time,
  requestEnd: time,
  responseStart: time,
  responseEnd: time,
  requestBodyBytes: octets,
  responseBodyBytes: octets,
  wireIn: octets,
  wireOut: octets,
  retransmittedIn: octets,
  retransmittedOut: octets,
  firstPacketIn: fc.nat(65_535),
  firstPacketOut: fc.nat(65_535),
  gapBytes: octets,
});
const parts = fc.record({
  kept: fc.boolean(),
  method: word,
  target: word,
  host: maybe,
  path: maybe,
  query: fc.boolean(),
  agent: maybe,
  type: maybe,
  lines: fc.constantFrom("", '["A","b"]', '["A","b"],["C","d"]'),
  length: fc.nat(70_000),
  status: fc.integer({ min: 100, max: 999 }),
});

function exchangeOf(
  flow: Record<string, unknown>,
  values: Record<string, unknown>,
  asked: Parts,
  answered: Parts,
): Exchange {
  const exchange = new Exchange();
  exchange.flow = Object.assign(new Flow(), flow);
  Object.assign(exchange, values);
  // all exchanges share them
  const request = Object.assign(exchange.request, new KeptRequest());
  const response = Object.assign(exchange.response, new KeptResponse());
  request.wireLength = asked.length;
  response.wireLength = answered.length;
  response.status = answered.status;
  if (asked.kept) {
    request.offset = 1;
    [request.methodStart, request.methodEnd] = put(asked.method);
    [request.targetStart, request.targetEnd] = put(asked.target);
    [request.fieldsStart, request.fieldsEnd] = put(asked.lines);
    if (asked.host !== null) [request.hostStart, request.hostEnd] = put(asked.host);
    if (asked.path !== null) [request.pathStart, request.pathEnd] = put(asked.path);
    if (asked.query) request.queryStart = request.targetEnd - (asked.target.length >> 1);
    if (asked.agent !== null) [request.userAgentStart, request.userAgentEnd] = put(asked.agent);
    if (asked.type !== null) [request.contentTypeStart, request.contentTypeEnd] = put(asked.type);
  }
  if (answered.kept) {
    response.offset = 1;
    [response.reasonStart, response.reasonEnd] = put(answered.method);
    [response.fieldsStart, response.fieldsEnd] = put(answered.lines);
    if (answered.type !== null) [response.contentTypeStart, response.contentTypeEnd] = put(answered.type);
  }
  return exchange;
}
type Parts = typeof parts extends fc.Arbitrary<infer Type> ? Type : never;

test.skipIf(!hasKernel)("any usual exchange (needs WebAssembly)", () => {
  let taken = 0;
  const property = fc.property(flows, numbers, parts, parts, (flow, values, asked, answered) => {
    if (both(exchangeOf(flow, values, asked, answered)) !== null) taken++;
  });
  fc.assert(property, { seed: 20260131, numRuns: 3_000 });
  // left to the other: interface names of 3,000 octets, and exchanges without a time
  expect(taken).toBeGreaterThan(1_800);
});

test.skipIf(!hasKernel)(
  "numbers that only broken captures have, and whatever is not usual, go the other way (needs WebAssembly)",
  () => {
    const usual = () => {
      const exchange = new Exchange();
      Object.assign(exchange.request, new KeptRequest());
      exchange.flow = new Flow();
      exchange.flow.source2 = exchange.flow.destination2 = 0xffff;
      exchange.requestSeen = true;
      exchange.requestStart = exchange.requestEnd = 1_769_850_000_000_000;
      exchange.responseStart = exchange.responseEnd = NEVER;
      return exchange;
    };
    expect(both(usual())).toContain('"outcome":"complete","latency_ms":{"ttfb":null');
    const odd: ((exchange: Exchange) => unknown)[] = [
      (exchange) => (exchange.requestStart = -5),
      (exchange) => (exchange.requestStart = 2 ** 60),
      (exchange) => (exchange.requestEnd = -2),
      (exchange) => (exchange.wireIn = 1.5),
      (exchange) => (exchange.wireIn = Number.NaN),
      (exchange) => (exchange.gapBytes = Number.POSITIVE_INFINITY),
      (exchange) => (exchange.upgrade = "websocket"),
      (exchange) => (exchange.anomalies = ["http1.bare-lf"]),
      (exchange) => (exchange.requestTrailers = ""),
      (exchange) => (exchange.kernelProcess = 0),
      (exchange) => (exchange.flow.source2 = 1),
      (exchange) => (exchange.flow.destination0 = 1),
      (exchange) => (exchange.flow.clientProcess = { pid: 1, comm: "a", uid: 0 }),
      (exchange) =>
        (exchange.responseBody = {
          bytes: new Uint8Array(1),
          length: 1,
          cut: false,
          contentEncoding: "",
          contentType: "",
        }),
    ];
    for (const change of odd) {
      const exchange = usual();
      change(exchange);
      expect(both(exchange), change.toString()).toBeNull();
    }
  },
);

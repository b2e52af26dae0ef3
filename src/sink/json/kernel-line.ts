/**
 * Lays an exchange out for the kernel (core/head-kernel/line.c), which writes its line of JSON. Usual exchanges only:
 * what has processes, anomalies, bodies or IPv6 addresses is left to text-line.ts, which is the reference.
 */
import { isIpv4 } from "../../core/address.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Flow } from "../../core/flow.ts";
import { lineByKernel } from "../../core/head-kernel.ts";
import type { KeptRequest, KeptResponse } from "../../core/kept-head.ts";
import {
  LINE_FLOW_END_AT,
  LINE_FLOW_END_BYTES,
  LINE_LARGE_AT,
  LINE_PREFIX_AT,
  LINE_WHOLE_AT,
  memory,
} from "../../core/memory.ts";
import { SECOND } from "../../core/units.ts";
import { flowEnd, linePrefix } from "./line-pieces.ts";

/** Places of numbers; enums W_… and L_… of line.c. */
const W = {
  prefixStart: 0,
  prefixEnd: 1,
  flowEndStart: 2,
  flowEndEnd: 3,
  clientAddress: 4,
  clientPort: 5,
  serverAddress: 6,
  serverPort: 7,
  depth: 8,
  version: 9,
  flags: 10,
  outcome: 11,
  methodStart: 12,
  methodEnd: 13,
  targetStart: 14,
  targetEnd: 15,
  hostStart: 16,
  hostEnd: 17,
  pathStart: 18,
  pathEnd: 19,
  queryStart: 20,
  fieldsStart: 21,
  fieldsEnd: 22,
  typeStart: 23,
  typeEnd: 24,
  agentStart: 25,
  agentEnd: 26,
  headerBytes: 27,
  status: 28,
  reasonStart: 29,
  reasonEnd: 30,
  answerFieldsStart: 31,
  answerFieldsEnd: 32,
  answerTypeStart: 33,
  answerTypeEnd: 34,
  answerHeaderBytes: 35,
  firstIn: 36,
  firstOut: 37,
} as const;
const L = {
  time: 0,
  microsecond: 1,
  flow: 2,
  requestStart: 3,
  requestEnd: 4,
  responseStart: 5,
  responseEnd: 6,
  bodyBytes: 7,
  answerBodyBytes: 8,
  bytesIn: 9,
  bytesOut: 10,
  againIn: 11,
  againOut: 12,
  gapBytes: 13,
} as const;

/** Those of `Exchange.flags` that a line tells. */
const FLAGS = 63;

const whole = new Int32Array(memory.buffer, LINE_WHOLE_AT, 38);
const large = new Float64Array(memory.buffer, LINE_LARGE_AT, 14);

/** Of what the two texts tell; of the thread, as they are. */
let second = Number.NaN;
let interfaceName: string | null = null;
let vlan = Number.NaN;
let encapsulation: string | null = null;
let flowEndFits = false;

/** Writes the line at an address of the thread's memory, where there is room; gives its end, or -1: not by the kernel. */
export function writeByKernel(exchange: Exchange, at: number): number {
  const { flow } = exchange;
  if (lineByKernel === undefined || !isUsual(exchange) || !hasFlowEnd(flow)) return -1;
  placeTime(exchange.requestSeen ? exchange.requestStart : exchange.responseStart);
  placeFlow(flow);
  whole[W.depth] = exchange.depth;
  whole[W.version] = exchange.version;
  whole[W.outcome] = exchange.outcome;
  whole[W.flags] = exchange.flags & FLAGS;
  if (exchange.requestSeen) placeRequest(exchange.request);
  if (exchange.responseSeen) placeResponse(exchange.response);
  placeNumbers(exchange);
  return lineByKernel(at);
}

function isUsual(exchange: Exchange): boolean {
  const { flow } = exchange;
  return (
    (exchange.isPlain || hasOnlyNumbers(exchange)) &&
    flow.clientProcess === null &&
    flow.serverProcess === null &&
    isIpv4(flow.source0, flow.source1, flow.source2) &&
    isIpv4(flow.destination0, flow.destination1, flow.destination2)
  );
}

/** Octets lost or sent again may be all that is not plain of it. */
function hasOnlyNumbers(exchange: Exchange): boolean {
  return (
    exchange.anomalies === null &&
    exchange.upgrade === "" &&
    exchange.requestBody === null &&
    exchange.responseBody === null &&
    exchange.requestTrailers === null &&
    exchange.responseTrailers === null &&
    exchange.kernelRequestWait < 0 &&
    exchange.kernelProcess < 0 &&
    exchange.kernelResponseWait < 0
  );
}

function placeTime(time: number): void {
  const now = Math.floor(time / SECOND);
  if (now !== second) {
    second = now;
    whole[W.prefixStart] = LINE_PREFIX_AT;
    whole[W.prefixEnd] = LINE_PREFIX_AT + Buffer.from(memory.buffer, LINE_PREFIX_AT).write(linePrefix(time), "latin1");
  }
  large[L.time] = time;
  large[L.microsecond] = time - now * SECOND;
}

/** What stands behind the addresses of a flow is the same for nearly all flows. False: it is too long. */
function hasFlowEnd(flow: Flow): boolean {
  if (flow.interfaceName === interfaceName && flow.vlan === vlan && flow.encapsulation === encapsulation) {
    return flowEndFits;
  }
  ({ interfaceName, vlan, encapsulation } = flow);
  const text = Buffer.from(flowEnd(flow));
  flowEndFits = text.length <= LINE_FLOW_END_BYTES;
  if (flowEndFits) memory.set(text, LINE_FLOW_END_AT);
  whole[W.flowEndStart] = LINE_FLOW_END_AT;
  whole[W.flowEndEnd] = LINE_FLOW_END_AT + text.length;
  return flowEndFits;
}

/** Client first; when nobody told who that is, the sender of the first packet stands for it. */
function placeFlow(flow: Flow): void {
  const swapped = flow.clientHalf === 1;
  large[L.flow] = flow.id;
  whole[W.clientAddress] = swapped ? flow.destination3 : flow.source3;
  whole[W.clientPort] = swapped ? flow.destinationPort : flow.sourcePort;
  whole[W.serverAddress] = swapped ? flow.source3 : flow.destination3;
  whole[W.serverPort] = swapped ? flow.sourcePort : flow.destinationPort;
}

/** Nothing is there of a head that was not kept. */
function placeRequest(head: KeptRequest): void {
  const kept = head.offset >= 0;
  whole[W.methodStart] = kept ? head.methodStart : 0;
  whole[W.methodEnd] = kept ? head.methodEnd : 0;
  whole[W.targetStart] = kept ? head.targetStart : 0;
  whole[W.targetEnd] = kept ? head.targetEnd : 0;
  whole[W.hostStart] = kept ? head.hostStart : -1;
  whole[W.hostEnd] = head.hostEnd;
  whole[W.pathStart] = kept ? head.pathStart : -1;
  whole[W.pathEnd] = head.pathEnd;
  whole[W.queryStart] = kept && head.pathStart >= 0 ? head.queryStart : -1;
  whole[W.fieldsStart] = kept ? head.fieldsStart : 0;
  whole[W.fieldsEnd] = kept ? head.fieldsEnd : 0;
  whole[W.typeStart] = kept ? head.contentTypeStart : -1;
  whole[W.typeEnd] = head.contentTypeEnd;
  whole[W.agentStart] = kept ? head.userAgentStart : -1;
  whole[W.agentEnd] = head.userAgentEnd;
  whole[W.headerBytes] = head.wireLength;
}

function placeResponse(head: KeptResponse): void {
  const kept = head.offset >= 0;
  whole[W.status] = head.status;
  whole[W.reasonStart] = kept ? head.reasonStart : 0;
  whole[W.reasonEnd] = kept ? head.reasonEnd : 0;
  whole[W.answerFieldsStart] = kept ? head.fieldsStart : 0;
  whole[W.answerFieldsEnd] = kept ? head.fieldsEnd : 0;
  whole[W.answerTypeStart] = kept ? head.contentTypeStart : -1;
  whole[W.answerTypeEnd] = head.contentTypeEnd;
  whole[W.answerHeaderBytes] = head.wireLength;
}

function placeNumbers(exchange: Exchange): void {
  large[L.requestStart] = exchange.requestStart;
  large[L.requestEnd] = exchange.requestEnd;
  large[L.responseStart] = exchange.responseStart;
  large[L.responseEnd] = exchange.responseEnd;
  large[L.bodyBytes] = exchange.requestBodyBytes;
  large[L.answerBodyBytes] = exchange.responseBodyBytes;
  large[L.bytesIn] = exchange.wireIn;
  large[L.bytesOut] = exchange.wireOut;
  large[L.againIn] = exchange.isPlain ? 0 : exchange.retransmittedIn;
  large[L.againOut] = exchange.isPlain ? 0 : exchange.retransmittedOut;
  large[L.gapBytes] = exchange.isPlain ? 0 : exchange.gapBytes;
  whole[W.firstIn] = exchange.firstPacketIn;
  whole[W.firstOut] = exchange.firstPacketOut;
}

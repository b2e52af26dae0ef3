/**
 * The exchanges of one flow: takes the messages that a protocol read, adds up times and octets, gives out what is over.
 * Which response answers which request is told in pairing.ts.
 */

import type { Exchange } from "../core/exchange.ts";
import type { CloseReason, Flow } from "../core/flow.ts";
import {
  ANY_METHOD,
  type AnsweredMethod,
  CONNECT_METHOD,
  type ExchangeBuilder,
  HEAD_METHOD,
  type MessageHead,
  NO_REQUEST,
} from "../core/http.ts";
import { KeptHead } from "../core/kept-head.ts";
import type { RestRecord } from "../core/rest.ts";
import { addSample, newSample } from "./body-sample.ts";
import { Pairing } from "./pairing.ts";
import type { TransactionStage } from "./stage.ts";

export class FlowExchanges extends Pairing implements ExchangeBuilder {
  /** A request was found behind octets that are none: the server may have read them as another. */
  private adrift = false;

  /** Goes on with what one has written (`rest`). */
  static woken(stage: TransactionStage, flow: Flow, record: RestRecord): FlowExchanges {
    const builder = new FlowExchanges(stage);
    builder.wakeFrom(flow, record);
    return builder;
  }

  override rest(record: RestRecord): boolean {
    return !this.adrift && super.rest(record);
  }

  // ---- requests

  requestHead(flow: Flow, head: MessageHead): void {
    const { stage } = this;
    stage.ledger.requests++;
    this.judgeOpenRequests(flow, head);
    const exchange = stage.take(flow);
    if (exchange === null) {
      this.noRoom(flow);
      return;
    }
    exchange.depth = ++flow.exchanges;
    exchange.version = head.version;
    exchange.requestSeen = true;
    exchange.method = methodOf(head);
    exchange.requestStart = exchange.requestEnd = head.time;
    exchange.requestAcknowledgment = head.acknowledgment;
    exchange.requestAcknowledges = head.acknowledges;
    exchange.firstPacketIn = head.ipLength;
    exchange.requestLength = head.end - head.start;
    this.judgeFraming(head);
    if (this.adrift) exchange.uncertain = true;
    this.begin(exchange, head);
    if (stage.keepHeads) {
      const kept = exchange.request;
      if (!stage.keeper.keepRequest(head, kept, exchange.method === CONNECT_METHOD)) exchange.truncated = true;
      exchange.requestBlock = kept.offset;
    }
    if (stage.maxBodyBytes > 0) exchange.requestBody = newSample(head, stage.maxBodyBytes);
    this.charge(flow, true, exchange, head.end - head.start);
    this.push(flow, exchange);
  }

  private judgeFraming(head: MessageHead): void {
    if (head.anomalies.length > 0 && head.anomalies.includes("http1.resynchronized")) this.adrift = true;
    else if (this.first === null) this.adrift = false;
  }

  /** What both kinds of message begin with. */
  private begin(exchange: Exchange, head: MessageHead): void {
    if (this.inDoubt) exchange.uncertain = true;
    const gap = this.takeGap();
    if (gap > 0) exchange.gapBytes += gap;
    this.note(exchange, head);
  }

  /** The message cannot be kept: as if it had been lost. */
  private noRoom(flow: Flow): void {
    this.asking = null;
    this.stage.ledger.evict("transaction.open");
    this.beginDoubt(flow);
  }

  requestBody(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const exchange = this.asking;
    if (exchange === null) return;
    exchange.requestBodyBytes += end - start;
    exchange.requestEnd = flow.now;
    this.charge(flow, true, exchange, end - start);
    if (exchange.requestBody !== null) addSample(exchange.requestBody, bytes, start, end);
  }

  requestEnd(flow: Flow, complete: boolean): void {
    const exchange = this.asking;
    if (exchange === null) return;
    this.asking = null;
    if (complete && flow.now > exchange.requestEnd) exchange.requestEnd = flow.now;
    exchange.requestComplete = complete;
    // the response was over before: the exchange has only waited for this
    if (exchange.responseSeen && exchange !== this.answering) this.stage.finish(exchange, this.inDoubt);
  }

  // ---- responses

  informational(flow: Flow, head: MessageHead): void {
    this.stage.ledger.responses++;
    const exchange = this.first;
    if (exchange === null) return;
    if (exchange !== this.asking) exchange.interim = true;
    this.note(exchange, head);
    this.charge(flow, false, exchange, head.end - head.start);
  }

  answers(flow: Flow, head: MessageHead): AnsweredMethod {
    if (this.answering !== null) this.responseOver(this.answering, false);
    const exchange = this.answered(head) ?? this.withoutRequest(flow, head);
    this.answering = exchange;
    if (exchange === null) return NO_REQUEST;
    if (this.inDoubt) exchange.uncertain = true;
    return exchange.requestSeen ? exchange.method : NO_REQUEST;
  }

  private withoutRequest(flow: Flow, head: MessageHead): Exchange | null {
    const exchange = this.stage.take(flow);
    if (exchange === null) {
      this.stage.ledger.evict("transaction.open");
      return null;
    }
    exchange.depth = ++flow.exchanges;
    exchange.version = head.version;
    if (!this.inDoubt && flow.handshakeSeen) this.noteCode(exchange, "http1.response-without-request");
    return exchange;
  }

  responseHead(flow: Flow, head: MessageHead): void {
    const { stage } = this;
    stage.ledger.responses++;
    const exchange = this.answering;
    if (exchange === null) return;
    exchange.responseSeen = true;
    exchange.responseStart = head.time;
    exchange.responseEnd = flow.now;
    exchange.status = head.status;
    exchange.responseLength = head.end - head.start;
    if (exchange.firstPacketOut === 0) exchange.firstPacketOut = head.ipLength;
    this.begin(exchange, head);
    if (stage.keepHeads) {
      const kept = exchange.response;
      if (!stage.keeper.keepResponse(head, kept)) exchange.truncated = true;
      exchange.responseBlock = kept.offset;
    }
    if (stage.maxBodyBytes > 0) exchange.responseBody = newSample(head, stage.maxBodyBytes);
    this.charge(flow, false, exchange, head.end - head.start);
  }

  responseBody(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const exchange = this.answering;
    if (exchange === null) return;
    exchange.responseBodyBytes += end - start;
    exchange.responseEnd = flow.now;
    this.charge(flow, false, exchange, end - start);
    if (exchange.responseBody !== null) addSample(exchange.responseBody, bytes, start, end);
  }

  responseEnd(_flow: Flow, complete: boolean): void {
    if (this.answering !== null) this.responseOver(this.answering, complete);
  }

  upgraded(_flow: Flow, protocol: string): void {
    if (this.answering !== null) this.answering.upgrade = protocol;
  }

  trailers(_flow: Flow, request: boolean, head: MessageHead): void {
    const exchange = this.read(request);
    if (exchange === null || !this.stage.keepHeads) return;
    const text = this.stage.keeper.trailers(head, trailerLines);
    if (request) exchange.requestTrailers = text;
    else exchange.responseTrailers = text;
    this.note(exchange, head);
  }

  // ---- octets and doubts

  /** The exchange whose request or response is being read. */
  private read(request: boolean): Exchange | null {
    return request ? this.asking : this.answering;
  }

  framing(flow: Flow, request: boolean, octets: number): void {
    const exchange = this.read(request);
    if (exchange === null) return;
    if (request) exchange.requestEnd = flow.now;
    else exchange.responseEnd = flow.now;
    this.charge(flow, request, exchange, octets);
  }

  /** `octets` of a message, and what the headers of their packets had. */
  private charge(flow: Flow, request: boolean, exchange: Exchange, octets: number): void {
    const client = flow.clientHalf === 1 ? 1 : 0;
    const half = flow.halves[request ? client : 1 - client];
    if (request) exchange.wireIn += octets + half.overheadBytes;
    else exchange.wireOut += octets + half.overheadBytes;
    half.overheadBytes = 0;
  }

  anomaly(_flow: Flow, request: boolean, code: string): void {
    const exchange = request ? this.asking : (this.answering ?? this.first);
    if (exchange === null) this.stage.ledger.anomaly(code);
    // all octets are an answer in HTTP/0.9
    else if (exchange.version !== 9) this.noteCode(exchange, code);
  }

  private note(exchange: Exchange, head: MessageHead): void {
    for (const code of head.anomalies) this.noteCode(exchange, code);
    if (head.truncated) exchange.truncated = true;
  }

  private noteCode(exchange: Exchange, code: string): void {
    exchange.anomalies ??= [];
    if (exchange.anomalies.includes(code)) return;
    exchange.anomalies.push(code);
    this.stage.ledger.anomaly(code);
  }

  gap(flow: Flow, request: boolean, missedBytes: number, inBody: boolean): void {
    const exchange = this.read(request);
    if (exchange !== null) {
      exchange.gapBytes += missedBytes;
      const sample = request ? exchange.requestBody : exchange.responseBody;
      if (sample !== null) sample.cut = true;
      // octets that the snap length cut were on the wire: their packet's length has them
      this.charge(flow, request, exchange, 0);
    }
    if (inBody) return;
    if (exchange === null) this.keepGap(missedBytes);
    this.beginDoubt(flow);
  }

  retransmitted(_flow: Flow, request: boolean, octets: number): void {
    const exchange = request ? (this.asking ?? this.last ?? this.answering) : this.answering;
    if (exchange === null) return;
    if (request) exchange.retransmittedIn += octets;
    else exchange.retransmittedOut += octets;
  }

  close(_flow: Flow, _reason: CloseReason): void {
    if (this.answering !== null) this.responseOver(this.answering, false);
    const { asking } = this;
    this.asking = null;
    if (asking?.responseSeen) this.stage.finish(asking, this.inDoubt);
    while (this.first !== null) this.giveUpFirst(this.inDoubt);
  }
}

/** Trailers are rendered in scratch space and turned into text at once. */
const trailerLines = new KeptHead();

function methodOf(head: MessageHead): 0 | 1 | 2 {
  const bytes = head.bytes;
  const start = head.methodStart;
  const length = head.methodEnd - start;
  if (
    length === 4 &&
    bytes[start] === 72 &&
    bytes[start + 1] === 69 &&
    bytes[start + 2] === 65 &&
    bytes[start + 3] === 68
  ) {
    return HEAD_METHOD;
  }
  if (
    length === 7 &&
    bytes[start] === 67 &&
    bytes[start + 1] === 79 &&
    bytes[start + 2] === 78 &&
    bytes[start + 6] === 84
  ) {
    return CONNECT_METHOD;
  }
  return ANY_METHOD;
}

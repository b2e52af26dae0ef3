/**
 * The exchanges of one flow: pairs responses with requests, adds up times and octets.
 *
 * Pairing. On a flow without loss a response answers the oldest open request (RFC 9112 section 9.3.2), provided it
 * does not begin before what that request's packet had acknowledged already: such a response was there first. Once
 * octets are lost that may have held a message, counting is no proof any more; then acknowledgment numbers tell which
 * requests are over, pairs are marked uncertain, and certainty returns with a request that was sent when all of the
 * server's octets, sent after the loss, had arrived and nothing else was open. A client that pipelines may have lost
 * requests open even then: of such a client that proves something only when it is known to send in batches, the next one
 * when all of the last was answered.
 */
import { type BodySample, type Exchange, KeptHead } from "../core/exchange.ts";
import type { CloseReason, Flow } from "../core/flow.ts";
import {
  ANY_METHOD,
  type AnsweredMethod,
  CONNECT_METHOD,
  type ExchangeBuilder,
  FIELD_STRIDE,
  HEAD_METHOD,
  type MessageHead,
  NO_REQUEST,
} from "../core/http.ts";
import { MAX_PIPELINED, type TransactionStage } from "./stage.ts";

/** Whole batches that tell how a client works; looks of quiet, in doubt, that are chance no more. */
const BATCHES = 2;
const QUIET_MOMENTS = 3;

export class FlowExchanges implements ExchangeBuilder {
  private readonly stage: TransactionStage;
  /** Requests without a response, oldest first. */
  private first: Exchange | null = null;
  private last: Exchange | null = null;
  private open = 0;
  /** The exchange whose request is being read; whose response is. */
  private asking: Exchange | null = null;
  private answering: Exchange | null = null;
  /** Octets were lost that may have held messages. */
  private lossy = false;
  private doubt = false;
  /** The server's position when the doubt began. */
  private doubtSince = 0;
  /** The client sends requests while it receives responses to earlier ones: acknowledgments prove nothing. */
  private sliding = false;
  /** Octets were lost at some time; certainty may be back. */
  private lostBefore = false;
  /** Several requests were open at once, now or ever; and how often all were answered before the next one came. */
  private pipelined = false;
  private batch = false;
  private batches = 0;
  /** The same in doubt: how often it looked so since the loss. */
  private quietMoments = 0;
  /** Acknowledgment of the newest request. */
  private newestAcknowledgment = 0;
  private waitingGap = 0;
  /** A request was found behind octets that are none: the server may have read them as another. */
  private adrift = false;

  constructor(stage: TransactionStage) {
    this.stage = stage;
  }

  // ---- requests

  requestHead(flow: Flow, head: MessageHead): void {
    this.stage.ledger.requests++;
    if (this.first !== null || this.lossy) this.judgeOpenRequests(flow, head);
    else if (this.batch) {
      this.batch = false;
      this.batches++;
    }
    const exchange = this.stage.take(flow);
    exchange.depth = ++flow.exchanges;
    exchange.version = head.version;
    exchange.requestSeen = true;
    exchange.method = methodOf(head);
    exchange.requestStart = exchange.requestEnd = head.time;
    exchange.requestAcknowledgment = head.acknowledgment;
    exchange.requestAcknowledges = head.acknowledges;
    exchange.firstPacketIn = head.ipLength;
    exchange.request.wireLength = head.end - head.start;
    this.judgeFraming(head);
    if (this.doubt || this.adrift) exchange.uncertain = true;
    if (this.waitingGap > 0) {
      exchange.gapBytes = this.waitingGap;
      this.waitingGap = 0;
    }
    this.note(exchange, head);
    if (this.stage.keepHeads) {
      const whole = this.stage.keeper.keepRequest(head, exchange.request, exchange.method === CONNECT_METHOD);
      if (!whole) exchange.truncated = true;
    }
    if (this.stage.maxBodyBytes > 0) exchange.requestBody = newSample(head, this.stage.maxBodyBytes);
    this.chargeIn(flow, exchange, head.end - head.start);
    this.push(exchange);
    this.asking = exchange;
    if (this.open > 1) this.severalOpen(flow);
    this.newestAcknowledgment = head.acknowledgment;
  }

  private judgeFraming(head: MessageHead): void {
    if (head.anomalies.length > 0 && head.anomalies.includes("http1.resynchronized")) this.adrift = true;
    else if (this.first === null) this.adrift = false;
  }

  /** After a loss the older request may be answered, unseen; one that came with the same acknowledgment is not. */
  private severalOpen(flow: Flow): void {
    if (this.lossy && this.asking?.requestAcknowledgment !== this.newestAcknowledgment) return;
    this.pipelined = this.batch = true;
    if (this.lostBefore && !this.lossy && this.batches < BATCHES) this.beginDoubt(flow);
  }

  /** From here on pairs are uncertain, those of open requests too. */
  private beginDoubt(flow: Flow): void {
    this.lossy = this.doubt = this.lostBefore = true;
    this.quietMoments = 0;
    this.doubtSince = flow.halves[flow.clientHalf === 0 ? 1 : 0].next;
    for (let open = this.first; open !== null; open = open.next) open.uncertain = true;
  }

  private push(exchange: Exchange): void {
    if (this.open >= MAX_PIPELINED) {
      this.stage.ledger.evict("transaction.pipelined");
      this.giveUpFirst(true);
    }
    if (this.last === null) this.first = exchange;
    else this.last.next = exchange;
    this.last = exchange;
    this.open++;
  }

  private shift(): Exchange {
    const exchange = this.first!;
    this.first = exchange.next;
    exchange.next = null;
    if (this.first === null) this.last = null;
    this.open--;
    return exchange;
  }

  /** The oldest open request will not be answered any more. */
  private giveUpFirst(doubt: boolean): void {
    const exchange = this.shift();
    if (exchange === this.asking) this.asking = null;
    this.stage.finish(exchange, doubt);
  }

  /** What does the acknowledgment of a new request tell about the older ones? */
  private judgeOpenRequests(flow: Flow, head: MessageHead): void {
    const server = flow.halves[flow.clientHalf === 0 ? 1 : 0];
    const first = this.first;
    if (!this.lossy) {
      if (first !== null && ((head.acknowledgment - first.requestAcknowledgment) | 0) > 0) {
        this.sliding = true;
        if (this.lostBefore) this.beginDoubt(flow);
      }
      return;
    }
    const allReceived = server.known && ((head.acknowledgment - server.next) | 0) >= 0;
    if (!allReceived || this.sliding) return;
    if (((head.acknowledgment - this.doubtSince) | 0) <= 0) return;
    // the client went on: what it had asked before is answered, seen or not
    if (this.answering !== null) this.responseOver(this.answering, false);
    while (this.first !== null && ((head.acknowledgment - this.first.requestAcknowledgment) | 0) > 0)
      this.giveUpFirst(true);
    if (this.first !== null) return;
    if (this.pipelined && this.batches < BATCHES && ++this.quietMoments <= QUIET_MOMENTS) return;
    // a client that waited so often sends in batches
    if (this.pipelined) this.batches = BATCHES;
    this.doubt = this.lossy = this.batch = false;
  }

  requestBody(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const exchange = this.asking;
    if (exchange === null) return;
    exchange.requestBodyBytes += end - start;
    exchange.requestEnd = flow.now;
    this.chargeIn(flow, exchange, end - start);
    if (exchange.requestBody !== null) addSample(exchange.requestBody, bytes, start, end);
  }

  requestEnd(flow: Flow, complete: boolean): void {
    const exchange = this.asking;
    if (exchange === null) return;
    this.asking = null;
    if (complete && flow.now > exchange.requestEnd) exchange.requestEnd = flow.now;
    exchange.requestComplete = complete;
    // the response was over before: the exchange has only waited for this
    if (exchange.responseSeen && exchange !== this.answering) this.stage.finish(exchange, this.doubt);
  }

  // ---- responses

  informational(flow: Flow, head: MessageHead): void {
    const exchange = this.first;
    this.stage.ledger.responses++;
    if (exchange === null) return;
    this.note(exchange, head);
    this.chargeOut(flow, exchange, head.end - head.start);
  }

  answers(flow: Flow, head: MessageHead): AnsweredMethod {
    if (this.answering !== null) this.responseOver(this.answering, false);
    let exchange = this.first;
    if (exchange?.requestAcknowledges && ((head.sequence - exchange.requestAcknowledgment) | 0) < 0) {
      // it began before the client had sent that request
      exchange = null;
    } else if (exchange !== null && this.lossy && !this.sliding) exchange = this.skipAnswered(head);
    if (exchange !== null) this.shift();
    else {
      exchange = this.stage.take(flow);
      exchange.depth = ++flow.exchanges;
      exchange.version = head.version;
      if (!this.doubt && flow.handshakeSeen) this.noteCode(exchange, "http1.response-without-request");
    }
    if (this.doubt) exchange.uncertain = true;
    this.answering = exchange;
    return exchange.requestSeen ? (exchange.method as AnsweredMethod) : NO_REQUEST;
  }

  /** A later open request acknowledged more, and not beyond this response: the earlier ones were answered in the loss. */
  private skipAnswered(head: MessageHead): Exchange | null {
    for (let first = this.first; first !== null; first = this.first) {
      const later = first.next;
      if (later === null) return first;
      const progressed = ((later.requestAcknowledgment - first.requestAcknowledgment) | 0) > 0;
      if (!progressed || ((head.sequence - later.requestAcknowledgment) | 0) < 0) return first;
      this.giveUpFirst(true);
    }
    return null;
  }

  responseHead(flow: Flow, head: MessageHead): void {
    const exchange = this.answering!;
    this.stage.ledger.responses++;
    exchange.responseSeen = true;
    exchange.responseStart = head.time;
    exchange.responseEnd = flow.now;
    exchange.response.status = head.status;
    exchange.response.wireLength = head.end - head.start;
    exchange.responseSequence = head.sequence;
    if (exchange.firstPacketOut === 0) exchange.firstPacketOut = head.ipLength;
    if (this.waitingGap > 0) {
      exchange.gapBytes += this.waitingGap;
      this.waitingGap = 0;
    }
    this.note(exchange, head);
    if (this.stage.keepHeads && !this.stage.keeper.keepResponse(head, exchange.response)) exchange.truncated = true;
    if (this.stage.maxBodyBytes > 0) exchange.responseBody = newSample(head, this.stage.maxBodyBytes);
    this.chargeOut(flow, exchange, head.end - head.start);
  }

  responseBody(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const exchange = this.answering;
    if (exchange === null) return;
    exchange.responseBodyBytes += end - start;
    exchange.responseEnd = flow.now;
    this.chargeOut(flow, exchange, end - start);
    if (exchange.responseBody !== null) addSample(exchange.responseBody, bytes, start, end);
  }

  responseEnd(_flow: Flow, complete: boolean): void {
    if (this.answering !== null) this.responseOver(this.answering, complete);
  }

  private responseOver(exchange: Exchange, complete: boolean): void {
    this.answering = null;
    exchange.responseComplete = complete;
    if (exchange === this.asking) return;
    this.stage.finish(exchange, this.doubt);
  }

  upgraded(_flow: Flow, protocol: string): void {
    if (this.answering !== null) this.answering.upgrade = protocol;
  }

  trailers(_flow: Flow, request: boolean, head: MessageHead): void {
    const exchange = request ? this.asking : this.answering;
    if (exchange === null || !this.stage.keepHeads) return;
    const text = this.stage.keeper.trailers(head, trailerLines);
    if (request) exchange.requestTrailers = text;
    else exchange.responseTrailers = text;
    this.note(exchange, head);
  }

  // ---- octets and doubts

  framing(flow: Flow, request: boolean, octets: number): void {
    const exchange = request ? this.asking : this.answering;
    if (exchange === null) return;
    if (request) {
      exchange.requestEnd = flow.now;
      this.chargeIn(flow, exchange, octets);
    } else {
      exchange.responseEnd = flow.now;
      this.chargeOut(flow, exchange, octets);
    }
  }

  private chargeIn(flow: Flow, exchange: Exchange, octets: number): void {
    const half = flow.halves[flow.clientHalf === 1 ? 1 : 0];
    exchange.wireIn += octets + half.overheadBytes;
    half.overheadBytes = 0;
  }

  private chargeOut(flow: Flow, exchange: Exchange, octets: number): void {
    const half = flow.halves[flow.clientHalf === 1 ? 0 : 1];
    exchange.wireOut += octets + half.overheadBytes;
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
    const exchange = request ? this.asking : this.answering;
    if (exchange !== null) {
      exchange.gapBytes += missedBytes;
      const sample = request ? exchange.requestBody : exchange.responseBody;
      if (sample !== null) sample.cut = true;
      // octets that the snap length cut were on the wire: their packet's length has them
      if (request) this.chargeIn(flow, exchange, 0);
      else this.chargeOut(flow, exchange, 0);
    }
    if (inBody) return;
    if (exchange === null) this.waitingGap += missedBytes;
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
    const asking = this.asking;
    this.asking = null;
    if (asking?.responseSeen) this.stage.finish(asking, this.doubt);
    while (this.first !== null) this.giveUpFirst(this.doubt);
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

function newSample(head: MessageHead, limit: number): BodySample {
  return {
    bytes: new Uint8Array(limit),
    length: 0,
    cut: false,
    contentEncoding: fieldText(head, head.contentEncoding),
    contentType: fieldText(head, head.contentType),
  };
}

function fieldText(head: MessageHead, index: number): string {
  if (index < 0) return "";
  const at = index * FIELD_STRIDE;
  const start = head.fields[at + 2];
  const end = Math.min(head.fields[at + 3], start + 256);
  return Buffer.from(head.bytes.subarray(start, end)).toString("latin1").toLowerCase();
}

function addSample(sample: BodySample, bytes: Uint8Array, start: number, end: number): void {
  // behind a hole nothing is kept: text that was never sent must not come of it
  if (sample.cut) return;
  const room = sample.bytes.length - sample.length;
  const take = Math.min(room, end - start);
  if (take < end - start) sample.cut = true;
  if (take === 0) return;
  sample.bytes.set(bytes.subarray(start, start + take), sample.length);
  sample.length += take;
}

/**
 * The open requests of one flow, oldest first, and which of them a response answers.
 *
 * On a flow without loss a response answers the oldest open request (RFC 9112 section 9.3.2), provided it does not begin
 * before what that request's packet had acknowledged already: such a response was there first. Once octets are lost that
 * may have held a message, counting is no proof any more; then acknowledgment numbers tell which requests are over, pairs
 * are marked uncertain, and certainty returns with a request that was sent when all of the server's octets, sent after
 * the loss, had arrived and nothing else was open. A client that pipelines may have lost requests open even then: of such
 * a client that proves something only when it is known to send in batches, the next one when all of the last was answered.
 */
import type { Exchange } from "../core/exchange.ts";
import type { Flow } from "../core/flow.ts";
import type { MessageHead } from "../core/http.ts";
import type { RestRecord } from "../core/rest.ts";
import { restExchange } from "./resting-exchange.ts";
import { MAX_PIPELINED, type TransactionStage } from "./stage.ts";

/** Whole batches that tell how a client works; looks of quiet, in doubt, that are chance no more. */
const BATCHES = 2;
const QUIET_MOMENTS = 3;

/** What the one exchange of a resting flow is: open, its request being read, its response. */
const OPEN = 1;
const ASKING = 2;
const ANSWERING = 4;

/** What is remembered of a flow whose client pipelines, or of which octets were lost. Most flows have none. */
class Doubts {
  /** Octets were lost that may have held messages. */
  lossy = false;
  doubt = false;
  /** The server's position when the doubt began. */
  since = 0;
  /** The client sends requests while it receives responses to earlier ones: acknowledgments prove nothing. */
  sliding = false;
  /** Octets were lost at some time; certainty may be back. */
  lostBefore = false;
  /** Several requests were open at once, now or ever; and how often all were answered before the next one came. */
  pipelined = false;
  batch = false;
  batches = 0;
  /** The same in doubt: how often it looked so since the loss. */
  quietMoments = 0;
  /** Octets that were lost between messages: the next one tells of them. */
  waitingGap = 0;
}

export class Pairing {
  protected readonly stage: TransactionStage;
  /** Requests without a response, oldest first. */
  protected first: Exchange | null = null;
  protected last: Exchange | null = null;
  private open = 0;
  /** The exchange whose request is being read; whose response is. */
  protected asking: Exchange | null = null;
  protected answering: Exchange | null = null;
  /** Acknowledgment of the newest request. */
  private newestAcknowledgment = 0;
  private doubts: Doubts | null = null;

  constructor(stage: TransactionStage) {
    this.stage = stage;
  }

  /** Pairs are not certain now. */
  protected get inDoubt(): boolean {
    return this.doubts?.doubt === true;
  }

  /** From here on pairs are uncertain, those of open requests too. */
  protected beginDoubt(flow: Flow): void {
    this.doubts ??= new Doubts();
    const doubts = this.doubts;
    doubts.lossy = doubts.doubt = doubts.lostBefore = true;
    doubts.quietMoments = 0;
    doubts.since = flow.halves[flow.clientHalf === 0 ? 1 : 0].next;
    for (let open = this.first; open !== null; open = open.next) open.uncertain = true;
  }

  // ---- octets lost between messages

  protected keepGap(octets: number): void {
    this.doubts ??= new Doubts();
    this.doubts.waitingGap += octets;
  }

  /** Octets that were lost before the message that begins now. */
  protected takeGap(): number {
    const { doubts } = this;
    if (doubts === null) return 0;
    const octets = doubts.waitingGap;
    doubts.waitingGap = 0;
    return octets;
  }

  // ---- the open requests

  /** A request is open now. */
  protected push(flow: Flow, exchange: Exchange): void {
    if (this.open >= MAX_PIPELINED) {
      this.stage.ledger.evict("transaction.pipelined");
      this.giveUpFirst(true);
    }
    if (this.last === null) this.first = exchange;
    else this.last.next = exchange;
    this.last = exchange;
    this.open++;
    this.asking = exchange;
    if (this.open > 1) this.severalOpen(flow, exchange.requestAcknowledgment);
    this.newestAcknowledgment = exchange.requestAcknowledgment;
  }

  /** After a loss the older request may be answered, unseen; one that came with the same acknowledgment is not. */
  private severalOpen(flow: Flow, acknowledgment: number): void {
    this.doubts ??= new Doubts();
    const doubts = this.doubts;
    if (doubts.lossy && acknowledgment !== this.newestAcknowledgment) return;
    doubts.pipelined = doubts.batch = true;
    if (doubts.lostBefore && !doubts.lossy && doubts.batches < BATCHES) this.beginDoubt(flow);
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
  protected giveUpFirst(doubt: boolean): void {
    const exchange = this.shift();
    if (exchange === this.asking) this.asking = null;
    this.stage.finish(exchange, doubt);
  }

  /** A request's head came: what does its acknowledgment tell about the older ones? */
  protected judgeOpenRequests(flow: Flow, head: MessageHead): void {
    const { doubts } = this;
    if (doubts?.lossy) this.judgeAfterLoss(flow, head, doubts);
    else if (this.first === null) {
      if (doubts?.batch) {
        doubts.batch = false;
        doubts.batches++;
      }
    } else if (((head.acknowledgment - this.first.requestAcknowledgment) | 0) > 0) {
      this.doubts ??= new Doubts();
      this.doubts.sliding = true;
      if (this.doubts.lostBefore) this.beginDoubt(flow);
    }
  }

  private judgeAfterLoss(flow: Flow, head: MessageHead, doubts: Doubts): void {
    const server = flow.halves[flow.clientHalf === 0 ? 1 : 0];
    const allReceived = server.known && ((head.acknowledgment - server.next) | 0) >= 0;
    if (!allReceived || doubts.sliding) return;
    if (((head.acknowledgment - doubts.since) | 0) <= 0) return;
    // the client went on: what it had asked before is answered, seen or not
    if (this.answering !== null) this.responseOver(this.answering, false);
    while (this.first !== null && ((head.acknowledgment - this.first.requestAcknowledgment) | 0) > 0)
      this.giveUpFirst(true);
    if (this.first !== null) return;
    if (doubts.pipelined && doubts.batches < BATCHES && ++doubts.quietMoments <= QUIET_MOMENTS) return;
    // a client that waited so often sends in batches
    if (doubts.pipelined) doubts.batches = BATCHES;
    doubts.doubt = doubts.lossy = doubts.batch = false;
  }

  // ---- while the flow rests

  /** The numbers of this, and of the one exchange that is open; false when there is more to know. */
  rest(record: RestRecord): boolean {
    const { first, asking, answering } = this;
    const only = first ?? asking ?? answering;
    const isOther = (exchange: Exchange | null) => exchange !== null && exchange !== only;
    if (this.doubts !== null || this.open > 1 || isOther(asking) || isOther(answering)) return false;
    const places = (first === null ? 0 : OPEN) | (asking === null ? 0 : ASKING) | (answering === null ? 0 : ANSWERING);
    record.putInt(places);
    record.putInt(this.newestAcknowledgment);
    return only === null || restExchange(only, record);
  }

  /** What was written is kept by others: the object of the exchange can be used again. */
  rested(): void {
    const only = this.first ?? this.asking ?? this.answering;
    if (only !== null) this.stage.rested(only);
  }

  protected wakeFrom(flow: Flow, record: RestRecord): void {
    const places = record.takeInt();
    this.newestAcknowledgment = record.takeInt();
    if (places === 0) return;
    const exchange = this.stage.woken(flow, record);
    if (places & OPEN) {
      this.first = this.last = exchange;
      this.open = 1;
    }
    if (places & ASKING) this.asking = exchange;
    if (places & ANSWERING) this.answering = exchange;
  }

  // ---- responses

  /** Takes the request that a response answers out of the open ones; null when there is none. */
  protected answered(head: MessageHead): Exchange | null {
    const oldest = this.first;
    if (oldest === null) return null;
    // it began before the client had sent that request
    if (oldest.requestAcknowledges && ((head.sequence - oldest.requestAcknowledgment) | 0) < 0) return null;
    const { doubts } = this;
    if (doubts?.lossy && !doubts.sliding) this.skipAnswered(head);
    return this.first === null ? null : this.shift();
  }

  /** A later open request acknowledged more, and not beyond this response: the earlier ones were answered in the loss. */
  private skipAnswered(head: MessageHead): void {
    for (let first = this.first; first !== null; first = this.first) {
      const later = first.next;
      if (later === null) return;
      const progressed = ((later.requestAcknowledgment - first.requestAcknowledgment) | 0) > 0;
      if (!progressed || ((head.sequence - later.requestAcknowledgment) | 0) < 0) return;
      this.giveUpFirst(true);
    }
  }

  protected responseOver(exchange: Exchange, complete: boolean): void {
    this.answering = null;
    exchange.responseComplete = complete;
    if (exchange === this.asking) return;
    this.stage.finish(exchange, this.inDoubt);
  }
}

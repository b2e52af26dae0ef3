/** What the exchange builders of all flows share: memory, limits, the ledger, and who hears of finished exchanges. */
import { Arena } from "../core/arena.ts";
import {
  ABORTED,
  COMPLETE,
  Exchange,
  type ExchangeListener,
  GAP,
  type KeptHead,
  NEVER,
  NO_RESPONSE,
} from "../core/exchange.ts";
import type { Flow } from "../core/flow.ts";
import type { ExchangeBuilder, HeadRedactor } from "../core/http.ts";
import type { Ledger } from "../core/ledger.ts";
import { FlowExchanges } from "./builder.ts";
import { HeadKeeper } from "./keep.ts";

export interface TransactionOptions {
  readonly ledger: Ledger;
  readonly listener: ExchangeListener;
  readonly redactor: HeadRedactor | null;
  /** False when nobody looks at heads (`--quiet`): only numbers are made. */
  readonly keepHeads?: boolean;
  /** Content octets of each body to keep; 0 keeps none. */
  readonly maxBodyBytes?: number;
  readonly arenaBytes?: number;
}

/** Requests of one flow without a response; clients pipeline a handful. */
export const MAX_PIPELINED = 1_024;

export class TransactionStage {
  readonly ledger: Ledger;
  readonly keepHeads: boolean;
  readonly maxBodyBytes: number;
  readonly arena: Arena;
  readonly keeper: HeadKeeper;
  private readonly listener: ExchangeListener;
  private free: Exchange | null = null;
  private freeCount = 0;

  constructor(options: TransactionOptions) {
    this.ledger = options.ledger;
    this.listener = options.listener;
    this.keepHeads = options.keepHeads ?? true;
    this.maxBodyBytes = options.maxBodyBytes ?? 0;
    this.arena = new Arena(this.keepHeads ? options.arenaBytes : 4096);
    this.keeper = new HeadKeeper(this.arena, options.redactor);
  }

  builder(): ExchangeBuilder {
    this.ledger.httpFlows++;
    return new FlowExchanges(this);
  }

  /** A blank exchange. */
  take(flow: Flow): Exchange {
    let exchange = this.free;
    if (exchange === null) exchange = new Exchange(this.arena);
    else {
      this.free = exchange.next;
      this.freeCount--;
    }
    blank(exchange, flow);
    return exchange;
  }

  /** Gives a finished exchange out and takes its memory back. */
  finish(exchange: Exchange, doubt: boolean): void {
    const ledger = this.ledger;
    exchange.outcome = outcomeOf(exchange, doubt);
    ledger.transactions++;
    if (exchange.outcome === COMPLETE) ledger.complete++;
    else if (exchange.outcome === NO_RESPONSE) ledger.noResponse++;
    else if (exchange.outcome === ABORTED) ledger.aborted++;
    else ledger.withGap++;
    if (!exchange.responseSeen) ledger.requestsUnmatched++;
    else if (!exchange.requestSeen) ledger.responsesUnmatched++;
    if (exchange.truncated) ledger.truncated++;
    this.listener.exchange(exchange);
    this.release(exchange.request);
    this.release(exchange.response);
    exchange.requestBody = exchange.responseBody = null;
    if (this.freeCount < 4_096) {
      exchange.next = this.free;
      this.free = exchange;
      this.freeCount++;
    }
  }

  private release(head: KeptHead): void {
    if (head.offset >= 0) this.arena.release(head.offset, head.kept);
    head.offset = -1;
  }
}

/** See Outcome in core/event.ts. */
function outcomeOf(exchange: Exchange, doubt: boolean): number {
  if (exchange.uncertain || exchange.gapBytes > 0) return GAP;
  if (!exchange.responseSeen) return doubt ? GAP : NO_RESPONSE;
  if (!exchange.requestSeen) return doubt || exchange.midstream ? GAP : exchange.responseComplete ? COMPLETE : ABORTED;
  return exchange.requestComplete && exchange.responseComplete ? COMPLETE : ABORTED;
}

function blank(exchange: Exchange, flow: Flow): void {
  exchange.flow = flow;
  exchange.next = null;
  exchange.method = 0;
  exchange.requestSeen = exchange.responseSeen = exchange.requestComplete = exchange.responseComplete = false;
  exchange.requestStart = exchange.requestEnd = exchange.responseStart = exchange.responseEnd = NEVER;
  exchange.requestBodyBytes = exchange.responseBodyBytes = 0;
  exchange.wireIn = exchange.wireOut = exchange.retransmittedIn = exchange.retransmittedOut = 0;
  exchange.firstPacketIn = exchange.firstPacketOut = exchange.gapBytes = 0;
  exchange.midstream = !flow.handshakeSeen;
  exchange.truncated = exchange.uncertain = false;
  exchange.upgrade = "";
  exchange.anomalies = null;
  exchange.requestTrailers = exchange.responseTrailers = null;
  exchange.kernelRequestWait = exchange.kernelProcess = exchange.kernelResponseWait = NEVER;
  exchange.request.wireLength = exchange.response.wireLength = 0;
  exchange.response.status = 0;
}

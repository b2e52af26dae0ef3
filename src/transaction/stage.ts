/** What the exchange builders of all flows share: memory, limits, the ledger, and who hears of finished exchanges. */
import { Arena } from "../core/arena.ts";
import { ABORTED, COMPLETE, Exchange, type ExchangeListener, GAP, NO_RESPONSE } from "../core/exchange.ts";
import type { Flow } from "../core/flow.ts";
import type { ExchangeBuilder, HeadRedactor } from "../core/http.ts";
import type { Ledger } from "../core/ledger.ts";
import type { RestRecord } from "../core/rest.ts";
import { FlowExchanges } from "./builder.ts";
import { HeadKeeper } from "./keep.ts";
import { recallHeads } from "./kept-numbers.ts";
import { wakeExchange } from "./resting-exchange.ts";

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
/** Exchanges open at once, of all flows together: two for each flow that a table takes; some 27 MB. */
export const MAX_OPEN = 131_072;
/** Of those that are over, so many are kept to be used again. */
const MAX_FREE = 4_096;

export class TransactionStage {
  readonly ledger: Ledger;
  readonly keepHeads: boolean;
  readonly maxBodyBytes: number;
  readonly arena: Arena;
  readonly keeper: HeadKeeper;
  private readonly listener: ExchangeListener;
  /** Exchanges to be used again, and how many were handed out in all. */
  private free: Exchange | null = null;
  private freeCount = 0;
  private open = 0;

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

  /** A builder of what one has written while its flow rested. */
  wake(flow: Flow, record: RestRecord): ExchangeBuilder {
    return FlowExchanges.woken(this, flow, record);
  }

  /** A new exchange; null when too many are open. */
  take(flow: Flow): Exchange | null {
    if (this.open === MAX_OPEN) return null;
    this.open++;
    const exchange = this.object();
    exchange.blank(flow);
    return exchange;
  }

  private object(): Exchange {
    const exchange = this.free;
    if (exchange === null) return new Exchange();
    this.free = exchange.next;
    this.freeCount--;
    return exchange;
  }

  /** It stays open, but as numbers: its object can serve another. */
  rested(exchange: Exchange): void {
    this.giveBack(exchange);
  }

  woken(flow: Flow, record: RestRecord): Exchange {
    const exchange = this.object();
    wakeExchange(exchange, flow, record);
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
    recallHeads(exchange);
    try {
      this.listener.exchange(exchange);
    } finally {
      this.release(exchange);
    }
  }

  private release(exchange: Exchange): void {
    const { request, response } = exchange;
    if (exchange.requestBlock >= 0) this.arena.release(exchange.requestBlock, request.kept);
    if (exchange.responseBlock >= 0) this.arena.release(exchange.responseBlock, response.kept);
    this.open--;
    this.giveBack(exchange);
  }

  private giveBack(exchange: Exchange): void {
    if (this.freeCount === MAX_FREE) return;
    exchange.next = this.free;
    this.free = exchange;
    this.freeCount++;
  }
}

/** See Outcome in core/event.ts. */
function outcomeOf(exchange: Exchange, doubt: boolean): number {
  if (exchange.uncertain || exchange.gapBytes > 0) return GAP;
  if (!exchange.responseSeen) return doubt ? GAP : NO_RESPONSE;
  if (!exchange.requestSeen) return doubt || exchange.midstream ? GAP : exchange.responseComplete ? COMPLETE : ABORTED;
  return exchange.requestComplete && exchange.responseComplete ? COMPLETE : ABORTED;
}

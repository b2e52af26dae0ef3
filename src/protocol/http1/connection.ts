/**
 * HTTP/1 on one flow: a reader for each direction (RFC 9112), and what they share. What the octets say decides who is
 * the client, not ports and not who connected.
 */
import type { Budget } from "../../core/budget.ts";
import type { CloseReason, Flow, HalfIndex } from "../../core/flow.ts";
import { type AnsweredMethod, type ExchangeBuilder, FIELD_STRIDE } from "../../core/http.ts";
import type { FlowParser } from "../../core/protocol.ts";
import type { RestRecord, Waker } from "../../core/rest.ts";
import { type Framing, requestFraming, responseFraming } from "./framing.ts";
import type { Head } from "./head.ts";
import { hostNotes } from "./host.ts";
import { latin1 } from "./octets.ts";
import { Reader } from "./reader.ts";

export interface Http1Options {
  readonly newBuilder: (flow: Flow) => ExchangeBuilder;
  /** Makes a builder of what one has written (ExchangeBuilder.rest); without it no flow rests. */
  readonly wakeBuilder?: (flow: Flow, record: RestRecord) => ExchangeBuilder;
  /** Reads what follows CONNECT or an Upgrade; null lets it pass. */
  readonly openTunnel: (flow: Flow, protocol: string) => FlowParser | null;
  /** For heads that come in pieces, of all flows together; one of its own when absent. */
  readonly budget?: Budget;
}

const LONGEST_UPGRADE_NAME = 64;
/** Connections kept for flows to come. */
const MAX_FREE = 1_024;

/** One object serves one flow after the other: `renew` makes it new. */
export class Http1Connection implements FlowParser {
  builder!: ExchangeBuilder;
  private readonly options: Http1Options;
  /** Where it goes when its flow is over. */
  private readonly free: Http1Connection[];
  private readonly readers: readonly [Reader, Reader] = [new Reader(this, 0), new Reader(this, 1)];
  /** The direction that sends requests; 2 until a head told. */
  requestHalf: HalfIndex | 2 = 2;
  /** Requests read so far. */
  requests = 0;
  private tunnel: FlowParser | null = null;
  private tunneled = false;
  private upgradeAsked = false;
  private upgradeName = "";
  private tunnelName = "";

  /** Shared by all connections. */
  readonly budget: Budget;
  private readonly waker: Waker;

  constructor(options: Http1Options, free: Http1Connection[], budget: Budget, waker: Waker) {
    this.options = options;
    this.budget = budget;
    this.free = free;
    this.waker = waker;
  }

  /** Forgets the flow before. */
  renew(builder: ExchangeBuilder): void {
    this.builder = builder;
    this.requestHalf = 2;
    this.requests = 0;
    this.tunnel = null;
    this.tunneled = this.upgradeAsked = false;
    this.upgradeName = this.tunnelName = "";
    this.readers[0].renew();
    this.readers[1].renew();
  }

  data(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    if (this.tunneled) this.tunnel?.data(flow, from, bytes, start, end);
    else this.readers[from].data(flow, bytes, start, end);
  }

  gap(flow: Flow, from: HalfIndex, missedBytes: number): void {
    if (this.tunneled) this.tunnel?.gap(flow, from, missedBytes);
    else this.readers[from].gap(flow, missedBytes);
  }

  differs(from: HalfIndex, bytes: Uint8Array, start: number, end: number, sequence: number): boolean {
    const reader = this.tunneled ? this.tunnel : null;
    if (reader !== null) return reader.differs?.(from, bytes, start, end, sequence) ?? false;
    return !this.tunneled && this.readers[from].differs(bytes, start, end, sequence);
  }

  retransmitted(flow: Flow, from: HalfIndex, ipLength: number): void {
    if (this.tunneled) this.tunnel?.retransmitted?.(flow, from, ipLength);
    else this.builder.retransmitted(flow, from === this.requestHalf, ipLength);
  }

  finished(flow: Flow, from: HalfIndex): void {
    if (this.tunneled) this.tunnel?.finished?.(flow, from);
    else this.readers[from].finished(flow);
  }

  close(flow: Flow, reason: CloseReason): void {
    if (!this.tunneled) {
      // requests first: a response may be waiting for its request's end
      const first = this.requestHalf === 1 ? 1 : 0;
      this.readers[first].close(flow, reason);
      this.readers[1 - first].close(flow, reason);
    }
    this.tunnel?.close(flow, reason);
    this.builder.close(flow, reason);
    this.giveBack();
  }

  rest(_flow: Flow, record: RestRecord): Waker | null {
    if (this.tunneled || this.upgradeName !== "" || this.tunnelName !== "") return null;
    record.putInt(this.requestHalf | (this.upgradeAsked ? 4 : 0));
    record.putInt(this.requests);
    const [first, second] = this.readers;
    const all = first.rest(record) && second.rest(record) && this.builder.rest?.(record) === true;
    return all && this.options.wakeBuilder !== undefined ? this.waker : null;
  }

  rested(): void {
    this.builder.rested?.();
    this.giveBack();
  }

  /** Goes on with the flow that wrote this. */
  wake(flow: Flow, record: RestRecord): void {
    this.renew(this.builder);
    const flags = record.takeInt();
    this.requestHalf = (flags & 3) as HalfIndex | 2;
    this.upgradeAsked = (flags & 4) !== 0;
    this.requests = record.takeInt();
    this.readers[0].wake(record);
    this.readers[1].wake(record);
    this.builder = this.options.wakeBuilder!(flow, record);
  }

  private giveBack(): void {
    if (this.free.length < MAX_FREE) this.free.push(this);
  }

  /** A reader found a head of this kind in its direction: who is the client? */
  learnRole(flow: Flow, from: HalfIndex, isRequest: boolean): void {
    if (this.requestHalf !== 2) return;
    this.requestHalf = isRequest ? from : ((1 - from) as HalfIndex);
    flow.setClient(this.requestHalf);
  }

  requestHead(flow: Flow, head: Head): Framing {
    this.requests++;
    if (head.upgrade >= 0) this.upgradeAsked = true;
    hostNotes(head);
    const framing = requestFraming(head);
    this.builder.requestHead(flow, head);
    return framing;
  }

  responseHead(flow: Flow, head: Head): Framing {
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      const framing = responseFraming(head, 0);
      this.builder.informational(flow, head);
      return framing;
    }
    this.upgradeName = upgradeOf(head);
    if (head.status === 101 && this.requests > 0 && !this.upgradeAsked && flow.handshakeSeen)
      head.anomaly("http1.switch-unasked");
    const method: AnsweredMethod = this.builder.answers(flow, head);
    const framing = responseFraming(head, method);
    this.builder.responseHead(flow, head);
    return framing;
  }

  /** The response just read is the last of HTTP on this flow. */
  upgrade(flow: Flow, status: number): void {
    this.tunnelName = status === 101 ? this.upgradeName || "unknown" : "connect";
    this.builder.upgraded(flow, this.tunnelName);
  }

  enterTunnel(flow: Flow, from: HalfIndex): void {
    const other = (1 - from) as HalfIndex;
    this.tunneled = true;
    this.tunnel = this.options.openTunnel(flow, this.tunnelName);
    const waiting = this.readers[other].takeWaiting();
    if (waiting !== null) this.tunnel?.data(flow, other, waiting, 0, waiting.length);
  }

  /** Octets that a reader had in hand when the flow became a tunnel. */
  afterTunnel(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    if (this.tunneled) this.tunnel?.data(flow, from, bytes, start, end);
  }
}

/** First protocol named in Upgrade, lower case: `websocket`, `h2c`, `tls/1.0`. */
function upgradeOf(head: Head): string {
  if (head.upgrade < 0) return "";
  const at = head.upgrade * FIELD_STRIDE;
  const start = head.fields[at + 2];
  const text = latin1(head.bytes, start, Math.min(head.fields[at + 3], start + LONGEST_UPGRADE_NAME));
  return text.split(",", 1)[0].trim().toLowerCase();
}

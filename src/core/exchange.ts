/**
 * An exchange while it is being built and handed out: the hot-path form of a transaction. Numbers, and redacted JSON
 * text in the thread's memory; pooled, and lent to listeners for the length of a call. `transaction/materialize.ts` makes
 * a TransactionEvent of it for whoever wants plain data; the JSON sink writes straight from the text.
 *
 * Tens of thousands may be open at once, so one takes some 260 octets: yes and no share a number, what few have is beside
 * it, and where the parts of a head are is kept with the head's text.
 */
import { type BodySample, Rare } from "./exchange-rare.ts";
import type { Flow } from "./flow.ts";
import { KeptRequest, KeptResponse } from "./kept-head.ts";
import { type Micros, NEVER } from "./units.ts";

export const COMPLETE = 0;
export const NO_RESPONSE = 1;
export const ABORTED = 2;
export const GAP = 3;
export const OUTCOMES = ["complete", "no-response", "aborted", "gap"] as const;

/** The heads of the exchange that is being handed out. */
const request = new KeptRequest();
const response = new KeptResponse();

/** Of all that have none; only read. */
const NOTHING_RARE = new Rare();

// yes and no: places in `flags`
const REQUEST_SEEN = 1;
const RESPONSE_SEEN = 2;
const REQUEST_COMPLETE = 4;
const RESPONSE_COMPLETE = 8;
const MIDSTREAM = 16;
const TRUNCATED = 32;
const UNCERTAIN = 64;
const ACKNOWLEDGES = 128;
const INTERIM = 256;

export class Exchange {
  flow: Flow = null as unknown as Flow;
  depth = 0;
  /** What is true of it, a bit each; the kernel that writes lines (core/head-kernel/line.c) knows the first six. */
  flags = 0;
  /** HTTP version times ten: 9, 10, 11, 20, 30; the response's when there was no request. */
  version = 11;
  /** Method of the request as framing needs it. */
  method: 0 | 1 | 2 = 0;
  requestStart: Micros = 0.5;
  requestEnd: Micros = 0.5;
  responseStart: Micros = 0.5;
  responseEnd: Micros = 0.5;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  wireIn = 0;
  wireOut = 0;
  firstPacketIn = 0;
  firstPacketOut = 0;
  /** Octets of the heads on the wire, and the status. */
  requestLength = 0;
  responseLength = 0;
  status = 0;
  /** Blocks in which the heads are kept, -1 for none. */
  requestBlock = -1;
  responseBlock = -1;
  outcome = COMPLETE;
  /** For pairing: acknowledgment in the request's first packet. */
  requestAcknowledgment = 0;
  /** Next exchange of the same flow, oldest first; next free one in the pool. */
  next: Exchange | null = null;
  private rare: Rare | null = null;

  /** Makes it new for an exchange of this flow. */
  blank(flow: Flow): void {
    this.flow = flow;
    this.next = null;
    this.rare = null;
    this.method = 0;
    this.flags = flow.handshakeSeen ? 0 : MIDSTREAM;
    this.requestStart = this.requestEnd = this.responseStart = this.responseEnd = NEVER;
    this.requestBodyBytes = this.responseBodyBytes = this.wireIn = this.wireOut = 0;
    this.firstPacketIn = this.firstPacketOut = this.requestLength = this.responseLength = this.status = 0;
    this.requestBlock = this.responseBlock = -1;
  }

  /** Heads as kept: of the exchange that is being handed out. */
  get request(): KeptRequest {
    return request;
  }

  get response(): KeptResponse {
    return response;
  }

  get requestSeen(): boolean {
    return (this.flags & REQUEST_SEEN) !== 0;
  }

  set requestSeen(yes: boolean) {
    this.flags = yes ? this.flags | REQUEST_SEEN : this.flags & ~REQUEST_SEEN;
  }

  get responseSeen(): boolean {
    return (this.flags & RESPONSE_SEEN) !== 0;
  }

  set responseSeen(yes: boolean) {
    this.flags = yes ? this.flags | RESPONSE_SEEN : this.flags & ~RESPONSE_SEEN;
  }

  get requestComplete(): boolean {
    return (this.flags & REQUEST_COMPLETE) !== 0;
  }

  set requestComplete(yes: boolean) {
    this.flags = yes ? this.flags | REQUEST_COMPLETE : this.flags & ~REQUEST_COMPLETE;
  }

  get responseComplete(): boolean {
    return (this.flags & RESPONSE_COMPLETE) !== 0;
  }

  set responseComplete(yes: boolean) {
    this.flags = yes ? this.flags | RESPONSE_COMPLETE : this.flags & ~RESPONSE_COMPLETE;
  }

  get midstream(): boolean {
    return (this.flags & MIDSTREAM) !== 0;
  }

  set midstream(yes: boolean) {
    this.flags = yes ? this.flags | MIDSTREAM : this.flags & ~MIDSTREAM;
  }

  /** A limit cut it. */
  get truncated(): boolean {
    return (this.flags & TRUNCATED) !== 0;
  }

  set truncated(yes: boolean) {
    this.flags = yes ? this.flags | TRUNCATED : this.flags & ~TRUNCATED;
  }

  /** An interim response (1xx) came behind the whole request: the first thing that was written is not the response. */
  get interim(): boolean {
    return (this.flags & INTERIM) !== 0;
  }

  set interim(yes: boolean) {
    this.flags = yes ? this.flags | INTERIM : this.flags & ~INTERIM;
  }

  /** The pairing of request and response is not certain. */
  get uncertain(): boolean {
    return (this.flags & UNCERTAIN) !== 0;
  }

  set uncertain(yes: boolean) {
    this.flags = yes ? this.flags | UNCERTAIN : this.flags & ~UNCERTAIN;
  }

  /** The request's first packet had an acknowledgment. */
  get requestAcknowledges(): boolean {
    return (this.flags & ACKNOWLEDGES) !== 0;
  }

  set requestAcknowledges(yes: boolean) {
    this.flags = yes ? this.flags | ACKNOWLEDGES : this.flags & ~ACKNOWLEDGES;
  }

  /** Nothing of what few have: no octets lost or sent again, no anomalies, bodies, trailers, upgrade, kernel times. */
  get isPlain(): boolean {
    return this.rare === null;
  }

  private get few(): Rare {
    return this.rare ?? NOTHING_RARE;
  }

  private needRare(): Rare {
    this.rare ??= new Rare();
    return this.rare;
  }

  get retransmittedIn(): number {
    return this.few.retransmittedIn;
  }

  set retransmittedIn(value: number) {
    this.needRare().retransmittedIn = value;
  }

  get retransmittedOut(): number {
    return this.few.retransmittedOut;
  }

  set retransmittedOut(value: number) {
    this.needRare().retransmittedOut = value;
  }

  get gapBytes(): number {
    return this.few.gapBytes;
  }

  set gapBytes(value: number) {
    this.needRare().gapBytes = value;
  }

  /** Empty string for none. */
  get upgrade(): string {
    return this.few.upgrade;
  }

  set upgrade(value: string) {
    this.needRare().upgrade = value;
  }

  /** Null for nearly every exchange. */
  get anomalies(): string[] | null {
    return this.few.anomalies;
  }

  set anomalies(value: string[] | null) {
    this.needRare().anomalies = value;
  }

  get requestBody(): BodySample | null {
    return this.few.requestBody;
  }

  set requestBody(value: BodySample | null) {
    this.needRare().requestBody = value;
  }

  get responseBody(): BodySample | null {
    return this.few.responseBody;
  }

  set responseBody(value: BodySample | null) {
    this.needRare().responseBody = value;
  }

  /** Trailer field lines as JSON text, null for none. */
  get requestTrailers(): string | null {
    return this.few.requestTrailers;
  }

  set requestTrailers(value: string | null) {
    this.needRare().requestTrailers = value;
  }

  get responseTrailers(): string | null {
    return this.few.responseTrailers;
  }

  set responseTrailers(value: string | null) {
    this.needRare().responseTrailers = value;
  }

  /** Microseconds by the kernel's clock; NEVER when not known. */
  get kernelRequestWait(): Micros {
    return this.few.kernelRequestWait;
  }

  set kernelRequestWait(value: Micros) {
    this.needRare().kernelRequestWait = value;
  }

  get kernelProcess(): Micros {
    return this.few.kernelProcess;
  }

  set kernelProcess(value: Micros) {
    this.needRare().kernelProcess = value;
  }

  get kernelResponseWait(): Micros {
    return this.few.kernelResponseWait;
  }

  set kernelResponseWait(value: Micros) {
    this.needRare().kernelResponseWait = value;
  }
}

/** Takes finished exchanges, lent. */
export interface ExchangeListener {
  exchange(exchange: Exchange): void;
}

/**
 * One direction of an HTTP/1 flow as a state machine over its octets, however they are cut: start line, field lines,
 * body by length or chunks, trailers; skipping by length over gaps, and finding the next message when that fails.
 */
import type { CloseReason, Flow, HalfIndex } from "../../core/flow.ts";
import { kernelFields } from "../../core/head-kernel.ts";
import type { RestRecord } from "../../core/rest.ts";
import { BROKEN, ChunkLine, MORE as MORE_OF_LINE, SIZE_READ } from "./chunks.ts";
import type { Http1Connection } from "./connection.ts";
import { CHUNKED, type Framing, LENGTH, NO_BODY, TUNNEL, UNTIL_CLOSE } from "./framing.ts";
import { Head, INCOMPLETE, MORE } from "./head.ts";
import { CR, LF } from "./octets.ts";
import { findHead, isRequestLine, isStatusLine, REQUESTS, RESPONSES } from "./start-line.ts";
import { Waiting } from "./waiting.ts";

/** Heads over this are cut: the first part is kept, the rest is skipped. Servers allow 8 to 64 kB. */
export const MAX_HEAD_BYTES = 65_536;
/** Behind so many octets only the end of the line can tell whether it is a start line. */
const LONGEST_OPENING = 64;
/** Octets searched at a time, and longest line looked at, when the next message has to be found. */
const SEARCH_STEP = 8_192;

const AT_START = 0;
const IN_HEAD = 1;
const IN_LENGTH = 2;
const IN_CHUNK_LINE = 3;
const IN_CHUNK_DATA = 4;
const IN_TRAILERS = 5;
const IN_UNTIL_CLOSE = 6;
/** The end of the open message is not known any more: look for the next one. */
const LOST = 7;
/** Behind a head that was cut at its limit: its blank line is still to come. */
const IN_HEAD_REST = 8;
/** The response that ends HTTP on this flow was read. */
const TUNNELED = 9;
const DEAD = 10;

/** Smaller pieces of a head are looked at octet by octet: its end is searched from its start for each of the others. */
const PLAIN_PIECE = 16;

const NEITHER = 0;
const REQUEST = 1;
const RESPONSE = 2;
const UNDECIDED = 3;

/** All readers fill this one: a head is used up before the next is read. */
const head = new Head(kernelFields);

export class Reader {
  private readonly connection: Http1Connection;
  private readonly from: HalfIndex;
  private state = AT_START;
  /** Octets of the body or chunk still to come. */
  private remaining = 0;
  /** Is the message being read a request? */
  private request = true;
  private messageOpen = false;
  private waiting: Waiting | null = null;
  private chunk: ChunkLine | null = null;
  /** Sequence number of the octet at index 0 of the bytes being read. */
  private base = 0;
  /** Framing behind a head that was cut; the last octet skipped was a line feed. */
  private afterHead: Framing | null = null;
  private atLineStart = false;
  /** The sender's octets, not the capture's loss, are why the next message is searched for. */
  private adrift = false;

  constructor(connection: Http1Connection, from: HalfIndex) {
    this.connection = connection;
    this.from = from;
  }

  /** Forgets the flow before; nothing of it is used without having been set. */
  renew(): void {
    this.state = AT_START;
    this.messageOpen = false;
    this.waiting = null;
    this.afterHead = null;
    this.adrift = false;
  }

  /** See FlowParser: between messages and in bodies whose end is known there are only numbers. */
  rest(record: RestRecord): boolean {
    const { state, waiting } = this;
    if (state !== AT_START && state !== IN_LENGTH && state !== IN_UNTIL_CLOSE) return false;
    if (waiting !== null && waiting.length > 0) return false;
    record.putInt(state | (this.request ? 32 : 0) | (this.messageOpen ? 64 : 0) | (this.adrift ? 128 : 0));
    record.putFloat(this.remaining);
    return true;
  }

  wake(record: RestRecord): void {
    const flags = record.takeInt();
    this.state = flags & 31;
    this.request = (flags & 32) !== 0;
    this.messageOpen = (flags & 64) !== 0;
    this.adrift = (flags & 128) !== 0;
    this.remaining = record.takeFloat();
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.base = (flow.dataSequence - start) | 0;
    this.read(flow, bytes, start, end);
  }

  private read(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.state) {
        case AT_START:
          at = this.start(flow, bytes, at, end);
          break;
        case IN_LENGTH:
        case IN_CHUNK_DATA:
          at = this.content(flow, bytes, at, end);
          break;
        case IN_CHUNK_LINE:
          at = this.chunkLine(flow, bytes, at, end);
          break;
        case IN_HEAD:
          at = this.moreHead(flow, bytes, at, end);
          break;
        case IN_UNTIL_CLOSE:
          this.body(flow, bytes, at, end);
          return;
        case IN_TRAILERS:
          at = this.moreTrailers(flow, bytes, at, end);
          break;
        case LOST:
          at = this.search(flow, bytes, at, end);
          break;
        case IN_HEAD_REST:
          at = this.headRest(flow, bytes, at, end);
          break;
        case DEAD:
          this.connection.afterTunnel(flow, this.from, bytes, at, end);
          return;
      }
      if (this.state === TUNNELED) {
        this.state = DEAD;
        this.connection.enterTunnel(flow, this.from);
      }
    }
  }

  /** Between messages. */
  private start(flow: Flow, bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at];
    if (first === LF || first === CR) {
      // empty lines before a start line are to be ignored (section 2.2)
      flow.halves[this.from].overheadBytes++;
      return at + 1;
    }
    const length = head.readPlain(bytes, at, end, this.kinds());
    if (length >= 0 && length <= MAX_HEAD_BYTES) return this.headHere(flow, at, at + length, head.isRequest);
    if (length === MORE) {
      this.state = IN_HEAD;
      if (this.begin(flow, at).appendPlain(bytes, at, end, MAX_HEAD_BYTES)) return end;
      return this.moreHead(flow, bytes, at, end);
    }
    const kind = this.kindAt(bytes, at, end);
    if (kind === NEITHER) {
      this.cruft(flow);
      return at;
    }
    if (kind !== UNDECIDED) {
      const headEnd = head.read(bytes, at, end, kind === REQUEST);
      if (headEnd !== INCOMPLETE && headEnd - at <= MAX_HEAD_BYTES)
        return this.headHere(flow, at, headEnd, kind === REQUEST);
    }
    this.state = IN_HEAD;
    this.begin(flow, at);
    return this.moreHead(flow, bytes, at, end);
  }

  /** A head was read from the octets at hand. */
  private headHere(flow: Flow, at: number, headEnd: number, isRequest: boolean): number {
    head.time = flow.now;
    head.sequence = (this.base + at) | 0;
    head.acknowledgment = flow.dataAcknowledgment;
    head.acknowledges = flow.dataAcknowledges;
    head.ipLength = flow.dataIpLength;
    this.headRead(flow, isRequest);
    return headEnd;
  }

  /** Kinds of head that this direction may send. */
  private kinds(): number {
    const requestHalf = this.connection.requestHalf;
    return (requestHalf !== 1 - this.from ? REQUESTS : 0) | (requestHalf !== this.from ? RESPONSES : 0);
  }

  /** Which kind of head begins here? The direction's role is known once either direction had one. */
  private kindAt(bytes: Uint8Array, start: number, end: number): number {
    const requestHalf = this.connection.requestHalf;
    const response = requestHalf !== this.from ? isStatusLine(bytes, start, end) : "no";
    if (response === "yes") return RESPONSE;
    const mayBeRequest = requestHalf === 2 || requestHalf === this.from;
    head.mayBe09 = this.connection.requests === 0;
    const request = mayBeRequest ? isRequestLine(bytes, start, end, head.mayBe09) : "no";
    if (request === "yes") return REQUEST;
    return response === "need-more" || request === "need-more" ? UNDECIDED : NEITHER;
  }

  /** Octets that begin no message where one should begin. */
  private cruft(flow: Flow): void {
    this.connection.builder.anomaly(flow, this.isRequestSide(), "http1.cruft-between-messages");
    this.lose();
  }

  private isRequestSide(): boolean {
    return this.messageOpen ? this.request : this.connection.requestHalf === this.from;
  }

  private headRead(flow: Flow, isRequest: boolean): void {
    const framing = this.headFound(flow, isRequest);
    if (!isRequest && head.status >= 100 && head.status < 200 && head.status !== 101) {
      this.messageOpen = false;
      this.state = AT_START;
    } else this.enterBody(flow, framing);
  }

  private headFound(flow: Flow, isRequest: boolean): Framing {
    this.connection.learnRole(flow, this.from, isRequest);
    this.request = isRequest;
    this.messageOpen = true;
    if (this.adrift) {
      this.adrift = false;
      head.anomaly("http1.resynchronized");
    }
    const half = flow.halves[this.from];
    if (half.finished) head.anomaly("http1.behind-fin");
    if (half.conflict && ((half.conflictStart - head.sequence - (head.end - head.start)) | 0) < 0) {
      half.conflict = false;
      if (((half.conflictEnd - head.sequence) | 0) > 0) head.anomaly("http1.head-overwritten");
    }
    return isRequest ? this.connection.requestHead(flow, head) : this.connection.responseHead(flow, head);
  }

  private enterBody(flow: Flow, framing: Framing): void {
    switch (framing.kind) {
      case NO_BODY:
        this.messageEnd(flow, true);
        break;
      case LENGTH:
        this.state = IN_LENGTH;
        this.remaining = framing.length;
        break;
      case CHUNKED:
        this.chunk ??= new ChunkLine();
        this.chunk.beginSize();
        this.state = IN_CHUNK_LINE;
        break;
      case UNTIL_CLOSE:
        this.state = IN_UNTIL_CLOSE;
        break;
      case TUNNEL:
        this.connection.upgrade(flow, head.status);
        this.messageEnd(flow, true);
        this.state = TUNNELED;
        break;
    }
  }

  private messageEnd(flow: Flow, complete: boolean): void {
    this.state = AT_START;
    if (!this.messageOpen) return;
    this.messageOpen = false;
    if (this.request) this.connection.builder.requestEnd(flow, complete);
    else this.connection.builder.responseEnd(flow, complete);
  }

  // ---- bodies

  private body(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    if (this.request) this.connection.builder.requestBody(flow, bytes, start, end);
    else this.connection.builder.responseBody(flow, bytes, start, end);
  }

  private content(flow: Flow, bytes: Uint8Array, at: number, end: number): number {
    const stop = end - at > this.remaining ? at + this.remaining : end;
    this.remaining -= stop - at;
    this.body(flow, bytes, at, stop);
    if (this.remaining === 0) this.contentEnd(flow);
    return stop;
  }

  private contentEnd(flow: Flow): void {
    if (this.state === IN_LENGTH) this.messageEnd(flow, true);
    else {
      this.chunk!.beginEnd();
      this.state = IN_CHUNK_LINE;
    }
  }

  private chunkLine(flow: Flow, bytes: Uint8Array, start: number, end: number): number {
    const chunk = this.chunk!;
    let at = start;
    let result: number = MORE_OF_LINE;
    while (at < end && result === MORE_OF_LINE) result = chunk.take(bytes[at++]);
    if (result === BROKEN) at--;
    for (const code of chunk.notes) this.connection.builder.anomaly(flow, this.request, code);
    chunk.notes.length = 0;
    this.framing(flow, at - start);
    if (result === BROKEN) this.lose();
    else if (result === SIZE_READ) {
      this.remaining = chunk.size;
      this.state = chunk.size > 0 ? IN_CHUNK_DATA : IN_TRAILERS;
    } else if (result !== MORE_OF_LINE) chunk.beginSize();
    return at;
  }

  private framing(flow: Flow, octets: number): void {
    if (octets > 0) this.connection.builder.framing(flow, this.isRequestSide(), octets);
  }

  // ---- heads and trailers in pieces

  private begin(flow: Flow, at: number): Waiting {
    this.waiting ??= new Waiting(this.connection.budget);
    this.waiting.begin(flow, (this.base + at) | 0);
    return this.waiting;
  }

  /** Adds octets up to the end of the head; gives the offset of what is behind it. */
  private moreHead(flow: Flow, bytes: Uint8Array, start: number, end: number): number {
    const waiting = this.waiting!;
    const before = waiting.length;
    if (end - start >= PLAIN_PIECE) {
      const next = this.morePlainHead(flow, waiting, bytes, start, end);
      if (next >= 0) return next;
    }
    const stop = waiting.appendHead(bytes, start, end, MAX_HEAD_BYTES);
    // a second look tells nothing new before a line ends: octets that come one by one are not read again and again
    const full = waiting.full(MAX_HEAD_BYTES);
    if (!waiting.lineEnded && before > LONGEST_OPENING && !full) return stop;
    const kind = this.kindAt(waiting.bytes, 0, waiting.length);
    if (kind === NEITHER) {
      // it only looked like a start line
      this.connection.builder.anomaly(flow, this.isRequestSide(), "http1.cruft-between-messages");
      this.state = LOST;
      this.adrift = true;
      this.searchWaiting(flow);
      return stop;
    }
    if (kind === UNDECIDED) {
      if (full) this.lose();
      return stop;
    }
    const headEnd = head.read(waiting.bytes, 0, waiting.length, kind === REQUEST);
    if (headEnd !== INCOMPLETE) {
      const left = waiting.length - headEnd;
      this.takePosition(waiting);
      this.headRead(flow, kind === REQUEST);
      return stop - left;
    }
    if (full) this.cutHead(flow, kind === REQUEST, waiting.refused ? "" : "http1.head-too-large");
    return stop;
  }

  /** The short cut, for heads as they should be: gives where it stopped, or -1 and has changed nothing. */
  private morePlainHead(flow: Flow, waiting: Waiting, bytes: Uint8Array, start: number, end: number): number {
    const before = waiting.length;
    const length = head.readPieces(waiting.bytes, before, bytes, start, end, this.kinds());
    if (length >= before && length <= MAX_HEAD_BYTES) {
      this.takePosition(waiting);
      this.headRead(flow, head.isRequest);
      return start + length - before;
    }
    return length === MORE && waiting.appendPlain(bytes, start, end, MAX_HEAD_BYTES) ? end : -1;
  }

  private takePosition(waiting: Waiting): void {
    head.time = waiting.time;
    head.sequence = waiting.sequence;
    head.acknowledgment = waiting.acknowledgment;
    head.acknowledges = waiting.acknowledges;
    head.ipLength = waiting.ipLength;
    waiting.clear();
  }

  /** Reads what is there of a head as if it ended with its last whole line: at its limit, before a gap, at the end. */
  private cutHead(flow: Flow, isRequest: boolean, code: string): void {
    const waiting = this.waiting!;
    let lines = waiting.length;
    while (lines > 0 && waiting.bytes[lines - 1] !== LF) lines--;
    // of a status line the code comes first, so a part of it is worth having; of a request line it is not
    if (lines === 0 && !isRequest) lines = waiting.length;
    const ended = new Uint8Array(lines + 4);
    ended.set(waiting.bytes.subarray(0, lines));
    ended.set([CR, LF, CR, LF], lines);
    if (lines === 0 || head.read(ended, 0, ended.length, isRequest) === INCOMPLETE) {
      this.lose();
      return;
    }
    head.end = lines;
    head.truncated = true;
    if (code !== "") head.anomaly(code);
    const rest = waiting.length - lines;
    this.takePosition(waiting);
    this.afterHead = { ...this.headFound(flow, isRequest) };
    this.framing(flow, rest);
    this.atLineStart = rest === 0;
    this.state = IN_HEAD_REST;
  }

  /** Makes the best of a head whose end will not come. */
  private cutWaitingHead(flow: Flow, code: string): void {
    const { bytes, length } = this.waiting!;
    const kind = this.kindAt(bytes, 0, length);
    const statusRead = kind === RESPONSE && length >= 13;
    if (kind === REQUEST || statusRead) this.cutHead(flow, kind === REQUEST, code);
  }

  private headRest(flow: Flow, bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const octet = bytes[at++];
      if (octet === LF) {
        if (this.atLineStart) {
          this.framing(flow, at - start);
          this.enterBody(flow, this.afterHead!);
          return at;
        }
        this.atLineStart = true;
      } else if (octet !== CR) this.atLineStart = false;
    }
    this.framing(flow, at - start);
    return at;
  }

  private moreTrailers(flow: Flow, bytes: Uint8Array, start: number, end: number): number {
    let waiting = this.waiting;
    if (waiting === null || waiting.length === 0) {
      if (end - start >= 2 && bytes[start] === CR && bytes[start + 1] === LF) {
        // nearly always: no trailers
        this.framing(flow, 2);
        this.messageEnd(flow, true);
        return start + 2;
      }
      waiting = this.begin(flow, start);
    }
    const stop = waiting.appendTrailers(bytes, start, end, MAX_HEAD_BYTES);
    this.framing(flow, stop - start);
    if (waiting.endsWithBlankLine) {
      head.readTrailers(waiting.bytes, 0, waiting.length);
      if (head.contentLengthCount + head.transferEncodingCount > 0 || head.host >= 0)
        head.anomaly("http1.trailer-forbidden");
      if (head.fieldCount > 0) this.connection.builder.trailers(flow, this.request, head);
      waiting.clear();
      this.messageEnd(flow, true);
    } else if (waiting.full(MAX_HEAD_BYTES)) {
      if (!waiting.refused) this.connection.builder.anomaly(flow, this.request, "http1.trailers-too-large");
      this.lose();
    }
    return stop;
  }

  // ---- gaps

  gap(flow: Flow, missed: number): void {
    const builder = this.connection.builder;
    if ((this.state === IN_LENGTH || this.state === IN_CHUNK_DATA) && this.remaining >= missed) {
      this.remaining -= missed;
      builder.gap(flow, this.request, missed, true);
      if (this.remaining === 0) this.contentEnd(flow);
      return;
    }
    if (this.state === IN_UNTIL_CLOSE) {
      builder.gap(flow, this.request, missed, true);
      return;
    }
    if (this.state === DEAD) return;
    if (this.state === IN_HEAD) this.cutWaitingHead(flow, "");
    if (this.state === IN_LENGTH) {
      // the message ends inside the hole; what else was in it nobody knows
      builder.gap(flow, this.request, this.remaining, true);
      this.messageEnd(flow, true);
      builder.gap(flow, this.isRequestSide(), missed - this.remaining, false);
    } else builder.gap(flow, this.isRequestSide(), missed, false);
    this.lose();
    this.adrift = false;
  }

  private lose(): void {
    this.state = LOST;
    this.adrift = true;
    this.waiting?.clear();
  }

  /** See FlowParser; only what waits for more is still here. */
  differs(bytes: Uint8Array, start: number, end: number, sequence: number): boolean {
    const waiting = this.waiting;
    return waiting !== null && waiting.length > 0 && waiting.differs(bytes, start, end, sequence);
  }

  /** Looks for a start line, a step at a time so that what waits stays small. */
  private search(flow: Flow, bytes: Uint8Array, start: number, end: number): number {
    const waiting = this.waiting !== null && this.waiting.length > 0 ? this.waiting : this.begin(flow, start);
    const stop = Math.min(end, start + SEARCH_STEP);
    waiting.append(bytes, start, stop);
    this.searchWaiting(flow);
    return stop;
  }

  private searchWaiting(flow: Flow): void {
    const waiting = this.waiting!;
    const found = findHead(waiting.bytes, 0, waiting.length, this.kinds());
    if (found < 0) {
      this.keepLastLine(flow, waiting);
      return;
    }
    // what came before belongs to the message whose end was lost
    this.framing(flow, found);
    this.messageEnd(flow, false);
    const rest = waiting.bytes.slice(found, waiting.length);
    const base = this.base;
    this.base = (waiting.sequence + found) | 0;
    waiting.clear();
    this.state = AT_START;
    this.read(flow, rest, 0, rest.length);
    this.base = base;
  }

  private keepLastLine(flow: Flow, waiting: Waiting): void {
    let last = waiting.length;
    while (last > 0 && waiting.bytes[last - 1] !== LF) last--;
    if (waiting.length - last > SEARCH_STEP) last = waiting.length - SEARCH_STEP;
    this.framing(flow, last);
    waiting.drop(last);
  }

  // ---- the end

  /** What waits is for somebody else: the flow became a tunnel. */
  takeWaiting(): Uint8Array | null {
    const waiting = this.waiting;
    this.state = DEAD;
    this.waiting = null;
    if (waiting === null) return null;
    const rest = waiting.bytes.subarray(0, waiting.length);
    waiting.clear();
    return rest.length === 0 ? null : rest;
  }

  finished(flow: Flow): void {
    if (this.state === IN_UNTIL_CLOSE) this.messageEnd(flow, true);
  }

  close(flow: Flow, reason: CloseReason): void {
    if (this.state === IN_HEAD) this.cutWaitingHead(flow, "http1.head-incomplete");
    this.messageEnd(flow, this.state === IN_UNTIL_CLOSE && reason === "fin");
    this.state = DEAD;
    this.waiting?.clear();
    this.waiting = null;
  }
}

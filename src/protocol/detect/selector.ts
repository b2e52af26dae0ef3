/**
 * Reads a flow until its protocol is known, from its first octets in either direction and on any port; then hands all
 * octets to that protocol's parser. A flow that begins otherwise (a proxy's handshake, a greeting) is searched for a
 * while for a certain beginning; one that was joined late, always.
 */

import { Budget, WAITING_BYTES } from "../../core/budget.ts";
import type { CloseReason, Flow, HalfIndex } from "../../core/flow.ts";
import type { FlowParser, Protocol } from "../../core/protocol.ts";
import type { Waker } from "../../core/rest.ts";
import { Opening } from "./opening.ts";

/** Octets of one direction kept while its protocol is not known. Request lines are the longest opening there is. */
const MAX_OPENING = 65_536;
/** How far into a direction a beginning is searched for: proxies' handshakes (SOCKS, PROXY) end long before. */
const SEARCH_DEPTH = 4_096;
/** Most protocols are known, or out of question, by these. */
const FIRST_OCTETS = 64;
const LF = 10;
/** Octets searched at once and kept for the next look in a flow joined late. */
const MAX_LINE = 8_192;

export interface SelectorOptions {
  readonly protocols: readonly Protocol[];
  /** Told once for each flow whose protocol was found. */
  readonly onDetected?: (flow: Flow, protocol: Protocol) => void;
  /** For octets kept until a protocol is known, of all flows together; one of its own when absent. */
  readonly budget?: Budget;
}

/**
 * Reads the first octets of any flow, one object for all of them: nearly always they tell the protocol, and then the flow
 * needs no Selector of its own.
 */
export class FirstOctets implements FlowParser {
  private readonly waker: Waker = { wake: () => this };
  private readonly options: SelectorOptions;

  constructor(options: SelectorOptions) {
    this.options = options;
  }

  data(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    const protocol = detect(this.options.protocols, bytes, start, end);
    if (protocol instanceof Object) {
      flow.parser = protocol.open(flow, from);
      this.options.onDetected?.(flow, protocol);
    } else flow.parser = new Selector(this.options);
    flow.parser.data(flow, from, bytes, start, end);
  }

  gap(flow: Flow, from: HalfIndex, missedBytes: number): void {
    flow.parser = new Selector(this.options);
    flow.parser.gap(flow, from, missedBytes);
  }

  close(): void {}

  /** There is nothing to know yet. */
  rest(): Waker {
    return this.waker;
  }
}

export class Selector implements FlowParser, Waker {
  private readonly options: SelectorOptions;
  private openings: [Opening | null, Opening | null] | null = [null, null];
  private parser: FlowParser | null = null;
  private first: HalfIndex = 0;
  private readonly budget: Budget;

  constructor(options: SelectorOptions) {
    this.options = options;
    this.budget = options.budget ?? new Budget(WAITING_BYTES);
  }

  data(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    if (this.parser !== null) this.parser.data(flow, from, bytes, start, end);
    else if (this.openings !== null) this.look(flow, from, bytes, start, end);
  }

  private look(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    const openings = this.openings!;
    let opening = openings[from];
    if (opening === null) {
      const protocol = detect(this.options.protocols, bytes, start, end);
      if (protocol instanceof Object) {
        this.found(flow, from, protocol, bytes, start, end);
        return;
      }
      if (openings[1 - from] === null) this.first = from;
      opening = openings[from] = new Opening(this.budget);
      opening.foreign = protocol === "no";
    }
    if (opening.length === 0) {
      opening.time = flow.now;
      opening.sequence = flow.dataSequence;
      opening.acknowledgment = flow.dataAcknowledgment;
      opening.acknowledges = flow.dataAcknowledges;
      opening.ipLength = flow.dataIpLength;
    }
    if (!opening.append(bytes, start, end)) {
      // as after a hole: what is not kept cannot be searched
      opening.foreign = true;
      opening.missed += end - start;
      return;
    }
    if (!opening.foreign && worthALook(opening, end - start)) {
      opening.looked = opening.length;
      const protocol = detect(this.options.protocols, opening.bytes, 0, opening.length);
      if (protocol instanceof Object) this.foundInOpening(flow, from, protocol, 0, end - start);
      else if (protocol === "no" || opening.length > MAX_OPENING) opening.foreign = true;
    }
    if (opening.foreign && this.openings !== null) this.search(flow, from, opening);
  }

  /** A later beginning, in whole lines only, so that the answer does not depend on how the octets were cut. */
  private search(flow: Flow, from: HalfIndex, opening: Opening): void {
    for (const protocol of this.options.protocols) {
      const at = protocol.search?.(opening.bytes, 0, opening.length) ?? -1;
      if (at >= 0) {
        this.foundInOpening(flow, from, protocol, at, 0);
        return;
      }
    }
    if (flow.handshakeSeen && opening.seen > SEARCH_DEPTH) {
      opening.release();
      this.giveUpWhenBothAreForeign(flow);
      return;
    }
    this.keepLastLine(opening);
  }

  private keepLastLine(opening: Opening): void {
    let last = opening.length;
    while (last > 0 && opening.bytes[last - 1] !== 10) last--;
    if (opening.length - last > MAX_LINE) last = opening.length - MAX_LINE;
    if (last === 0) return;
    opening.bytes.copyWithin(0, last, opening.length);
    opening.length -= last;
    opening.sequence = (opening.sequence + last) | 0;
  }

  private giveUpWhenBothAreForeign(flow: Flow): void {
    const openings = this.openings!;
    const over = (opening: Opening | null) => opening?.foreign === true && opening.seen > SEARCH_DEPTH;
    if (!flow.handshakeSeen || !over(openings[0])) return;
    if (over(openings[1]) || (openings[1] === null && openings[0]!.seen > 16 * SEARCH_DEPTH)) this.forget();
  }

  private forget(): void {
    this.openings?.[0]?.release();
    this.openings?.[1]?.release();
    this.openings = null;
  }

  private found(flow: Flow, from: HalfIndex, protocol: Protocol, bytes: Uint8Array, start: number, end: number): void {
    const other = this.openings![1 - from];
    this.openings = null;
    this.parser = protocol.open(flow, from);
    if (flow.parser === this) flow.parser = this.parser;
    this.options.onDetected?.(flow, protocol);
    this.tellMissed(flow, (1 - from) as HalfIndex, other);
    if (other !== null && !other.foreign) this.replay(flow, (1 - from) as HalfIndex, other, 0);
    other?.release();
    this.parser.data(flow, from, bytes, start, end);
  }

  /** `newest` octets at the end of the opening came with the packet being delivered: they have its time. */
  private foundInOpening(flow: Flow, from: HalfIndex, protocol: Protocol, offset: number, newest: number): void {
    const own = this.openings![from]!;
    const other = this.openings![1 - from];
    this.openings = null;
    this.parser = protocol.open(flow, from);
    if (flow.parser === this) flow.parser = this.parser;
    this.options.onDetected?.(flow, protocol);
    this.tellMissed(flow, (1 - from) as HalfIndex, other);
    this.tellMissed(flow, from, own);
    // what the other direction said before belongs to another protocol when this one began late
    if (other !== null && offset === 0 && !other.foreign && this.first !== from)
      this.replay(flow, (1 - from) as HalfIndex, other, 0);
    own.length -= newest;
    this.replay(flow, from, own, offset);
    if (newest > 0) this.parser.data(flow, from, own.bytes, own.length, own.length + newest);
    if (other !== null && offset === 0 && !other.foreign && this.first === from)
      this.replay(flow, (1 - from) as HalfIndex, other, 0);
    own.release();
    other?.release();
  }

  /** Hands over what was kept, as if it came now; its own time and place in the stream go with it. */
  private replay(flow: Flow, from: HalfIndex, opening: Opening, offset: number): void {
    const { now, dataSequence, dataAcknowledgment, dataAcknowledges, dataIpLength } = flow;
    flow.now = opening.time;
    flow.dataSequence = (opening.sequence + offset) | 0;
    flow.dataAcknowledgment = opening.acknowledgment;
    flow.dataAcknowledges = opening.acknowledges;
    flow.dataIpLength = opening.ipLength;
    if (offset < opening.length) this.parser!.data(flow, from, opening.bytes, offset, opening.length);
    flow.now = now;
    flow.dataSequence = dataSequence;
    flow.dataAcknowledgment = dataAcknowledgment;
    flow.dataAcknowledges = dataAcknowledges;
    flow.dataIpLength = dataIpLength;
  }

  gap(flow: Flow, from: HalfIndex, missedBytes: number): void {
    if (this.parser !== null) {
      this.parser.gap(flow, from, missedBytes);
      return;
    }
    if (this.openings === null) return;
    const opening = this.openings[from] ?? new Opening(this.budget);
    this.openings[from] = opening;
    // what was kept cannot go on; behind the hole any message may begin
    opening.length = 0;
    opening.foreign = true;
    opening.missed += missedBytes;
  }

  private tellMissed(flow: Flow, from: HalfIndex, opening: Opening | null): void {
    if (opening !== null && opening.missed > 0) this.parser!.gap(flow, from, opening.missed);
  }

  differs(from: HalfIndex, bytes: Uint8Array, start: number, end: number, sequence: number): boolean {
    if (this.parser !== null) return this.parser.differs?.(from, bytes, start, end, sequence) ?? false;
    return this.openings?.[from]?.differs(bytes, start, end, sequence) ?? false;
  }

  retransmitted(flow: Flow, from: HalfIndex, ipLength: number): void {
    this.parser?.retransmitted?.(flow, from, ipLength);
  }

  finished(flow: Flow, from: HalfIndex): void {
    this.parser?.finished?.(flow, from);
  }

  close(flow: Flow, reason: CloseReason): void {
    this.parser?.close(flow, reason);
    this.forget();
  }

  /** What it has kept stays as it is; a parser may know its flow, so that must stay too. */
  rest(): Waker | null {
    return this.parser === null ? this : null;
  }

  wake(): FlowParser {
    return this;
  }
}

/**
 * Looking at all of an opening again for each octet that comes would cost its square: early octets, a line's end and
 * twice the octets are worth a look.
 */
function worthALook(opening: Opening, newest: number): boolean {
  const { bytes, length, looked } = opening;
  if (looked <= FIRST_OCTETS || length >= looked * 2 || length > MAX_OPENING) return true;
  for (let at = length - newest; at < length; at++) if (bytes[at] === LF) return true;
  return false;
}

function detect(
  protocols: readonly Protocol[],
  bytes: Uint8Array,
  start: number,
  end: number,
): Protocol | "no" | "need-more" {
  let answer: "no" | "need-more" = "no";
  for (const protocol of protocols) {
    const detection = protocol.detect(bytes, start, end);
    if (detection === "yes") return protocol;
    if (detection === "need-more") answer = "need-more";
  }
  return answer;
}

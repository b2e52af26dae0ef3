/**
 * The role of a protocol on TCP: finds itself in the first bytes of a flow, then reads both directions. Bytes are lent,
 * come in order and exactly once per direction; what could not be captured comes as a gap. Nothing here may throw on
 * any bytes (law 4), and nothing may depend on how the bytes were cut (law 1).
 */
import type { CloseReason, Flow, HalfIndex } from "./flow.ts";
import type { RestRecord, Waker } from "./rest.ts";

export interface FlowParser {
  /** Next bytes of one direction: `bytes[start, end)`. `flow.now` is the capture time of the packet that had them. */
  data(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void;
  /** `missedBytes` of one direction were on the wire and will never be seen. */
  gap(flow: Flow, from: HalfIndex, missedBytes: number): void;
  /** A retransmission of `ipLength` octets was seen in a direction: nothing new, but traffic. */
  retransmitted?(flow: Flow, from: HalfIndex, ipLength: number): void;
  /**
   * Octets of a direction came again, the first with sequence number `sequence`: do they differ from those that the
   * parser still has? What it has used up it cannot tell.
   */
  differs?(from: HalfIndex, bytes: Uint8Array, start: number, end: number, sequence: number): boolean;
  /** A direction ended in order (FIN): nothing more will come from it. */
  finished?(flow: Flow, from: HalfIndex): void;
  close(flow: Flow, reason: CloseReason): void;
  /**
   * The flow was not used for a while: writes all there is to know as numbers and gives who makes a parser of them again;
   * null when there is more to know than fits, or than numbers. Changes nothing. A parser that gives itself is kept as the
   * object it is, and only the flow's own numbers are put away; one without this keeps its flow an object.
   */
  rest?(flow: Flow, record: RestRecord): Waker | null;
  /** It was put away as written: this object serves the flow no longer. */
  rested?(): void;
}

/** What a protocol thinks of the first bytes of one direction. */
export type Detection = "yes" | "no" | "need-more";

export interface Protocol {
  readonly name: string;
  /** Looks at the first bytes of one direction. `need-more` only while a longer look could change the answer. */
  detect(bytes: Uint8Array, start: number, end: number): Detection;
  /**
   * Finds a certain beginning of this protocol inside the bytes of a flow that began otherwise (a proxy's handshake) or
   * was joined later. Gives its offset, or -1. Without it the protocol is only found at the start.
   */
  search?(bytes: Uint8Array, start: number, end: number): number;
  /** A parser for one flow; `from` is the direction in which the protocol was found. */
  open(flow: Flow, from: HalfIndex): FlowParser;
}

/**
 * A TCP connection told as a dialogue, with everything that goes wrong between two hosts and a capture, and what the
 * pipeline makes of it:
 *
 *     talk().client(http("GET / HTTP/1.1", "Host: a")).server(http("HTTP/1.1 204 No Content")).close().rows()
 *     // ["GET / > 204"]
 */
import type { TransactionEvent } from "../../src/core/event.ts";
import { ACK, PSH } from "../../src/core/packet.ts";
import type { BuiltPacket } from "./capture-builder.ts";
import { Conversation, type ConversationOptions } from "./conversation.ts";
import { bytesOf } from "./packet-builder.ts";
import { type PipelineRun, type RunOptions, runPackets } from "./pipeline-run.ts";

export type Side = "client" | "server";

export interface DialogueOptions extends ConversationOptions {
  /** False: the capture begins in the middle, without a handshake. */
  readonly handshake?: boolean;
}

/** The lines of a head, with their line ends and the blank line. */
export function http(...lines: readonly string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A response with a body and its length. */
export function answer(status: number, body = "", ...fields: readonly string[]): string {
  return `${http(`HTTP/1.1 ${status} Reason`, `Content-Length: ${Buffer.byteLength(body)}`, ...fields)}${body}`;
}

export function get(path: string, ...fields: readonly string[]): string {
  return http(`GET ${path} HTTP/1.1`, "Host: a", ...fields);
}

/** A dialogue behind a finished handshake. */
export function talk(options: DialogueOptions = {}): Dialogue {
  const dialogue = new Dialogue({ acknowledge: false, ...options });
  return options.handshake === false ? dialogue : dialogue.open();
}

interface SentData {
  readonly sequence: number;
  readonly data: Uint8Array;
}

export class Dialogue extends Conversation {
  private readonly initial: Record<Side, number>;
  private lastData: Record<Side, SentData | null> = { client: null, server: null };

  constructor(options: ConversationOptions = {}) {
    super(options);
    this.initial = { ...this.sequence };
  }

  override packet(from: Side, flags: number, data: string | Uint8Array = ""): this {
    const payload = bytesOf(data);
    if (payload.length > 0) this.lastData[from] = { sequence: this.sequence[from], data: payload };
    return super.packet(from, flags, data);
  }

  /** An acknowledgment without data. */
  ack(from: Side): this {
    return this.packet(from, ACK);
  }

  /** Sent, and missed by the capture. */
  lost(from: Side, data: string | Uint8Array): this {
    return this.lose(from, bytesOf(data).length);
  }

  /** The side sends its last data again: a new IP packet with the old octets. */
  again(from: Side): this {
    const { sequence, data } = this.lastData[from]!;
    return this.at(from, sequence, data);
  }

  /** A segment at `offset` octets behind the first octet that the side sends; its place in the stream does not move. */
  piece(from: Side, offset: number, data: string | Uint8Array, flags = ACK | PSH): this {
    return this.at(from, (this.initial[from] + 1 + offset) >>> 0, data, flags);
  }

  /** A segment at this sequence number; the side's own does not move. */
  at(from: Side, sequence: number, data: string | Uint8Array, flags = ACK | PSH): this {
    const own = this.sequence[from];
    this.sequence[from] = sequence;
    super.packet(from, flags, data);
    this.sequence[from] = own;
    return this;
  }

  /** A segment with another acknowledgment number than what was sent until now. */
  acknowledging(count: number, from: Side, flags: number, data: string | Uint8Array = ""): this {
    const other = from === "client" ? "server" : "client";
    const own = this.sequence[other];
    this.sequence[other] = (own + count) >>> 0;
    this.packet(from, flags, data);
    this.sequence[other] = own;
    return this;
  }

  /** The capture shows the last two packets the other way round. */
  swapped(): this {
    const [first, second] = this.packets.splice(-2);
    this.packets.push({ ...second, time: first.time }, { ...first, time: second.time });
    return this;
  }

  /** The last packet is captured once more, elsewhere. */
  seenAgain(place: Partial<BuiltPacket>): this {
    this.packets.push({ ...this.packets.at(-1)!, ...place });
    return this;
  }

  /** The snap length cut `count` octets off the last packet. */
  cutBy(count: number): this {
    const last = this.packets.pop()!;
    this.packets.push({
      ...last,
      bytes: last.bytes.slice(0, last.bytes.length - count),
      wireLength: last.bytes.length,
    });
    return this;
  }

  run(options: RunOptions = {}): PipelineRun {
    return runPackets(this.packets, options);
  }

  events(options: RunOptions = {}): TransactionEvent[] {
    const run = this.run(options);
    if (run.errors.length > 0) throw run.errors[0];
    return run.events;
  }

  /** The only exchange. */
  event(options: RunOptions = {}): TransactionEvent {
    const events = this.events(options);
    if (events.length !== 1) throw new Error(`${events.length} exchanges: ${events.map(row).join("; ")}`);
    return events[0];
  }

  rows(options: RunOptions = {}): string[] {
    return this.events(options).map(row);
  }
}

/** `GET /a > 200`, with the outcome behind it unless it is complete; `-` for the half that was not seen. */
export function row(event: TransactionEvent): string {
  const { request, response, outcome } = event;
  const asked = request === null ? "-" : `${request.method} ${request.target}`;
  return `${asked} > ${response?.status ?? "-"}${outcome === "complete" ? "" : ` ${outcome}`}`;
}

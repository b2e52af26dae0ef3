/**
 * One TLS connection on a flow: reads both directions while the handshake lasts, then only lets time pass; gives one
 * event at the end. What decides who the client is are the hellos, not ports and not who connected.
 */
import type { Budget } from "../../core/budget.ts";
import type { TlsEvent } from "../../core/event.ts";
import type { CloseReason, Flow, HalfIndex } from "../../core/flow.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { FlowParser } from "../../core/protocol.ts";
import type { Waker } from "../../core/rest.ts";
import type { Micros } from "../../core/units.ts";
import type { CertificateMemory } from "./certificate.ts";
import { tlsEvent } from "./event.ts";
import { Handshake, MESSAGE } from "./handshake.ts";
import { type RecordListener, RecordReader, type Treatment } from "./record-reader.ts";
import { Share } from "./share.ts";
import { ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT } from "./signature.ts";

export interface TlsOptions {
  readonly ledger: Ledger;
  /** Called before an event is made: owners of the flow's ends may be looked up. */
  readonly flowUsed?: (flow: Flow) => void;
  readonly emit: (event: TlsEvent) => void;
  /** For handshake messages that come in pieces, of all flows together; one of its own when absent. */
  readonly budget?: Budget;
  /** Reads what a server answers that does not speak TLS at all: most often an HTTP error. */
  readonly openPlain?: (flow: Flow) => FlowParser;
}

export class TlsConnection implements FlowParser, Waker {
  readonly handshake: Handshake;
  private readonly options: TlsOptions;
  /** Null when both are done. */
  private readers: readonly [RecordReader, RecordReader] | null;
  private readonly shares: readonly [Share, Share];
  now: Micros = 0.5;
  /** The answer in clear of a server that does not speak TLS. */
  private plain: FlowParser | null = null;
  private plainHalf: HalfIndex = 0;
  private plainStart: Uint8Array | null = null;
  private clientTold = false;

  constructor(flow: Flow, found: HalfIndex, options: TlsOptions, memory: CertificateMemory, budget: Budget) {
    this.options = options;
    this.handshake = new Handshake(memory);
    this.readers = [
      new RecordReader(new HalfListener(this, 0), budget),
      new RecordReader(new HalfListener(this, 1), budget),
    ];
    this.shares = [new Share(flow, 0, found === 0), new Share(flow, 1, found === 1)];
  }

  data(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    if (this.readers === null) {
      if (this.plain !== null && from === this.plainHalf) this.plain.data(flow, from, bytes, start, end);
      return;
    }
    if (this.shares[from].start === 0.5) this.shares[from].begin(flow);
    this.now = flow.now;
    const stopped = this.readers[from].data(bytes, start, end);
    this.settle(flow);
    if (this.plainStart !== null) this.readPlain(flow, from, bytes, stopped, end);
  }

  gap(flow: Flow, from: HalfIndex, missedBytes: number): void {
    if (this.plain !== null && from === this.plainHalf) this.plain.gap(flow, from, missedBytes);
    if (this.readers === null) return;
    this.handshake.sides[from].lost = true;
    this.readers[from].gap(missedBytes);
    this.settle(flow);
  }

  finished(flow: Flow, from: HalfIndex): void {
    if (from === this.plainHalf) this.plain?.finished?.(flow, from);
  }

  /** The answer was looked at as a record in vain: it goes to a parser from its first octet on. */
  private readPlain(flow: Flow, from: HalfIndex, bytes: Uint8Array, start: number, end: number): void {
    const first = this.plainStart!;
    this.plainStart = null;
    this.plain = this.options.openPlain?.(flow) ?? null;
    this.plainHalf = from;
    this.plain?.data(flow, from, first, 0, first.length);
    if (start < end) this.plain?.data(flow, from, bytes, start, end);
    this.stop();
    this.readers = null;
  }

  close(flow: Flow, reason: CloseReason): void {
    this.stop();
    this.plain?.close(flow, reason);
    const { ledger, flowUsed, emit } = this.options;
    ledger.tlsConnections++;
    for (const code of this.handshake.anomalies) ledger.anomaly(code);
    if (this.handshake.truncated) ledger.truncated++;
    flowUsed?.(flow);
    emit(tlsEvent(flow, this.handshake, { shares: this.shares, reason }));
  }

  /** What it knows stays as it is; exchanges in clear have their flow, so that must stay too. */
  rest(): Waker | null {
    return this.plain === null ? this : null;
  }

  wake(): FlowParser {
    return this;
  }

  private settle(flow: Flow): void {
    const { handshake } = this;
    const readers = this.readers!;
    if (!this.clientTold && handshake.client !== 2) {
      this.clientTold = true;
      flow.setClient(handshake.client);
    }
    if (handshake.over) this.stop();
    else if (handshake.tls13) readers[1 - (handshake.client as HalfIndex)].stop();
    // the octets of a direction that never began still have to be counted from where it does
    if (readers[0].stopped && readers[1].stopped && this.shares.every(({ start }) => start !== 0.5))
      this.readers = null;
  }

  private stop(): void {
    this.readers?.[0].stop();
    this.readers?.[1].stop();
  }

  record(from: HalfIndex, type: number, length: number): Treatment {
    const { handshake } = this;
    const side = handshake.sides[from];
    if (type === CHANGE_CIPHER_SPEC) handshake.changeCipherSpec(from);
    else if (type === HANDSHAKE) {
      if (!side.encrypted) return "messages";
      handshake.encryptedHandshake(from, this.now);
    } else if (type === ALERT || type === HEARTBEAT) return side.encrypted ? "pass" : "show";
    else handshake.applicationData(from, length, this.now);
    return "pass";
  }

  shown(type: number, length: number, content: Uint8Array): void {
    if (type === ALERT && length === 2) this.handshake.clearAlert(content[0], content[1]);
    else if (type === HEARTBEAT && length >= 3) {
      this.handshake.heartbeat(content[0], content[1] * 256 + content[2], length);
    }
  }

  lost(from: HalfIndex, why: "gap" | "not-a-record", first: Uint8Array): void {
    const { handshake } = this;
    handshake.sides[from].lost = true;
    if (why === "gap") return;
    if (this.readers![from].records > 0) handshake.note("tls.not-a-record");
    else {
      handshake.note("tls.answer-not-tls");
      if (handshake.client !== from && handshake.client !== 2) this.plainStart = first.slice();
    }
  }
}

/** Tells a connection what the reader of one direction found. */
class HalfListener implements RecordListener {
  private readonly connection: TlsConnection;
  private readonly from: HalfIndex;

  constructor(connection: TlsConnection, from: HalfIndex) {
    this.connection = connection;
    this.from = from;
  }

  wants(type: number): boolean {
    return type === MESSAGE.clientHello || type === MESSAGE.serverHello || type === MESSAGE.certificate;
  }

  message(type: number, content: Uint8Array | null): void {
    this.connection.handshake.message(this.from, type, content);
  }

  ssl2Message(content: Uint8Array): void {
    this.connection.handshake.ssl2Message(this.from, content);
  }

  record(type: number, length: number): Treatment {
    return this.connection.record(this.from, type, length);
  }

  shown(type: number, length: number, content: Uint8Array): void {
    this.connection.shown(type, length, content);
  }

  lost(why: "gap" | "not-a-record", first: Uint8Array): void {
    this.connection.lost(this.from, why, first);
  }
}

/**
 * Cuts one direction of a TLS connection into records (RFC 8446 section 5.1) while the handshake lasts. Takes octets in
 * order and gaps; tells of each record, hands over what it may read, and passes over the rest without looking.
 */
import type { Budget } from "../../core/budget.ts";
import { HandshakeMessages, type MessageListener } from "./handshake-messages.ts";
import { APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEARTBEAT, MAX_RECORD, RECORD_HEADER } from "./signature.ts";

/** What is done with the content of a record: passed over, read as handshake messages, or its first octets shown. */
export type Treatment = "pass" | "messages" | "show";

export interface RecordListener extends MessageListener {
  /** The header of a record was read. */
  record(type: number, length: number): Treatment;
  /** The first octets (at most 4) of a record's content; fewer when it ended. */
  shown(type: number, length: number, content: Uint8Array): void;
  /** The message of SSL 2.0 that may come first, without the length before it. */
  ssl2Message(content: Uint8Array): void;
  /**
   * What came is no record, or what came before it is not known: nothing more can be read. `first` are the octets that
   * stand where a record header must.
   */
  lost(why: "gap" | "not-a-record", first: Uint8Array): void;
}

const SHOWN = 4;
/** A record header with the high bit set is one of SSL 2.0, and two octets long. */
const SSL2_HEADER = 2;
/** Longest SSL 2.0 message kept: hellos have some 100 octets, with a certificate some thousand. */
const MAX_SSL2_MESSAGE = 8_192;

export class RecordReader {
  private readonly listener: RecordListener;
  /** While one is under way. */
  private messages: HandshakeMessages | null = null;
  private readonly budget: Budget;
  /** The octets of the header so far, the first four as one number; and how many. */
  private header = 0;
  private lastOctet = 0;
  private headerLength = 0;
  private type = 0;
  private length = 0;
  private remaining = 0;
  private treatment: Treatment = "pass";
  private shown: Uint8Array | null = null;
  private shownLength = 0;
  private ssl2: Uint8Array | null = null;
  private begun = false;
  /** Records that were seen. */
  records = 0;
  /** Nothing more is wanted from this direction. */
  stopped = false;
  /** Octets of a handshake message were missed: its like cannot be found again. */
  messagesLost = false;

  constructor(listener: RecordListener, budget: Budget) {
    this.listener = listener;
    this.budget = budget;
  }

  stop(): void {
    this.stopped = true;
    this.shown = this.ssl2 = null;
    this.messages?.release();
    this.messages = null;
  }

  /** Next octets; gives where it stopped to read. */
  data(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (!this.begun && at < end) {
      this.begun = true;
      if (bytes[at] >= 0x80) this.ssl2 = new Uint8Array(SSL2_HEADER + 64);
    }
    if (this.ssl2 !== null) at = this.readSsl2(this.ssl2, bytes, at, end);
    while (at < end && !this.stopped) {
      if (this.remaining > 0) {
        const count = Math.min(this.remaining, end - at);
        this.content(bytes, at, at + count);
        at += count;
        this.remaining -= count;
        if (this.remaining === 0) this.endRecord();
      } else {
        this.lastOctet = bytes[at++];
        if (++this.headerLength === RECORD_HEADER) this.beginRecord();
        else this.header = (this.header << 8) | this.lastOctet;
      }
    }
    return at;
  }

  /** Octets that will never come. Inside a record's content the next record can still be found. */
  gap(missedBytes: number): void {
    if (this.stopped) return;
    if (this.ssl2 !== null || this.headerLength > 0 || this.remaining < missedBytes || !this.begun) {
      this.lose("gap");
      return;
    }
    if (this.treatment === "messages") this.messagesLost = true;
    this.treatment = "pass";
    this.remaining -= missedBytes;
    if (this.remaining === 0) this.endRecord();
  }

  private lose(why: "gap" | "not-a-record"): void {
    this.stop();
    const { header, lastOctet } = this;
    this.listener.lost(why, Uint8Array.of(header >>> 24, header >>> 16, header >>> 8, header, lastOctet));
  }

  private beginRecord(): void {
    const type = this.header >>> 24;
    const major = (this.header >>> 16) & 255;
    this.headerLength = 0;
    this.length = ((this.header & 255) << 8) | this.lastOctet;
    if (type < CHANGE_CIPHER_SPEC || type > HEARTBEAT || major !== 3 || this.length > MAX_RECORD) {
      this.lose("not-a-record");
      return;
    }
    // only application data may be empty (RFC 8446 section 5.1)
    if (this.length === 0 && type !== APPLICATION_DATA) {
      this.lose("not-a-record");
      return;
    }
    this.type = type;
    this.records++;
    this.remaining = this.length;
    this.treatment = this.listener.record(type, this.length);
    if (type === HANDSHAKE && this.messagesLost) this.treatment = "pass";
    this.shownLength = 0;
  }

  private content(bytes: Uint8Array, start: number, end: number): void {
    if (this.treatment === "messages") this.handshake(bytes, start, end);
    else if (this.treatment === "show") {
      this.shown ??= new Uint8Array(SHOWN);
      for (let at = start; at < end && this.shownLength < SHOWN; at++) this.shown[this.shownLength++] = bytes[at];
    }
  }

  private handshake(bytes: Uint8Array, start: number, end: number): void {
    this.messages ??= new HandshakeMessages(this.listener, this.budget);
    this.messages.data(bytes, start, end);
    // the listener may have stopped this
    if (this.messages?.betweenMessages) this.messages = null;
  }

  private endRecord(): void {
    if (this.treatment !== "show" || this.shown === null) return;
    this.listener.shown(this.type, this.length, this.shown.subarray(0, this.shownLength));
  }

  /** Gives where the records of SSL 3.0 and later begin. */
  private readSsl2(kept: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const length = this.headerLength < SSL2_HEADER ? 0 : SSL2_HEADER + (((kept[0] & 0x7f) << 8) | kept[1]);
      if (length > MAX_SSL2_MESSAGE) {
        this.lose("not-a-record");
        return end;
      }
      if (length > kept.length) {
        const larger = new Uint8Array(length);
        larger.set(kept.subarray(0, this.headerLength));
        kept = this.ssl2 = larger;
      }
      kept[this.headerLength++] = bytes[at++];
      if (length > 0 && this.headerLength === length) {
        this.ssl2 = null;
        this.headerLength = 0;
        this.records++;
        this.listener.ssl2Message(kept.subarray(SSL2_HEADER, length));
        return at;
      }
    }
    return at;
  }
}

/**
 * Puts handshake messages together from the content of records (RFC 8446 section 5.1: a message may span records, a
 * record may hold several). Keeps only messages somebody wants, and of those no more than a limit.
 */

import type { Budget } from "../../core/budget.ts";

/** Longest message kept. Hellos have some 2 KiB, certificate chains with post-quantum keys some 20 KiB. */
export const MAX_MESSAGE_BYTES = 65_536;

export interface MessageListener {
  /** Is the content of messages of this type of interest? */
  wants(type: number): boolean;
  /** A message is there, lent. What nobody wanted comes without content; what was too long, or found no room, as null. */
  message(type: number, content: Uint8Array | null): void;
}

const HEADER = 4;
const NOTHING = new Uint8Array(0);

export class HandshakeMessages {
  private readonly listener: MessageListener;
  private readonly budget: Budget;
  /** The octets of the header so far, as a number; and how many. */
  private header = 0;
  private headerLength = 0;
  private type = 0;
  private content: Uint8Array = NOTHING;
  private kept = 0;
  /** The message as it lies in the octets at hand, when it is there in one piece. */
  private whole: Uint8Array = NOTHING;
  private keeping = false;
  /** Octets of the message still to come. */
  private remaining = 0;
  private tooLong = false;

  /** `budget`: for messages that come in pieces, of all connections together. */
  constructor(listener: MessageListener, budget: Budget) {
    this.listener = listener;
    this.budget = budget;
  }

  /** Next octets of the handshake stream: `bytes[start, end)`. */
  data(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.headerLength < HEADER) {
        this.header = (this.header << 8) | bytes[at++];
        if (++this.headerLength === HEADER) this.begin();
      } else {
        const count = Math.min(this.remaining, end - at);
        if (this.keeping && this.kept === 0 && count === this.remaining) this.whole = bytes.subarray(at, at + count);
        else if (this.keeping) this.keep(bytes, at, count);
        at += count;
        this.remaining -= count;
      }
      if (this.headerLength === HEADER && this.remaining === 0) this.finish();
    }
  }

  /** Nothing of a message has come yet. */
  get betweenMessages(): boolean {
    return this.headerLength === 0;
  }

  /** Nothing more will come: gives the room back. */
  release(): void {
    this.keeping = false;
    this.giveRoom();
  }

  private giveRoom(): void {
    this.budget.give(this.content.length);
    this.content = this.whole = NOTHING;
    this.kept = 0;
  }

  private begin(): void {
    this.type = this.header >>> 24;
    this.remaining = this.header & 0xff_ffff;
    const wanted = this.listener.wants(this.type);
    this.tooLong = wanted && this.remaining > MAX_MESSAGE_BYTES;
    this.keeping = wanted && !this.tooLong;
    this.kept = 0;
  }

  /** The room grows with what came, not with what was announced. */
  private keep(bytes: Uint8Array, at: number, count: number): void {
    const need = this.kept + count;
    if (need > this.content.length) {
      const size = Math.min(Math.max(need, this.content.length * 2, 512), this.kept + this.remaining);
      if (!this.budget.take(size - this.content.length)) {
        this.release();
        this.tooLong = true;
        return;
      }
      const larger = new Uint8Array(size);
      larger.set(this.content.subarray(0, this.kept));
      this.content = larger;
    }
    this.content.set(bytes.subarray(at, at + count), this.kept);
    this.kept = need;
  }

  private finish(): void {
    this.headerLength = 0;
    const content = this.kept > 0 ? this.content.subarray(0, this.kept) : this.whole;
    this.giveRoom();
    this.listener.message(this.type, this.tooLong ? null : content);
  }
}

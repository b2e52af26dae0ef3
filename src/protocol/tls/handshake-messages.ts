/**
 * Puts handshake messages together from the content of records (RFC 8446 section 5.1: a message may span records, a
 * record may hold several). Keeps only messages somebody wants, and of those no more than a limit.
 */

/** Longest message kept. Hellos have some 2 KiB, certificate chains with post-quantum keys some 20 KiB. */
export const MAX_MESSAGE_BYTES = 65_536;

export interface MessageListener {
  /** Is the content of messages of this type of interest? */
  wants(type: number): boolean;
  /** A message is there. What nobody wanted comes without content, what was too long as null. */
  message(type: number, content: Uint8Array | null): void;
}

/** Octets of room kept from one message to the next. */
const ROOM_KEPT = 4_096;
const HEADER = 4;
const NOTHING = new Uint8Array(0);

export class HandshakeMessages {
  private readonly listener: MessageListener;
  private readonly header = new Uint8Array(HEADER);
  private headerLength = 0;
  private type = 0;
  private content: Uint8Array = NOTHING;
  private kept = 0;
  private keeping = false;
  /** Octets of the message still to come. */
  private remaining = 0;
  private tooLong = false;

  constructor(listener: MessageListener) {
    this.listener = listener;
  }

  /** Next octets of the handshake stream: `bytes[start, end)`. */
  data(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.headerLength < HEADER) {
        this.header[this.headerLength++] = bytes[at++];
        if (this.headerLength === HEADER) this.begin();
      } else {
        const count = Math.min(this.remaining, end - at);
        if (this.keeping) this.keep(bytes, at, count);
        at += count;
        this.remaining -= count;
      }
      if (this.headerLength === HEADER && this.remaining === 0) this.finish();
    }
  }

  /** Nothing more will come: gives the room back. */
  release(): void {
    this.keeping = false;
    this.content = NOTHING;
    this.kept = 0;
  }

  private begin(): void {
    const [type, high, middle, low] = this.header;
    this.type = type;
    this.remaining = (high << 16) | (middle << 8) | low;
    const wanted = this.listener.wants(type);
    this.tooLong = wanted && this.remaining > MAX_MESSAGE_BYTES;
    this.keeping = wanted && !this.tooLong;
    this.kept = 0;
  }

  /** The room grows with what came, not with what was announced. */
  private keep(bytes: Uint8Array, at: number, count: number): void {
    const need = this.kept + count;
    if (need > this.content.length) {
      const larger = new Uint8Array(Math.min(Math.max(need, this.content.length * 2, 512), MAX_MESSAGE_BYTES));
      larger.set(this.content.subarray(0, this.kept));
      this.content = larger;
    }
    this.content.set(bytes.subarray(at, at + count), this.kept);
    this.kept = need;
  }

  private finish(): void {
    this.headerLength = 0;
    const content = this.content.subarray(0, this.kept);
    this.kept = 0;
    // a message may be as long as the limit; the room for it is not kept for the rest of the handshake
    if (this.content.length > ROOM_KEPT) this.content = NOTHING;
    this.listener.message(this.type, this.tooLong ? null : content);
  }
}

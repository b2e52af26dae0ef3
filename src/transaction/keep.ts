/**
 * Renders a head into its kept form: redacted, as JSON text, in the arena. Rendered once, here; everybody after this
 * reads the text. On the hot path: four octets at a time, no strings.
 */
import { Arena } from "../core/arena.ts";
import type { KeptHead, KeptRequest, KeptResponse } from "../core/exchange.ts";
import { FIELD_STRIDE, type HeadRedactor, type MessageHead } from "../core/http.ts";
import { splitTarget } from "../core/request-target.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const OPEN = 91;
const CLOSE = 93;
const SPACE = 32;

/** Space for a redacted value before it is escaped. */
const REDACTED_BYTES = 1 << 19;

export class HeadKeeper {
  private readonly arena: Arena;
  private readonly redactor: HeadRedactor | null;
  private readonly out: Uint8Array;
  private readonly outView: DataView;
  private readonly redacted = new Uint8Array(REDACTED_BYTES + 8);
  private readonly redactedView = new DataView(this.redacted.buffer);
  private source: Uint8Array = new Uint8Array(0);
  private sourceView: DataView = new DataView(new ArrayBuffer(0));
  /** Where the last field's value was written. */
  private valueStart = 0;
  private valueEnd = 0;

  constructor(arena: Arena, redactor: HeadRedactor | null) {
    this.arena = arena;
    this.redactor = redactor;
    this.out = arena.bytes;
    this.outView = arena.view;
  }

  /** False when not all of it could be kept. */
  keepRequest(head: MessageHead, kept: KeptRequest, connect: boolean): boolean {
    this.use(head.bytes);
    const methodEnd = this.text(head.methodStart, head.methodEnd, 0);
    let targetEnd: number;
    if (this.redactor === null) targetEnd = this.text(head.targetStart, head.targetEnd, methodEnd);
    else {
      const length = this.redactor.redactTarget(head.bytes, head.targetStart, head.targetEnd, this.redacted, 0);
      targetEnd = this.redactedText(length, methodEnd);
    }
    const whole = this.fields(head, targetEnd, kept);
    const parts = splitTarget(this.out, methodEnd, targetEnd, connect);
    let hostStart = parts.hostStart;
    let hostEnd = parts.hostEnd;
    if (hostStart < 0) {
      hostStart = this.hostStart;
      hostEnd = this.hostEnd;
    }
    if (!this.place(kept)) return false;
    const at = kept.offset;
    kept.methodStart = at;
    kept.methodEnd = kept.targetStart = at + methodEnd;
    kept.targetEnd = at + targetEnd;
    kept.hostStart = hostStart < 0 ? -1 : at + hostStart;
    kept.hostEnd = at + hostEnd;
    kept.userAgentStart = this.agentStart < 0 ? -1 : at + this.agentStart;
    kept.userAgentEnd = at + this.agentEnd;
    return whole;
  }

  keepResponse(head: MessageHead, kept: KeptResponse): boolean {
    this.use(head.bytes);
    const reasonEnd = this.text(head.reasonStart, head.reasonEnd, 0);
    const whole = this.fields(head, reasonEnd, kept);
    if (!this.place(kept)) return false;
    kept.reasonStart = kept.offset;
    kept.reasonEnd = kept.offset + reasonEnd;
    return whole;
  }

  /** Trailer field lines as JSON text. */
  trailers(head: MessageHead, kept: KeptHead): string {
    this.use(head.bytes);
    this.fields(head, 0, kept);
    return Buffer.from(this.out.buffer, 0, kept.fieldsEnd).toString("utf8");
  }

  private use(bytes: Uint8Array): void {
    if (this.source === bytes) return;
    this.source = bytes;
    this.sourceView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves what was rendered in the scratch space into a block of its own. */
  private place(kept: KeptHead): boolean {
    const length = kept.fieldsEnd;
    const offset = this.arena.take(length + 4);
    if (offset < 0) {
      kept.offset = -1;
      return false;
    }
    this.out.copyWithin(offset, 0, length);
    kept.offset = offset;
    kept.kept = length + 4;
    kept.fieldsStart += offset;
    kept.fieldsEnd += offset;
    if (kept.contentTypeStart >= 0) {
      kept.contentTypeStart += offset;
      kept.contentTypeEnd += offset;
    }
    return true;
  }

  private hostStart = -1;
  private hostEnd = -1;
  private agentStart = -1;
  private agentEnd = -1;

  private fields(head: MessageHead, at: number, kept: KeptHead): boolean {
    kept.fieldsStart = at;
    kept.contentTypeStart = this.hostStart = this.agentStart = -1;
    const fields = head.fields;
    const limit = Arena.maxBlock - 8;
    for (let index = 0; index < head.fieldCount; index++) {
      const before = at;
      at = this.field(fields, index * FIELD_STRIDE, at, index > 0);
      if (at > limit) {
        kept.fieldsEnd = before;
        return false;
      }
      if (index === head.host) {
        this.hostStart = this.valueStart;
        this.hostEnd = this.valueEnd;
      } else if (index === head.userAgent) {
        this.agentStart = this.valueStart;
        this.agentEnd = this.valueEnd;
      } else if (index === head.contentType) {
        kept.contentTypeStart = this.valueStart;
        kept.contentTypeEnd = this.valueEnd;
      }
    }
    kept.fieldsEnd = at;
    return head.fieldsLeftOut === 0;
  }

  /** `,["name","value"]` */
  private field(fields: Int32Array, line: number, start: number, comma: boolean): number {
    const out = this.out;
    const nameStart = fields[line];
    const nameEnd = fields[line + 1];
    const valueStart = fields[line + 2];
    const valueEnd = fields[line + 3];
    let at = start;
    if (comma) out[at++] = COMMA;
    out[at++] = OPEN;
    out[at++] = QUOTE;
    at = this.text(nameStart, nameEnd, at);
    out[at++] = QUOTE;
    out[at++] = COMMA;
    out[at++] = QUOTE;
    this.valueStart = at;
    if (this.redactor?.isSensitiveField(this.source, nameStart, nameEnd)) {
      const length = this.redactor.redactField(this.source, nameStart, nameEnd, valueStart, valueEnd, this.redacted, 0);
      at = this.redactedText(length, at);
    } else at = this.text(valueStart, valueEnd, at);
    this.valueEnd = at;
    out[at++] = QUOTE;
    out[at++] = CLOSE;
    return at;
  }

  private text(start: number, end: number, at: number): number {
    return this.escape(this.source, this.sourceView, start, end, at);
  }

  private redactedText(length: number, at: number): number {
    return this.escape(this.redacted, this.redactedView, 0, length, at);
  }

  /** Copies octets as the contents of a JSON string; gives the new end. */
  private escape(from: Uint8Array, view: DataView, start: number, end: number, at: number): number {
    const out = this.out;
    const outView = this.outView;
    const lastWord = Math.min(end, from.length - 3) - 3;
    let next = start;
    for (;;) {
      while (next < lastWord) {
        const word = view.getInt32(next, true);
        const quotes = word ^ 0x22222222;
        const slashes = word ^ 0x5c5c5c5c;
        // any octet below 0x20, above 0x7f, quote or backslash?
        const odd =
          (word - 0x20202020) | word | ((quotes - 0x01010101) & ~quotes) | ((slashes - 0x01010101) & ~slashes);
        if ((odd & 0x80808080) !== 0) break;
        outView.setInt32(at, word, true);
        next += 4;
        at += 4;
      }
      const stop = next < lastWord ? next + 4 : end;
      while (next < stop) {
        const octet = from[next];
        if (octet >= 128) return this.escapeText(from, start, end, at - this.writtenSince(from, start, next));
        next++;
        if (octet >= SPACE && octet !== QUOTE && octet !== BACKSLASH) out[at++] = octet;
        else if (octet === QUOTE || octet === BACKSLASH) {
          out[at++] = BACKSLASH;
          out[at++] = octet;
        } else if (octet === 13 && (from[next] === 10 || from[next] === SPACE) && next < end) {
          // obs-fold: line end and white space stand for one space (RFC 9112 section 5.2)
          next = skipFold(from, next, end);
          out[at++] = SPACE;
        } else at = writeUnicode(out, octet, at);
      }
      if (next >= end) return at;
    }
  }

  /** Octets that `escape` has written for `from[start, next)`: to start over in the careful way. */
  private writtenSince(from: Uint8Array, start: number, next: number): number {
    let written = 0;
    for (let i = start; i < next; ) {
      const octet = from[i++];
      if (octet === QUOTE || octet === BACKSLASH) written += 2;
      else if (octet >= SPACE) written++;
      else if (octet === 13 && (from[i] === 10 || from[i] === SPACE) && i < next) {
        i = skipFold(from, i, next);
        written++;
      } else written += 6;
    }
    return written;
  }

  /** Text beyond ASCII, off the hot path: UTF-8 where it is valid, else each octet as a latin-1 character. */
  private escapeText(from: Uint8Array, start: number, end: number, at: number): number {
    const octets = Buffer.from(from.buffer, from.byteOffset + start, end - start);
    let text = octets.toString("utf8");
    if (text.includes("\ufffd") && !Buffer.from(text, "utf8").equals(octets)) text = octets.toString("latin1");
    text = text.replace(/\r\n?[ \t]+/g, " ");
    const json = JSON.stringify(text).slice(1, -1).replace(LINE_BREAKING, escapeCharacter);
    return at + Buffer.from(this.out.buffer, at).write(json, "utf8");
  }
}

function skipFold(from: Uint8Array, start: number, end: number): number {
  let next = start;
  while (next < end && from[next] <= SPACE) next++;
  return next;
}

/** Control characters and line separators beyond ASCII: valid in JSON, but they break lines and steer terminals. */
const LINE_BREAKING = /[\u007f-\u009f\u2028\u2029]/g;

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const HEX = "0123456789abcdef";

function writeUnicode(out: Uint8Array, octet: number, at: number): number {
  out[at] = BACKSLASH;
  out[at + 1] = 117;
  out[at + 2] = 48;
  out[at + 3] = 48;
  out[at + 4] = HEX.charCodeAt(octet >> 4);
  out[at + 5] = HEX.charCodeAt(octet & 15);
  return at + 6;
}

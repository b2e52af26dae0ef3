/**
 * Renders a head into its kept form: redacted, as JSON text, in the arena. Rendered once, here; everybody after this
 * reads the text. On the hot path: four octets at a time, no strings.
 */
import type { Arena } from "../core/arena.ts";
import { rememberCare, useCareOf } from "../core/field-care.ts";
import {
  copyOctets,
  escapeText as escapeByKernel,
  kernelResult,
  R,
  RENDER_DONE,
  RENDER_FULL,
  RENDER_NAME,
  RENDER_TEXT,
  render,
} from "../core/head-kernel.ts";
import {
  FIELD_STRIDE,
  type FieldCare,
  type HeadRedactor,
  type MessageHead,
  PLAIN_FIELD,
  SENSITIVE_FIELD,
} from "../core/http.ts";
import type { KeptHead, KeptRequest, KeptResponse } from "../core/kept-head.ts";
import { memory, memoryView, REDACTED_AT, SCRATCH_AT } from "../core/memory.ts";
import { splitTarget } from "../core/request-target.ts";
import { escapeHere } from "./json-text.ts";
import {
  LARGEST_BLOCK,
  putRequestNumbers,
  putResponseNumbers,
  REQUEST_NUMBERS_BYTES,
  RESPONSE_NUMBERS_BYTES,
} from "./kept-numbers.ts";

const QUOTE = 34;
const COMMA = 44;
const OPEN = 91;
const CLOSE = 93;

/** A head is kept up to here, so that it fits the largest block. */
const LIMIT = SCRATCH_AT + LARGEST_BLOCK - REQUEST_NUMBERS_BYTES - 8;

export class HeadKeeper {
  private readonly arena: Arena;
  private redactor: HeadRedactor | null;
  private readonly out = memory;
  private source: Uint8Array = memory;
  private sourceView: DataView = memoryView;
  /** The head at hand is the kernel's. */
  private inKernel = false;
  /** Where the last field's value was written. */
  private valueStart = 0;
  private valueEnd = 0;

  constructor(arena: Arena, redactor: HeadRedactor | null) {
    this.arena = arena;
    this.redactor = redactor;
  }

  /** Heads from now on are redacted otherwise. */
  redactWith(redactor: HeadRedactor | null): void {
    this.redactor = redactor;
  }

  /** False when not all of it could be kept. */
  keepRequest(head: MessageHead, kept: KeptRequest, connect: boolean): boolean {
    this.use(head);
    const methodEnd = this.text(head.methodStart, head.methodEnd, SCRATCH_AT);
    let targetEnd: number;
    if (this.redactor === null) targetEnd = this.text(head.targetStart, head.targetEnd, methodEnd);
    else {
      const end = this.redactor.redactTarget(head.bytes, head.targetStart, head.targetEnd, memory, REDACTED_AT);
      targetEnd = this.redactedText(end, methodEnd);
    }
    const whole = this.fields(head, targetEnd, kept);
    const parts = splitTarget(this.out, methodEnd, targetEnd, connect);
    const { pathStart, pathEnd, queryStart } = parts;
    let { hostStart, hostEnd } = parts;
    if (hostStart < 0) {
      hostStart = this.hostStart;
      hostEnd = this.hostEnd;
    }
    if (!this.place(kept, REQUEST_NUMBERS_BYTES)) return false;
    const moved = kept.offset + REQUEST_NUMBERS_BYTES - SCRATCH_AT;
    kept.methodStart = SCRATCH_AT + moved;
    kept.methodEnd = kept.targetStart = methodEnd + moved;
    kept.targetEnd = targetEnd + moved;
    kept.hostStart = hostStart < 0 ? -1 : hostStart + moved;
    kept.hostEnd = hostEnd + moved;
    kept.pathStart = pathStart < 0 ? -1 : pathStart + moved;
    kept.pathEnd = pathEnd + moved;
    kept.queryStart = queryStart < 0 ? -1 : queryStart + moved;
    kept.userAgentStart = this.agentStart < 0 ? -1 : this.agentStart + moved;
    kept.userAgentEnd = this.agentEnd + moved;
    putRequestNumbers(kept);
    return whole;
  }

  keepResponse(head: MessageHead, kept: KeptResponse): boolean {
    this.use(head);
    const reasonEnd = this.text(head.reasonStart, head.reasonEnd, SCRATCH_AT);
    const whole = this.fields(head, reasonEnd, kept);
    if (!this.place(kept, RESPONSE_NUMBERS_BYTES)) return false;
    kept.reasonStart = kept.offset + RESPONSE_NUMBERS_BYTES;
    kept.reasonEnd = kept.reasonStart + reasonEnd - SCRATCH_AT;
    putResponseNumbers(kept);
    return whole;
  }

  /** Trailer field lines as JSON text. */
  trailers(head: MessageHead, kept: KeptHead): string {
    this.use(head);
    this.fields(head, SCRATCH_AT, kept);
    return Buffer.from(memory.buffer, SCRATCH_AT, kept.fieldsEnd - SCRATCH_AT).toString("utf8");
  }

  private use(head: MessageHead): void {
    this.inKernel = head.inKernel;
    if (this.source === head.bytes) return;
    this.source = head.bytes;
    this.sourceView = new DataView(this.source.buffer, this.source.byteOffset, this.source.byteLength);
  }

  /** Moves what was rendered in the scratch space into a block of its own, behind room for `numbers` octets. */
  private place(kept: KeptHead, numbers: number): boolean {
    const length = kept.fieldsEnd - SCRATCH_AT;
    const size = numbers + length;
    const offset = size > LARGEST_BLOCK ? -1 : this.arena.take(size);
    if (offset < 0) {
      kept.offset = -1;
      return false;
    }
    copyOctets(offset + numbers, SCRATCH_AT, length);
    kept.offset = offset;
    kept.kept = size;
    const moved = offset + numbers - SCRATCH_AT;
    kept.fieldsStart += moved;
    kept.fieldsEnd += moved;
    if (kept.contentTypeStart >= 0) {
      kept.contentTypeStart += moved;
      kept.contentTypeEnd += moved;
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
    return this.inKernel ? this.fieldsByKernel(head, at, kept) : this.fieldsHere(head, at, kept);
  }

  /** The kernel writes all lines but those that need a look at what they say. */
  private fieldsByKernel(head: MessageHead, start: number, kept: KeptHead): boolean {
    const result = kernelResult;
    const redact = this.redactor === null ? 0 : 1;
    if (this.redactor !== null) useCareOf(this.redactor);
    result[R.hostStart] = result[R.agentStart] = result[R.typeStart] = -1;
    let at = start;
    let whole = true;
    for (let index = 0; ; index++) {
      at = render!(index, at, LIMIT, redact);
      index = result[R.stoppedAt];
      const reason = result[R.reason];
      if (reason === RENDER_DONE) break;
      const line = index * FIELD_STRIDE;
      // it has written `,["name","` already
      const before = at - (head.fields[line + 1] - head.fields[line]) - (index > 0 ? 6 : 5);
      if (reason !== RENDER_FULL) {
        this.valueStart = at;
        at = this.kernelValue(head.fields, line, at, reason);
      }
      if (reason === RENDER_FULL || at > LIMIT) {
        if (reason !== RENDER_FULL) at = before;
        whole = false;
        break;
      }
      this.noteLine(head, kept, index);
    }
    kept.fieldsEnd = at;
    if (result[R.hostStart] >= 0) {
      this.hostStart = result[R.hostStart];
      this.hostEnd = result[R.hostEnd];
    }
    if (result[R.agentStart] >= 0) {
      this.agentStart = result[R.agentStart];
      this.agentEnd = result[R.agentEnd];
    }
    if (result[R.typeStart] >= 0) {
      kept.contentTypeStart = result[R.typeStart];
      kept.contentTypeEnd = result[R.typeEnd];
    }
    return whole;
  }

  private kernelValue(fields: Int32Array, line: number, at: number, reason: number): number {
    const nameStart = fields[line];
    const nameEnd = fields[line + 1];
    const redactor = this.redactor;
    let care: FieldCare = reason === RENDER_TEXT ? PLAIN_FIELD : SENSITIVE_FIELD;
    if (reason === RENDER_NAME && redactor !== null) {
      care = redactor.fieldCare(memory, nameStart, nameEnd);
      rememberCare(nameStart, nameEnd, care);
    }
    return this.value(fields, line, at, care !== PLAIN_FIELD);
  }

  private fieldsHere(head: MessageHead, start: number, kept: KeptHead): boolean {
    let at = start;
    for (let index = 0; index < head.fieldCount; index++) {
      const before = at;
      at = this.field(head.fields, index * FIELD_STRIDE, at, index > 0);
      if (at > LIMIT) {
        kept.fieldsEnd = before;
        return false;
      }
      this.noteLine(head, kept, index);
    }
    kept.fieldsEnd = at;
    return head.fieldsLeftOut === 0;
  }

  /** Was the line just written one whose value rows show? */
  private noteLine(head: MessageHead, kept: KeptHead, index: number): void {
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

  /** `,["name","value"]` */
  private field(fields: Int32Array, line: number, start: number, comma: boolean): number {
    const out = this.out;
    const nameStart = fields[line];
    const nameEnd = fields[line + 1];
    let at = start;
    if (comma) out[at++] = COMMA;
    out[at++] = OPEN;
    out[at++] = QUOTE;
    at = this.text(nameStart, nameEnd, at);
    out[at++] = QUOTE;
    out[at++] = COMMA;
    out[at++] = QUOTE;
    const care = this.redactor === null ? PLAIN_FIELD : this.redactor.fieldCare(this.source, nameStart, nameEnd);
    return this.value(fields, line, at, care !== PLAIN_FIELD);
  }

  /** The value and what closes its line. */
  private value(fields: Int32Array, line: number, start: number, redact: boolean): number {
    const valueStart = fields[line + 2];
    const valueEnd = fields[line + 3];
    let at: number;
    this.valueStart = start;
    if (redact) {
      const { redactor, source } = this;
      const [nameStart, nameEnd] = [fields[line], fields[line + 1]];
      const end = redactor!.redactField(source, nameStart, nameEnd, valueStart, valueEnd, memory, REDACTED_AT);
      at = this.redactedText(end, start);
    } else at = this.text(valueStart, valueEnd, start);
    this.valueEnd = at;
    this.out[at++] = QUOTE;
    this.out[at++] = CLOSE;
    return at;
  }

  private text(start: number, end: number, at: number): number {
    if (this.inKernel) {
      const next = escapeByKernel!(start, end, at);
      if (next >= 0) return next;
    }
    return escapeHere(this.source, this.sourceView, start, end, at);
  }

  /** What the redactor has written up to `end`. */
  private redactedText(end: number, at: number): number {
    if (this.inKernel) {
      const next = escapeByKernel!(REDACTED_AT, end, at);
      if (next >= 0) return next;
    }
    return escapeHere(memory, memoryView, REDACTED_AT, end, at);
  }
}

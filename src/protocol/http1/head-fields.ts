/**
 * Reads the field lines of a head, or of trailers, where they lie (RFC 9112 section 5): takes octets that begin at a line,
 * fills the fields of a MessageHead with offsets. What is not as the RFC wants it is read as a lenient server would, and
 * noted as an anomaly.
 */
import { FIELD_STRIDE, MAX_FIELDS, MessageHead } from "../../core/http.ts";
import { COLON, CR, isToken, LF, lower, SPACE, TAB, TOKEN } from "./octets.ts";

/** The head does not end inside the octets given. */
export const INCOMPLETE = -1;

const HOST = lower("host");
const UPGRADE = lower("upgrade");
const CONNECTION = lower("connection");
const USER_AGENT = lower("user-agent");
const CONTENT_TYPE = lower("content-type");
const CONTENT_LENGTH = lower("content-length");
const CONTENT_ENCODING = lower("content-encoding");
const TRANSFER_ENCODING = lower("transfer-encoding");

/** Lines with framing fields, as places in `fields`; heads hold one or two of them. */
const MAX_FRAMING_LINES = 16;

/** Field lines, and what framing needs of them. */
export class HeadFields extends MessageHead {
  readonly contentLengths = new Int32Array(MAX_FRAMING_LINES);
  contentLengthCount = 0;
  readonly transferEncodings = new Int32Array(MAX_FRAMING_LINES);
  transferEncodingCount = 0;
  readonly connections = new Int32Array(MAX_FRAMING_LINES);
  connectionCount = 0;
  private hostCount = 0;
  /** The line that a folded one belongs to; -1 when it was left out. */
  private lastField = -1;
  private view: DataView = new DataView(new ArrayBuffer(0));
  /** The array that `view` looks at. */
  private viewed: Uint8Array | null = null;
  /** Set by `endOfLine`. */
  private bareLf = false;
  private oddOctet = false;

  protected use(bytes: Uint8Array): void {
    this.bytes = bytes;
    if (this.viewed === bytes) return;
    this.viewed = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  protected clear(): void {
    this.fieldCount = this.fieldsLeftOut = 0;
    this.host = this.contentType = this.userAgent = this.upgrade = this.contentEncoding = -1;
    this.contentLengthCount = this.transferEncodingCount = this.connectionCount = this.hostCount = 0;
    if (this.anomalies.length > 0) this.anomalies.length = 0;
    this.truncated = this.bareLf = this.oddOctet = this.inKernel = false;
    this.status = 0;
    this.version = 11;
  }

  protected readFields(start: number, end: number): number {
    const bytes = this.bytes;
    let line = start;
    for (;;) {
      if (line >= end) return INCOMPLETE;
      const first = bytes[line];
      if (first === LF) {
        this.bareLf = true;
        this.end = line + 1;
        break;
      }
      if (first === CR) {
        if (line + 1 >= end) return INCOMPLETE;
        if (bytes[line + 1] === LF) {
          this.end = line + 2;
          break;
        }
      }
      const lineFeed = this.endOfLine(line, end);
      if (lineFeed < 0) return INCOMPLETE;
      // only the next octet tells whether this line goes on (obs-fold, section 5.2)
      if (lineFeed + 1 >= end) return INCOMPLETE;
      this.fieldLine(line, this.contentEnd(line, lineFeed));
      line = lineFeed + 1;
    }
    if (this.bareLf) this.anomaly("http1.bare-lf");
    if (this.oddOctet) this.anomaly("http1.control-character");
    if (this.hostCount > 1) this.anomaly("http1.host-duplicate");
    if (this.fieldsLeftOut > 0) {
      this.truncated = true;
      this.anomaly("http1.too-many-fields");
    }
    return this.end;
  }

  private fieldLine(start: number, end: number): void {
    const bytes = this.bytes;
    const first = bytes[start];
    if (first === SPACE || first === TAB) {
      this.foldedLine(end);
      return;
    }
    let nameEnd = start;
    while (nameEnd < end && TOKEN[bytes[nameEnd]] === 1) nameEnd++;
    let colon = nameEnd;
    if (nameEnd === end || bytes[nameEnd] !== COLON) {
      colon = this.oddName(nameEnd, end);
      if (colon < 0) nameEnd = colon = end;
      else {
        nameEnd = colon;
        while (nameEnd > start && (bytes[nameEnd - 1] === SPACE || bytes[nameEnd - 1] === TAB)) nameEnd--;
      }
    } else if (nameEnd === start) this.anomaly("http1.field-name-invalid");
    let index = this.fieldCount;
    if (index === MAX_FIELDS) {
      this.fieldsLeftOut++;
      this.lastField = -1;
      if (!isFramingField(bytes, start, nameEnd)) return;
      index = this.spareField();
    } else this.fieldCount++;
    let valueStart = colon < end ? colon + 1 : end;
    while (valueStart < end && (bytes[valueStart] === SPACE || bytes[valueStart] === TAB)) valueStart++;
    let valueEnd = end;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd--;
    const at = index * FIELD_STRIDE;
    const fields = this.fields;
    fields[at] = start;
    fields[at + 1] = nameEnd;
    fields[at + 2] = valueStart;
    fields[at + 3] = valueEnd;
    this.lastField = index;
    this.known(start, nameEnd, index);
  }

  /** The last kept line that nobody needs: a framing field takes its place, or the end of the message would be lost. */
  private spareField(): number {
    const needed = (index: number) =>
      [this.host, this.contentType, this.userAgent, this.upgrade, this.contentEncoding].includes(index) ||
      this.contentLengths.subarray(0, this.contentLengthCount).includes(index) ||
      this.transferEncodings.subarray(0, this.transferEncodingCount).includes(index) ||
      this.connections.subarray(0, this.connectionCount).includes(index);
    let index = MAX_FIELDS - 1;
    while (needed(index)) index--;
    return index;
  }

  /** The name is no token, or no colon follows it: where the colon is, or -1. */
  private oddName(from: number, end: number): number {
    const bytes = this.bytes;
    let colon = from;
    while (colon < end && bytes[colon] !== COLON) colon++;
    if (colon === end) {
      this.anomaly("http1.field-line-without-colon");
      return -1;
    }
    const space = bytes[from] === SPACE || bytes[from] === TAB;
    let rest = from;
    while (rest < colon && (bytes[rest] === SPACE || bytes[rest] === TAB)) rest++;
    this.anomaly(space && rest === colon ? "http1.space-before-colon" : "http1.field-name-invalid");
    return colon;
  }

  /** A line that begins with white space belongs to the value before it. */
  private foldedLine(end: number): void {
    if (this.fieldCount === 0) {
      this.anomaly("http1.space-before-first-field");
      return;
    }
    this.anomaly("http1.obs-fold");
    const bytes = this.bytes;
    let valueEnd = end;
    if (this.lastField < 0) return;
    const at = this.lastField * FIELD_STRIDE;
    while (valueEnd > this.fields[at + 2] && bytes[valueEnd - 1] <= SPACE) valueEnd--;
    // a field without a value until now: its value begins here
    while (this.fields[at + 2] < valueEnd && bytes[this.fields[at + 2]] <= SPACE) this.fields[at + 2]++;
    this.fields[at + 3] = valueEnd;
  }

  /** Notes the fields that framing, pairing and rows need, by length and name. */
  private known(start: number, end: number, index: number): void {
    const bytes = this.bytes;
    switch (end - start) {
      case 4:
        if (isToken(bytes, start, end, HOST)) {
          this.hostCount++;
          if (this.host < 0) this.host = index;
        }
        break;
      case 7:
        if (this.upgrade < 0 && isToken(bytes, start, end, UPGRADE)) this.upgrade = index;
        break;
      case 10:
        if ((bytes[start] | 32) === 117) {
          if (this.userAgent < 0 && isToken(bytes, start, end, USER_AGENT)) this.userAgent = index;
        } else if (isToken(bytes, start, end, CONNECTION) && this.connectionCount < MAX_FRAMING_LINES) {
          this.connections[this.connectionCount++] = index;
        }
        break;
      case 12:
        if (this.contentType < 0 && isToken(bytes, start, end, CONTENT_TYPE)) this.contentType = index;
        break;
      case 14:
        if (isToken(bytes, start, end, CONTENT_LENGTH) && this.contentLengthCount < MAX_FRAMING_LINES) {
          this.contentLengths[this.contentLengthCount++] = index;
        }
        break;
      case 16:
        if (this.contentEncoding < 0 && isToken(bytes, start, end, CONTENT_ENCODING)) this.contentEncoding = index;
        break;
      case 17:
        if (isToken(bytes, start, end, TRANSFER_ENCODING) && this.transferEncodingCount < MAX_FRAMING_LINES) {
          this.transferEncodings[this.transferEncodingCount++] = index;
        }
        break;
    }
  }

  /** Offset of the line feed that ends the line, or -1. Four octets at a time: heads are mostly plain text. */
  protected endOfLine(from: number, end: number): number {
    const bytes = this.bytes;
    const view = this.view;
    const lastWord = end - 3;
    let at = from;
    for (;;) {
      while (at < lastWord) {
        const word = view.getInt32(at, true);
        // any octet below 0x20?
        if (((word - 0x20202020) & ~word & 0x80808080) !== 0) break;
        at += 4;
      }
      for (; at < end; at++) {
        const octet = bytes[at];
        if (octet >= SPACE) continue;
        if (octet === LF) return at;
        if (octet === CR) {
          if (at + 1 >= end) return -1;
          if (bytes[at + 1] === LF) return at + 1;
          this.anomaly("http1.bare-cr");
        } else if (octet === 0) this.anomaly("http1.nul");
        else if (octet !== TAB) this.oddOctet = true;
        at++;
        break;
      }
      if (at >= end) return -1;
    }
  }

  protected contentEnd(start: number, lineFeed: number): number {
    if (lineFeed > start && this.bytes[lineFeed - 1] === CR) return lineFeed - 1;
    this.bareLf = true;
    return lineFeed;
  }
}

function isFramingField(bytes: Uint8Array, start: number, end: number): boolean {
  return isToken(bytes, start, end, CONTENT_LENGTH) || isToken(bytes, start, end, TRANSFER_ENCODING);
}

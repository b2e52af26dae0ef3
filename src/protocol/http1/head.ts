/**
 * Reads a message head (RFC 9112 sections 2.2, 3, 4 and 5) where it lies: takes octets that begin at a start line,
 * fills a MessageHead with offsets. No strings, no copies. What is not as the RFC wants it is read as a lenient server
 * would, and noted as an anomaly; nothing is refused.
 */
import { copyOctets, kernelResult, R, SCAN_MORE, scan } from "../../core/head-kernel.ts";
import { FIELD_STRIDE, MAX_FIELDS, MessageHead } from "../../core/http.ts";
import { COPY_AT, COPY_BYTES, memory } from "../../core/memory.ts";
import { COLON, CR, isToken, LF, lower, SPACE, TAB, TOKEN } from "./octets.ts";

/** The head does not end inside the octets given. */
export const INCOMPLETE = -1;
/** The same, and nothing in it is odd so far: a whole start line and field lines. Told by `readPlain` only. */
export const MORE = -2;

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

/** A head plus what framing needs of it. One object serves all flows: it is used up before the next is read. */
export class Head extends MessageHead {
  readonly contentLengths = new Int32Array(MAX_FRAMING_LINES);
  contentLengthCount = 0;
  readonly transferEncodings = new Int32Array(MAX_FRAMING_LINES);
  transferEncodingCount = 0;
  readonly connections = new Int32Array(MAX_FRAMING_LINES);
  connectionCount = 0;
  /** A `GET` without a version is HTTP/0.9: the first request of a flow only. */
  mayBe09 = true;
  private hostCount = 0;
  /** The line that a folded one belongs to; -1 when it was left out. */
  private lastField = -1;
  private view: DataView = new DataView(new ArrayBuffer(0));
  /** The array that `view` looks at. */
  private viewed: Uint8Array | null = null;
  /** Set by `endOfLine`. */
  private bareLf = false;
  private oddOctet = false;
  /** The array that `readPlain` was given last, and its place in the thread's memory; -1 when it is not there. */
  private array: Uint8Array = memory;
  private arrayAt = 0;

  constructor(fields?: Int32Array) {
    super(fields);
  }

  /**
   * The short cut for heads that are as the RFC wants them, of one of `kinds` (REQUESTS, RESPONSES of start-line.ts):
   * gives the head's length, with `isRequest` telling which kind it is; or INCOMPLETE, and then only `read` can tell
   * why. Offsets are into the thread's memory afterwards, not into `bytes`.
   */
  readPlain(bytes: Uint8Array, start: number, end: number, kinds: number): number {
    this.locate(bytes);
    if (this.arrayAt >= 0) return this.scanned(this.arrayAt + start, this.arrayAt + end, true, kinds);
    const stop = Math.min(end, start + COPY_BYTES);
    memory.set(bytes.subarray(start, stop), COPY_AT);
    return this.scanned(COPY_AT, COPY_AT + stop - start, stop === end, kinds);
  }

  /** The same for octets in two pieces, of which `first[0, length)` is the beginning of a head. */
  readPieces(first: Uint8Array, length: number, bytes: Uint8Array, start: number, end: number, kinds: number): number {
    const stop = Math.min(end, start + COPY_BYTES - length);
    if (stop <= start) return INCOMPLETE;
    this.locate(bytes);
    memory.set(first.subarray(0, length), COPY_AT);
    if (this.arrayAt >= 0) copyOctets(COPY_AT + length, this.arrayAt + start, stop - start);
    else memory.set(bytes.subarray(start, stop), COPY_AT + length);
    return this.scanned(COPY_AT, COPY_AT + length + stop - start, stop === end, kinds);
  }

  private locate(bytes: Uint8Array): void {
    if (bytes === this.array) return;
    this.array = bytes;
    this.arrayAt = bytes.buffer === memory.buffer ? bytes.byteOffset : -1;
  }

  /** `whole`: all octets there are lie in `[at, end)`. */
  private scanned(at: number, end: number, whole: boolean, kinds: number): number {
    const headEnd = scan(at, end, kinds);
    if (headEnd === SCAN_MORE && whole) return MORE;
    if (headEnd < 0) return INCOMPLETE;
    this.takeScanned(at, headEnd);
    return headEnd - at;
  }

  private takeScanned(start: number, end: number): void {
    const result = kernelResult;
    this.bytes = memory;
    this.inKernel = true;
    this.start = start;
    this.end = end;
    this.version = result[R.version];
    this.fieldCount = result[R.fieldCount];
    this.fieldsLeftOut = 0;
    this.host = result[R.host];
    this.contentType = result[R.contentType];
    this.userAgent = result[R.userAgent];
    this.upgrade = result[R.upgrade];
    this.contentEncoding = result[R.contentEncoding];
    this.contentLengthCount = place(this.contentLengths, result[R.contentLength]);
    this.transferEncodingCount = place(this.transferEncodings, result[R.transferEncoding]);
    this.connectionCount = place(this.connections, result[R.connection]);
    if (this.anomalies.length > 0) this.anomalies.length = 0;
    this.truncated = false;
    this.isRequest = result[R.isRequest] === 1;
    if (this.isRequest) {
      this.methodStart = start;
      this.methodEnd = result[R.methodEndOrStatus];
      this.targetStart = result[R.textStart];
      this.targetEnd = result[R.textEnd];
      this.status = 0;
    } else {
      this.status = result[R.methodEndOrStatus];
      this.reasonStart = result[R.textStart];
      this.reasonEnd = result[R.textEnd];
    }
  }

  /**
   * Reads the head that starts at `start`. Gives the offset behind its blank line, or INCOMPLETE. The caller has made
   * sure that a start line of the kind `isRequest` is there.
   */
  read(bytes: Uint8Array, start: number, end: number, isRequest: boolean): number {
    this.use(bytes);
    this.clear();
    this.start = start;
    this.isRequest = isRequest;
    const lineFeed = this.endOfLine(start, end);
    if (lineFeed < 0) return INCOMPLETE;
    const lineEnd = this.contentEnd(start, lineFeed);
    if (isRequest) this.requestLine(start, lineEnd);
    else this.statusLine(start, lineEnd);
    if (this.version < 10) {
      // HTTP/0.9 has no field lines: the request line is the whole head
      this.end = lineFeed + 1;
      return this.end;
    }
    return this.readFields(lineFeed + 1, end);
  }

  /** Field lines behind a chunked body; `start` is behind the last chunk's line. */
  readTrailers(bytes: Uint8Array, start: number, end: number): number {
    this.use(bytes);
    this.clear();
    this.start = start;
    return this.readFields(start, end);
  }

  private use(bytes: Uint8Array): void {
    this.bytes = bytes;
    if (this.viewed === bytes) return;
    this.viewed = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private clear(): void {
    this.fieldCount = this.fieldsLeftOut = 0;
    this.host = this.contentType = this.userAgent = this.upgrade = this.contentEncoding = -1;
    this.contentLengthCount = this.transferEncodingCount = this.connectionCount = this.hostCount = 0;
    if (this.anomalies.length > 0) this.anomalies.length = 0;
    this.truncated = this.bareLf = this.oddOctet = this.inKernel = false;
    this.status = 0;
    this.version = 11;
  }

  private readFields(start: number, end: number): number {
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

  /** method SP request-target SP HTTP-version (RFC 9112 section 3), white space read as lenient servers read it. */
  private requestLine(start: number, end: number): void {
    const bytes = this.bytes;
    this.methodStart = start;
    let at = start;
    while (at < end && TOKEN[bytes[at]] === 1) at++;
    this.methodEnd = at;
    let versionStart = this.versionAtEnd(at, end);
    // where one word follows the method it is the target, whatever it looks like
    if (versionStart === at + 1) versionStart = -1;
    let targetEnd = versionStart < 0 ? end : versionStart;
    while (targetEnd > at && isBlank(bytes[targetEnd - 1])) targetEnd--;
    while (at < targetEnd && isBlank(bytes[at])) at++;
    this.targetStart = at;
    this.targetEnd = targetEnd;
    // white space inside: some servers refuse it, others take what is before it for the target
    for (let i = at; i < targetEnd; i++) {
      if (bytes[i] > SPACE && bytes[i] !== 127) continue;
      this.anomaly("http1.target-invalid");
      if (isBlank(bytes[i])) this.targetEnd = i;
      break;
    }
    if (versionStart < 0) {
      const old = this.mayBe09 && targetEnd === this.targetEnd && bytes[at] === 47;
      this.version = old && isGet(bytes, start, this.methodEnd) ? 9 : 10;
      this.anomaly(this.version === 9 ? "http1.http09" : "http1.version-missing");
      return;
    }
    const single = at - this.methodEnd === 1 && versionStart - targetEnd === 1;
    if (!single || bytes[at - 1] !== SPACE || bytes[targetEnd] !== SPACE) this.anomaly("http1.request-line-whitespace");
    if (at === targetEnd) this.anomaly("http1.target-invalid");
  }

  /** Offset of `HTTP/…` when the line ends with a version, -1 else. Sets `version`. */
  private versionAtEnd(from: number, lineEnd: number): number {
    const bytes = this.bytes;
    let end = lineEnd;
    while (end > from && isBlank(bytes[end - 1])) end--;
    if (end < lineEnd) this.anomaly("http1.request-line-whitespace");
    // HTTP/x.y, preceded by white space
    const start = end - 8;
    if (start > from && isBlank(bytes[start - 1]) && isHttpSlash(bytes, start) && bytes[start + 6] === 46) {
      this.parseVersion(start);
      return start;
    }
    let word = end;
    while (word > from && !isBlank(bytes[word - 1])) word--;
    if (word > from && end - word >= 5 && isHttpSlash(bytes, word)) {
      this.version = 11;
      this.anomaly("http1.version-invalid");
      return word;
    }
    return -1;
  }

  private parseVersion(start: number): void {
    const bytes = this.bytes;
    const major = bytes[start + 5] - 48;
    const minor = bytes[start + 7] - 48;
    if (major < 0 || major > 9 || minor < 0 || minor > 9) {
      this.version = 11;
      this.anomaly("http1.version-invalid");
      return;
    }
    this.version = major * 10 + minor;
    if (bytes[start] !== 72 || bytes[start + 1] !== 84) this.anomaly("http1.version-invalid");
    if (this.version !== 11 && this.version !== 10) {
      this.anomaly("http1.version-invalid");
      // read on as 1.x: there are field lines, whatever it is called
      if (this.version < 10) this.version = 10;
    }
  }

  /** HTTP-version SP status-code SP reason (RFC 9112 section 4). */
  private statusLine(start: number, end: number): void {
    const bytes = this.bytes;
    let at = start;
    while (at < end && !isBlank(bytes[at])) at++;
    if (at - start === 8) this.parseVersion(start);
    else {
      // ICY is as HTTP/1.0
      this.version = at - start === 3 ? 10 : 11;
      this.anomaly("http1.version-invalid");
    }
    const versionEnd = at;
    while (at < end && isBlank(bytes[at])) at++;
    if (at - versionEnd !== 1 || bytes[versionEnd] !== SPACE) this.anomaly("http1.status-line-whitespace");
    let status = 0;
    let digits = 0;
    for (; at < end && digits < 9; at++, digits++) {
      const digit = bytes[at] - 48;
      if (digit < 0 || digit > 9) break;
      status = status * 10 + digit;
    }
    this.status = status;
    if (digits !== 3 || status < 100) this.anomaly("http1.status-invalid");
    const reason = at;
    while (at < end && isBlank(bytes[at])) at++;
    if (at === reason && at < end) this.anomaly("http1.status-invalid");
    this.reasonStart = at;
    this.reasonEnd = end;
  }

  /** Offset of the line feed that ends the line, or -1. Four octets at a time: heads are mostly plain text. */
  private endOfLine(from: number, end: number): number {
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

  private contentEnd(start: number, lineFeed: number): number {
    if (lineFeed > start && this.bytes[lineFeed - 1] === CR) return lineFeed - 1;
    this.bareLf = true;
    return lineFeed;
  }
}

/** The one line of a kind that a plain head has, or none; gives their number. */
function place(lines: Int32Array, index: number): number {
  lines[0] = index;
  return index < 0 ? 0 : 1;
}

function isGet(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84;
}

function isFramingField(bytes: Uint8Array, start: number, end: number): boolean {
  return isToken(bytes, start, end, CONTENT_LENGTH) || isToken(bytes, start, end, TRANSFER_ENCODING);
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === 11 || octet === 12 || octet === CR;
}

/** `HTTP/` in any case. */
export function isHttpSlash(bytes: Uint8Array, at: number): boolean {
  return (
    (bytes[at] | 32) === 104 &&
    (bytes[at + 1] | 32) === 116 &&
    (bytes[at + 2] | 32) === 116 &&
    (bytes[at + 3] | 32) === 112 &&
    bytes[at + 4] === 47
  );
}

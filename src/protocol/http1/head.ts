/**
 * Reads a message head (RFC 9112 sections 2.2, 3, 4 and 5) where it lies: takes octets that begin at a start line,
 * fills a MessageHead with offsets. No strings, no copies. What is not as the RFC wants it is read as a lenient server
 * would, and noted as an anomaly; nothing is refused.
 */
import { copyOctets, kernelResult, R, SCAN_MORE, scan } from "../../core/head-kernel.ts";
import { COPY_AT, COPY_BYTES, memory } from "../../core/memory.ts";
import { HeadFields, INCOMPLETE } from "./head-fields.ts";
import { CR, SPACE, TAB, TOKEN } from "./octets.ts";

export { INCOMPLETE };
/** The same, and nothing in it is odd so far: a whole start line and field lines. Told by `readPlain` only. */
export const MORE = -2;

/** A head plus what framing needs of it. One object serves all flows: it is used up before the next is read. */
export class Head extends HeadFields {
  /** A `GET` without a version is HTTP/0.9: the first request of a flow only. */
  mayBe09 = true;
  /** The array that `readPlain` was given last, and its place in the thread's memory; -1 when it is not there. */
  private array: Uint8Array = memory;
  private arrayAt = 0;

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
      if (at === targetEnd) this.anomaly("http1.target-invalid");
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
}

/** The one line of a kind that a plain head has, or none; gives their number. */
function place(lines: Int32Array, index: number): number {
  lines[0] = index;
  return index < 0 ? 0 : 1;
}

function isGet(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84;
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

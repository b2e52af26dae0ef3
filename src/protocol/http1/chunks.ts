/** The lines between the chunks of a body (RFC 9112 section 7.1), octet by octet: they are short. */
import { CR, LF, SPACE, TAB } from "./octets.ts";

/** Octets of a chunk extension after which it is worth a note: nobody sends any. */
const LONG_EXTENSION = 256;
/** Digits and sizes beyond which readers with 32 or 64 bits may read another number. */
const MANY_DIGITS = 16;
const LARGE_SIZE = 2 ** 31;

export const MORE = 0;
/** The line is read: `size` octets follow. */
export const SIZE_READ = 1;
/** The line end behind a chunk is read. */
export const END_READ = 2;
export const BROKEN = 3;

const SIZE = 0;
const EXTENSION = 1;
const END = 2;

export class ChunkLine {
  size = 0;
  /** Anomaly codes met, for the reader to take: what two readers could read differently. */
  readonly notes: string[] = [];
  private state = SIZE;
  private digits = 0;
  private extension = 0;
  private sawCr = false;

  beginSize(): void {
    this.state = SIZE;
    this.size = this.digits = this.extension = 0;
    this.sawCr = false;
  }

  /** The CRLF behind a chunk's data. */
  beginEnd(): void {
    this.state = END;
    this.sawCr = false;
  }

  take(octet: number): number {
    switch (this.state) {
      case SIZE:
        return this.takeSize(octet);
      case EXTENSION:
        return this.takeExtension(octet);
      default:
        return this.takeEnd(octet);
    }
  }

  private takeSize(octet: number): number {
    const digit = hexDigit(octet);
    if (digit >= 0 && !this.sawCr) {
      this.size = this.size * 16 + digit;
      this.digits++;
      return this.size <= Number.MAX_SAFE_INTEGER ? MORE : this.broken();
    }
    if (octet === LF && this.digits > 0) {
      if (!this.sawCr) this.notes.push("http1.bare-lf");
      return this.sizeRead();
    }
    if (this.digits === 0 || this.sawCr) return this.broken();
    if (octet === CR) this.sawCr = true;
    else if (octet === 59) this.state = EXTENSION;
    else if (octet === SPACE || octet === TAB) {
      this.notes.push("http1.chunk-size-whitespace");
      this.state = EXTENSION;
    } else return this.broken();
    return MORE;
  }

  private sizeRead(): number {
    if (this.digits > MANY_DIGITS || this.size >= LARGE_SIZE) this.notes.push("http1.chunk-size-large");
    return SIZE_READ;
  }

  private broken(): number {
    this.notes.push("http1.chunk-size-invalid");
    return BROKEN;
  }

  /** `;name=value` behind a size: used by nobody but to hide a line from one of two readers. */
  private takeExtension(octet: number): number {
    if (octet === LF) {
      if (!this.sawCr) this.notes.push("http1.chunk-extension-bare-lf");
      return this.sizeRead();
    }
    if (this.sawCr) this.notes.push("http1.chunk-extension-bare-cr");
    this.sawCr = octet === CR;
    if (++this.extension === LONG_EXTENSION) this.notes.push("http1.chunk-extension-long");
    if (octet === 0) this.notes.push("http1.nul");
    return MORE;
  }

  private takeEnd(octet: number): number {
    if (octet === LF) {
      if (!this.sawCr) this.notes.push("http1.bare-lf");
      return END_READ;
    }
    if (octet === CR && !this.sawCr) {
      this.sawCr = true;
      return MORE;
    }
    this.notes.push("http1.chunk-end-missing");
    return BROKEN;
  }
}

function hexDigit(octet: number): number {
  if (octet >= 48 && octet <= 57) return octet - 48;
  const letter = octet | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

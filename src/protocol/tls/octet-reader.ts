/**
 * Reads numbers and vectors (RFC 8446 section 3) from a part of an array. It never throws and never reads beyond its
 * end: what is not there reads as 0 or empty, and `failed` stays true from then on.
 */
export class OctetReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  failed = false;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** A number of 1 to 4 octets. */
  number(octets: number): number {
    if (this.left < octets) {
      this.fail();
      return 0;
    }
    let value = 0;
    for (let index = 0; index < octets; index++) value = value * 256 + this.bytes[this.at++];
    return value;
  }

  skip(octets: number): void {
    if (this.left < octets) this.fail();
    else this.at += octets;
  }

  /** The next octets, lent. */
  take(octets: number): Uint8Array {
    if (this.left < octets) {
      this.fail();
      return this.bytes.subarray(this.end, this.end);
    }
    this.at += octets;
    return this.bytes.subarray(this.at - octets, this.at);
  }

  /** A vector whose length is in the `lengthOctets` before it, as a reader of its own. */
  vector(lengthOctets: number): OctetReader {
    const length = this.number(lengthOctets);
    const start = this.at;
    this.skip(length);
    return new OctetReader(this.bytes, start, this.failed ? start : start + length);
  }

  /** All that is left as numbers of two octets each; an odd octet fails. */
  pairs(): number[] {
    const values: number[] = [];
    while (this.left >= 2) values.push(this.number(2));
    if (this.left > 0) this.fail();
    return values;
  }

  private fail(): void {
    this.failed = true;
    this.at = this.end;
  }
}

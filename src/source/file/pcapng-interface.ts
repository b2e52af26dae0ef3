/**
 * What the packets of a pcapng section need to know of their interface (draft-ietf-opsawg-pcapng section 4.2): link
 * type, unit of time, losses. Also the walk over options, which every block has in the same form.
 */
import type { Micros } from "../../core/units.ts";

const END_OF_OPTIONS = 0;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;

const text = new TextDecoder();

export class PcapngInterface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name: string | null;
  readonly description: string | null;
  /** The number that packets carry; set by whoever opens it. */
  id = 0;
  /** Losses that statistics and packets have told of so far. */
  dropsTold = 0;
  /** Losses told packet by packet: the same ones that statistics count. */
  dropsByPacket = 0;
  /** Units of time in a microsecond; 0 when `exactTime` has to be used. */
  private readonly unitsPerMicrosecond: number;
  private readonly unitsPerSecond: bigint;
  private readonly offset: Micros;

  constructor(view: DataView, bytes: Uint8Array, at: number, end: number, littleEndian: boolean) {
    this.linkType = view.getUint16(at, littleEndian);
    this.snapLength = view.getUint32(at + 4, littleEndian);
    let name: string | null = null;
    let description: string | null = null;
    let resolution = 6;
    let offset_s = 0n;
    eachOption(view, at + 8, end, littleEndian, (code, start, length) => {
      if (code === IF_NAME) name = decodeText(bytes, start, start + length);
      else if (code === IF_DESCRIPTION) description = decodeText(bytes, start, start + length);
      else if (code === IF_TSRESOL && length >= 1) resolution = bytes[start];
      else if (code === IF_TSOFFSET && length >= 8) offset_s = view.getBigInt64(start, littleEndian);
    });
    this.name = name;
    this.description = description;
    this.unitsPerSecond = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
    this.unitsPerMicrosecond = resolution >= 6 && resolution <= 12 ? 10 ** (resolution - 6) : 0;
    this.offset = Number(offset_s) * 1e6;
  }

  /** Microseconds since the epoch, rounded down; may be any number when the file holds nonsense. */
  time(high: number, low: number): Micros {
    if (this.unitsPerMicrosecond === 1) return high * 4294967296 + low + this.offset;
    if (this.unitsPerMicrosecond > 1) {
      // long division in two digits of 32 bits: every intermediate value is exact in a double
      const quotient = Math.floor(high / this.unitsPerMicrosecond);
      const rest = (high - quotient * this.unitsPerMicrosecond) * 4294967296 + low;
      return quotient * 4294967296 + Math.floor(rest / this.unitsPerMicrosecond) + this.offset;
    }
    return this.exactTime(high, low) + this.offset;
  }

  /** Powers of two, and powers of ten that nobody uses. */
  private exactTime(high: number, low: number): Micros {
    return Number((((BigInt(high) << 32n) | BigInt(low)) * 1_000_000n) / this.unitsPerSecond);
  }
}

/** Calls back for each option in `[at, end)`; stops at the end mark and at the first option that does not fit. */
export function eachOption(
  view: DataView,
  at: number,
  end: number,
  littleEndian: boolean,
  take: (code: number, start: number, length: number) => void,
): void {
  while (at + 4 <= end) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === END_OF_OPTIONS || at + 4 + length > end) return;
    take(code, at + 4, length);
    at += 4 + ((length + 3) & ~3);
  }
}

/** UTF-8; some writers count a final NUL in. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  while (end > start && bytes[end - 1] === 0) end--;
  return text.decode(bytes.subarray(start, end));
}

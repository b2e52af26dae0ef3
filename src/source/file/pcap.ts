/**
 * The classic pcap format (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds, and the form with
 * eight more bytes a packet that patched libpcaps of the 1990s wrote. Takes a window, gives packets.
 */
import { type Direction, INCOMING, OUTGOING, type RawPacket, UNKNOWN_DIRECTION } from "../../core/packet.ts";
import { DAY, type Micros } from "../../core/units.ts";
import type { ByteWindow } from "./byte-window.ts";
import type { FormatEvents, PacketFormat } from "./format.ts";

const MICROSECOND_MAGIC = 0xa1b2c3d4;
const NANOSECOND_MAGIC = 0xa1b23c4d;
const MODIFIED_MAGIC = 0xa1b2cd34;
const MAGICS = [MICROSECOND_MAGIC, NANOSECOND_MAGIC, MODIFIED_MAGIC];

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Followed by interface index (4), protocol (2), packet type (1) and a pad byte. */
const MODIFIED_RECORD_HEADER_BYTES = 24;
const PACKET_OUTGOING = 4;

/** What libpcap takes as the largest packet of a network, and what a file may ask for with its snap length. */
const USUAL_LIMIT_BYTES = 262_144;
const HARD_LIMIT_BYTES = 1 << 20;
/** Records in a row that must make sense before reading goes on after damage. */
const RECORDS_TO_RESYNC = 3;

const swapped = (value: number): number =>
  ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;

export class PcapFormat implements PacketFormat {
  readonly name = "pcap";
  private readonly events: FormatEvents;
  private headerRead = false;
  private littleEndian = true;
  private nanoseconds = false;
  private modified = false;
  /** Before version 2.4 some writers put the two lengths the other way round. */
  private oldVersion = false;
  private recordHeader = RECORD_HEADER_BYTES;
  private limit = USUAL_LIMIT_BYTES;
  private linkType = 0;
  private interfaceId = 0;
  private lastTime: Micros = -0.5;
  private damagedAt = -1;

  constructor(events: FormatEvents) {
    this.events = events;
  }

  /** Whether the first four bytes, read as a big-endian number, start a pcap file. */
  static isMagic(magic: number): boolean {
    return MAGICS.includes(magic) || MAGICS.includes(swapped(magic));
  }

  next(window: ByteWindow, raw: RawPacket): boolean {
    if (!this.headerRead && !this.readHeader(window)) return false;
    for (;;) {
      if (this.damagedAt >= 0 && !this.resync(window)) return false;
      const at = window.start;
      const available = window.end - at;
      if (available < this.recordHeader) return this.short(window, this.recordHeader);
      const view = window.view;
      const little = this.littleEndian;
      let captured = view.getUint32(at + 8, little);
      let wireLength = view.getUint32(at + 12, little);
      if (this.oldVersion && captured > wireLength) [captured, wireLength] = [wireLength, captured];
      if (captured > this.limit || (captured === 0 && this.isZero(window, at))) {
        this.damaged(window, captured);
        continue;
      }
      const start = at + this.recordHeader;
      const end = start + captured;
      if (end > window.end) {
        if (this.short(window, end - at)) continue;
        return false;
      }
      const fraction = view.getUint32(at + 4, little);
      raw.time = this.lastTime =
        view.getUint32(at, little) * 1e6 + (this.nanoseconds ? Math.floor(fraction / 1000) : fraction);
      raw.linkType = this.linkType;
      raw.bytes = window.bytes;
      raw.start = start;
      raw.end = end;
      raw.wireLength = wireLength >= captured ? wireLength : this.lengthConflict(window, captured, wireLength);
      raw.interfaceId = this.interfaceId;
      raw.direction = this.modified ? directionOf(window.bytes[at + 22]) : UNKNOWN_DIRECTION;
      raw.vlanTag = -1;
      raw.comment = null;
      window.start = end;
      return true;
    }
  }

  private readHeader(window: ByteWindow): boolean {
    if (window.length < FILE_HEADER_BYTES) {
      window.wanted = FILE_HEADER_BYTES;
      if (window.final) this.truncated(window, "its file header");
      return false;
    }
    const { view, start } = window;
    this.littleEndian = !MAGICS.includes(view.getUint32(start));
    const magic = view.getUint32(start, this.littleEndian);
    this.nanoseconds = magic === NANOSECOND_MAGIC;
    this.modified = magic === MODIFIED_MAGIC;
    this.recordHeader = this.modified ? MODIFIED_RECORD_HEADER_BYTES : RECORD_HEADER_BYTES;
    this.oldVersion =
      view.getUint16(start + 4, this.littleEndian) === 2 && view.getUint16(start + 6, this.littleEndian) < 4;
    const snapLength = view.getUint32(start + 16, this.littleEndian);
    this.limit = Math.max(USUAL_LIMIT_BYTES, Math.min(snapLength, HARD_LIMIT_BYTES));
    // the upper bits tell of a frame check sequence behind each packet
    this.linkType = view.getUint32(start + 20, this.littleEndian) & 0x03ffffff;
    this.interfaceId = this.events.interfaceOpened({ name: null, linkType: this.linkType, description: null });
    this.headerRead = true;
    window.start += FILE_HEADER_BYTES;
    return true;
  }

  /**
   * The record is not whole. At the end of the file that is a cut file, or a length that lies: then whole records may
   * follow inside it, and true tells to go on.
   */
  private short(window: ByteWindow, wanted: number): boolean {
    window.wanted = wanted;
    if (!window.final || window.length === 0) return false;
    this.truncated(window, "a packet");
    this.damagedAt = window.offset(window.start);
    window.start += 1;
    return wanted > this.recordHeader;
  }

  private truncated(window: ByteWindow, inside: string): void {
    const offset = window.offset(window.start);
    this.events.problem("capture.truncated", offset, `ends in the middle of ${inside}; what came before was read`);
    if (!this.headerRead) window.start = window.end;
  }

  private damaged(window: ByteWindow, captured: number): void {
    this.damagedAt = window.offset(window.start);
    const what = captured === 0 ? "is filled with zeros" : `says ${captured} bytes`;
    this.events.problem("capture.record-invalid", this.damagedAt, `is damaged: a packet header ${what}`);
    window.start += 1;
  }

  /** Moves to the next place where several records in a row make sense. False: more bytes are needed, or the end. */
  private resync(window: ByteWindow): boolean {
    for (let at = window.start; at + this.recordHeader <= window.end; at++) {
      const needed = this.chain(window, at);
      if (needed === 0) {
        window.start = at;
        this.damagedAt = -1;
        return true;
      }
      if (needed > 0 && !window.final) {
        window.start = at;
        window.wanted = needed;
        return false;
      }
    }
    // nothing up to here: keep what may be the start of a header
    window.start = window.final ? window.end : Math.max(window.start, window.end - this.recordHeader + 1);
    window.wanted = this.recordHeader;
    return false;
  }

  /** 0 when records in a row start at `from`, -1 when not, else the bytes from there that are needed to tell. */
  private chain(window: ByteWindow, from: number): number {
    let at = from;
    for (let count = 0; count < RECORDS_TO_RESYNC; count++) {
      if (window.final && at === window.end && count > 0) return 0;
      if (at + this.recordHeader > window.end) return at + this.recordHeader - from;
      if (!this.plausible(window.view, at)) return -1;
      at += this.recordHeader + window.view.getUint32(at + 8, this.littleEndian);
    }
    return at > window.end ? at - from : 0;
  }

  private plausible(view: DataView, at: number): boolean {
    const captured = view.getUint32(at + 8, this.littleEndian);
    if (captured === 0 || captured > this.limit) return false;
    const wireLength = view.getUint32(at + 12, this.littleEndian);
    if (wireLength < captured || wireLength > HARD_LIMIT_BYTES) return false;
    const fraction = view.getUint32(at + 4, this.littleEndian);
    if (fraction >= (this.nanoseconds ? 1e9 : 1e6)) return false;
    const time = view.getUint32(at, this.littleEndian) * 1e6;
    return this.lastTime < 0 ? time > 0 : Math.abs(time - this.lastTime) <= DAY;
  }

  /** A crashed writer leaves zeros; an empty packet at the epoch is no packet. */
  private isZero(window: ByteWindow, at: number): boolean {
    for (let i = at; i < at + RECORD_HEADER_BYTES; i++) if (window.bytes[i] !== 0) return false;
    return true;
  }

  private lengthConflict(window: ByteWindow, captured: number, wireLength: number): number {
    const message = `has a packet with ${captured} bytes captured of ${wireLength} on the wire`;
    this.events.problem("capture.length-conflict", window.offset(window.start), message);
    return captured;
  }
}

function directionOf(packetType: number): Direction {
  return packetType === PACKET_OUTGOING ? OUTGOING : INCOMING;
}

/**
 * The pcapng format (draft-ietf-opsawg-pcapng): any number of sections in either byte order, interfaces with their own
 * link types and units of time, enhanced, simple and obsolete packet blocks, statistics, TLS secrets, packet comments.
 * Takes a window, gives packets. A block counts only when its two lengths agree; else the next one that does is sought.
 */
import { type Direction, INCOMING, OUTGOING, type RawPacket, UNKNOWN_DIRECTION } from "../../core/packet.ts";
import type { Micros } from "../../core/units.ts";
import { type ByteWindow, MAXIMUM_WINDOW_BYTES } from "./byte-window.ts";
import type { FormatEvents, PacketFormat } from "./format.ts";
import {
  BLOCK_FRAME_BYTES,
  BYTE_ORDER_MAGIC,
  DECRYPTION_SECRETS,
  ENHANCED_PACKET,
  INTERFACE_DESCRIPTION,
  INTERFACE_STATISTICS,
  lengthsAgree,
  OBSOLETE_PACKET,
  plausibleLength,
  SECTION_HEADER,
  SIMPLE_PACKET,
  sectionIsLittleEndian,
} from "./pcapng-block.ts";
import { decodeText, eachOption, PcapngInterface } from "./pcapng-interface.ts";

const TLS_KEY_LOG = 0x544c534b;

const COMMENT = 1;
const PACKET_FLAGS = 2;
const PACKET_DROP_COUNT = 4;
const STATISTICS_INTERFACE_DROPS = 5;
const STATISTICS_SYSTEM_DROPS = 7;
/** The obsolete block's "not known". */
const DROPS_UNKNOWN = 0xffff;

/** Enhanced and obsolete packet blocks: everything but the packet and the options. */
const PACKET_FRAME_BYTES = 32;
/** A capture of every interface of a big host has some thousands; each is kept by all stages behind. */
const INTERFACE_LIMIT = 65_536;
/** Comments of one packet, joined; ptcpdump's have some 500 bytes. */
const COMMENT_LIMIT_CHARACTERS = 65_536;
const LAST_TIME: Micros = Number.MAX_SAFE_INTEGER;

export class PcapngFormat implements PacketFormat {
  readonly name = "pcapng";
  private readonly events: FormatEvents;
  private littleEndian = true;
  /** Of the section. */
  private interfaces: PcapngInterface[] = [];
  private interfacesOpened = 0;
  /** A section of an unknown version: nothing of it is read. */
  private skipSection = true;
  private lastTime: Micros = 0.5;
  private damaged = false;

  constructor(events: FormatEvents) {
    this.events = events;
  }

  next(window: ByteWindow, raw: RawPacket): boolean {
    for (;;) {
      if (this.damaged && !this.resync(window)) return false;
      const at = window.start;
      if (at + BLOCK_FRAME_BYTES > window.end) return this.short(window, BLOCK_FRAME_BYTES);
      const type = window.view.getUint32(at, this.littleEndian);
      const little = type === SECTION_HEADER ? sectionIsLittleEndian(window.view, at) : this.littleEndian;
      const length = window.view.getUint32(at + 4, little);
      if (length < BLOCK_FRAME_BYTES || length > MAXIMUM_WINDOW_BYTES) {
        this.invalid(window, `a block says it has ${length} bytes`);
        continue;
      }
      if (at + length > window.end) {
        if (this.short(window, length)) continue;
        return false;
      }
      if (window.view.getUint32(at + length - 4, little) !== length) {
        this.invalid(window, "the two lengths of a block differ");
        continue;
      }
      if (type === SECTION_HEADER) this.littleEndian = little;
      window.start = at + length;
      if (this.block(window, type, at, length, raw)) return true;
    }
  }

  /** One whole block; true when it was a packet. */
  private block(window: ByteWindow, type: number, at: number, length: number, raw: RawPacket): boolean {
    if (type === SECTION_HEADER) return this.section(window, at, length);
    if (this.skipSection) return false;
    if (type === ENHANCED_PACKET || type === OBSOLETE_PACKET) return this.packet(window, type, at, length, raw);
    if (type === SIMPLE_PACKET) return this.simplePacket(window, at, length, raw);
    if (type === INTERFACE_DESCRIPTION) return this.interface(window, at, length);
    if (type === INTERFACE_STATISTICS) return this.statistics(window, at, length);
    if (type === DECRYPTION_SECRETS) return this.secrets(window, at, length);
    return false;
  }

  private section(window: ByteWindow, at: number, length: number): false {
    const little = this.littleEndian;
    const known =
      length >= 28 &&
      window.view.getUint32(at + 8, little) === BYTE_ORDER_MAGIC &&
      window.view.getUint16(at + 12, little) === 1;
    this.skipSection = !known;
    this.interfaces = [];
    if (!known) {
      const message = "has a section of an unknown version: skipped";
      this.events.problem("capture.section-unsupported", window.offset(at), message);
    }
    return false;
  }

  private interface(window: ByteWindow, at: number, length: number): false {
    if (length < 20) return this.blockProblem(window, at, "an interface description is too short");
    if (this.interfacesOpened >= INTERFACE_LIMIT) {
      const message = `describes more than ${INTERFACE_LIMIT} interfaces: packets of the rest are left out`;
      this.events.problem("capture.interface-limit", window.offset(at), message);
      return false;
    }
    this.interfacesOpened++;
    const one = new PcapngInterface(window.view, window.bytes, at + 8, at + length - 4, this.littleEndian);
    one.id = this.events.interfaceOpened({ name: one.name, linkType: one.linkType, description: one.description });
    this.interfaces.push(one);
    return false;
  }

  private packet(window: ByteWindow, type: number, at: number, length: number, raw: RawPacket): boolean {
    const view = window.view;
    const little = this.littleEndian;
    const captured = length < PACKET_FRAME_BYTES ? -1 : view.getUint32(at + 20, little);
    if (captured < 0 || captured > length - PACKET_FRAME_BYTES) {
      return this.blockProblem(window, at, "a packet is larger than its block");
    }
    const obsolete = type === OBSOLETE_PACKET;
    const one = this.interfaces[obsolete ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little)];
    if (one === undefined) return this.interfaceUnknown(window, at);
    raw.time = this.checkedTime(one.time(view.getUint32(at + 12, little), view.getUint32(at + 16, little)), window, at);
    raw.bytes = window.bytes;
    raw.start = at + 28;
    raw.end = at + 28 + captured;
    const wireLength = view.getUint32(at + 24, little);
    raw.wireLength = wireLength >= captured ? wireLength : this.lengthConflict(window, at, captured, wireLength);
    raw.linkType = one.linkType;
    raw.interfaceId = one.id;
    raw.direction = UNKNOWN_DIRECTION;
    raw.vlanTag = -1;
    raw.comment = null;
    if (obsolete) this.packetDrops(one, dropsOf(view.getUint16(at + 10, little)));
    const optionsStart = raw.start + ((captured + 3) & ~3);
    if (optionsStart + 4 < at + length) this.packetOptions(window, optionsStart, at + length - 4, one, raw);
    return true;
  }

  private packetOptions(window: ByteWindow, start: number, end: number, one: PcapngInterface, raw: RawPacket): void {
    eachOption(window.view, start, end, this.littleEndian, (code, at, length) => {
      if (code === COMMENT) {
        const comment = decodeText(window.bytes, at, at + length);
        // ptcpdump writes one comment each about the process, its parent and its container
        if (raw.comment === null) raw.comment = comment;
        else if (raw.comment.length + comment.length < COMMENT_LIMIT_CHARACTERS) raw.comment += `\n${comment}`;
      } else if (code === PACKET_FLAGS && length >= 4) {
        raw.direction = directionOf(window.view.getUint32(at, this.littleEndian));
      } else if (code === PACKET_DROP_COUNT && length >= 8) {
        this.packetDrops(one, this.counter(window.view, at));
      }
    });
  }

  private simplePacket(window: ByteWindow, at: number, length: number, raw: RawPacket): boolean {
    if (length < 16) {
      return this.blockProblem(window, at, "a packet is larger than its block");
    }
    const one = this.interfaces[0];
    if (one === undefined) return this.interfaceUnknown(window, at);
    const wireLength = window.view.getUint32(at + 8, this.littleEndian);
    const captured = Math.min(wireLength, length - 16, one.snapLength > 0 ? one.snapLength : wireLength);
    // the block has no time: the packet is as late as the one before it
    raw.time = Math.floor(this.lastTime);
    raw.bytes = window.bytes;
    raw.start = at + 12;
    raw.end = at + 12 + captured;
    raw.wireLength = wireLength;
    raw.linkType = one.linkType;
    raw.interfaceId = one.id;
    raw.direction = UNKNOWN_DIRECTION;
    raw.vlanTag = -1;
    raw.comment = null;
    return true;
  }

  private statistics(window: ByteWindow, at: number, length: number): false {
    if (length < 24) return this.blockProblem(window, at, "interface statistics are too short");
    const one = this.interfaces[window.view.getUint32(at + 8, this.littleEndian)];
    if (one === undefined) return this.interfaceUnknown(window, at);
    let drops = 0;
    eachOption(window.view, at + 20, at + length - 4, this.littleEndian, (code, start, optionLength) => {
      if (optionLength < 8 || (code !== STATISTICS_INTERFACE_DROPS && code !== STATISTICS_SYSTEM_DROPS)) return;
      drops += this.counter(window.view, start);
    });
    this.tellDrops(one, drops);
    return false;
  }

  private packetDrops(one: PcapngInterface, drops: number): void {
    one.dropsByPacket += drops;
    this.tellDrops(one, one.dropsByPacket);
  }

  /** Statistics count since the capture began, and count again what packets told: only what is new is passed on. */
  private tellDrops(one: PcapngInterface, total: number): void {
    if (total <= one.dropsTold) return;
    this.events.dropped(total - one.dropsTold);
    one.dropsTold = total;
  }

  private secrets(window: ByteWindow, at: number, length: number): false {
    if (length < 20) return this.blockProblem(window, at, "decryption secrets are too short");
    const size = window.view.getUint32(at + 12, this.littleEndian);
    if (size > length - 20) return this.blockProblem(window, at, "decryption secrets are larger than their block");
    if (window.view.getUint32(at + 8, this.littleEndian) === TLS_KEY_LOG) {
      this.events.secrets(decodeText(window.bytes, at + 16, at + 16 + size));
    }
    return false;
  }

  /** A 64-bit counter; 0 for "not known" (all ones) and other nonsense. */
  private counter(view: DataView, at: number): number {
    const value = view.getBigUint64(at, this.littleEndian);
    return value > 0xffff_ffff_ffffn ? 0 : Number(value);
  }

  private checkedTime(time: Micros, window: ByteWindow, at: number): Micros {
    if (time >= 0 && time <= LAST_TIME) this.lastTime = time;
    else {
      const message = "has a packet with an impossible time: the time of the packet before it is used";
      this.events.problem("capture.time-invalid", window.offset(at), message);
    }
    return Math.floor(this.lastTime);
  }

  private interfaceUnknown(window: ByteWindow, at: number): false {
    const message = "has a packet of an interface that it does not describe: left out";
    this.events.problem("capture.interface-unknown", window.offset(at), message);
    return false;
  }

  private lengthConflict(window: ByteWindow, at: number, captured: number, wireLength: number): number {
    const message = `has a packet with ${captured} bytes captured of ${wireLength} on the wire`;
    this.events.problem("capture.length-conflict", window.offset(at), message);
    return captured;
  }

  private blockProblem(window: ByteWindow, at: number, message: string): false {
    this.events.problem("capture.block-invalid", window.offset(at), `has an invalid block: ${message}`);
    return false;
  }

  /**
   * The block is not whole. At the end of the file that is a cut file, or a length that lies: then whole blocks may
   * follow inside it, and true tells to go on.
   */
  private short(window: ByteWindow, wanted: number): boolean {
    window.wanted = wanted;
    if (!window.final || window.length === 0) return false;
    const message = "ends in the middle of a block; what came before was read";
    this.events.problem("capture.truncated", window.offset(window.start), message);
    window.start++;
    this.damaged = true;
    return wanted > BLOCK_FRAME_BYTES;
  }

  private invalid(window: ByteWindow, message: string): void {
    this.blockProblem(window, window.start, message);
    window.start++;
    this.damaged = true;
  }

  /** Moves to the next whole block of a known type. False: more bytes are needed, or the end. */
  private resync(window: ByteWindow): boolean {
    for (let at = window.start; at + BLOCK_FRAME_BYTES <= window.end; at++) {
      const length = plausibleLength(window.view, at, this.littleEndian);
      if (length === 0) continue;
      if (at + length > window.end) {
        if (window.final) continue;
        window.start = at;
        window.wanted = length;
        return false;
      }
      if (!lengthsAgree(window.view, at, length, this.littleEndian)) continue;
      window.start = at;
      this.damaged = false;
      return true;
    }
    window.start = window.final ? window.end : Math.max(window.start, window.end - BLOCK_FRAME_BYTES + 1);
    window.wanted = BLOCK_FRAME_BYTES;
    return false;
  }
}

function directionOf(flags: number): Direction {
  const bits = flags & 3;
  return bits === 1 ? INCOMING : bits === 2 ? OUTGOING : UNKNOWN_DIRECTION;
}

function dropsOf(count: number): number {
  return count === DROPS_UNKNOWN ? 0 : count;
}

/**
 * Packets as pcapng blocks (draft-ietf-opsawg-pcapng): one section, interfaces as they come, enhanced packet blocks
 * with comments, TLS secrets. Takes packets, copies them, gives bytes; opens nothing.
 */
import { type CaptureInterface, INCOMING, OUTGOING, type RawPacket } from "../../core/packet.ts";

const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 10;
const TLS_KEY_LOG = 0x544c534b;

const OPTION_END = 0;
const OPTION_COMMENT = 1;
const PACKET_FLAGS = 2;
const INTERFACE_NAME = 2;
const INTERFACE_DESCRIPTION_TEXT = 3;
const INTERFACE_RESOLUTION = 9;
const SECTION_APPLICATION = 4;

const NAME = "earshot";
const ETHERNET = 1;
const VLAN_ETHERTYPE = 0x8100;
const MAC_ADDRESSES_BYTES = 12;
/** An option's length has 16 bits. */
const OPTION_LIMIT_BYTES = 65_532;
/** Readers refuse blocks that are much larger. */
const SECRETS_LIMIT_BYTES = 512 * 1024;
const TWO_TO_32 = 4_294_967_296;

const encoder = new TextEncoder();

/** Unit of time in the file; earshot itself knows microseconds. */
export type PcapngResolution = "us" | "ns";

export class PcapngEncoder {
  /** What was encoded and not taken away yet: `bytes[0, length)`. */
  bytes: Uint8Array;
  length = 0;
  private view: DataView;
  private readonly resolution: PcapngResolution;
  private readonly snapLength: number;
  /** Place in the section by interface number and link type. */
  private readonly places = new Map<number, number>();
  private blockStart = 0;

  constructor(options: { readonly resolution?: PcapngResolution; readonly snapLength_bytes?: number } = {}) {
    this.resolution = options.resolution ?? "us";
    this.snapLength = options.snapLength_bytes ?? 262_144;
    this.bytes = new Uint8Array(64 * 1024);
    this.view = new DataView(this.bytes.buffer);
    this.sectionHeader();
  }

  interfaceOpened(info: CaptureInterface): void {
    this.interface(info.id, info.linkType, info.name, info.description);
  }

  packet(raw: RawPacket, comments: readonly string[]): void {
    const key = placeKey(raw.interfaceId, raw.linkType);
    let place = this.places.get(key);
    if (place === undefined) place = this.interface(raw.interfaceId, raw.linkType, null, null);
    const captured = raw.end - raw.start;
    // a tag that the kernel took out goes back to where it was on the wire
    const tag = raw.vlanTag >= 0 && raw.linkType === ETHERNET && captured >= MAC_ADDRESSES_BYTES ? 4 : 0;
    this.begin(ENHANCED_PACKET, captured + 64);
    this.u32(place);
    this.timestamp(raw.time);
    this.u32(captured + tag);
    this.u32(raw.wireLength + tag);
    if (tag > 0) this.taggedData(raw);
    else this.data(raw.bytes, raw.start, raw.end);
    this.pad();
    for (const comment of comments) this.textOption(OPTION_COMMENT, comment);
    if (raw.direction !== 0) {
      this.optionHeader(PACKET_FLAGS, 4);
      this.u32(raw.direction === INCOMING ? 1 : raw.direction === OUTGOING ? 2 : 0);
    }
    if (comments.length > 0 || raw.direction !== 0) this.optionHeader(OPTION_END, 0);
    this.finish();
  }

  /** SSLKEYLOGFILE text; counts for the packets that follow. */
  secrets(keyLog: string): void {
    const text = encoder.encode(keyLog);
    for (let at = 0; at < text.length; ) {
      let end = Math.min(at + SECRETS_LIMIT_BYTES, text.length);
      const newline = end < text.length ? text.lastIndexOf(10, end - 1) : -1;
      if (newline > at) end = newline + 1;
      this.begin(DECRYPTION_SECRETS, end - at + 32);
      this.u32(TLS_KEY_LOG);
      this.u32(end - at);
      this.data(text, at, end);
      this.pad();
      this.finish();
      at = end;
    }
  }

  private sectionHeader(): void {
    this.begin(SECTION_HEADER, 128);
    this.u32(BYTE_ORDER_MAGIC);
    this.u16(1);
    this.u16(0);
    // section length: not known
    this.u32(0xffffffff);
    this.u32(0xffffffff);
    this.textOption(SECTION_APPLICATION, NAME);
    this.optionHeader(OPTION_END, 0);
    this.finish();
  }

  private interface(id: number, linkType: number, name: string | null, description: string | null): number {
    const place = this.places.size;
    const key = placeKey(id, linkType);
    const known = this.places.get(key);
    if (known !== undefined) return known;
    this.places.set(key, place);
    this.begin(INTERFACE_DESCRIPTION, 64);
    this.u16(linkType & 0xffff);
    this.u16(0);
    this.u32(this.snapLength);
    if (name !== null) this.textOption(INTERFACE_NAME, name);
    if (description !== null) this.textOption(INTERFACE_DESCRIPTION_TEXT, description);
    this.optionHeader(INTERFACE_RESOLUTION, 1);
    this.room(4);
    this.bytes[this.length++] = this.resolution === "us" ? 6 : 9;
    this.pad();
    this.optionHeader(OPTION_END, 0);
    this.finish();
    return place;
  }

  /** High word, then low word; nanoseconds need more than a double holds exactly. */
  private timestamp(time: number): void {
    const high = Math.floor(time / TWO_TO_32);
    const low = time - high * TWO_TO_32;
    if (this.resolution === "us") {
      this.u32(high);
      this.u32(low);
      return;
    }
    const lowProduct = low * 1000;
    const carry = Math.floor(lowProduct / TWO_TO_32);
    this.u32(high * 1000 + carry);
    this.u32(lowProduct - carry * TWO_TO_32);
  }

  private taggedData(raw: RawPacket): void {
    this.data(raw.bytes, raw.start, raw.start + MAC_ADDRESSES_BYTES);
    this.room(4);
    this.view.setUint16(this.length, VLAN_ETHERTYPE);
    this.view.setUint16(this.length + 2, raw.vlanTag);
    this.length += 4;
    this.data(raw.bytes, raw.start + MAC_ADDRESSES_BYTES, raw.end);
  }

  private textOption(code: number, text: string): void {
    // three bytes of UTF-8 a UTF-16 unit at most
    this.room(Math.min(text.length * 3, OPTION_LIMIT_BYTES) + 16);
    const start = this.length + 4;
    const target = this.bytes.subarray(start, Math.min(start + OPTION_LIMIT_BYTES, this.bytes.length));
    const { written } = encoder.encodeInto(text, target);
    this.optionHeader(code, written);
    this.length += written;
    this.pad();
  }

  private optionHeader(code: number, length: number): void {
    this.u16(code);
    this.u16(length);
  }

  private begin(type: number, expected: number): void {
    this.room(expected);
    this.blockStart = this.length;
    this.u32(type);
    this.u32(0);
  }

  private finish(): void {
    const total = this.length + 4 - this.blockStart;
    this.u32(total);
    this.view.setUint32(this.blockStart + 4, total, true);
  }

  private data(bytes: Uint8Array, start: number, end: number): void {
    this.room(end - start + 8);
    // a subarray costs an object; small packets are copied byte by byte
    if (end - start < 64) for (let i = start, to = this.length; i < end; i++, to++) this.bytes[to] = bytes[i];
    else this.bytes.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
  }

  private pad(): void {
    this.room(4);
    while ((this.length - this.blockStart) % 4 !== 0) this.bytes[this.length++] = 0;
  }

  private u16(value: number): void {
    this.room(2);
    this.view.setUint16(this.length, value, true);
    this.length += 2;
  }

  private u32(value: number): void {
    this.room(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Interface numbers stay far below 2^26, link types have 26 bits at most: together exact in a double. */
function placeKey(interfaceId: number, linkType: number): number {
  return interfaceId * 0x4000000 + linkType;
}

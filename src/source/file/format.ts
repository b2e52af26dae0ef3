/** What reads packets out of a window of bytes: the role that pcap and pcapng fill, and how a file tells which it is. */
import type { CaptureInterface, RawPacket } from "../../core/packet.ts";
import type { ByteWindow } from "./byte-window.ts";
import { PcapFormat } from "./pcap.ts";
import { PcapngFormat } from "./pcapng.ts";

export type FormatName = "pcap" | "pcapng";
export type Compression = "gzip" | "zstd";

/** Reads one capture. Pure: bytes come through the window, everything else leaves through FormatEvents. */
export interface PacketFormat {
  readonly name: FormatName;
  /**
   * Fills `raw` with the next packet and consumes it. False: the window holds no whole packet; `window.wanted` says
   * how many bytes would help. Once `window.final` is set, false means the end.
   */
  next(window: ByteWindow, raw: RawPacket): boolean;
}

/** Where a format sends what is not a packet. */
export interface FormatEvents {
  /** Gives the number under which packets name the interface. */
  interfaceOpened(info: Omit<CaptureInterface, "id">): number;
  secrets(keyLog: string): void;
  /** The capture says that so many packets were lost while it was taken. */
  dropped(packets: number): void;
  /** Something in the content is wrong; reading goes on. `offset` in bytes of the decompressed file. */
  problem(code: ProblemCode, offset: number, message: string): void;
}

export type ProblemCode =
  | "capture.truncated"
  | "capture.record-invalid"
  | "capture.block-invalid"
  | "capture.section-unsupported"
  | "capture.interface-unknown"
  | "capture.interface-limit"
  | "capture.time-invalid"
  | "capture.length-conflict"
  | "capture.compression-invalid"
  | "capture.read-failed";

/** Enough bytes to tell every format and compression apart. */
export const MAGIC_BYTES = 4;

/** Compression by the first bytes (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1). */
export function compressionOf(bytes: Uint8Array, length: number): Compression | null {
  if (length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (length < 4) return null;
  // a zstd file may start with a skippable frame, 5? 2a 4d 18
  if (bytes[1] === 0xb5 && bytes[0] === 0x28 && bytes[2] === 0x2f && bytes[3] === 0xfd) return "zstd";
  if ((bytes[0] & 0xf0) === 0x50 && bytes[1] === 0x2a && bytes[2] === 0x4d && bytes[3] === 0x18) return "zstd";
  return null;
}

/** The format by the first four bytes, null when it is none. */
export function formatOf(bytes: Uint8Array, length: number): FormatName | null {
  if (length < MAGIC_BYTES) return null;
  const magic = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
  if (magic === 0x0a0d0d0a) return "pcapng";
  return PcapFormat.isMagic(magic) ? "pcap" : null;
}

export function openFormat(name: FormatName, events: FormatEvents): PacketFormat {
  return name === "pcap" ? new PcapFormat(events) : new PcapngFormat(events);
}

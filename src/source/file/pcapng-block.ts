/**
 * The frame of pcapng blocks (draft-ietf-opsawg-pcapng section 3.1): type, length, body, the length again. Tells where
 * a block may start when the place was lost.
 */
import { MAXIMUM_WINDOW_BYTES } from "./byte-window.ts";

/** The same in both byte orders. */
export const SECTION_HEADER = 0x0a0d0d0a;
export const INTERFACE_DESCRIPTION = 1;
export const OBSOLETE_PACKET = 2;
export const SIMPLE_PACKET = 3;
export const INTERFACE_STATISTICS = 5;
export const ENHANCED_PACKET = 6;
export const DECRYPTION_SECRETS = 10;
const SYSTEMD_JOURNAL = 9;
const CUSTOM = 0xbad;
const CUSTOM_NOT_COPIED = 0x40000bad;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Type, length and the length again. */
export const BLOCK_FRAME_BYTES = 12;

/** The byte order of the section header at `at`: little-endian unless it plainly is the other. */
export function sectionIsLittleEndian(view: DataView, at: number): boolean {
  return view.getUint32(at + 8) !== BYTE_ORDER_MAGIC;
}

/** The length that a block of a known type says at `at`; 0 when there is none. Needs 12 bytes. */
export function plausibleLength(view: DataView, at: number, littleEndian: boolean): number {
  const type = view.getUint32(at, littleEndian);
  if (!isKnownType(type)) return 0;
  const length = view.getUint32(at + 4, type === SECTION_HEADER ? sectionIsLittleEndian(view, at) : littleEndian);
  return length >= BLOCK_FRAME_BYTES && length % 4 === 0 && length <= MAXIMUM_WINDOW_BYTES ? length : 0;
}

/** Whether the block of that length at `at` ends with the same length. */
export function lengthsAgree(view: DataView, at: number, length: number, littleEndian: boolean): boolean {
  const little = view.getUint32(at) === SECTION_HEADER ? sectionIsLittleEndian(view, at) : littleEndian;
  return view.getUint32(at + length - 4, little) === length;
}

function isKnownType(type: number): boolean {
  if (type <= DECRYPTION_SECRETS) {
    return (
      (type >= INTERFACE_DESCRIPTION && type <= ENHANCED_PACKET) || // name resolution (4) is among these
      type === SYSTEMD_JOURNAL ||
      type === DECRYPTION_SECRETS
    );
  }
  return type === SECTION_HEADER || type === CUSTOM || type === CUSTOM_NOT_COPIED;
}

/**
 * The tables in which the kernel (head-kernel/) looks up names: how to treat a field, and whether a parameter, a cookie
 * or an attribute of one is a secret, as a redactor has said. Fixed size; a new name takes the place of an older one.
 * There is one set for a thread, so it holds the answers of one redactor.
 */
import type { FieldCare, HeadRedactor } from "./http.ts";
import {
  ATTRIBUTE_NAMES_AT,
  COOKIE_NAMES_AT,
  FIELD_NAMES_AT,
  memory,
  NAME_MAX_BYTES,
  NAME_SLOT_BYTES,
  NAME_SLOTS,
  PARAMETER_NAMES_AT,
  TELLING_AT,
} from "./memory.ts";

const TABLES = [FIELD_NAMES_AT, PARAMETER_NAMES_AT, COOKIE_NAMES_AT, ATTRIBUTE_NAMES_AT];
/** In a slot: length, what was said, and from here the name. */
const NAME_IN_SLOT = 16;

let owner: HeadRedactor | null = null;

/** Makes the tables this redactor's. */
export function useCareOf(redactor: HeadRedactor): void {
  if (owner === redactor) return;
  owner?.shareNames?.(false);
  owner = redactor;
  for (const table of TABLES) memory.fill(0, table, table + NAME_SLOTS * NAME_SLOT_BYTES);
  memory.fill(0, TELLING_AT, TELLING_AT + 16);
  // for each lower half of an octet, a bit for each upper half
  for (const octet of redactor.tellingOctets) memory[TELLING_AT + (octet & 15)] |= 1 << (octet >> 4);
  redactor.shareNames?.(true);
}

/** Keeps what was said of a field's name, which lies in the thread's memory. */
export function rememberCare(nameStart: number, nameEnd: number, care: FieldCare): void {
  rememberName(FIELD_NAMES_AT, memory, nameStart, nameEnd, care);
}

/** Keeps what was said of the name `from[start, end)` in one of the tables. Longer names are asked for again each time. */
export function rememberName(table: number, from: Uint8Array, start: number, end: number, said: number): void {
  const length = end - start;
  if (length > NAME_MAX_BYTES) return;
  const sum = length * 7 + from[start] * 31 + from[end - 1] * 61 + from[start + (length >> 1)] * 131;
  const slot = table + (sum & (NAME_SLOTS - 1)) * NAME_SLOT_BYTES;
  memory[slot] = length;
  memory[slot + 1] = said;
  for (let index = 0; index < length; index++) memory[slot + NAME_IN_SLOT + index] = from[start + index];
}

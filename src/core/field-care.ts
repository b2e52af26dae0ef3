/**
 * The table in which the kernel (head-kernel.c) looks up how to treat a field: what a redactor said of its name. Fixed
 * size; a new name takes the place of an older one. There is one for a thread, so it holds the answers of one redactor.
 */
import type { FieldCare, HeadRedactor } from "./http.ts";
import { memory, NAME_MAX_BYTES, NAME_SLOT_BYTES, NAME_SLOTS, NAMES_AT, TELLING_AT } from "./memory.ts";

/** In a slot: length, care, and from here the name. */
const NAME_IN_SLOT = 16;

let owner: HeadRedactor | null = null;

/** Makes the table this redactor's. */
export function useCareOf(redactor: HeadRedactor): void {
  if (owner === redactor) return;
  owner = redactor;
  memory.fill(0, NAMES_AT, NAMES_AT + NAME_SLOTS * NAME_SLOT_BYTES);
  memory.fill(0, TELLING_AT, TELLING_AT + 16);
  // for each lower half of an octet, a bit for each upper half
  for (const octet of redactor.tellingOctets) memory[TELLING_AT + (octet & 15)] |= 1 << (octet >> 4);
}

/** Longer names are asked for again each time. */
export function rememberCare(nameStart: number, nameEnd: number, care: FieldCare): void {
  const length = nameEnd - nameStart;
  if (length > NAME_MAX_BYTES) return;
  const sum = length * 7 + memory[nameStart] * 31 + memory[nameEnd - 1] * 61 + memory[nameStart + (length >> 1)] * 131;
  const slot = NAMES_AT + (sum & (NAME_SLOTS - 1)) * NAME_SLOT_BYTES;
  memory[slot] = length;
  memory[slot + 1] = care;
  memory.copyWithin(slot + NAME_IN_SLOT, nameStart, nameEnd);
}

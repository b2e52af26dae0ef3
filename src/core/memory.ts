/**
 * The one block of memory of a thread for octets on the hot path: what is read from files, heads while they are
 * rendered, exchanges while they are open, lines while they are written. One block, because the kernel that scans and
 * renders heads (head-kernel/) reaches only its own memory, because `copyWithin` then moves octets natively, and
 * because code that meets a single array stays fast. Pages take no memory before they are used.
 */

const KB = 1 << 10;
const PAGE = 64 * KB;

/** Places, in octets from the start; head-kernel/kernel.h has them too. Its stack is below them. */
export const RESULT_AT = 16 * KB;
export const FIELDS_AT = 20 * KB;
/** A set of octets, as the kernel wants it: 16 octets. */
export const TELLING_AT = 24 * KB;
/** What the kernel writes a line of JSON from: whole numbers below 2^31, others, and two texts. */
export const LINE_WHOLE_AT = 25 * KB;
export const LINE_LARGE_AT = 25 * KB + 512;
export const LINE_PREFIX_AT = 26 * KB;
export const LINE_FLOW_END_AT = 26 * KB + 128;
export const LINE_FLOW_END_BYTES = 2 * KB;
/** Tables of names with how to treat them: NAME_SLOTS of NAME_SLOT_BYTES each. Here those of fields. */
export const FIELD_NAMES_AT = 32 * KB;
export const NAME_SLOT_BYTES = 64;
export const NAME_SLOTS = 1024;
export const NAME_MAX_BYTES = 48;
/** A copy of the octets in which a head is looked for, when they are not in this memory. */
export const COPY_AT = 128 * KB;
export const COPY_BYTES = 16 * KB;
/** What is read from a file; lent to one reader at a time. */
const WINDOW_AT = 256 * KB;
export const WINDOW_BYTES = 512 * KB;
/** More tables of names, of parameters, cookies, and attributes of Set-Cookie. */
export const PARAMETER_NAMES_AT = 768 * KB;
export const COOKIE_NAMES_AT = 832 * KB;
export const ATTRIBUTE_NAMES_AT = 896 * KB;
/** A head is rendered here before its size is known; a redacted value is written here before it is escaped. */
export const SCRATCH_AT = 1024 * KB;
export const REDACTED_AT = 1536 * KB;
/** Lines on their way out; lent to one writer for good. */
const LINES_AT = 2048 * KB;
export const LINES_BYTES = 1024 * KB - 64;
export const ARENA_AT = 3072 * KB;
/** Default bound: some 60,000 unanswered requests of 1.5 kB each. */
export const ARENA_BYTES = 96 * KB * KB;

const PAGES = (ARENA_AT + ARENA_BYTES) / PAGE + 1;

/** What is used of the global of this name; its types come with a browser's. */
interface WebAssemblyParts {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyParts };

function newMemory(): { readonly buffer: ArrayBuffer; readonly forKernel: object | null } {
  try {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    return { buffer: memory.buffer, forKernel: memory };
  } catch {
    // it needs address space far beyond its size, which a limit (ulimit -v) may refuse
    return { buffer: new ArrayBuffer(PAGES * PAGE), forKernel: null };
  }
}

const { buffer, forKernel } = newMemory();

export const memory = new Uint8Array(buffer);
export const memoryView = new DataView(buffer);
/** The same memory for WebAssembly, null when there is none. */
export const kernelMemory = forKernel;

let windowFree = true;
let linesFree = true;

/** Memory to read a file into, if nobody has it and `size` fits; null else. */
export function lendWindow(size: number): Uint8Array<ArrayBuffer> | null {
  if (!windowFree || size > WINDOW_BYTES) return null;
  windowFree = false;
  return new Uint8Array(buffer, WINDOW_AT, size);
}

/** Gives back what `lendWindow` gave; other memory is left alone. */
export function returnWindow(bytes: Uint8Array): void {
  if (bytes.buffer === buffer) windowFree = true;
}

/** Memory for lines, for the first who asks; null for all others. */
export function lendLines(): Uint8Array<ArrayBuffer> | null {
  if (!linesFree) return null;
  linesFree = false;
  return new Uint8Array(buffer, LINES_AT, LINES_BYTES);
}

/**
 * Loads the kernel, head-kernel/. It works on the thread's memory (memory.ts) and is a short cut only: `scan` finds heads that are
 * as they should be, and for all others, or where WebAssembly with SIMD is not to be had, the TypeScript code beside it
 * does the same, slower. Tests hold both to the same results.
 */
import { KERNEL_CODE } from "./head-kernel-code.ts";
import { FIELDS_AT, kernelMemory, memory, RESULT_AT, WebAssembly } from "./memory.ts";

/** Numbers that `scan` and `render` leave, by place; enum R_… of head-kernel/. */
export const R = {
  fieldCount: 0,
  host: 1,
  contentType: 2,
  userAgent: 3,
  upgrade: 4,
  contentEncoding: 5,
  contentLength: 6,
  transferEncoding: 7,
  connection: 8,
  isRequest: 9,
  version: 10,
  methodEndOrStatus: 11,
  textStart: 12,
  textEnd: 13,
  stoppedAt: 14,
  reason: 15,
  hostStart: 16,
  hostEnd: 17,
  agentStart: 18,
  agentEnd: 19,
  typeStart: 20,
  typeEnd: 21,
} as const;

/** Why `render` stopped. */
export const RENDER_DONE = 0;
export const RENDER_NAME = 1;
export const RENDER_SECRET = 2;
export const RENDER_TEXT = 3;
export const RENDER_FULL = 4;

interface Kernel {
  scan(start: number, end: number, kinds: number): number;
  escape(from: number, end: number, to: number): number;
  render(index: number, to: number, limit: number, redact: number): number;
  copy(to: number, from: number, length: number): void;
  find(octet: number, start: number, end: number): number;
  redact(care: number, from: number, end: number, to: number): number;
  line(to: number): number;
}

function load(): Kernel | null {
  if (kernelMemory === null) return null;
  try {
    const code = new WebAssembly.Module(Buffer.from(KERNEL_CODE, "base64"));
    return new WebAssembly.Instance(code, { env: { memory: kernelMemory } }).exports as unknown as Kernel;
  } catch {
    return null;
  }
}

const loaded = load();

/** Numbers left by the last call. */
export const kernelResult = new Int32Array(memory.buffer, RESULT_AT, 32);
/** The field lines that `scan` found: see MessageHead.fields. */
export const kernelFields = new Int32Array(memory.buffer, FIELDS_AT, 1024);

/** `scan` found nothing odd, and a whole start line, but not the end of the head. */
export const SCAN_MORE = -2;
/** Head at `start` of one of `kinds` (1 requests, 2 responses): the address behind it, SCAN_MORE, or -1. */
export const scan = loaded?.scan ?? (() => -1);
export const escapeText = loaded?.escape;
export const render = loaded?.render;
/**
 * Copies a value inside the memory that is to be treated with a FieldCare from SECRET_FIELD on, by the names and without
 * the hashes of the redactor whose tables are there (field-care.ts). The new end, or -1 when it cannot.
 */
export const redactByKernel: Kernel["redact"] = loaded?.redact ?? (() => -1);
/** Writes a line of JSON from what is at LINE_WHOLE_AT and LINE_LARGE_AT: its end, or -1 (sink/json/kernel-line.ts). */
export const lineByKernel = loaded?.line;
/** First address of an octet in a part of the memory, or the part's end. */
export const findOctet = loaded?.find;
/** Copies `length` octets inside the memory; the places must not overlap. */
export const copyOctets =
  loaded?.copy ?? ((to: number, from: number, length: number) => void memory.copyWithin(to, from, from + length));
/** False: everything takes the way of the TypeScript code. */
export const hasKernel = loaded !== null;

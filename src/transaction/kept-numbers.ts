/**
 * The numbers of a kept head, where its parts begin and end, lie before its text in the same block of the arena: two
 * octets each, counted from the block's beginning, 0 for what is absent. So an open exchange has no objects for them.
 */
import type { Exchange } from "../core/exchange.ts";
import type { KeptHead, KeptRequest, KeptResponse } from "../core/kept-head.ts";
import { memory } from "../core/memory.ts";

/** Octets that they take, before the text. */
export const REQUEST_NUMBERS_BYTES = 32;
export const RESPONSE_NUMBERS_BYTES = 16;

/** What two octets can count. */
export const LARGEST_BLOCK = 0xffff;

const KEPT = 0;
const FIELDS_START = 1;
const FIELDS_END = 2;
const TYPE_START = 3;
const TYPE_END = 4;
const REASON_END = 5;
const METHOD_END = 5;
const TARGET_END = 6;
const HOST_START = 7;
const HOST_END = 8;
const PATH_START = 9;
const PATH_END = 10;
const QUERY_START = 11;
const AGENT_START = 12;
const AGENT_END = 13;

const numbers = new Uint16Array(memory.buffer);

/** Puts them before the text; `head.offset` is the block. */
export function putRequestNumbers(head: KeptRequest): void {
  const block = head.offset;
  const at = block >> 1;
  putNumbers(head, block, at);
  numbers[at + METHOD_END] = head.methodEnd - block;
  numbers[at + TARGET_END] = head.targetEnd - block;
  numbers[at + HOST_START] = head.hostStart < 0 ? 0 : head.hostStart - block;
  numbers[at + HOST_END] = head.hostEnd - block;
  numbers[at + PATH_START] = head.pathStart < 0 ? 0 : head.pathStart - block;
  numbers[at + PATH_END] = head.pathEnd - block;
  numbers[at + QUERY_START] = head.queryStart < 0 ? 0 : head.queryStart - block;
  numbers[at + AGENT_START] = head.userAgentStart < 0 ? 0 : head.userAgentStart - block;
  numbers[at + AGENT_END] = head.userAgentEnd - block;
}

export function putResponseNumbers(head: KeptResponse): void {
  const block = head.offset;
  putNumbers(head, block, block >> 1);
  numbers[(block >> 1) + REASON_END] = head.reasonEnd - block;
}

function putNumbers(head: KeptHead, block: number, at: number): void {
  numbers[at + KEPT] = head.kept;
  numbers[at + FIELDS_START] = head.fieldsStart - block;
  numbers[at + FIELDS_END] = head.fieldsEnd - block;
  numbers[at + TYPE_START] = head.contentTypeStart < 0 ? 0 : head.contentTypeStart - block;
  numbers[at + TYPE_END] = head.contentTypeEnd - block;
}

/** Fills the heads of an exchange that is handed out. */
export function recallHeads(exchange: Exchange): void {
  const { request, response } = exchange;
  request.wireLength = exchange.requestLength;
  request.offset = exchange.requestBlock;
  if (request.offset >= 0) recallRequest(request, request.offset);
  response.wireLength = exchange.responseLength;
  response.status = exchange.status;
  response.offset = exchange.responseBlock;
  if (response.offset >= 0) recallResponse(response, response.offset);
}

function recallRequest(head: KeptRequest, block: number): void {
  const at = block >> 1;
  recall(head, block, at);
  head.methodStart = block + REQUEST_NUMBERS_BYTES;
  head.methodEnd = head.targetStart = block + numbers[at + METHOD_END];
  head.targetEnd = block + numbers[at + TARGET_END];
  head.hostStart = placeOf(at + HOST_START, block);
  head.hostEnd = block + numbers[at + HOST_END];
  head.pathStart = placeOf(at + PATH_START, block);
  head.pathEnd = block + numbers[at + PATH_END];
  head.queryStart = placeOf(at + QUERY_START, block);
  head.userAgentStart = placeOf(at + AGENT_START, block);
  head.userAgentEnd = block + numbers[at + AGENT_END];
}

function recallResponse(head: KeptResponse, block: number): void {
  const at = block >> 1;
  recall(head, block, at);
  head.reasonStart = block + RESPONSE_NUMBERS_BYTES;
  head.reasonEnd = block + numbers[at + REASON_END];
}

function recall(head: KeptHead, block: number, at: number): void {
  head.kept = numbers[at + KEPT];
  head.fieldsStart = block + numbers[at + FIELDS_START];
  head.fieldsEnd = block + numbers[at + FIELDS_END];
  head.contentTypeStart = placeOf(at + TYPE_START, block);
  head.contentTypeEnd = block + numbers[at + TYPE_END];
}

function placeOf(number: number, block: number): number {
  return numbers[number] === 0 ? -1 : block + numbers[number];
}

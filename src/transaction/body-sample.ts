/** The first octets of a body, kept while it passes (`--max-body-size`); body.ts makes text of them. */
import type { BodySample } from "../core/exchange-rare.ts";
import { FIELD_STRIDE, type MessageHead } from "../core/http.ts";

export function newSample(head: MessageHead, limit: number): BodySample {
  return {
    bytes: new Uint8Array(limit),
    length: 0,
    cut: false,
    contentEncoding: fieldText(head, head.contentEncoding),
    contentType: fieldText(head, head.contentType),
  };
}

function fieldText(head: MessageHead, index: number): string {
  if (index < 0) return "";
  const at = index * FIELD_STRIDE;
  const start = head.fields[at + 2];
  const end = Math.min(head.fields[at + 3], start + 256);
  return Buffer.from(head.bytes.subarray(start, end)).toString("latin1").toLowerCase();
}

export function addSample(sample: BodySample, bytes: Uint8Array, start: number, end: number): void {
  // behind a hole nothing is kept: text that was never sent must not come of it
  if (sample.cut) return;
  const room = sample.bytes.length - sample.length;
  const take = Math.min(room, end - start);
  if (take < end - start) sample.cut = true;
  if (take === 0) return;
  sample.bytes.set(bytes.subarray(start, start + take), sample.length);
  sample.length += take;
}

/** Lines of JSON back to events: exact, since the lines are the events (docs/events.md). */
import type { EarshotEvent } from "../../core/event.ts";

const NEW_LINE = 10;

export interface Line {
  readonly event: EarshotEvent;
  /** Its octets, line end included; lent. */
  readonly bytes: Uint8Array;
}

/** One at a time: what is not asked for is not read. */
export function* linesOf(bytes: Uint8Array): Generator<Line> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0; start < buffer.length; ) {
    const at = buffer.indexOf(NEW_LINE, start);
    const end = at < 0 ? buffer.length : at + 1;
    const event = JSON.parse(buffer.toString("utf8", start, end)) as EarshotEvent;
    yield { event, bytes: buffer.subarray(start, end) };
    start = end;
  }
}

/** Times of events as the engine may trust them: a capture file may hold any 64-bit number. Pure. */
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import { DAY, type Micros, SECOND } from "../core/units.ts";

/** The end of the year 9999. What no calendar has is not an event's time. */
const LAST_TIME: Micros = 253_402_300_799 * SECOND;

export const isTime = (time: Micros): boolean => time >= 0 && time <= LAST_TIME;

/** When the last that is known of an event happened. */
export function endOf(event: Exclude<EarshotEvent, AlertEvent>): Micros {
  const length_ms = event.type === "tls" ? event.duration_ms : (event.latency_ms.total ?? event.latency_ms.ttfb ?? 0);
  return event.time_us + Math.min(Math.max(Math.round(length_ms * 1000), 0), DAY);
}

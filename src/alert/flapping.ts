/**
 * Folds an alert that comes and goes: one `flapping` record, then nothing of it until it has been quiet for as long as
 * it was watched. Takes records on their way out; gives those that may pass. Pure, bounded.
 */
import type { AlertEvent } from "../core/event.ts";
import { formatTime, type Micros } from "../core/units.ts";
import type { Transition } from "./machine.ts";
import { lengthText } from "./messages.ts";
import { alertId } from "./record.ts";

/** Alerts watched at once. */
const LIMIT = 2000;

interface Watched {
  fired: Micros[];
  /** The `flapping` record, while folded. */
  folded: AlertEvent | null;
  /** The last record that was held back. */
  held: AlertEvent | null;
}

export type FlappingSnapshot = readonly (readonly [key: string, Watched])[];

export class FlapGuard {
  readonly #firings: number;
  readonly #within: Micros;
  #watched = new Map<string, Watched>();

  /** More than `firings` firings within `within` is flapping. */
  constructor(firings: number, within: Micros) {
    this.#firings = firings;
    this.#within = within;
  }

  /** What to give out in place of this record. */
  pass(event: AlertEvent, transition: Transition | "notice"): AlertEvent[] {
    if (transition === "notice" || event.state === "no-data") return [event];
    const key = JSON.stringify([event.rule, event.group, event.direction]);
    const watched = this.#watched.get(key) ?? { fired: [], folded: null, held: null };
    if (transition === "firing" || transition === "reopened") this.#fired(key, watched, event.time_us);
    if (watched.folded !== null) {
      watched.held = event;
      return [];
    }
    if (watched.fired.length <= this.#firings || (transition !== "firing" && transition !== "reopened")) return [event];
    watched.folded = flappingRecord(event, watched.fired.length, this.#within);
    // the alert itself ends for whoever listens; its flapping stands in for it
    const told = event.reopened > 0 ? [{ ...event, state: "resolved" as const, resolved_at: event.time }] : [];
    watched.held = event;
    return [...told, watched.folded];
  }

  /** What can be told again at `now`. */
  advance(now: Micros): AlertEvent[] {
    const events: AlertEvent[] = [];
    for (const [key, watched] of this.#watched) {
      const last = watched.fired.at(-1) ?? 0;
      if (now - last < this.#within) continue;
      this.#watched.delete(key);
      if (watched.folded === null) continue;
      const time = formatTime(now);
      const calm = `RESOLVED flapping of ${watched.folded.rule}: quiet for ${lengthText(this.#within)}`;
      events.push({ ...watched.folded, state: "resolved", time, time_us: now, resolved_at: time, summary: calm });
      if (watched.held !== null && watched.held.state !== "resolved")
        events.push({ ...watched.held, time, time_us: now });
    }
    return events;
  }

  shift(shift: Micros): void {
    for (const watched of this.#watched.values()) watched.fired = watched.fired.map((time) => time + shift);
  }

  serialize(): FlappingSnapshot {
    return structuredClone([...this.#watched]);
  }

  restore(saved: FlappingSnapshot): void {
    this.#watched = new Map(structuredClone(saved.slice(-LIMIT)) as [string, Watched][]);
  }

  #fired(key: string, watched: Watched, time: Micros): void {
    watched.fired = [...watched.fired.filter((earlier) => time - earlier < this.#within), time].slice(
      -this.#firings - 1,
    );
    this.#watched.delete(key);
    this.#watched.set(key, watched);
    if (this.#watched.size > LIMIT) for (const oldest of this.#watched.keys()) return void this.#watched.delete(oldest);
  }
}

function flappingRecord(event: AlertEvent, firings: number, within: Micros): AlertEvent {
  return {
    ...event,
    id: alertId("f", event.rule, event.group, event.direction, event.time_us),
    state: "flapping",
    summary: `FLAPPING ${event.rule}${event.group === null ? "" : ` ${event.group}`}: fired ${firings} times within ${lengthText(within)}; further changes are held back until it is quiet so long. Last: ${event.summary}`,
  };
}

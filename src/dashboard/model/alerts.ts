/**
 * Alerts as people follow them: what each rule is doing now, what is open, what was, and for how long. Built from the
 * alert engine's own events and from the state of its rules; nothing is judged here.
 */
import type { AlertEvent } from "../../core/event.ts";
import { MILLISECOND, type Micros } from "../../core/units.ts";

/** What a rule is doing. `dismissed`: an alert has just ended. */
export type RuleState =
  | "learning"
  | "normal"
  | "pending"
  | "firing"
  | "resolving"
  | "dismissed"
  | "suspect"
  | "no-data";

/** One rule (or one group of a grouped rule) as the engine sees it now. */
export interface RuleStatus {
  readonly rule: string;
  readonly scope: string | null;
  readonly group: string | null;
  /** What is watched: `requests`, `errors`, `latency_p95`, `bytes_out`, … */
  readonly series: string;
  /** Of its values: `requests`, `%`, `ms`, `bytes`, … */
  readonly unit: string;
  readonly state: RuleState;
  /** Seconds until learning ends; null when not learning, or not known. */
  readonly learning_left_s: number | null;
  /** Length of what is counted together; null for rules without windows. */
  readonly window_s: number | null;
  /** Value of the current window. */
  readonly value: number | null;
  /** What is usual, per window, with the limits that are watched; null while nothing is learned. */
  readonly usual: { readonly middle: number; readonly low: number | null; readonly up: number | null } | null;
}

/** An alert from its first event to its last. */
export interface AlertRecord {
  readonly id: string;
  readonly last: AlertEvent;
  readonly open: boolean;
  readonly start: Micros;
  readonly end: Micros | null;
  readonly transitions: number;
}

/** A time on the graph at which an alert began to fire or ended. */
export interface AlertMark {
  readonly time: Micros;
  readonly kind: "fired" | "resolved";
}

export interface AlertDurations {
  readonly count: number;
  readonly open: number;
  /** Of closed alerts, milliseconds; null when none closed. */
  readonly mean_ms: number | null;
  readonly max_ms: number | null;
  readonly total_ms: number;
}

const RECORDS_KEPT = 1000;
const MARKS_KEPT = 1000;

/** Notices with a life of their own: they say something once and open nothing. */
const NOTICES: ReadonlySet<AlertEvent["state"]> = new Set(["restarted", "drift", "first-seen"]);

function micros(rfc3339: string | null): Micros | null {
  if (rfc3339 === null) return null;
  const milliseconds = Date.parse(rfc3339);
  return Number.isNaN(milliseconds) ? null : milliseconds * MILLISECOND;
}

export class Alerts {
  /** By id, in the order of the newest transition. */
  private readonly records = new Map<string, AlertRecord>();
  readonly marks: AlertMark[] = [];
  rules: readonly RuleStatus[] = [];
  /** Closed alerts given up for newer ones. */
  forgotten = 0;

  event(event: AlertEvent): void {
    const before = this.records.get(event.id);
    const end = event.state === "resolved" ? (micros(event.resolved_at) ?? event.time_us) : null;
    const notice = NOTICES.has(event.state);
    this.records.delete(event.id);
    this.records.set(event.id, {
      id: event.id,
      last: event,
      open: end === null && !notice,
      start: micros(event.active_at) ?? before?.start ?? event.time_us,
      end: end ?? (notice ? event.time_us : null),
      transitions: (before?.transitions ?? 0) + 1,
    });
    if (event.state === "firing" && before?.last.state !== "firing") this.mark(event.time_us, "fired");
    if (event.state === "resolved") this.mark(event.time_us, "resolved");
    if (this.records.size > RECORDS_KEPT) this.forgetOne();
  }

  /** Open alerts first, then newest first. */
  get list(): readonly AlertRecord[] {
    const newestFirst = [...this.records.values()].reverse();
    return [...newestFirst.filter((record) => record.open), ...newestFirst.filter((record) => !record.open)];
  }

  get open(): readonly AlertRecord[] {
    return [...this.records.values()].filter((record) => record.open).reverse();
  }

  /** Whether an alert of this rule and group ended at or after a time. */
  resolvedSince(of: { readonly rule: string; readonly group: string | null }, time: Micros): boolean {
    for (const { last, end } of this.records.values()) {
      if (
        last.state === "resolved" &&
        end !== null &&
        end >= time &&
        last.rule === of.rule &&
        last.group === of.group
      ) {
        return true;
      }
    }
    return false;
  }

  durations(): AlertDurations {
    const closed = [...this.records.values()].filter((record) => !record.open && !NOTICES.has(record.last.state));
    const lengths = closed.map((record) => Math.max(0, (record.end ?? record.start) - record.start) / MILLISECOND);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const open = this.open.length;
    return {
      count: closed.length + open,
      open,
      mean_ms: lengths.length === 0 ? null : total / lengths.length,
      max_ms: lengths.length === 0 ? null : Math.max(...lengths),
      total_ms: total,
    };
  }

  /** The rule whose band belongs on the request rate graph: over all requests, else the first on requests. */
  get rateRule(): RuleStatus | null {
    const onRequests = this.rules.filter((rule) => rule.series === "requests" && rule.group === null);
    return onRequests.find((rule) => rule.scope === null) ?? onRequests[0] ?? null;
  }

  private mark(time: Micros, kind: AlertMark["kind"]): void {
    this.marks.push({ time, kind });
    if (this.marks.length > MARKS_KEPT) this.marks.shift();
  }

  /** The oldest closed alert goes; were all open, the oldest of those. */
  private forgetOne(): void {
    for (const [id, record] of this.records) {
      if (record.open) continue;
      this.records.delete(id);
      this.forgotten++;
      return;
    }
    const oldest = this.records.keys().next().value;
    if (oldest !== undefined) this.records.delete(oldest);
    this.forgotten++;
  }
}

/**
 * Alerts that are open and those that were: for `alerts list` and `show`, and the duration statistics. Takes records;
 * bounded by a retention and a count. Open alerts never age out. Pure.
 */
import type { AlertEvent } from "../core/event.ts";
import type { Micros } from "../core/units.ts";
import { mean, nearestRank } from "./robust.ts";

/** Closed alerts kept, and open ones, and notices. */
const CLOSED_LIMIT = 1000;
const OPEN_LIMIT = 2000;
const NOTICE_LIMIT = 200;

export interface Acknowledgement {
  readonly time_us: Micros;
  readonly comment: string | null;
}

export interface KeptAlert {
  /** Its last record. */
  readonly event: AlertEvent;
  readonly active_us: Micros;
  readonly resolved_us: Micros | null;
  readonly acknowledged: Acknowledgement | null;
}

/** Seconds. Mean, maximum and quantiles are of closed alerts; `*_with_open` count open ones as if they ended now. */
export interface DurationStatistics {
  readonly count: number;
  readonly open: number;
  readonly total_s: number;
  readonly max_s: number | null;
  readonly mean_s: number | null;
  readonly max_with_open_s: number | null;
  readonly mean_with_open_s: number | null;
  readonly p50_s: number | null;
  readonly p95_s: number | null;
  readonly longest_id: string | null;
  /** Mean time from the start of an alert to the start of the next. */
  readonly mtba_s: number | null;
  readonly last_resolved_ago_s: number | null;
  /** Share of the watched time in which at least one alert was open, in percent. */
  readonly pct_time_in_alert: number | null;
}

export interface HistorySnapshot {
  readonly open: readonly KeptAlert[];
  readonly closed: readonly KeptAlert[];
  readonly notices: readonly AlertEvent[];
}

export class AlertHistory {
  readonly #retention: Micros;
  #open = new Map<string, KeptAlert>();
  #closed: KeptAlert[] = [];
  #notices: AlertEvent[] = [];

  constructor(retention: Micros) {
    this.#retention = retention;
  }

  /** Remembers what a record says. */
  record(event: AlertEvent): void {
    if (event.state === "pending") return;
    if (["firing", "resolving", "no-data", "resolved"].includes(event.state)) this.#alert(event);
    else {
      this.#notices.push(event);
      if (this.#notices.length > NOTICE_LIMIT) this.#notices.shift();
    }
  }

  /** Newest first, open ones before closed ones. */
  list(now: Micros): KeptAlert[] {
    this.trim(now);
    const newest = (a: KeptAlert, b: KeptAlert) => b.active_us - a.active_us;
    return [...[...this.#open.values()].sort(newest), ...[...this.#closed].sort(newest)];
  }

  notices(): readonly AlertEvent[] {
    return this.#notices;
  }

  get(id: string): KeptAlert | null {
    return this.#open.get(id) ?? this.#closed.findLast((alert) => alert.event.id === id) ?? null;
  }

  acknowledge(id: string, acknowledged: Acknowledgement): boolean {
    const alert = this.#open.get(id);
    if (alert === undefined) return false;
    this.#open.set(id, { ...alert, acknowledged });
    return true;
  }

  /** Also of an alert that has just ended: its last record is one of its records. */
  acknowledged(id: string): boolean {
    return (this.get(id)?.acknowledged ?? null) !== null;
  }

  open(): KeptAlert[] {
    return [...this.#open.values()];
  }

  trim(now: Micros): void {
    const oldest = now - this.#retention;
    this.#closed = this.#closed.filter((alert) => (alert.resolved_us as Micros) >= oldest);
    this.#notices = this.#notices.filter((event) => event.time_us >= oldest);
  }

  /** `since`: when watching began; null when it has not. `rule`: of one rule only. */
  durations(now: Micros, since: Micros | null, rule: string | null = null): DurationStatistics {
    this.trim(now);
    const wanted = (alert: KeptAlert) => rule === null || alert.event.rule === rule;
    const closed = this.#closed.filter(wanted);
    const open = [...this.#open.values()].filter(wanted);
    const seconds = (alert: KeptAlert) => ((alert.resolved_us ?? now) - alert.active_us) / 1e6;
    const lengths = closed.map(seconds);
    const all = [...lengths, ...open.map(seconds)];
    const starts = [...closed, ...open].map((alert) => alert.active_us).sort((a, b) => a - b);
    const longest = closed.reduce<KeptAlert | null>((a, b) => (a === null || seconds(b) > seconds(a) ? b : a), null);
    return {
      count: closed.length,
      open: open.length,
      total_s: lengths.reduce((sum, length) => sum + length, 0),
      max_s: orNull(lengths, (values) => Math.max(...values)),
      mean_s: orNull(lengths, mean),
      max_with_open_s: orNull(all, (values) => Math.max(...values)),
      mean_with_open_s: orNull(all, mean),
      p50_s: orNull(lengths, (values) => nearestRank(values, 0.5)),
      p95_s: orNull(lengths, (values) => nearestRank(values, 0.95)),
      longest_id: longest?.event.id ?? null,
      mtba_s: starts.length < 2 ? null : ((starts.at(-1) as Micros) - starts[0]) / (starts.length - 1) / 1e6,
      last_resolved_ago_s: orNull(closed, (alerts) => (now - Math.max(...alerts.map((a) => a.resolved_us ?? 0))) / 1e6),
      pct_time_in_alert: since === null ? null : this.#timeInAlert([...closed, ...open], now, since),
    };
  }

  serialize(): HistorySnapshot {
    return { open: [...this.#open.values()], closed: [...this.#closed], notices: [...this.#notices] };
  }

  restore(saved: HistorySnapshot): void {
    this.#open = new Map(saved.open.slice(-OPEN_LIMIT).map((alert) => [alert.event.id, alert]));
    this.#closed = saved.closed.slice(-CLOSED_LIMIT);
    this.#notices = saved.notices.slice(-NOTICE_LIMIT);
  }

  #alert(event: AlertEvent): void {
    const known = this.#open.get(event.id);
    const active = event.active_at === null ? event.time_us : Date.parse(event.active_at) * 1000;
    const alert: KeptAlert = {
      event,
      active_us: known?.active_us ?? active,
      resolved_us: event.state === "resolved" ? event.time_us : null,
      acknowledged: known?.acknowledged ?? null,
    };
    if (event.state !== "resolved") {
      if (known !== undefined || this.#open.size < OPEN_LIMIT) this.#open.set(event.id, alert);
      return;
    }
    this.#open.delete(event.id);
    this.#closed.push(alert);
    if (this.#closed.length > CLOSED_LIMIT) this.#closed.shift();
  }

  #timeInAlert(alerts: readonly KeptAlert[], now: Micros, since: Micros): number | null {
    const begin = Math.max(since, now - this.#retention);
    if (now <= begin) return null;
    let covered = 0;
    let reached = begin;
    for (const { active_us, resolved_us } of [...alerts].sort((a, b) => a.active_us - b.active_us)) {
      const end = Math.min(resolved_us ?? now, now);
      covered += Math.max(0, end - Math.max(active_us, reached));
      reached = Math.max(reached, end);
    }
    return (100 * covered) / (now - begin);
  }
}

function orNull<Item>(items: readonly Item[], of: (items: readonly Item[]) => number): number | null {
  return items.length === 0 ? null : of(items);
}

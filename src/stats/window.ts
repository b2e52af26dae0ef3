/**
 * Any statistic over a window of event time. Time is cut into steps; each step that saw events has a state of its own,
 * and a window's report is made by merging the steps in it (law 3). Sliding windows are asked for with `report`;
 * tumbling ones are read off with `closed`. Steps older than two spans go; events for them are counted as late.
 */
import type { TlsEvent, TransactionEvent } from "../core/event.ts";
import type { Statistic } from "../core/roles.ts";
import type { Micros } from "../core/units.ts";

export interface WindowOptions {
  /** Length of the window; steps older than two of these are let go. A whole number of steps. */
  readonly span: Micros;
  /** How finely the window slides. */
  readonly step: Micros;
}

export interface ClosedWindow<Report> {
  readonly start: Micros;
  readonly end: Micros;
  readonly report: Report;
}

export class Windows<State, Report> {
  /** Events that came for a step already let go. */
  late = 0;
  /** Newest event time seen; -1 before the first. */
  newest: Micros = -1;
  private readonly steps = new Map<number, State>();
  private readonly statistic: Statistic<State, Report>;
  private readonly step: Micros;
  /** Steps in a window. */
  private readonly count: number;
  /** Steps held: two windows, so that a tumbling one is still whole when the first event of the next has come. */
  private readonly held: number;
  /** Start of the first tumbling window not yet given out. */
  private nextWindow: Micros = -1;

  constructor(statistic: Statistic<State, Report>, { span, step }: WindowOptions) {
    this.statistic = statistic;
    this.step = step;
    this.count = Math.max(1, Math.round(span / step));
    this.held = 2 * this.count;
  }

  observe(event: TransactionEvent | TlsEvent): void {
    const slot = this.slotOf(event.time_us);
    if (slot === null) return;
    this.statistic.observe(this.stateOf(slot), event);
  }

  private slotOf(time: Micros): number | null {
    const slot = Math.floor(time / this.step);
    const newestSlot = Math.floor(this.newest / this.step);
    if (this.newest >= 0 && slot <= newestSlot - this.held) {
      this.late++;
      return null;
    }
    if (time > this.newest) {
      this.newest = time;
      if (slot > newestSlot) this.forget(slot);
    }
    return slot;
  }

  private stateOf(slot: number): State {
    let state = this.steps.get(slot);
    if (state === undefined) {
      state = this.statistic.create();
      this.steps.set(slot, state);
    }
    return state;
  }

  private forget(newestSlot: number): void {
    for (const slot of this.steps.keys()) if (slot <= newestSlot - this.held) this.steps.delete(slot);
  }

  /** Adds another's steps (a shard's): whatever the order, the same steps are left. */
  merge(other: Windows<State, Report>): void {
    this.late += other.late;
    if (other.newest > this.newest) {
      this.newest = other.newest;
      this.forget(Math.floor(this.newest / this.step));
    }
    const oldest = Math.floor(this.newest / this.step) - this.held;
    for (const [slot, state] of other.steps) {
      if (slot > oldest) this.statistic.merge(this.stateOf(slot), state);
    }
  }

  /** Adds what another counted in the step that begins at `slot` steps since the epoch; its newest event was at `newest`. */
  include(slot: number, state: State, newest: Micros): void {
    if (newest > this.newest) {
      this.newest = newest;
      this.forget(Math.floor(newest / this.step));
    }
    if (slot > Math.floor(this.newest / this.step) - this.held) this.statistic.merge(this.stateOf(slot), state);
    else this.late++;
  }

  /** The state of the steps that lie in `[from, to)`, merged; of the last span when nothing is said. */
  state(from: Micros = Number.NEGATIVE_INFINITY, to: Micros = Number.POSITIVE_INFINITY): State {
    const merged = this.statistic.create();
    const slots = [...this.steps.keys()].sort((a, b) => a - b);
    for (const slot of slots) {
      const inside = slot * this.step >= from && (slot + 1) * this.step <= to;
      if (inside) this.statistic.merge(merged, this.steps.get(slot)!);
    }
    return merged;
  }

  /** The window that ends with the step in which `at` lies. */
  report(at: Micros = this.newest): Report {
    const end = (Math.floor(at / this.step) + 1) * this.step;
    return this.statistic.report(this.state(end - this.count * this.step, end));
  }

  /**
   * Tumbling windows (aligned to whole spans since the epoch) that ended at or before `now` and were not yet given out,
   * oldest first. Windows without any event are left out; call at least once a span, or windows age out unread.
   */
  closed(now: Micros): ClosedWindow<Report>[] {
    const span = this.count * this.step;
    const end = Math.floor(now / span) * span;
    const starts = new Set([...this.steps.keys()].map((slot) => Math.floor((slot * this.step) / span) * span));
    const ready = [...starts].filter((start) => start >= this.nextWindow && start + span <= end).sort((a, b) => a - b);
    this.nextWindow = Math.max(this.nextWindow, end);
    return ready.map((start) => ({
      start,
      end: start + span,
      report: this.statistic.report(this.state(start, start + span)),
    }));
  }
}

/**
 * The alert engine: runs every configured rule over events. Takes events, ledger deltas and the passing of capture
 * time; gives alert records to `emit`. Everything is event time: the engine opens nothing and reads no clock.
 *
 * A window is judged once capture time is `LAG` past its end, so that what ended in it has been told; an exchange
 * counts at the time its request began, and one that is told later is still counted in the windows to come.
 */
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { HOUR, type Micros, SECOND } from "../core/units.ts";
import type { AlertNote, Predicate, RuleContext, SeriesStatus, TracePoint } from "./context.ts";
import { Coverage } from "./coverage.ts";
import { endOf, isTime } from "./event-time.ts";
import type { DurationStatistics, KeptAlert } from "./history.ts";
import { type LossDelta, LossWindow } from "./loss.ts";
import { makeRules } from "./make-rules.ts";
import { NoData } from "./no-data.ts";
import { Schedule } from "./schedule.ts";
import { type AlertConfig, withDefaultRule } from "./schema.ts";
import { SeedRule } from "./seed-rule.ts";
import type { Silence } from "./silence.ts";
import { type EngineSnapshot, SCHEMA } from "./state.ts";
import { Teller } from "./teller.ts";

/** How far capture time must be past a window's end. */
const LAG: Micros = 2 * SECOND;
/** Live: a jump of the clock by more, forward or back, is a sleep or a step, not idle time. */
const JUMP: Micros = 10 * SECOND;
/** Files: packets further apart are taken as two captures. Also bounds what a hostile time stamp can cost. */
const FILE_JUMP: Micros = 6 * HOUR;
const LOSS_SECONDS = HOUR / SECOND + 64;

export interface AlertEngineOptions {
  readonly emit: (event: AlertEvent) => void;
  /** Compiles a filter of the filter language. Without it a configuration with filters is refused. */
  readonly compile?: (filter: string) => Predicate;
  /**
   * live: `advance` is called at least every few seconds, and a jump means that the machine slept.
   * file: time moves with the packets; a quiet stretch was captured too.
   */
  readonly clock?: "live" | "file";
  /** Minutes that local time is ahead of UTC, for hours of the week and for texts. */
  readonly utcOffset?: (time: Micros) => number;
  /** How learning goes. */
  readonly note?: (note: AlertNote) => void;
  /** Every evaluation of every series. */
  readonly trace?: (point: TracePoint) => void;
  /** Full tables count here what they gave up. */
  readonly ledger?: Ledger;
}

export interface Resumed {
  readonly engine: AlertEngine;
  /** Rules that go on, and rules that learn anew. */
  readonly resumed: readonly string[];
  readonly relearned: readonly string[];
  /** The saved state could not be used. */
  readonly broken: boolean;
}

export class AlertEngine {
  readonly config: AlertConfig;
  readonly #options: AlertEngineOptions;
  readonly #schedule: Schedule;
  readonly #coverage = new Coverage();
  readonly #loss: LossWindow;
  readonly #noData: NoData;
  readonly #teller: Teller;
  #now: Micros | null = null;
  /** Nothing is due before this time. */
  #idleTo: Micros = 0;
  /** Events that came too late for any window, or at no time that can be. */
  late = 0;

  /** Throws Trouble on a rule that cannot be run. */
  constructor(config: AlertConfig, options: AlertEngineOptions) {
    config = withDefaultRule(config);
    this.config = config;
    this.#options = options;
    this.#loss = new LossWindow(config.suspect_loss, LOSS_SECONDS);
    this.#teller = new Teller(config, (filter) => this.#compile(filter), options.emit);
    const context = this.#context();
    this.#noData = new NoData(config.no_data_after, (event, transition) => context.emit(event, transition));
    this.#schedule = new Schedule(makeRules(config, context, (filter) => this.#compile(filter)));
  }

  /** Capture time so far; null before anything came. */
  get now(): Micros | null {
    return this.#now;
  }

  /** The seed profile, for its own screen; null under another profile. */
  get seed(): SeedRule["profile"] | null {
    const first = this.#schedule.rules[0];
    return first instanceof SeedRule ? first.profile : null;
  }

  /** Counts an event. Its end moves the clock on; its alerts come out before it is counted. */
  observe(event: EarshotEvent): void {
    if (event.type === "alert") return;
    const end = endOf(event);
    if (!isTime(event.time_us) || !isTime(end)) {
      this.late++;
      return;
    }
    this.#reach(end);
    const second = Math.floor(event.time_us / SECOND);
    if ((this.#now as Micros) - event.time_us > HOUR) this.late++;
    if (event.type === "transaction" && (event.outcome === "no-response" || event.request === null))
      this.#loss.unmatched(second);
    for (const rule of this.#schedule.rules) rule.observe(event);
  }

  /** Requests without events: for simulations, and drivers that only count. */
  observeCount(time: Micros, requests: number): void {
    if (!isTime(time)) return;
    this.#reach(time);
    for (const rule of this.#schedule.rules) rule.observeCount?.(time, requests);
  }

  /** What the capture saw and lost since the last call. */
  observeLedger(delta: LossDelta, time: Micros): void {
    if (!isTime(time)) return;
    this.#loss.observe(delta, time);
  }

  /** The capture went down (interface gone, ring dead) or came back. */
  observeCapture(state: "up" | "down", time: Micros, reason: string | null = null): void {
    if (!isTime(time)) return;
    this.#reach(time);
    if (state === "down") {
      this.#coverage.down(time);
      this.#noData.down(time, reason);
      for (const rule of this.#schedule.rules) rule.gap();
    } else {
      this.#noData.up(time);
      this.#coverage.up(time);
    }
  }

  /** The time from `from` to `to` was not captured; it is neither learned nor judged. */
  gap(from: Micros, to: Micros): void {
    if (!isTime(from) || !isTime(to) || to <= from) return;
    this.#reach(from);
    this.#skip(from, to);
  }

  /** Capture time (never the start of an exchange) has reached `now`. Live: call it at least every few seconds. */
  advance(now: Micros): void {
    if (!isTime(now)) return;
    if (this.#now !== null && now < this.#now - JUMP) this.#rebase(now);
    else this.#reach(now);
  }

  /** The capture is over: judges what is complete. */
  end(): void {
    if (this.#now !== null) this.#evaluateTo(this.#now);
  }

  status(): SeriesStatus[] {
    return this.#schedule.rules.flatMap((rule) => rule.status());
  }

  /** Open alerts and closed ones of the retention, newest first. */
  alerts(): KeptAlert[] {
    return this.#teller.history.list(this.#now ?? 0);
  }

  alert(id: string): KeptAlert | null {
    return this.#teller.history.get(id);
  }

  /** Restarts of learning, drift, flapping, first-seen. */
  notices(): readonly AlertEvent[] {
    return this.#teller.history.notices();
  }

  durations(rule: string | null = null): DurationStatistics {
    return this.#teller.history.durations(this.#now ?? 0, this.#coverage.start, rule);
  }

  /** Somebody knows of it: records of this alert are marked `acknowledged`. False when no such alert is open. */
  acknowledge(id: string, comment: string | null = null): boolean {
    return this.#teller.history.acknowledge(id, { time_us: this.#now ?? 0, comment });
  }

  /** Records that match are marked `silenced` for so long. Throws Trouble on a wrong filter. */
  silence(filter: string, length: Micros, comment: string | null = null): Silence {
    const now = this.#now ?? 0;
    return this.#teller.silences.add(filter, now, now + length, comment);
  }

  unsilence(id: string): boolean {
    return this.#teller.silences.remove(id);
  }

  silences(): Silence[] {
    return this.#teller.silences.list(this.#now ?? 0);
  }

  /** Forgets what a rule learned (all rules for null). False when there is no such rule. */
  relearn(name: string | null = null): boolean {
    const chosen = this.#schedule.rules.filter((rule) => name === null || rule.name === name);
    for (const rule of chosen) rule.relearn(this.#now ?? 0);
    return chosen.length > 0;
  }

  /** Plain data for JSON: everything needed to go on as if it had never stopped. */
  serialize(): EngineSnapshot {
    return {
      schema: SCHEMA,
      now: this.#now,
      late: this.late,
      coverage: this.#coverage.serialize(),
      loss: this.#loss.serialize(),
      no_data: this.#noData.serialize(),
      ...this.#teller.serialize(),
      rules: this.#schedule.serialize(),
    };
  }

  /**
   * Goes on from a saved state at `now`. Rules whose scope, series or window changed learn anew, as does everything
   * when the state is too old; alerts that nobody can judge any more are resolved. Returns what was taken up.
   */
  restore(saved: EngineSnapshot, now: Micros): { resumed: string[]; relearned: string[] } {
    const usable = saved.schema === SCHEMA && saved.now !== null && now - saved.now < this.config.state_max_age;
    this.#teller.restore(saved, usable);
    const resumed = usable ? this.#takeUp(saved, saved.now as Micros) : [];
    if (!usable) this.#now = now;
    // before any time passes: a rule that has not begun would be evaluated from 1970 on
    this.#schedule.begin(now, resumed);
    this.#idleTo = 0;
    if (usable) {
      // a short time away is not captured either, but what is pending may go on
      if (now > (saved.now as Micros) + JUMP) this.#skip(saved.now as Micros, now);
      else if (now > (saved.now as Micros)) this.#coverage.gap(saved.now as Micros, now);
    } else this.#coverage.restartAt(now);
    this.#teller.closeOrphans(resumed, now);
    return { resumed, relearned: this.#schedule.names.filter((name) => !resumed.includes(name)) };
  }

  #takeUp(saved: EngineSnapshot, then: Micros): string[] {
    this.#now = then;
    this.late = saved.late;
    this.#coverage.restore(saved.coverage);
    this.#loss.restore(saved.loss);
    this.#noData.restore(saved.no_data);
    return this.#schedule.restore(saved.rules, then);
  }

  /**
   * An engine that goes on from a saved state (`parseState`), or begins anew when there is none or it turns out to be
   * broken: a damaged file must not keep anybody from watching.
   */
  static resume(config: AlertConfig, options: AlertEngineOptions, saved: EngineSnapshot | null, now: Micros): Resumed {
    const engine = new AlertEngine(config, options);
    if (saved === null) return { engine, resumed: [], relearned: engine.#schedule.names, broken: false };
    try {
      return { engine, ...engine.restore(saved, now), broken: false };
    } catch {
      const fresh = new AlertEngine(config, options);
      return { engine: fresh, resumed: [], relearned: fresh.#schedule.names, broken: true };
    }
  }

  #compile(filter: string): Predicate {
    if (this.#options.compile === undefined) throw new Error("AlertEngine: filters need options.compile");
    return this.#options.compile(filter);
  }

  #context(): RuleContext {
    return {
      coverage: this.#coverage,
      loss: this.#loss,
      leastCoverage: this.config.coverage,
      utcOffset: this.#options.utcOffset ?? (() => 0),
      emit: (event, transition) => this.#teller.tell(event, transition),
      note: (note) => this.#options.note?.(note),
      trace: this.#options.trace ?? null,
      evict: (table) => this.#options.ledger?.evict(table),
    };
  }

  #reach(now: Micros): void {
    if (this.#now === null) {
      this.#now = now;
      this.#coverage.begin(now);
      this.#schedule.begin(now);
      return;
    }
    if (now <= this.#now) return;
    const jump = this.#options.clock === "live" ? JUMP : FILE_JUMP;
    if (now - this.#now > jump) this.#skip(this.#now, now);
    else {
      this.#now = now;
      this.#evaluateTo(now - LAG);
    }
  }

  /** Time that was not captured. */
  #skip(from: Micros, to: Micros): void {
    this.#evaluateTo(from);
    this.#coverage.gap(from, to);
    this.#now = Math.max(this.#now ?? 0, to);
    this.#schedule.skipTo(to);
    this.#idleTo = 0;
  }

  #rebase(now: Micros): void {
    const shift = now - (this.#now as Micros);
    this.#now = now;
    this.#coverage.restartAt(now);
    this.#loss.clear();
    this.#teller.rebase(shift);
    this.#schedule.rebase(shift, now);
    this.#idleTo = 0;
  }

  #evaluateTo(limit: Micros): void {
    // asked at every event, and nearly always there is nothing to do yet
    if (limit < this.#idleTo) return;
    this.#idleTo = Math.min(this.#schedule.evaluateTo(limit), limit + SECOND);
    this.#noData.advance(limit);
    this.#teller.advance(limit);
  }
}

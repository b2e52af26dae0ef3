/** Profile `seed` as a rule of the engine: its decisions as alert records, so that every output can carry them. Pure. */
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import { formatTime, type Micros, SECOND } from "../core/units.ts";
import type { Rule, RuleContext, SeriesStatus } from "./context.ts";
import { fingerprint } from "./fingerprint.ts";
import { alertId, alertRecord } from "./record.ts";
import { SEED_DISMISSED, seedAlertLine, seedEnforceLines, seedLearningLines, seedLineText } from "./seed-messages.ts";
import { type SeedChange, SeedProfile, type SeedSettings, type SeedSnapshot, type SeedState } from "./seed-profile.ts";

const STATES: Readonly<Record<SeedState, SeriesStatus["state"]>> = {
  learn_baseline: "learning",
  enforce_normal: "normal",
  enforce_alert: "firing",
  enforce_dismiss: "normal",
};

interface Snapshot {
  readonly profile: SeedSnapshot;
  readonly active: Micros | null;
  readonly peak: number;
  readonly evaluations: number;
}

export class SeedRule implements Rule {
  readonly name = "seed";
  readonly step: Micros;
  readonly fingerprint: string;
  readonly #context: RuleContext;
  readonly #settings: SeedSettings;
  profile: SeedProfile;
  #active: Micros | null = null;
  #peak = 0;
  #evaluations = 0;

  constructor(settings: SeedSettings, context: RuleContext) {
    this.#settings = settings;
    this.#context = context;
    this.step = settings.tick;
    this.fingerprint = fingerprint(settings.bucket, settings.learning);
    this.profile = this.#fresh();
  }

  observe(event: EarshotEvent): void {
    if (event.type === "transaction" && event.request !== null) this.profile.observe(event.time_us);
  }

  observeCount(time: Micros, requests: number): void {
    this.profile.observe(time, requests);
  }

  evaluate(time: Micros): void {
    this.profile.advance(time);
  }

  begin(time: Micros): void {
    this.profile.advance(time);
  }

  gap(): void {}

  rebase(_shift: Micros, now: Micros): void {
    // the seed counts its ticks and knows no clock: begin the running bucket again
    this.profile = this.#restored({ ...this.profile.serialize(), bucket_start: now, count: 0, now });
  }

  relearn(): void {
    this.profile = this.#fresh();
    this.#active = null;
  }

  status(): SeriesStatus[] {
    const { baseline, count, state, attempts } = this.profile;
    const learned = state !== "learn_baseline";
    return [
      {
        ...{ rule: this.name, group: null, series: "requests", unit: "requests", state: STATES[state], value: count },
        ...{ m: learned ? baseline : null, s: null, low: null, suspect: false, attempt: attempts },
        up: learned ? this.#limit() : null,
        windows: learned ? 1 : 0,
        windows_wanted: 1,
        text: this.#text(),
      },
    ];
  }

  serialize(): Snapshot {
    return {
      profile: this.profile.serialize(),
      active: this.#active,
      peak: this.#peak,
      evaluations: this.#evaluations,
    };
  }

  restore(saved: unknown): void {
    const { profile, active, peak, evaluations } = saved as Snapshot;
    this.profile = this.#restored(profile);
    this.#active = active;
    this.#peak = peak;
    this.#evaluations = evaluations;
  }

  readonly #offset_s = (time: Micros): number => this.#context.utcOffset(time) * 60;

  /** Its screen in one line. */
  #text(): string {
    const { profile } = this;
    if (profile.state !== "learn_baseline") profile.trim();
    const lines =
      profile.state === "learn_baseline"
        ? seedLearningLines(profile, { count: profile.count, countdown_s: profile.countdown_s() })
        : seedEnforceLines(profile, this.#offset_s);
    return lines
      .map(seedLineText)
      .filter((line) => line !== "")
      .join(" ");
  }

  #fresh(): SeedProfile {
    return new SeedProfile(this.#settings, (change) => this.#changed(change));
  }

  #restored(saved: SeedSnapshot): SeedProfile {
    return SeedProfile.restore(saved, this.#settings, (change) => this.#changed(change));
  }

  #limit(): number {
    return this.profile.baseline * (1 + this.#settings.threshold_pct / 100);
  }

  #changed(change: SeedChange): void {
    const { time, count, kind } = change;
    this.#trace(change);
    if (kind === "learned") {
      const text = `Learned: ${this.profile.baseline}/${this.#settings.bucket / SECOND}s`;
      this.#context.note({ time_us: time, rule: this.name, group: null, text });
    }
    if (kind === "restarted")
      this.#emit(change, "restarted", "notice", `Learning restarted (attempt ${this.profile.attempts})`);
    if (kind === "alert") {
      const opened = this.#active === null;
      this.#active ??= time;
      this.#peak = opened ? count : Math.max(this.#peak, count);
      this.#evaluations = opened ? 1 : this.#evaluations + 1;
      const text = seedLineText(seedAlertLine(count, time, this.#offset_s));
      this.#emit(change, "firing", opened ? "firing" : "worse", text);
    }
    if (kind === "dismissed") {
      this.#emit(change, "resolved", "resolved", SEED_DISMISSED);
      this.#active = null;
    }
  }

  #emit(
    { time, count }: SeedChange,
    state: AlertEvent["state"],
    transition: "firing" | "worse" | "resolved" | "notice",
    summary: string,
  ): void {
    const { baseline } = this.profile;
    const active = this.#active === null ? null : formatTime(this.#active);
    const event = alertRecord(time, {
      id: alertId(transition === "notice" ? "r" : "a", this.name, this.#active ?? time),
      rule: this.name,
      state,
      direction: transition === "notice" ? null : "high",
      severity: transition === "notice" ? "info" : "warning",
      summary,
      active_at: active,
      fired_at: active,
      last_breach_at: state === "firing" ? formatTime(time) : null,
      resolved_at: state === "resolved" ? formatTime(time) : null,
      window_s: this.#settings.bucket / SECOND,
      value: count,
      peak: transition === "notice" ? null : this.#peak,
      evaluations: this.#evaluations,
      baseline:
        baseline === 0 ? null : { mode: "frozen", m: baseline, s: 0, up: this.#limit(), low: 0, age_s: 0, windows: 1 },
      delta_pct: baseline === 0 ? null : ((count - baseline) * 100) / baseline,
    });
    this.#context.emit(event, transition);
  }

  #trace({ time, count }: SeedChange): void {
    const learned = this.profile.state !== "learn_baseline";
    this.#context.trace?.({
      ...{ time_us: time, rule: this.name, group: null, value: count, low: null, suspect: false },
      m: learned ? this.profile.baseline : null,
      up: learned ? this.#limit() : null,
      state: STATES[this.profile.state],
    });
  }
}

/**
 * Profile `seed`: the alert rule of the program earshot grew from, exactly, faults included (docs/alerts.md says which).
 * A baseline is learned once, then every full bucket of time is compared with it.
 *
 * Takes request times (`observe`) and the passing of capture time (`advance`); gives state changes to a listener. Pure.
 */
import type { Micros } from "../core/units.ts";
import { SECOND } from "../core/units.ts";

export type SeedState = "learn_baseline" | "enforce_normal" | "enforce_alert" | "enforce_dismiss";

export interface SeedSettings {
  /** Length of the bucket whose count is compared (seed: `average_bucket_size`). */
  readonly bucket: Micros;
  /** Length of the learning (seed: `average_learning_duration`). */
  readonly learning: Micros;
  /** Percent above the baseline that a bucket must exceed (seed: `average_threshold`). */
  readonly threshold_pct: number;
  /** Age at which history rows are dropped (seed: `max_retention_length`). */
  readonly retention: Micros;
  /** How often the learning estimate and the countdown move (seed: `timeout`). */
  readonly tick: Micros;
}

export const SEED_DEFAULTS: SeedSettings = {
  bucket: 120 * SECOND,
  learning: 120 * SECOND,
  threshold_pct: 10,
  retention: 86_400 * SECOND,
  tick: 2 * SECOND,
};

/** The only switches that exist; `learn_baseline` to `enforce_alert` is in the table although the rule never takes it. */
const ALLOWED: Readonly<Record<SeedState, readonly SeedState[]>> = {
  learn_baseline: ["enforce_normal", "enforce_alert"],
  enforce_normal: ["enforce_alert"],
  enforce_alert: ["enforce_dismiss"],
  enforce_dismiss: ["enforce_alert", "enforce_normal"],
};

/** History rows kept at most, whatever the settings: 30 days of two-minute buckets. */
const HISTORY_LIMIT = 21_600;
/** Buckets walked one by one after a jump in time; with no requests in them nothing changes after the first few. */
const STEPS_BEFORE_SKIP = 8;

/** Rounds half to even, as Python 3's `round` does: 0.5 gives 0, 1.5 gives 2. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** The state alone: raises on a switch that the table does not hold. */
export class SeedStateMachine {
  state: SeedState = "learn_baseline";

  switchTo(next: SeedState): void {
    if (next === this.state) return;
    if (!ALLOWED[this.state].includes(next)) throw new Error(`invalid alert state switch: ${this.state} to ${next}`);
    this.state = next;
  }
}

export interface SeedHistoryRow {
  readonly hits: number;
  readonly time: Micros;
}

export interface SeedDurations {
  /** Closed alerts within the retention. */
  readonly count: number;
  readonly max: Micros | null;
  readonly mean: Micros | null;
  /** Length so far of the alert that is open now. */
  readonly open: Micros | null;
}

/** What happened at the end of a bucket or of the learning. */
export interface SeedChange {
  readonly kind: "learned" | "restarted" | "alert" | "dismissed" | "normal";
  readonly time: Micros;
  readonly count: number;
}

export interface SeedSnapshot {
  readonly state: SeedState;
  readonly count: number;
  readonly baseline: number;
  readonly bucket_start: Micros | null;
  readonly attempts: number;
  readonly history: readonly SeedHistoryRow[];
  readonly closed: readonly { readonly start: Micros; readonly end: Micros }[];
  readonly open_since: Micros | null;
  readonly now: Micros;
}

export class SeedProfile {
  readonly settings: SeedSettings;
  readonly #machine = new SeedStateMachine();
  readonly #listener: (change: SeedChange) => void;
  #bucketStart: Micros | null = null;
  #now: Micros = 0;
  #attempts = 1;
  #closed: { start: Micros; end: Micros }[] = [];
  #openSince: Micros | null = null;
  /** Requests of the running bucket (of the learning while that lasts). */
  count = 0;
  /** Requests per bucket that count as usual; frozen once learned. */
  baseline = 0;
  /** Newest first: one row for every bucket above the threshold. */
  history: SeedHistoryRow[] = [];

  constructor(settings: Partial<SeedSettings> = {}, listener: (change: SeedChange) => void = () => {}) {
    this.settings = { ...SEED_DEFAULTS, ...settings };
    this.#listener = listener;
  }

  get state(): SeedState {
    return this.#machine.state;
  }

  /** Learnings begun, from 1: a learning that saw nothing is begun again, for ever. */
  get attempts(): number {
    return this.#attempts;
  }

  /** One request at this time. */
  observe(time: Micros, requests = 1): void {
    this.advance(time);
    this.count += requests;
  }

  /** Capture time has reached `now`: ends the buckets that are over. A bucket is `[start, start + length)`. */
  advance(now: Micros): void {
    this.#bucketStart ??= now;
    if (now > this.#now) this.#now = now;
    for (let step = 0; now >= this.#bucketEnd(); step++) {
      if (step >= STEPS_BEFORE_SKIP) this.#skipIdle(now);
      if (now < this.#bucketEnd()) return;
      const end = this.#bucketEnd();
      if (this.state === "learn_baseline") this.#endLearning(end);
      else this.endBucket(end);
      this.#bucketStart = end;
    }
  }

  /** Seconds until the running bucket (or the learning) ends, as it stood at the last tick. */
  countdown_s(): number {
    return (this.#length() - this.#elapsed()) / SECOND;
  }

  /** The decision at the end of a bucket. Public because the golden vectors speak of it. */
  endBucket(time: Micros): void {
    const count = this.count;
    const delta = ((count - this.baseline) * 100) / this.baseline;
    this.count = 0;
    if (delta > this.settings.threshold_pct) {
      if (this.state !== "enforce_alert") this.#openSince = time;
      this.#machine.switchTo("enforce_alert");
      this.history.unshift({ hits: count, time });
      if (this.history.length > HISTORY_LIMIT) this.history.pop();
      this.#listener({ kind: "alert", time, count });
    } else if (this.state === "enforce_alert") {
      this.#machine.switchTo("enforce_dismiss");
      if (this.#openSince !== null) this.#closed.push({ start: this.#openSince, end: time });
      this.#openSince = null;
      if (this.#closed.length > HISTORY_LIMIT) this.#closed.shift();
      this.#listener({ kind: "dismissed", time, count });
    } else if (this.state === "enforce_dismiss") {
      this.#machine.switchTo("enforce_normal");
      this.#listener({ kind: "normal", time, count });
    }
  }

  /** Drops what is older than the retention, oldest first; the seed does it whenever its screen prints. */
  trim(now: Micros = this.#now): void {
    const oldest = now - this.settings.retention;
    while (this.history.length > 0 && (this.history.at(-1) as SeedHistoryRow).time < oldest) this.history.pop();
    while (this.#closed.length > 0 && this.#closed[0].end < oldest) this.#closed.shift();
  }

  /** Maximum and average alert duration: what the seed left to do. */
  durations(now: Micros = this.#now): SeedDurations {
    const lengths = this.#closed.map((alert) => alert.end - alert.start);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    return {
      count: lengths.length,
      max: lengths.length === 0 ? null : lengths.reduce((a, b) => Math.max(a, b)),
      mean: lengths.length === 0 ? null : total / lengths.length,
      open: this.#openSince === null ? null : now - this.#openSince,
    };
  }

  serialize(): SeedSnapshot {
    return {
      state: this.state,
      count: this.count,
      baseline: this.baseline,
      bucket_start: this.#bucketStart,
      attempts: this.#attempts,
      history: [...this.history],
      closed: [...this.#closed],
      open_since: this.#openSince,
      now: this.#now,
    };
  }

  static restore(
    snapshot: SeedSnapshot,
    settings: Partial<SeedSettings> = {},
    listener: (change: SeedChange) => void = () => {},
  ): SeedProfile {
    const profile = new SeedProfile(settings, listener);
    profile.#machine.state = snapshot.state;
    profile.count = snapshot.count;
    profile.baseline = snapshot.baseline;
    profile.#bucketStart = snapshot.bucket_start;
    profile.#attempts = snapshot.attempts;
    profile.history = snapshot.history.slice(0, HISTORY_LIMIT);
    profile.#closed = snapshot.closed.slice(-HISTORY_LIMIT);
    profile.#openSince = snapshot.open_since;
    profile.#now = snapshot.now;
    return profile;
  }

  #length(): Micros {
    return this.state === "learn_baseline" ? this.settings.learning : this.settings.bucket;
  }

  #bucketEnd(): Micros {
    return (this.#bucketStart as Micros) + this.#length();
  }

  /** Whole ticks since the bucket began. */
  #elapsed(): Micros {
    if (this.#bucketStart === null) return 0;
    const ticks = Math.floor((this.#now - this.#bucketStart) / this.settings.tick);
    return Math.min(ticks * this.settings.tick, this.#length());
  }

  #endLearning(time: Micros): void {
    const count = this.count;
    this.baseline = roundHalfEven((count * this.settings.bucket) / this.settings.learning);
    this.count = 0;
    if (this.baseline > 0) {
      this.#machine.switchTo("enforce_normal");
      this.#listener({ kind: "learned", time, count });
    } else {
      this.#attempts++;
      this.#listener({ kind: "restarted", time, count });
    }
  }

  /** After a long silence every further empty bucket decides the same: jump over all but the last. */
  #skipIdle(now: Micros): void {
    const length = this.#length();
    const whole = Math.floor((now - (this.#bucketStart as Micros)) / length);
    if (whole <= 1) return;
    this.#bucketStart = (this.#bucketStart as Micros) + (whole - 1) * length;
    if (this.state === "learn_baseline") this.#attempts += whole - 1;
  }
}

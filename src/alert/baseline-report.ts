/** What one series under a learned baseline says: its records and status lines. Pure: figures in, records out. */
import type { AlertEvent } from "../core/event.ts";
import { type Micros, SECOND } from "../core/units.ts";
import { type Band, scoreOf } from "./band.ts";
import type { Baseline } from "./baseline.ts";
import type { WindowQuality } from "./loss.ts";
import type { AlertMachine } from "./machine.ts";
import type { Measure } from "./measure.ts";
import {
  amountText,
  driftText,
  fireText,
  learningText,
  mostly,
  named,
  resolveText,
  restartText,
  subjectText,
  titleText,
  valueText,
} from "./messages.ts";
import { alertId, alertRecord, machineParts, qualityParts } from "./record.ts";
import type { BaselineRuleConfig } from "./schema.ts";
import type { WindowValue } from "./series.ts";
import { SUSTAINED_WINDOWS } from "./sustained.ts";
import { fillTemplates } from "./template.ts";

/** What one evaluation looked at. */
export interface Look extends WindowValue {
  readonly time: Micros;
  readonly band: Band | null;
  readonly quality: WindowQuality;
  /** The value is the median of the last windows (sustained.ts), the band that one's. */
  readonly sustained?: boolean;
}

/** What shows an alert. */
export type Evidence = Pick<AlertEvent, "contributors" | "samples">;

export class BaselineReport {
  readonly title: string;
  /** The title without the series. */
  readonly #subject: string;
  readonly #config: BaselineRuleConfig;
  readonly #measure: Measure;
  readonly #group: string | null;
  readonly #utcOffset: (time: Micros) => number;

  constructor(config: BaselineRuleConfig, measure: Measure, group: string | null, utcOffset: (time: Micros) => number) {
    this.title = titleText(measure.name, config.scope, group);
    this.#subject = subjectText(config.scope, group);
    this.#config = config;
    this.#measure = measure;
    this.#group = group;
    this.#utcOffset = utcOffset;
  }

  /** Learning begins again, for the `attempt`th time: nothing was there in the time watched. */
  restarted(time: Micros, attempt: number, watched: Micros): AlertEvent {
    const { name, scope, window, labels, annotations } = this.#config;
    return alertRecord(time, {
      id: alertId("r", name, this.#group, time),
      rule: name,
      scope,
      group: this.#group,
      state: "restarted",
      summary: restartText(this.#subject, this.#measure, attempt, watched),
      window_s: window / SECOND,
      value: 0,
      labels,
      annotations: { ...annotations, attempt: String(attempt), reason: "zero" },
    });
  }

  /** The baseline has been moving as fast as it may for hours. */
  drift(look: Look, baseline: Baseline): AlertEvent {
    const { name, drift_per_hour, labels, annotations } = this.#config;
    return alertRecord(look.time, {
      ...this.#figures(look, baseline, false),
      id: alertId("d", name, this.#group, look.time),
      state: "drift",
      summary: driftText(this.title, this.#measure, baseline.m, drift_per_hour),
      labels,
      annotations,
    });
  }

  transition(
    state: AlertEvent["state"],
    look: Look,
    machine: AlertMachine,
    baseline: Baseline,
    evidence: Evidence,
  ): AlertEvent {
    const { now } = machine;
    const { name, scope, labels, annotations } = this.#config;
    const low = now.direction === "low";
    const severity = now.critical ? "critical" : "warning";
    const figures = this.#figures(look, baseline, low);
    const names = {
      ...{ rule: name, scope, group: this.#group, state, severity, direction: now.direction },
      ...{ value: look.value, usual: figures.baseline?.m ?? null },
      limit: (low ? figures.baseline?.low : figures.baseline?.up) ?? null,
    };
    return alertRecord(look.time, {
      ...figures,
      ...machineParts(machine),
      ...evidence,
      id: alertId("a", name, this.#group, now.direction, now.active_at),
      state,
      severity,
      summary: this.#summary(state, look, machine, evidence),
      labels: fillTemplates(labels, names),
      annotations: fillTemplates(annotations, names),
    });
  }

  /** How learning goes, after a learned window. */
  learning(value: number, baseline: Baseline): string {
    const { window, learn_windows: wanted } = this.#config;
    const figures = { value, m: baseline.m, window, windows: baseline.learned, wanted };
    return learningText(this.#subject, this.#measure, figures);
  }

  learned(baseline: Baseline): string {
    const kind = baseline.final ? "Learned" : "Learned provisionally";
    return `${named(kind, this.#subject)}: usual ${amountText(this.#measure, baseline.m)} in ${this.#config.window / SECOND} s`;
  }

  status(look: Look | null, baseline: Baseline, state: string): string {
    const value = look?.value ?? null;
    const text = (figure: number) => valueText(this.#measure, figure);
    const seconds = this.#config.window / SECOND;
    const now = value === null ? "nothing to judge yet" : `${text(value)} in ${seconds} s`;
    if (look === null || look.band === null)
      return `Learning ${this.title}: ${now} (window ${baseline.windows} of ${this.#config.learn_windows})`;
    return `${this.title}: ${now}, usual ${text(look.band.m)}, limit ${text(look.band.up)}, ${state}`;
  }

  #summary(state: AlertEvent["state"], look: Look, { now }: AlertMachine, evidence: Evidence): string {
    const since = now.active_at ?? look.time;
    if (state === "resolved") {
      const length = (now.resolved_at ?? look.time) - since;
      const text = resolveText(this.title, this.#measure, length, now.peak, now.evaluations);
      return `${text}${mostly(evidence.contributors, "")}`;
    }
    const low = now.direction === "low";
    const text = fireText(this.title, this.#measure, {
      direction: low ? "low" : "high",
      value: look.value ?? 0,
      m: (low ? look.band?.lowM : look.band?.m) ?? 0,
      limit: (low ? look.band?.low : look.band?.up) ?? 0,
      window: this.#config.window,
      medianOf: look.sustained ? SUSTAINED_WINDOWS * this.#config.window : null,
      since,
      offset_min: this.#utcOffset(since),
      contributors: evidence.contributors,
      lossShare: look.quality.lossShare,
      suspect: look.quality.suspect,
    });
    return state === "firing" ? text : `${state.toUpperCase()} ${text}`;
  }

  /** What every record holds of the window and the baseline. */
  #figures({ time, value, band, quality }: Look, baseline: Baseline, low: boolean) {
    const { name, scope, window } = this.#config;
    const m = band === null ? null : low ? band.lowM : band.m;
    const score = value === null || band === null ? null : scoreOf(value, band, low ? "low" : "high");
    return {
      rule: name,
      scope,
      group: this.#group,
      window_s: window / SECOND,
      value,
      baseline: band === null || m === null ? null : baselineParts(time, band, m, baseline),
      delta_pct: value === null || m === null || m === 0 ? null : round(((value - m) / m) * 100),
      score: score === null ? null : round(score),
      quality: qualityParts(quality),
    };
  }
}

function baselineParts(time: Micros, band: Band, m: number, { since, windows }: Baseline): AlertEvent["baseline"] {
  return {
    mode: band.mode,
    m: round(m),
    s: round(band.s),
    up: round(band.up),
    low: round(band.low),
    age_s: since === null ? 0 : Math.round((time - since) / SECOND),
    windows,
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

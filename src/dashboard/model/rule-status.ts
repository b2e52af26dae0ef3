/**
 * What the alert engine says of its series, as the dashboards show it: with the rule's window, a countdown while it
 * learns, and "dismissed" for a while after an alert has ended. Keeps only when each series last learned a window.
 */
import type { SeriesStatus } from "../../alert/context.ts";
import type { AlertConfig, RuleConfig } from "../../alert/schema.ts";
import type { SeedState } from "../../alert/seed-profile.ts";
import { type Micros, SECOND } from "../../core/units.ts";
import type { Alerts, RuleState, RuleStatus } from "./alerts.ts";

/** How long an ended alert is told of where the rule has no window of its own. */
const DISMISSED: Micros = 120 * SECOND;

interface Learning {
  readonly windows: number;
  readonly attempt: number;
  readonly since: Micros;
}

export class RuleStatuses {
  private readonly config: Pick<AlertConfig, "rules" | "seed">;
  private readonly rules: ReadonlyMap<string, RuleConfig>;
  /** By rule and group; replaced as a whole at each reading, so it is as large as what there is. */
  private learning = new Map<string, Learning>();

  constructor(config: Pick<AlertConfig, "rules" | "seed">) {
    this.config = config;
    this.rules = new Map(config.rules.map((rule) => [rule.name, rule]));
  }

  /** `seed`: the state of the seed profile, where that is what watches. */
  read(series: readonly SeriesStatus[], alerts: Alerts, now: Micros, seed: SeedState | null = null): RuleStatus[] {
    const learning = new Map<string, Learning>();
    const found = series.map((one) => this.statusOf(one, alerts, now, seed, learning));
    this.learning = learning;
    return found;
  }

  private statusOf(
    series: SeriesStatus,
    alerts: Alerts,
    now: Micros,
    seed: SeedState | null,
    learning: Map<string, Learning>,
  ): RuleStatus {
    const rule = this.rules.get(series.rule);
    const window = this.windowOf(series, rule);
    const dismissed =
      series.state === "normal" &&
      (seed === "enforce_dismiss" || (seed === null && alerts.resolvedSince(series, now - (window ?? DISMISSED))));
    return {
      rule: series.rule,
      scope: rule?.scope ?? null,
      group: series.group,
      series: series.series,
      unit: series.unit,
      state: dismissed ? "dismissed" : stateOf(series),
      learning_left_s: stateOf(series) === "learning" ? this.learningLeft(series, window, now, learning) : null,
      window_s: window === null ? null : window / SECOND,
      value: series.value,
      usual: series.m === null ? null : { middle: series.m, low: series.low, up: series.up },
    };
  }

  private windowOf(series: SeriesStatus, rule: RuleConfig | undefined): Micros | null {
    if (rule?.kind === "baseline") return rule.window;
    if (rule === undefined && series.rule === "seed") return this.config.seed.bucket;
    return null;
  }

  /** Least time until it has learned enough to judge; null where the rule's learning has no windows. */
  private learningLeft(
    series: SeriesStatus,
    window: Micros | null,
    now: Micros,
    learning: Map<string, Learning>,
  ): number | null {
    if (window === null) return null;
    const key = `${series.rule}\x1f${series.group ?? ""}`;
    const before = this.learning.get(key);
    const same = before?.windows === series.windows && before.attempt === series.attempt;
    const current = same ? before : { windows: series.windows, attempt: series.attempt, since: now };
    learning.set(key, current);
    const rule = this.rules.get(series.rule);
    const wanted = rule?.kind === "baseline" ? rule.learn_provisional : series.windows_wanted;
    const length = rule === undefined ? this.config.seed.learning : window;
    return Math.max(0, Math.ceil(((wanted - series.windows) * length - (now - current.since)) / SECOND));
  }
}

function stateOf(series: SeriesStatus): RuleState {
  // a window that was not captured whole, as the first one, is not judged
  if (series.state === "not-covered") return series.m === null ? "learning" : "suspect";
  return series.suspect && series.state === "normal" ? "suspect" : series.state;
}

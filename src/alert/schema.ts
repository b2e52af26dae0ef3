/**
 * What can be configured about alerts: a zod schema that the configuration file embeds. In: durations as `"120s"`,
 * `"2m"`, `"24h"`, `"7d"` or a number of seconds; shares as a fraction (`0.1`) or `"10%"`. Out: `AlertConfig`, lengths
 * of time in microseconds. Every setting with its default is in docs/alerts.md.
 */
import { z } from "zod";
import { DAY, HOUR, MINUTE, type Micros, SECOND } from "../core/units.ts";
import { keyReader } from "./dimension.ts";

const UNITS: Readonly<Record<string, Micros>> = { ms: 1000, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };
export const MAX_WINDOW: Micros = HOUR;

/** `90`, `"90s"`, `"1m30s"`, `"24h"` as microseconds; null when it is none of these. */
export function parseDuration(input: string | number): Micros | null {
  if (typeof input === "number") return Number.isFinite(input) && input >= 0 ? Math.round(input * SECOND) : null;
  const text = input.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * SECOND);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) total += Number(amount) * UNITS[unit];
  return Math.round(total);
}

/** A length of time, at least `least` and at most `most`. What is in `meta` is for the reference of all settings. */
export const duration = (least: Micros = 0, most: Micros = 366 * DAY) =>
  z
    .union([z.string(), z.number()])
    .transform((input, context): Micros => {
      const parsed = parseDuration(input);
      if (parsed === null || parsed < least || parsed > most) {
        const limits = `from ${least / SECOND} s to ${most / SECOND} s`;
        context.addIssue({ code: "custom", message: `expected a length of time such as "120s" or "2m", ${limits}` });
        return z.NEVER;
      }
      return parsed;
    })
    .meta({ reads: "time" });

/** A share of one: `0.1` or `"10%"`. */
const share = z
  .union([z.string(), z.number()])
  .transform((input, context): number => {
    const percent = typeof input === "string" ? /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(input) : null;
    const value = percent === null ? Number(input) : Number(percent[1]) / 100;
    if (!(value >= 0) || !Number.isFinite(value)) {
      context.addIssue({ code: "custom", message: 'expected a share such as 0.1 or "10%"' });
      return z.NEVER;
    }
    return value;
  })
  .meta({ reads: "share" });

export const SERIES = [
  "requests",
  "errors",
  "latency_p95",
  "bytes_in",
  "bytes_out",
  "connections_without_response",
] as const;
export type SeriesName = (typeof SERIES)[number];

/** A dimension as rankings take it: `section`, `client`, `query:id`, … */
const dimensionName = z
  .string()
  .max(200)
  .superRefine((name, context) => {
    try {
      keyReader(name);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  });

const severity = z.enum(["info", "warning", "critical"]);
const name = z.string().min(1).max(100);
const labels = z.record(z.string().max(100), z.string().max(2000)).default({});

/** What every rule has. */
const common = {
  name,
  /** Filter: only events that match count. */
  scope: z.string().min(1).nullable().default(null),
  enabled: z.boolean().default(true),
  labels,
  annotations: labels,
};

/** One series for each value of a dimension. */
const grouped = {
  group_by: dimensionName.nullable().default(null),
  /** Groups with a series of their own; the rest is `other`. */
  group_limit: z.number().int().min(1).max(1000).default(50),
};

const baselineFields = {
  series: z.enum(SERIES).default("requests"),
  mode: z.enum(["frozen", "robust", "ewma", "seasonal"]).default("seasonal"),
  /** W: what is counted together. */
  window: duration(SECOND, MAX_WINDOW).default(120 * SECOND),
  /** E: how often the sliding window is looked at. */
  step: duration(SECOND, MAX_WINDOW).default(10 * SECOND),
  /** Windows after which a provisional baseline judges. */
  learn_provisional: z.number().int().min(1).max(1000).default(5),
  /** M: windows that the baseline rests on. */
  learn_windows: z.number().int().min(1).max(1000).default(30),
  /** Nothing seen while learning: begin again, or take zero as usual. Null: what suits the series. */
  zero_baseline: z.enum(["restart", "floor"]).nullable().default(null),
  /** p: share above the baseline. */
  p: share.default(0.1),
  /** z: spreads above (and below) the baseline. */
  z: z.number().min(0).default(3.5),
  /** a: least absolute distance; null takes the series' own (requests 20). */
  a: z.number().min(0).nullable().default(null),
  p_low: share.default(0.5),
  /** auto: on after 24 h learned. */
  low_side: z.enum(["auto", "on", "off"]).default("auto"),
  /** h: where between baseline and limit an alert clears. */
  h: z.number().min(0).max(1).default(0.7),
  for: duration().default(120 * SECOND),
  keep_firing_for: duration().default(240 * SECOND),
  half_life: duration(MINUTE).default(24 * HOUR),
  /** Most that the baseline moves in an hour. */
  drift_per_hour: share.default(0.05),
  /** Score from which an alert is critical. */
  critical_score: z.number().min(1).default(3),
  /** Least number of responses in a window for a share or a percentile. */
  minimum_count: z.number().int().min(1).default(20),
  dimensions: z.array(dimensionName).max(10).default(["section", "host", "client", "user-agent", "status"]),
};

const baselineRule = z
  .strictObject({ kind: z.literal("baseline"), ...common, ...grouped, ...baselineFields })
  .refine((rule) => rule.window % rule.step === 0, { message: "window must be a multiple of step", path: ["step"] })
  .refine((rule) => rule.learn_provisional <= rule.learn_windows, {
    message: "must not be more than learn_windows",
    path: ["learn_provisional"],
  });

const thresholdRule = z.strictObject({
  kind: z.literal("threshold"),
  ...common,
  ...grouped,
  /** `rate(requests[5m]) > 100`: see docs/alerts.md. */
  expr: z.string().min(1).max(500),
  step: duration(SECOND, MAX_WINDOW).default(10 * SECOND),
  for: duration().default(0),
  keep_firing_for: duration().default(0),
  minimum_count: z.number().int().min(1).default(20),
  severity: severity.default("warning"),
});

const absenceRule = z.strictObject({
  kind: z.literal("absence"),
  ...common,
  /** Fires after so long (of time that was really captured) without a matching exchange. */
  for: duration(SECOND).default(300 * SECOND),
  /** Wait for the first exchange before expecting more. */
  after_first: z.boolean().default(true),
  step: duration(SECOND, MAX_WINDOW).default(10 * SECOND),
  severity: severity.default("warning"),
});

const firstSeenRule = z.strictObject({
  kind: z.literal("first-seen"),
  ...common,
  /** A dimension; `route` is the path template. */
  of: dimensionName,
  /** What is seen in this time is taken as known. */
  learn: duration().default(HOUR),
  /** Values remembered. */
  memory: z.number().int().min(10).max(1_000_000).default(10_000),
  /** Notices in a minute at most; the rest is counted in the next one. */
  per_minute: z.number().int().min(1).max(1000).default(10),
  severity: severity.default("info"),
});

export const ruleSchema = z.discriminatedUnion("kind", [baselineRule, thresholdRule, absenceRule, firstSeenRule]);

const seedSchema = z.strictObject({
  bucket: duration(SECOND).default(120 * SECOND),
  learning: duration(SECOND).default(120 * SECOND),
  /** Percent. */
  threshold: z.number().min(0).default(10),
  retention: duration(SECOND).default(DAY),
  tick: duration(SECOND / 10).default(2 * SECOND),
});

export const alertSchema = z
  .strictObject({
    profile: z.enum(["default", "seed", "off"]).default("default"),
    rules: z.array(ruleSchema).max(200).default([]),
    seed: seedSchema.prefault({}),
    /** Closed alerts older than this are forgotten. */
    retention: duration(MINUTE).default(DAY),
    /** Share of lost packets, or of missing bytes, above which a window is suspect. */
    suspect_loss: share.default(0.01),
    /** Share of a window that must have been captured for it to count. */
    coverage: share.default(0.9),
    /** Capture down for so long: an alert of its own. */
    no_data_after: duration(SECOND).default(240 * SECOND),
    flapping: z
      .strictObject({ firings: z.number().int().min(1).default(4), within: duration(MINUTE).default(HOUR) })
      .prefault({}),
    /** A saved state older than this is not used. */
    state_max_age: duration(MINUTE).default(7 * DAY),
    /** Also give out `pending` records. */
    announce_pending: z.boolean().default(false),
  })
  .refine((config) => new Set(config.rules.map((rule) => rule.name)).size === config.rules.length, {
    message: "two rules have the same name",
    path: ["rules"],
  });

export type AlertConfig = z.output<typeof alertSchema>;
/** As a person writes it. */
export type AlertConfigInput = z.input<typeof alertSchema>;
export type RuleConfig = AlertConfig["rules"][number];
export type BaselineRuleConfig = z.output<typeof baselineRule>;
export type ThresholdRuleConfig = z.output<typeof thresholdRule>;
export type AbsenceRuleConfig = z.output<typeof absenceRule>;
export type FirstSeenRuleConfig = z.output<typeof firstSeenRule>;

/** Checks and completes a configuration. */
export function alertConfig(input: AlertConfigInput = {}): AlertConfig {
  return withDefaultRule(alertSchema.parse(input));
}

/** With no rules given, profile `default` watches the requests. */
export function withDefaultRule(config: AlertConfig): AlertConfig {
  if (config.profile !== "default" || config.rules.length > 0) return config;
  return { ...config, rules: [baselineRule.parse({ kind: "baseline", name: "requests" })] };
}

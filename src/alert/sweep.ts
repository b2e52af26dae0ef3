/**
 * Sweeps: the same traffic through a configuration with one setting at several values, in one pass. Takes the setting's
 * name and values as text; gives a row for each. Pure.
 */
import type { EarshotEvent } from "../core/event.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Micros } from "../core/units.ts";
import { Backtest, type BacktestOptions } from "./backtest.ts";
import type { DurationStatistics } from "./history.ts";
import type { LossDelta } from "./loss.ts";
import { lengthText } from "./messages.ts";
import { type AlertConfig, type AlertConfigInput, alertConfig } from "./schema.ts";

/** Each value is a whole engine. */
const MOST_VALUES = 50;

export interface SweepRow {
  readonly value: string;
  readonly alerts: number;
  readonly records: number;
  readonly critical: number;
  /** When the first one fired; RFC 3339. */
  readonly first: string | null;
  readonly durations: DurationStatistics;
}

export class Sweep {
  readonly setting: string;
  readonly #tests: { value: string; test: Backtest }[];

  /** `setting`: `z`, `requests.for`, `seed.threshold`, `suspect_loss`. Throws Trouble when it does not exist. */
  constructor(config: AlertConfigInput, setting: string, values: readonly string[], options: BacktestOptions = {}) {
    if (values.length === 0 || values.length > MOST_VALUES)
      throw new Trouble(`--sweep ${setting} needs 1 to ${MOST_VALUES} values`, {
        exitCode: EXIT.usage,
        hint: `write it like --sweep ${setting}=2,3,4`,
      });
    this.setting = setting;
    this.#tests = values.map((value) => ({ value, test: new Backtest(withSetting(config, setting, value), options) }));
  }

  observe(event: EarshotEvent): void {
    for (const { test } of this.#tests) test.observe(event);
  }

  observeLedger(delta: LossDelta, time: Micros): void {
    for (const { test } of this.#tests) test.observeLedger(delta, time);
  }

  advance(now: Micros): void {
    for (const { test } of this.#tests) test.advance(now);
  }

  finish(): SweepRow[] {
    return this.#tests.map(({ value, test }) => {
      const report = test.finish();
      const fired = report.alerts.filter(({ event }) => event.fired_at !== null);
      return {
        value,
        alerts: fired.length,
        records: report.records.length + report.records_left_out,
        critical: fired.filter(({ event }) => event.severity === "critical").length,
        first: fired.map(({ event }) => event.fired_at as string).sort()[0] ?? null,
        durations: report.durations,
      };
    });
  }
}

/** One setting at each of its values, over events in the order in which they ended. */
export function sweep(
  config: AlertConfigInput,
  setting: string,
  values: readonly string[],
  events: Iterable<EarshotEvent>,
  options: BacktestOptions = {},
): SweepRow[] {
  const run = new Sweep(config, setting, values, options);
  for (const event of events) run.observe(event);
  return run.finish();
}

/** `--rule z=4` in its two parts. The name of a rule may hold blanks. */
export function parseSetting(
  text: string,
  option = "--rule",
  example = "z=4, or NAME.z=4",
): { setting: string; value: string } {
  const parts = /^\s*([^=]*[\w-])\s*=\s*(\S.*?)\s*$/.exec(text);
  if (parts !== null) return { setting: parts[1], value: parts[2] };
  throw new Trouble(`${option} ${text}: not understood`, {
    exitCode: EXIT.usage,
    hint: `write it like ${option} ${example}`,
  });
}

/** `--sweep z=2,3,4` in its two parts. */
export function parseSweep(text: string): { setting: string; values: string[] } {
  const { setting, value } = parseSetting(text, "--sweep", "z=2,3,4");
  return {
    setting,
    values: value
      .split(",")
      .map((value) => value.trim())
      .filter((value) => value !== ""),
  };
}

/** A configuration with one setting changed: of one rule (`NAME.SETTING`), of every rule that knows it, or its own. */
export function withSetting(config: AlertConfigInput, setting: string, value: string): AlertConfig {
  return alertConfig(changeSetting(config, setting, value));
}

/** The same as a person would have written it, to be changed further. Throws Trouble when it would be wrong. */
export function changeSetting(config: AlertConfigInput, setting: string, value: string): AlertConfigInput {
  const typed: unknown =
    value === "true" || value === "false" ? value === "true" : /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  const dot = setting.lastIndexOf(".");
  const [owner, key] = dot === -1 ? [null, setting] : [setting.slice(0, dot), setting.slice(dot + 1)];
  if (owner === "seed" && config.profile === "seed")
    return checked({ ...config, seed: { ...config.seed, [key]: typed } }, setting, value);
  const rules = config.rules?.length ? config.rules : [{ kind: "baseline" as const, name: "requests" }];
  if (owner === null && Object.hasOwn(alertConfig(), key) && key !== "rules")
    return checked({ ...config, [key]: typed }, setting, value);
  const named = owner === null ? rules : rules.filter((rule) => rule.name === owner);
  const knowing = named.filter((rule) => knows(rule, key));
  if (knowing.length === 0 || config.profile === "seed")
    throw new Trouble(`there is no alert setting ${setting}`, {
      exitCode: EXIT.usage,
      hint: "Name a setting of docs/alerts.md, or RULE.SETTING for one rule.",
    });
  const changed = rules.map((rule) =>
    knowing.includes(rule) ? { ...rule, [key]: typed } : rule,
  ) as AlertConfigInput["rules"];
  return checked({ ...config, rules: changed }, setting, value);
}

/** Whether the schema of this rule's kind has the setting. */
function knows(rule: NonNullable<AlertConfigInput["rules"]>[number], key: string): boolean {
  if (["kind", "name"].includes(key)) return false;
  return Object.hasOwn(alertConfig({ rules: [rule] }).rules[0], key);
}

function checked(config: AlertConfigInput, setting: string, value: string): AlertConfigInput {
  try {
    alertConfig(config);
    return config;
  } catch (error) {
    const issues = (error as { issues?: { message: string }[] }).issues ?? [];
    throw new Trouble(`alert setting ${setting} cannot be ${value}`, {
      exitCode: EXIT.usage,
      hint: issues.map((issue) => issue.message).join("; "),
      cause: error,
    });
  }
}

/** The rows as an aligned table. */
export function sweepLines(setting: string, rows: readonly SweepRow[]): string[] {
  const text = (seconds: number | null) => (seconds === null ? "-" : lengthText(seconds * 1e6));
  const cells = rows.map(({ value, alerts, critical, first, durations }) => [
    value,
    String(alerts),
    String(critical),
    text(durations.max_with_open_s),
    text(durations.mean_with_open_s),
    durations.pct_time_in_alert === null ? "-" : `${durations.pct_time_in_alert.toFixed(1)} %`,
    first === null ? "-" : `${first.slice(0, 19).replace("T", " ")}Z`,
  ]);
  const table = [[setting, "alerts", "critical", "longest", "average", "in alert", "first fired"], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || column === 6 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** The door to notifications: all of them opened from the configuration, and a test record sent through each. */
import type { AlertEvent } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import { formatTime, type Micros } from "../../core/units.ts";
import { Notifier, type NotifierOptions } from "./notifier.ts";
import type { NotifierConfig } from "./schema.ts";

/** One sink for each notifier that is enabled. Throws Trouble on a wrong filter or a file that cannot be opened. */
export function openNotifiers(configs: readonly NotifierConfig[], options: NotifierOptions): Notifier[] {
  return configs.filter((config) => config.enabled).map((config) => new Notifier(config, options));
}

export interface NotifyTestResult {
  readonly notifier: string;
  readonly ok: boolean;
  /** What went wrong; null when nothing did. */
  readonly error: string | null;
}

/** Sends a sample record through every notifier, one try each, and says how it went. */
export async function notifyTest(
  configs: readonly NotifierConfig[],
  options: Omit<NotifierOptions, "ledger" | "onFailure">,
  now: Micros,
): Promise<NotifyTestResult[]> {
  const sample = sampleAlert(now);
  const enabled = configs.filter((config) => config.enabled);
  return Promise.all(enabled.map((config) => testOne({ ...config, attempts: 1 }, options, sample)));
}

async function testOne(
  config: NotifierConfig,
  options: Omit<NotifierOptions, "ledger" | "onFailure">,
  sample: AlertEvent,
): Promise<NotifyTestResult> {
  const ledger = new Ledger();
  let failure: Error | null = null;
  const close_timeout_ms = config.timeout_s * 1000 + 500;
  const onFailure = (_: string, error: Error) => {
    failure = error;
  };
  const notifier = new Notifier(config, { ...options, ledger, close_timeout_ms, onFailure });
  notifier.force(sample);
  await notifier.close();
  const lost = ledger.sinkDropped.size > 0;
  const error = failure as Error | null;
  const text = error === null ? (lost ? "not taken in time" : null) : describe(error);
  return { notifier: notifier.name, ok: text === null, error: text };
}

/** Node hides the reason of a failed fetch in the cause. */
function describe(error: Error): string {
  const cause = error.cause;
  return cause instanceof Error && cause.message !== "" ? `${error.message}: ${cause.message}` : error.message;
}

/** A record that says that it is a test, with every part that receivers show. */
export function sampleAlert(now: Micros): AlertEvent {
  const time = formatTime(now);
  return {
    type: "alert",
    time,
    time_us: now,
    id: "a-test",
    rule: "test",
    scope: null,
    group: null,
    state: "firing",
    direction: "high",
    severity: "info",
    summary: "TEST of earshot's notifications: 412 in 120 s, usual 250 (+65 %, limit 310); nothing is wrong",
    active_at: time,
    fired_at: time,
    last_breach_at: time,
    resolved_at: null,
    window_s: 120,
    value: 412,
    peak: 412,
    baseline: { mode: "robust", m: 250, s: 17.2, up: 310.2, low: 125, age_s: 86_400, windows: 30 },
    delta_pct: 64.8,
    score: 2.69,
    contributors: [
      {
        dimension: "section",
        key: "http://shop.example/login",
        now: 280,
        usual: 31,
        share_of_excess: 0.94,
        new: false,
      },
    ],
    samples: ["x-1", "x-2", "x-3"],
    quality: { dropped: 0, gap_bytes: 0, unmatched: 0, suspect: false },
    reopened: 0,
    evaluations: 13,
    labels: { test: "true" },
    annotations: {},
  };
}

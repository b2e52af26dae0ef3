/** Traffic in which nothing is wrong, and traffic that steps up: what the power of alerts is measured on. */
import type { AlertConfigInput } from "../../src/alert/schema.ts";
import { gamma, poisson, random, run, STEPS_PER_WINDOW } from "./alert-traffic.ts";

export type Traffic = (mean: number, next: () => number) => (step: number) => number;

export const stationary: Traffic = (mean, next) => () => poisson(mean / STEPS_PER_WINDOW, next);

/** Rate drawn anew every so many steps, with this gamma shape: a negative binomial count. */
export const bursts =
  (shape: number, steps: number): Traffic =>
  (mean, next) => {
    let rate = 1;
    return (step) => {
      if (step % steps === 0) rate = gamma(shape, next);
      return poisson((mean / STEPS_PER_WINDOW) * rate, next);
    };
  };

/** Off half of the time, changing with this chance at each step. */
export const onOff =
  (chance: number): Traffic =>
  (mean, next) => {
    let on = true;
    return () => {
      if (next() < chance) on = !on;
      return on ? poisson((2 * mean) / STEPS_PER_WINDOW, next) : 0;
    };
  };

export const QUIET_TRAFFIC: Readonly<Record<string, Traffic>> = {
  "bursts of 10 s (negative binomial, shape 1)": bursts(1, 1),
  "bursts of 60 s (negative binomial, shape 2)": bursts(2, 6),
  "on and off for 30 s": onOff(1 / 3),
  "on and off for two minutes": onOff(1 / 12),
};

export interface StepRuns {
  /** Requests a window before the step, and by what they are multiplied. */
  readonly mean: number;
  readonly factor: number;
  readonly runs: number;
  readonly config?: AlertConfigInput;
  /** Windows learned before the step. */
  readonly learned?: number;
}

const THREE_HOURS = 1080;

/** Seconds from a step to its alert in each run, ascending; infinite where none came in three hours. */
export function timesToFire({ mean, factor, runs, config = {}, learned = 40 }: StepRuns): number[] {
  return Array.from({ length: runs }, (_, seed) => {
    const next = random(seed * 7919 + mean);
    const simulation = run(config);
    simulation.steps(learned * STEPS_PER_WINDOW, () => poisson(mean / STEPS_PER_WINDOW, next));
    const changed = simulation.time();
    const before = simulation.fired().length;
    for (let step = 0; step < THREE_HOURS && simulation.fired().length === before; step++)
      simulation.steps(1, () => poisson((factor * mean) / STEPS_PER_WINDOW, next));
    const fired = simulation.fired()[before];
    if (fired !== undefined && fired.time_us - Date.parse(fired.active_at ?? "") * 1000 < 120e6)
      throw new Error("an alert fired before its breach had held for two minutes");
    return fired === undefined ? Number.POSITIVE_INFINITY : (fired.time_us - changed) / 1e6;
  }).sort((a, b) => a - b);
}

export const missedShare = (times: readonly number[]): number =>
  times.filter((time) => time === Number.POSITIVE_INFINITY).length / times.length;

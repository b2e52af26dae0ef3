/** Made-up traffic for alert tests: counts by chance, and an engine fed with them. Deterministic: seeded. */
import { AlertEngine, type AlertEngineOptions } from "../../src/alert/engine.ts";
import { type AlertConfigInput, alertConfig } from "../../src/alert/schema.ts";
import type { AlertEvent } from "../../src/core/event.ts";
import { type Micros, SECOND } from "../../src/core/units.ts";

/** A Tuesday, 0:00 UTC. */
export const START: Micros = Date.UTC(2024, 0, 2) * 1000;
export const STEP: Micros = 10 * SECOND;
export const STEPS_PER_WINDOW = 12;
export const STEPS_PER_DAY = 8640;

/** Random numbers in [0, 1), the same for the same seed. */
export function random(seed: number): () => number {
  // neighbouring seeds must not give neighbouring numbers
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** A Poisson count: exact for small means, by the square root of a normal for large ones. */
export function poisson(mean: number, next: () => number): number {
  if (mean <= 0) return 0;
  if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(next)));
  const limit = Math.exp(-mean);
  let count = -1;
  for (let product = 1; product > limit; count++) product *= next();
  return count;
}

/** A gamma variate of this shape and mean 1 (Marsaglia and Tsang). */
export function gamma(shape: number, next: () => number): number {
  if (shape < 1) return (gamma(shape + 1, next) * (shape + 1) * next() ** (1 / shape)) / shape;
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(next);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / shape;
  }
}

export interface Run {
  readonly engine: AlertEngine;
  readonly events: AlertEvent[];
  /** Feeds steps of 10 s; `count(step)` gives the requests of each. Steps go on from the last call. */
  steps(number: number, count: (step: number) => number): void;
  /** Steps fed so far. */
  done: number;
  time(): Micros;
  fired(): AlertEvent[];
}

export function run(config: AlertConfigInput = {}, options: Partial<AlertEngineOptions> = {}): Run {
  const events: AlertEvent[] = [];
  const engine = new AlertEngine(alertConfig(config), { ...options, emit: (event) => events.push(event) });
  engine.advance(START);
  const self: Run = {
    engine,
    events,
    done: 0,
    time: () => START + self.done * STEP,
    steps(number, count) {
      for (let index = 0; index < number; index++) {
        const requests = count(self.done);
        if (requests > 0) engine.observeCount(self.time() + 5 * SECOND, requests);
        self.done++;
        engine.advance(self.time());
      }
    },
    fired: () => events.filter((event) => event.state === "firing" && event.reopened === 0),
  };
  return self;
}

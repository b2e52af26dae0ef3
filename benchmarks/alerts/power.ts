/**
 * How much the learned baselines see, and at what price in false alarms, by simulation: time from a step to its alert
 * and the share of steps that are missed; alerts a day on traffic in which nothing is wrong.
 *
 *   node benchmarks/alerts/power.ts [runs] [days]     # 200 runs of each step, 60 days of each traffic
 */

import type { AlertConfigInput } from "../../src/alert/schema.ts";
import { missedShare, QUIET_TRAFFIC, stationary, timesToFire } from "../../test/support/alert-power.ts";
import { random, run, STEPS_PER_DAY } from "../../test/support/alert-traffic.ts";

const [runs = 200, days = 60] = process.argv.slice(2).map(Number);
const settings = JSON.parse(process.env.EARSHOT_BENCH_RULE ?? "{}") as object;
const config: AlertConfigInput = { rules: [{ kind: "baseline", name: "requests", ...settings }] };

const STEPS: readonly (readonly [mean: number, factor: number])[] = [
  [20, 2],
  [50, 1.3],
  [50, 1.5],
  [100, 1.15],
  [100, 1.3],
  [100, 1.5],
  [200, 1.3],
  [500, 1.15],
  [500, 1.3],
  [5000, 1.15],
];

console.log("step: requests a window, factor; median seconds to fire; missed in 3 h");
for (const [mean, factor] of STEPS) {
  const times = timesToFire({ mean, factor, runs, config });
  const median = times[times.length >> 1];
  console.log(
    `${String(mean).padStart(5)} × ${factor.toFixed(2)}  ${String(median).padStart(8)}  ${(100 * missedShare(times)).toFixed(0).padStart(3)} %`,
  );
}

console.log("\nnothing wrong: alerts a day");
for (const [name, traffic] of Object.entries({ "by chance alone": stationary, ...QUIET_TRAFFIC }))
  for (const mean of [5, 20, 50, 100, 200, 500, 1000, 5000]) {
    const simulation = run(config);
    simulation.steps(days * STEPS_PER_DAY, traffic(mean, random(mean + 17)));
    console.log(`${name.padEnd(44)} ${String(mean).padStart(5)}  ${(simulation.fired().length / days).toFixed(3)}`);
  }

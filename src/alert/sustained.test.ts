/** The median of the last five windows, its limit, and an alert that only it shows. */
import { expect, test } from "vitest";
import { poisson, random, run, STEPS_PER_WINDOW } from "../../test/support/alert-traffic.ts";
import { MINUTE, SECOND } from "../core/units.ts";
import { bandOf } from "./band.ts";
import { MEASURES } from "./measure.ts";
import { alertConfig, type BaselineRuleConfig } from "./schema.ts";
import { Sustained, sustainedBand } from "./sustained.ts";

const { requests } = MEASURES;
const rule = alertConfig({ rules: [{ kind: "baseline", name: "r" }] }).rules[0] as BaselineRuleConfig;

test("the median is of five windows that do not overlap, and one burst does not move it", () => {
  const sustained = new Sustained(2 * MINUTE, 10 * SECOND);
  for (let evaluation = 0; evaluation < 48; evaluation++) {
    sustained.add(0.1);
    expect(sustained.median).toBeNull();
  }
  // a burst is in twelve evaluations, that is in one window of the five, or two
  for (let evaluation = 0; evaluation < 12; evaluation++) sustained.add(9);
  expect(sustained.median).toBe(0.1);
  for (let evaluation = 0; evaluation < 36; evaluation++) sustained.add(0.8);
  expect(sustained.median).toBe(0.8);
  sustained.clear();
  expect(sustained.median).toBeNull();
});

test("what is kept is bounded, also of windows with very many steps", () => {
  const sustained = new Sustained(2 * MINUTE, 10 * SECOND);
  const long = new Sustained(60 * MINUTE, SECOND);
  for (let evaluation = 0; evaluation < 10_000; evaluation++) {
    sustained.add(evaluation);
    long.add(evaluation);
  }
  expect(sustained.serialize()).toHaveLength(49);
  expect(long.serialize()).toHaveLength(0);
  const again = new Sustained(2 * MINUTE, 10 * SECOND);
  again.restore([...Array(500).fill(0), ...sustained.serialize()]);
  expect(again.serialize()).toEqual(sustained.serialize());
});

test("the limit is nearer for traffic that comes by chance alone, and where it was for any other", () => {
  const by = (s: number) => bandOf(rule, requests, { m: 400, s }, null);
  const calm = sustainedBand(rule, 20, by(20), 20, 30);
  expect(by(20).up).toBe(470);
  expect(calm.up).toBeGreaterThan(440);
  expect(calm.up).toBeLessThan(450);
  expect(sustainedBand(rule, 20, by(200), 20, 30).up).toBeCloseTo(by(200).up, -1);
  // never nearer than what the rule says does not matter
  expect(sustainedBand(rule, 90, by(20), 20, 30).up).toBe(by(20).up);
});

test("an excess that only five windows show: told as that, over when they say so, and not told again", () => {
  const next = random(6);
  const simulation = run();
  const at = (mean: number) => () => poisson(mean / STEPS_PER_WINDOW, next);
  simulation.steps(60 * STEPS_PER_WINDOW, at(500));
  simulation.steps(15 * STEPS_PER_WINDOW, at(570));
  simulation.steps(30 * STEPS_PER_WINDOW, at(500));
  expect(simulation.fired()).toHaveLength(1);
  expect(simulation.events.filter((event) => event.state === "resolved")).toHaveLength(1);
  expect(simulation.events.at(-1)?.state).toBe("resolved");
  const [fired] = simulation.fired();
  expect(fired.summary).toMatch(/in 120 s \(median of 10 m\), usual (49|50)\d/);
  expect(fired.value).toBeGreaterThan(fired.baseline?.up ?? 0);
  expect(fired.score).toBeGreaterThan(1);
});

test("a restart in the midst of it changes nothing", () => {
  const whole = run();
  const next = random(5);
  const counts = Array.from({ length: 90 * STEPS_PER_WINDOW }, (_, step) =>
    poisson((step < 60 * STEPS_PER_WINDOW ? 500 : 570) / STEPS_PER_WINDOW, next),
  );
  whole.steps(counts.length, (step) => counts[step]);
  for (const cut of [60 * STEPS_PER_WINDOW + 20, 64 * STEPS_PER_WINDOW + 3, 70 * STEPS_PER_WINDOW]) {
    const first = run();
    first.steps(cut, (step) => counts[step]);
    const second = run();
    second.engine.restore(JSON.parse(JSON.stringify(first.engine.serialize())), first.time());
    second.done = cut;
    second.steps(counts.length - cut, (step) => counts[step]);
    expect([...first.events, ...second.events].map(({ summary }) => summary)).toEqual(
      whole.events.map(({ summary }) => summary),
    );
  }
});

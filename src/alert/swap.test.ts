/** Other rules in a running engine, by way of its saved state: rules that watch the same lose nothing of what they know. */
import { expect, test } from "vitest";
import { poisson, random, START, STEP, STEPS_PER_WINDOW } from "../../test/support/alert-traffic.ts";
import type { AlertEvent } from "../core/event.ts";
import { SECOND } from "../core/units.ts";
import { AlertEngine } from "./engine.ts";
import { type AlertConfigInput, alertConfig } from "./schema.ts";

const shop = { kind: "baseline", name: "shop" } as const;
const errors = { kind: "threshold", name: "many", expr: "count(requests[2m]) > 1000000" } as const;
const first = { kind: "first-seen", name: "agents", of: "user-agent" } as const;

/** Feeds the same traffic; `swaps` are the rules from a step on. */
function told(
  swaps: Readonly<Record<number, AlertConfigInput>>,
  steps: number,
  compile?: (filter: string) => () => boolean,
) {
  const events: AlertEvent[] = [];
  const emit = (event: AlertEvent) => void events.push(event);
  const next = random(3);
  let engine = new AlertEngine(alertConfig(swaps[0]), { emit, compile });
  engine.advance(START);
  for (let step = 0; step < steps; step++) {
    const rules = swaps[step];
    if (rules !== undefined && step > 0) {
      const saved = engine.serialize();
      engine = new AlertEngine(alertConfig(rules), { emit });
      engine.restore(saved, saved.now as number);
    }
    const flood = step > 45 * STEPS_PER_WINDOW && step < 48 * STEPS_PER_WINDOW ? 4 : 1;
    engine.observeCount(START + step * STEP + 5 * SECOND, poisson((flood * 300) / STEPS_PER_WINDOW, next));
    engine.advance(START + (step + 1) * STEP);
  }
  return { engine, events };
}

const STEPS = 55 * STEPS_PER_WINDOW;

test("rules come and go beside one that stays: it says and knows exactly what it would have without", () => {
  const alone = told({ 0: { rules: [shop] } }, STEPS);
  // while it learns, in the midst of a window, while pending, firing, resolving
  for (const at of [7, 301, 45 * STEPS_PER_WINDOW + 6, 46 * STEPS_PER_WINDOW + 7, 49 * STEPS_PER_WINDOW]) {
    const swapped = told(
      { 0: { rules: [first, shop] }, [at]: { rules: [shop, errors] }, [at + 20]: { rules: [errors, shop, first] } },
      STEPS,
    );
    expect(swapped.events).toEqual(alone.events);
    const state = (engine: AlertEngine) => engine.serialize().rules.find(({ name }) => name === "shop");
    expect(state(swapped.engine)).toEqual(state(alone.engine));
  }
  expect(alone.events.map((event) => event.state)).toEqual(["firing", "resolving", "resolved"]);
});

test("a changed limit is judged by what was learned; a changed window learns anew, and its open alert ends", () => {
  const at = 47 * STEPS_PER_WINDOW;
  const limit = told({ 0: { rules: [shop] }, [at]: { rules: [{ ...shop, z: 50 }] } }, at + 2);
  expect(limit.engine.status()[0]).toMatchObject({ windows: 30, state: "firing" });
  const window = told({ 0: { rules: [shop] }, [at]: { rules: [{ ...shop, window: "60s" }] } }, at + 2);
  expect(window.engine.status()[0]).toMatchObject({ windows: 0, state: "learning" });
  expect(window.events.map(({ state }) => state)).toEqual(["firing", "resolved"]);
});

test("silences, acknowledgements and history stay", () => {
  const at = 47 * STEPS_PER_WINDOW;
  const { engine, events } = told({ 0: { rules: [shop] } }, at, () => () => true);
  engine.acknowledge(events[0].id, "known");
  const silence = engine.silence('rule == "shop"', 3600 * SECOND);
  expect(silence.id).toMatch(/^q-/);
  const again = new AlertEngine(alertConfig({ rules: [shop, errors] }), { emit: () => {}, compile: () => () => true });
  again.restore(JSON.parse(JSON.stringify(engine.serialize())), engine.now as number);
  expect(again.silences()).toEqual(engine.silences());
  expect(again.alerts()).toEqual(engine.alerts());
  expect(again.durations()).toEqual(engine.durations());
});

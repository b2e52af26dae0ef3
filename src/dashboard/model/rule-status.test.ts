import { expect, test } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { AlertEngine } from "../../alert/engine.ts";
import { alertConfig } from "../../alert/schema.ts";
import type { AlertEvent } from "../../core/event.ts";
import { SECOND } from "../../core/units.ts";
import { Alerts } from "./alerts.ts";
import { RuleStatuses } from "./rule-status.ts";

const START = 1_700_000_000 * SECOND;

/** Feeds an engine second by second and reads its rules after each. */
function watch(config: Parameters<typeof alertConfig>[0], seconds: number, perSecond: (second: number) => number) {
  const parsed = alertConfig(config);
  const alerts = new Alerts();
  const engine = new AlertEngine(parsed, { emit: (event: AlertEvent) => alerts.event(event), clock: "live" });
  const statuses = new RuleStatuses(parsed);
  const seen: string[] = [];
  const left: (number | null)[] = [];
  let last = statuses.read(engine.status(), alerts, START);
  for (let second = 0; second < seconds; second++) {
    const now = START + second * SECOND;
    engine.advance(now);
    for (let index = 0; index < perSecond(second); index++) engine.observe(transaction({ time_us: now }));
    last = statuses.read(engine.status(), alerts, now, engine.seed?.state ?? null);
    if (seen.at(-1) !== last[0].state) seen.push(last[0].state);
    left.push(last[0].learning_left_s);
  }
  return { seen, left, last: last[0], alerts };
}

test("the seed profile: learning counts down, then normal, firing, dismissed, normal", () => {
  const { seen, left, last } = watch({ profile: "seed" }, 700, (second) => (second >= 240 && second < 360 ? 3 : 1));
  expect(seen).toEqual(["learning", "normal", "firing", "dismissed", "normal"]);
  expect(left[0]).toBe(120);
  expect(left[60]).toBe(60);
  expect(left[600]).toBeNull();
  expect(last).toMatchObject({ rule: "seed", window_s: 120, usual: { middle: 120 } });
});

test("a baseline rule: counts down to its provisional baseline, and has a band afterwards", () => {
  const rule = {
    kind: "baseline",
    name: "requests",
    window: 10,
    step: 10,
    learn_provisional: 3,
    learn_windows: 6,
  } as const;
  const { seen, left, last } = watch({ rules: [{ ...rule }] }, 120, () => 5);
  expect(seen.slice(0, 2)).toEqual(["learning", "normal"]);
  const during = left.filter((value): value is number => value !== null);
  expect(during[0]).toBe(30);
  for (let index = 1; index < during.length; index++) expect(during[index]).toBeLessThanOrEqual(during[index - 1] + 10);
  expect(last.usual!.up).toBeGreaterThan(last.usual!.middle);
  expect(last.window_s).toBe(10);
});

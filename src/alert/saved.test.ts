/** A saved state changed while nothing runs: an engine that goes on from it knows, and has lost nothing. */
import { expect, test } from "vitest";
import { run } from "../../test/support/alert-traffic.ts";
import type { AlertEvent } from "../core/event.ts";
import { DAY, MINUTE } from "../core/units.ts";
import { compileFilter } from "../filter/filter.ts";
import { applyAlertCommand } from "./command.ts";
import { AlertEngine } from "./engine.ts";
import { SavedAlerts } from "./saved.ts";
import { alertConfig } from "./schema.ts";
import type { EngineSnapshot } from "./state.ts";

const compile = (text: string) => compileFilter(text).matches;

function stopped() {
  const before = run({}, { compile });
  before.steps(540, () => 20);
  before.steps(40, () => 40);
  const state = JSON.parse(JSON.stringify(before.engine.serialize())) as EngineSnapshot;
  const now = before.time() + MINUTE;
  return { before, state, now, saved: new SavedAlerts(state, { compile, retention: DAY, now }) };
}

test("only looked at, it is as it was", () => {
  const { state, saved, before } = stopped();
  expect(saved.alerts().map(({ event }) => event.state)).toEqual(["firing"]);
  expect(saved.durations()).toMatchObject({ count: 0, open: 1 });
  expect(saved.rules()).toEqual(["requests"]);
  expect(saved.alert(before.events[0].id)?.event.state).toBe("firing");
  expect(saved.serialize()).toEqual(state);
});

test("what people say holds when an engine goes on", () => {
  const { before, saved, now } = stopped();
  const [{ id }] = before.events;
  applyAlertCommand(saved, { do: "ack", id, comment: "deploy" });
  applyAlertCommand(saved, { do: "silence", filter: 'rule == "requests"', for: "2h" });
  expect(() => applyAlertCommand(saved, { do: "ack", id: "a-none" })).toThrow(/no alert a-none is open/);
  expect(() => applyAlertCommand(saved, { do: "relearn", rule: "none" })).toThrow(/no alert rule none/);
  const after = run({}, { compile });
  after.engine.restore(saved.serialize(), now);
  expect(after.engine.status()[0].windows).toBe(before.engine.status()[0].windows);
  expect(after.engine.alert(id)?.acknowledged).toEqual({ time_us: now, comment: "deploy" });
  expect(after.engine.silences()).toEqual(saved.silences());
});

test("a rule that is to learn anew does, and its open alert ends", () => {
  const { saved, now } = stopped();
  applyAlertCommand(saved, { do: "relearn", rule: "requests" });
  const events: AlertEvent[] = [];
  const engine = new AlertEngine(alertConfig(), { compile, emit: (event) => events.push(event) });
  expect(engine.restore(saved.serialize(), now)).toEqual({ resumed: [], relearned: ["requests"] });
  expect(events.map((event) => event.state)).toEqual(["resolved"]);
});

test("a silence whose filter is gone is dropped alone", () => {
  const { state, now } = stopped();
  const silence = { id: "q-1", filter: "@gone", from_us: 0, until_us: now + DAY, comment: null };
  const saved = new SavedAlerts({ ...state, silences: [silence] }, { compile, retention: DAY, now });
  expect(saved.silences()).toEqual([]);
  expect(saved.alerts()).toHaveLength(1);
});

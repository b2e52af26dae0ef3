import { expect, test } from "vitest";
import { Traffic } from "../../../test/support/dashboard-traffic.ts";
import type { AlertEvent } from "../../core/event.ts";
import { formatTime, SECOND } from "../../core/units.ts";
import { Alerts } from "./alerts.ts";
import { Bands } from "./bands.ts";

const START = 1_700_000_000 * SECOND;
const made = [...new Traffic(20).between(START, START + 100 * SECOND)].find((event) => event.type === "alert");

function alert(id: string, state: AlertEvent["state"], second: number, change: Partial<AlertEvent> = {}): AlertEvent {
  const time = formatTime(START + second * SECOND);
  return {
    ...(made as AlertEvent),
    id,
    state,
    time,
    time_us: START + second * SECOND,
    resolved_at: state === "resolved" ? time : null,
    ...change,
  };
}

test("an alert from pending to resolved is one record with its length", () => {
  const alerts = new Alerts();
  const active_at = formatTime(START);
  for (const [state, second] of [
    ["pending", 0],
    ["firing", 10],
    ["resolving", 40],
    ["firing", 50],
    ["resolved", 90],
  ] as const) {
    alerts.event(alert("a", state, second, { active_at }));
  }
  expect(alerts.list).toHaveLength(1);
  expect(alerts.list[0]).toMatchObject({ open: false, start: START, end: START + 90 * SECOND, transitions: 5 });
  expect(alerts.durations()).toEqual({ count: 1, open: 0, mean_ms: 90_000, max_ms: 90_000, total_ms: 90_000 });
  expect(alerts.marks.map(({ kind }) => kind)).toEqual(["fired", "fired", "resolved"]);
});

test("open alerts come first; notices open nothing and count as no alert", () => {
  const alerts = new Alerts();
  alerts.event(alert("open", "firing", 1, { active_at: formatTime(START) }));
  alerts.event(alert("done", "firing", 2));
  alerts.event(alert("done", "resolved", 3));
  alerts.event(alert("drift", "drift", 4, { active_at: null }));
  expect(alerts.list.map(({ id }) => id)).toEqual(["open", "drift", "done"]);
  expect(alerts.open.map(({ id }) => id)).toEqual(["open"]);
  expect(alerts.durations()).toMatchObject({ count: 2, open: 1 });
});

test("a flood of alerts keeps the open ones and says how many were forgotten", () => {
  const alerts = new Alerts();
  alerts.event(alert("open", "firing", 0));
  for (let index = 0; index < 3_000; index++) alerts.event(alert(`n${index}`, "resolved", index));
  expect(alerts.list.length).toBe(1_000);
  expect(alerts.forgotten).toBe(2_001);
  expect(alerts.list[0].id).toBe("open");
  expect(alerts.marks.length).toBe(1_000);
});

test("a band is what was usual then, and nothing before anything was learned", () => {
  const bands = new Bands();
  const band = (up: number) => ({ low: 0, middle: 1, up, window_s: 10 });
  bands.set(10, null);
  bands.set(20, band(5));
  bands.set(30, band(5));
  bands.set(40, band(9));
  expect([5, 15, 20, 35, 40, 99].map((time) => bands.at(time)?.up ?? null)).toEqual([null, null, 5, 5, 9, 9]);
  for (let index = 0; index < 10_000; index++) bands.set(100 + index, band(index));
  expect(bands.at(10_099)?.up).toBe(9_999);
});

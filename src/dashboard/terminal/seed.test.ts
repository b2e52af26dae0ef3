import { expect, test } from "vitest";
import { cpu_ms } from "../../../test/support/duration.ts";
import { transaction } from "../../../test/support/event.ts";
import { SECOND } from "../../core/units.ts";
import { SeedDashboard, type SeedScreen, seedText } from "./seed.ts";

const START = 1_700_000_000 * SECOND;

function request(second: number, path = "/shop/item", status = 200, reason = "OK") {
  return transaction({ time_us: START + second * SECOND, request: { path }, response: { status, reason } });
}

/** Runs through seconds, with so many requests in each; gives every screen with its second. */
function run(dashboard: SeedDashboard, from: number, to: number, perSecond: (second: number) => number) {
  const screens: [second: number, text: string][] = [];
  for (let second = from; second < to; second++) {
    const screen = dashboard.advance(START + second * SECOND);
    if (screen !== null) screens.push([second, seedText(screen)]);
    for (let index = 0; index < perSecond(second); index++) dashboard.event(request(second + 0.5));
  }
  return screens;
}

test("learning counts down every two seconds, with an estimate", () => {
  const dashboard = new SeedDashboard();
  const screens = run(dashboard, 0, 121, () => 1);
  expect(screens.map(([second]) => second)).toEqual(Array.from({ length: 60 }, (_, index) => 2 * index + 2));
  expect(screens[0][1]).toBe(
    "<<<Learning mode>>>\nCollected 2 HTTP request in 2s\nEst. average rate: 120/120s\n118s counting down...\n",
  );
  expect(screens.at(-1)![1]).toBe(
    "<<<Learning mode>>>\nCollected 120 HTTP request in 120s\nEst. average rate: 120/120s\n0s counting down...\n",
  );
});

test("a learning that saw nothing begins again", () => {
  const screens = run(new SeedDashboard(), 0, 130, () => 0);
  expect(screens.find(([second]) => second === 120)![1]).toContain("0s counting down...");
  expect(screens.find(([second]) => second === 122)![1]).toContain("118s counting down...");
});

test("then the dashboard every ten seconds, with its lines in their order", () => {
  const dashboard = new SeedDashboard();
  const screens = run(dashboard, 0, 160, () => 1).filter(([, text]) => !text.includes("Learning"));
  // the look that ends the learning already counts down
  expect(screens.map(([second]) => second)).toEqual([128, 138, 148, 158]);
  expect(screens[0][1]).toBe(`
[INFO] Average baseline: 120/120s, Alert threshold: 10%, Current average: 8/120s, Next Alert check in 112s...

<<<Alert History>>>

<<<Top Hits By Section>>>
http://www.example.com/shop: 8 last seen: 22:15:27 2023/11/14

<<<Top Hits By Domain>>>
www.example.com: 8 last seen: 22:15:27 2023/11/14

<<<Top Hits Upload Volume By Domain>>>
www.example.com: 1136 last seen: 22:15:27 2023/11/14

<<<Top Hits By User-Agent>>>
curl/8.0: 8 last seen: 22:15:27 2023/11/14

<<<Top Hits By Method>>>
GET: 8 last seen: 22:15:27 2023/11/14

<<<Top Hits By Status Line>>>
200 OK: 8 last seen: 22:15:27 2023/11/14
`);
});

test("an alert, its dismissal, and the history that stays", () => {
  const dashboard = new SeedDashboard();
  const screens = run(dashboard, 0, 620, (second) => (second >= 240 && second < 360 ? 2 : 1));
  const at = (second: number) => screens.find(([when]) => when >= second)![1];
  expect(at(240)).not.toContain("Alert>>>\nHigh");
  expect(at(362)).toContain(
    "<<<Active Alert>>>\nHigh traffic generated an alert - hits=240, triggered at 22:19:20 2023/11/14\n",
  );
  expect(at(362)).toContain("<<<Alert History>>>\nhits 240 at 22:19:20 2023/11/14\n");
  // stays until the next decision, then is gone; the history is not
  expect(at(482)).toContain("<<<Alert Dismissed>>>\nHigh traffic generated an alert - hits=240");
  expect(at(602)).not.toContain("High traffic");
  expect(at(602)).toContain("hits 240 at");
});

test("every setting changes what it says it changes", () => {
  const dashboard = new SeedDashboard({
    timeout: 1,
    dashboard_bucket_size: 3,
    average_bucket_size: 20,
    average_learning_duration: 10,
    average_threshold: 50,
    max_top_hits: 1,
    max_str_length: 8,
    max_retention_length: 30,
  });
  const learning = run(dashboard, 0, 11, () => 1);
  expect(learning.map(([second]) => second)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const path of ["/a", "/b", "/b"]) dashboard.event(request(11, path));
  const screens = run(dashboard, 12, 20, () => 0);
  expect(screens.map(([second]) => second)).toEqual([12, 15, 18]);
  expect(screens[0][1]).toContain("Average baseline: 20/20s, Alert threshold: 50%");
  expect(screens[0][1].match(/http:\/\//g)).toHaveLength(1);
  expect(screens[0][1]).toContain("http://w…: ");
  const later = run(dashboard, 20, 60, () => 0).at(-1)![1];
  expect(later).not.toContain("last seen");
});

test("colours are the original's", () => {
  const quick = { average_learning_duration: 2, average_bucket_size: 2, dashboard_bucket_size: 2 };
  const dashboard = new SeedDashboard(quick, { colours: true });
  let screen: SeedScreen = [];
  for (let second = 0; second < 8; second++) {
    screen = dashboard.advance(START + second * SECOND) ?? screen;
    for (let index = 0; index < (second < 4 ? 1 : 5); index++) dashboard.event(request(second));
  }
  const text = seedText(screen);
  expect(text).toContain("\x1b[31m<<<Active Alert>>>\x1b[0m\n");
  expect(text).toContain("hits=\x1b[33m10\x1b[0m, triggered at");
  expect(text).toContain("\x1b[40;33m<<<Alert History>>>\x1b[0m\n");
  expect(text).toContain("\x1b[40;37m<<<Top Hits By Method>>>\x1b[0m\nGET: \x1b[34m");
});

test("a silence of years is passed in a moment, and hostile text stays text", () => {
  const dashboard = new SeedDashboard({}, { colours: true });
  run(dashboard, 0, 125, () => 1);
  dashboard.event(
    transaction({
      time_us: START + 126 * SECOND,
      request: { user_agent: "\x1b]0;x\x07", method: "G\x9bT", host: "h\u202e" },
    }),
  );
  const text = seedText(dashboard.advance(START + 130 * SECOND)!);
  expect(text.replaceAll(/\x1b\[[\d;]+m/g, "")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  expect(text).toContain("\\x1b]0;x\\x07");
  const before = cpu_ms();
  dashboard.advance(START + 10 * 365 * 86_400 * SECOND);
  expect(cpu_ms() - before).toBeLessThan(2_000);
});

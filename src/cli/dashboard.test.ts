/** The console monitor's settings, from the configuration and from its own flag. */
import { expect, test } from "vitest";
import { SEED_UI_DEFAULTS } from "../dashboard/terminal/seed.ts";
import { configSchema, type Settings } from "./config-schema.ts";
import { seedSettings } from "./dashboard.ts";

const configured = (input: object) => configSchema.parse(input) as unknown as Settings;

test("without a configuration the console monitor's defaults hold, with an empty one the same", () => {
  expect(seedSettings({})).toEqual(SEED_UI_DEFAULTS);
  expect(seedSettings({ settings: configured({}) })).toEqual(SEED_UI_DEFAULTS);
});

test("every setting can be configured, and --timeout wins", () => {
  const settings = configured({
    alerts: { seed: { tick: "1s", bucket: "60s", learning: "30s", threshold: 20 } },
    dashboard: { refresh: "5s" },
    statistics: { max_str_length: 64, max_top_hits: 3, max_retention_length: "1h" },
  });
  expect(seedSettings({ settings, timeout: 4 })).toEqual({
    timeout: 4,
    dashboard_bucket_size: 5,
    average_bucket_size: 60,
    average_threshold: 20,
    average_learning_duration: 30,
    max_str_length: 64,
    max_top_hits: 3,
    max_retention_length: 3600,
  });
});

import { defineConfig } from "vitest/config";

const source = (path: string) => new URL(path, import.meta.url).pathname;

export default defineConfig({
  // examples import what plug-in authors import
  resolve: { alias: { "earshot/testing": source("src/testing.ts"), earshot: source("src/plugin.ts") } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: "test/support/tidy-run.ts",
    reporters: ["default", "test/support/skipped-reporter.ts"],
    // for what hangs: on a busy machine everything takes several times as long
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // two cores are common on small machines: more workers only make timing-sensitive tests worse
    maxWorkers: 2,
  },
});

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    // two cores are common on small machines: more workers only make timing-sensitive tests worse
    maxWorkers: 2,
  },
});

/** How many threads a live run gets: by flag, by configuration, by itself. */
import { expect, test } from "vitest";
import { troubleOf } from "../../test/support/trouble-of.ts";
import { EXIT } from "../core/trouble.ts";
import { loadSettings } from "./config.ts";
import type { WatchOptions } from "./watch.ts";
import { workerCount, workers } from "./worker-count.ts";

const given = (options: Partial<WatchOptions>, processors = 8) => workerCount(options as WatchOptions, processors);

/** The option as the configuration would give it. */
function configured(text: string): Pick<WatchOptions, "workers" | "settings"> {
  const around = { environment: { EARSHOT_CAPTURE_WORKERS: text }, folder: "/", system: "/nowhere" };
  const { settings } = loadSettings("none", around);
  return { workers: settings.capture.workers, settings };
}

test("one is the default; a number is taken as it is", () => {
  expect(given({})).toBe(1);
  expect(given({ workers: workers("--workers")("3") })).toBe(3);
  expect(troubleOf(() => workers("--workers")("0")).message).toBe("--workers: `0` is not understood");
});

test.each([
  [1, 1],
  [2, 1],
  [4, 2],
  [7, 3],
  [128, 8],
])("auto on %i processors is %i", (processors, count) => {
  expect(given({ workers: workers("--workers")("auto") }, processors)).toBe(count);
});

test.each([{ writePcapng: "x.pcapng" }, { plugin: ["x.ts"] }, { output: ["plugin:x"] }])(
  "%j needs one thread: refused where workers were asked for, else it gets one",
  (options) => {
    expect(troubleOf(() => given({ workers: 2, ...options })).exitCode).toBe(EXIT.usage);
    expect(given({ workers: "auto", ...options })).toBe(1);
  },
);

test("of the configuration: taken over, and given up without a word for what needs one thread", () => {
  expect(given(configured("3"))).toBe(3);
  expect(given(configured("auto"), 4)).toBe(2);
  expect(given({ ...configured("3"), writePcapng: "x.pcapng" })).toBe(1);
  const trouble = troubleOf(() => configured("many"));
  expect(trouble.message).toContain("capture.workers");
  expect(trouble.message).toContain('2 or "auto"');
});

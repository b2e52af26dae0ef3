/**
 * Memory of many connections that wait: 50,000 live flows, each with an open request. The limits leave room for what a
 * run differs from another, and are far below what flows as objects took (110 MB and more).
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { manyFlowsFile } from "./support/many-flows-packets.ts";

const FLOWS = 50_000;
const inRoot = (path: string) => join(import.meta.dirname, "..", path);

test.each([
  // records of 450 octets, and some thousand flows that are awake
  ["quiet", 55],
  // and the heads
  ["json", 75],
])(
  "what they add: %s, at most %i MB",
  (mode, limit_mb) => {
    const child = inRoot("test/support/many-flows.ts");
    const ran = spawnSync(process.execPath, ["--max-semi-space-size=4", "--expose-gc", child, `${FLOWS}`, mode], {
      encoding: "utf8",
    });
    expect(ran.status, ran.stderr).toBe(0);
    const { flows, exchanges, grown_mb } = JSON.parse(ran.stdout) as Record<"flows" | "exchanges" | "grown_mb", number>;
    expect([flows, exchanges]).toEqual([FLOWS, FLOWS]);
    expect(grown_mb).toBeLessThan(limit_mb);
  },
  60_000,
);

const main = inRoot("dist/cli/main.js");
const built = inRoot("dist/.built");
const time = (path: string) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const isCurrent = existsSync(main) && time(inRoot("src/flow/resting-flows.ts")) < time(built);

describe.skipIf(!isCurrent)("the built program (skipped while dist is not built anew)", () => {
  const folder = mkdtempSync(join(tmpdir(), "earshot-memory-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([{ how: ["--quiet"] }, { how: ["-o", "json"] }])(
    "read $how: at most 150 MB in all",
    ({ how }) => {
      const capture = join(folder, "many.pcap");
      writeFileSync(capture, manyFlowsFile(FLOWS));
      const peak = join(folder, "peak");
      const hook = join(folder, "hook.cjs");
      const told = `String(process.resourceUsage().maxRSS / 1024)`;
      writeFileSync(hook, `process.on("exit", () => require("fs").writeFileSync(${JSON.stringify(peak)}, ${told}));`);
      const options = ["--max-semi-space-size=4", "--require", hook, main, "read", capture, ...how, "--config", "none"];
      const ran = spawnSync(process.execPath, options, { encoding: "utf8", maxBuffer: 1 << 28 });
      expect(ran.status, ran.stderr).toBe(0);
      expect(Number(readFileSync(peak, "utf8"))).toBeLessThan(150);
    },
    60_000,
  );
});

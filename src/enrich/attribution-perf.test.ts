/** Tier C (perf tracepoints) on this machine's kernel: see test/support/perf-attribution.ts. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as lab from "../../test/support/process-lab.ts";
import { parseTraceFormat } from "./process/perf/trace-format.ts";

const SCRIPT = join(import.meta.dirname, "../../test/support/perf-attribution.ts");
const MOUNTED = "mount -t tracefs none /sys/kernel/tracing 2>/dev/null; test -r /sys/kernel/tracing/events/sock";

function possible(): string {
  if (!lab.isRoot) return "needs root";
  if (!lab.installed("nginx", "curl", "bash", "python3", "unshare")) return "needs nginx, curl and python3";
  if (!process.features.typescript) return "needs a Node that runs TypeScript";
  try {
    lab.command("unshare", "-m", "sh", "-c", `${MOUNTED} && test -e /sys/kernel/tracing/events/sock/sock_send_length`);
    return "";
  } catch {
    return "needs tracefs and Linux 6.3";
  }
}

const reason = possible();

describe.skipIf(reason !== "")(`attribution by perf tracepoints${reason && ` (SKIPPED: ${reason})`}`, () => {
  test.each(["newer", "older"])(
    "tracepoints of %s kernels: short curls, IPv6, a cluster, an older connection",
    (which) => {
      const start = ["sh", "-c", `${MOUNTED}; exec "$0" "$1" ${which}`];
      const attributed = () => {
        const printed = lab.command("unshare", "-m", ...start, process.execPath, SCRIPT);
        return JSON.parse(printed.trim().split("\n").at(-1)!);
      };
      let result = attributed();
      // the rings are the whole machine's: a flood of somebody else's is told as lost, and is no fault of ours
      for (let tries = 1; tries < 3 && result.lost > 0 && result.wrong === 0; tries++) result = attributed();
      expect(result).toMatchObject({ wrong: 0, lost: 0, comms: expect.arrayContaining(["curl", "nginx"]) });
      // nearly all right, none wrong
      expect(result.right).toBeGreaterThanOrEqual(220); // of at most 241
    },
    90_000,
  );
});

test("a tracepoint's format file", () => {
  const text = `name: x
ID: 2287
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;
\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;

print fmt: "field:fake;"`;
  expect(parseTraceFormat(text, ["skaddr", "saddr"])).toEqual({ id: 2287, offsets: { skaddr: 8, saddr: 32 } });
  expect(parseTraceFormat(text, ["daddr"])).toBeNull();
  expect(parseTraceFormat("", [])).toBeNull();
});

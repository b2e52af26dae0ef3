/** The first moments of `watch`: whoever is seen is known, however short it lives. Needs root and eBPF. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetworkNamespace, whyNoNamespace } from "../../test/support/network-namespace.ts";
import { installed } from "../../test/support/process-lab.ts";
import type { TransactionEvent } from "../core/event.ts";
import { probeAttribution } from "../enrich/attribution.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const whyNot = whyNoNamespace() ?? (installed("curl") ? whyNoBpf() : "needs curl");

function whyNoBpf(): string | null {
  return probeAttribution().some(({ tier, works }) => works && (tier === "A" || tier === "B")) ? null : "needs eBPF";
}

const SERVER = `require("node:http").createServer((_, response) => response.end("x")).listen(8080, "127.0.0.1", () => console.log("ready"))`;
/** One client process after the other, each with its own number in the path. */
const CLIENTS = `while :; do sh -c 'exec curl -s -o /dev/null http://127.0.0.1:8080/$$'; done`;

describe.skipIf(whyNot !== null)(`the start of watch${whyNot === null ? "" : ` (${whyNot})`}`, () => {
  let space: NetworkNamespace;
  beforeAll(() => {
    space = new NetworkNamespace("start");
  });
  afterAll(() => space?.close());

  const start = (...command: string[]) =>
    spawn("ip", ["netns", "exec", space.name, ...command], { stdio: ["ignore", "pipe", "inherit"] });

  test.each(["1", "2"])(
    "clients that were busy before it are all known, --workers %s",
    async (workers) => {
      const server = start(process.execPath, "-e", SERVER);
      await once(server.stdout, "data");
      const clients = start("sh", "-c", CLIENTS);
      const given = ["-i", "lo", "-o", "json", "--no-summary", "--workers", workers];
      const earshot = start(process.execPath, main, "watch", ...given);
      let out = "";
      earshot.stdout.on("data", (text) => void (out += text));
      try {
        await expect.poll(() => out.split("\n").length, { timeout: 20_000, interval: 50 }).toBeGreaterThan(20);
        await sleep(200);
      } finally {
        const ended = once(earshot, "close");
        earshot.kill("SIGTERM");
        await ended;
        clients.kill("SIGKILL");
        server.kill("SIGKILL");
      }
      const events = out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as TransactionEvent);
      const whole = events.filter((event) => !event.quality.midstream);
      expect(whole.length).toBeGreaterThan(15);
      for (const event of whole) {
        expect(event.process.client?.pid, `${event.request?.path}`).toBe(Number(event.request!.path!.slice(1)));
        expect(event.process.server?.pid).toBe(server.pid);
      }
    },
    40_000,
  );
});

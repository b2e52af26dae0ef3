/**
 * Alerts through the whole program, on loopback: a real flood fires once, names who and what, and resolves once, though
 * earshot is killed (SIGKILL) and started again while it fires; commands reach the running one; a second one keeps away.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AlertEvent } from "../src/core/event.ts";
import { startDemoServer } from "../src/monitor/demo-server.ts";
import { NetworkNamespace, whyNoNamespace } from "./support/network-namespace.ts";
import { installed, isRoot, startNginx, until } from "./support/process-lab.ts";

const MAIN = join(import.meta.dirname, "../src/cli/main.ts");

function reason(): string {
  if (process.platform !== "linux") return "needs Linux";
  if (!isRoot) return "needs root";
  return process.features.typescript ? "" : "needs a Node that runs TypeScript";
}
const why = reason();

/** The default rule, quick: windows of 2 s. */
const CONFIG = (told: string) => `
[alerts]
[[alerts.rules]]
kind = "baseline"
name = "requests"
window = "2s"
step = "1s"
learn_provisional = 2
learn_windows = 3
for = "2s"
keep_firing_for = "3s"
a = 30
[[notify]]
kind = "json"
path = "${told}"
states = ["firing", "resolved"]
`;

/** Requests from an address of loopback, so many a second, until stopped. */
function visitors(port: number, from: string, path: string, rate_per_s: number): { stop(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const started = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - started) / 1000) * rate_per_s;
    for (; sent < due; sent++) {
      const asked = get({ agent, host: "127.0.0.1", localAddress: from, port, path }, (answer) => answer.resume());
      asked.on("error", () => {});
    }
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      agent.destroy();
    },
  };
}

test.skipIf(why !== "")(
  `a flood fires once, names the contributor, resolves once, over a kill${why && ` (SKIPPED: ${why})`}`,
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "earshot-alerts-"));
    const told = join(folder, "told.ndjson");
    const config = join(folder, "earshot.toml");
    writeFileSync(config, CONFIG(told));
    const environment = { ...process.env, EARSHOT_STATE: join(folder, "state") };
    const server = installed("nginx") ? await startNginx(["127.0.0.1"]) : await demo();
    const children: ChildProcess[] = [];
    const started = () => {
      const args = [
        "watch",
        "-i",
        "lo",
        "-p",
        `${server.port}`,
        "--config",
        config,
        "--attribution",
        "none",
        "-o",
        "json",
      ];
      const child = spawn(process.execPath, [MAIN, ...args], { env: environment });
      children.push(child);
      const run = { child, rows: "", notices: "" };
      child.stdout.on("data", (text) => {
        run.rows += text;
      });
      child.stderr.on("data", (text) => {
        run.notices += text;
      });
      return run;
    };
    // not synchronous: the visitors are in this process
    const earshot = (...args: string[]) =>
      new Promise<{ status: unknown; stdout: string }>((resolve) => {
        const all = [MAIN, "alerts", ...args, "--config", config];
        execFile(process.execPath, all, { env: environment }, (error, stdout) =>
          resolve({ status: error?.code ?? 0, stdout }),
        );
      });
    const records = () => (existsSync(told) ? readFileSync(told, "utf8") : "").split("\n").filter(Boolean);
    const alerts = () => records().map((line) => JSON.parse(line) as AlertEvent);

    const learned = () => {
      const saved = readFileSync(join(folder, "state", "alerts.json"), "utf8");
      return Number(/"learned":\s*(\d+)/.exec(saved)?.[1] ?? 0);
    };

    // few: on a busy machine they come in bursts, and what is learned of them must stay far below the flood
    const usual = visitors(server.port, "127.0.0.1", "/", 5);
    let flood: { stop(): void } | null = null;
    try {
      const first = started();
      // rows first: then the capture is open, and learning has begun
      await until(() => first.rows.includes('"type":"transaction"'), 15_000);
      const limit = performance.now() + 25_000;
      do {
        await new Promise((resolve) => setTimeout(resolve, 500));
        // who lists alerts has the state saved
        await earshot("list");
      } while (learned() < 3 && performance.now() < limit);
      expect(learned()).toBeGreaterThanOrEqual(3);
      expect(records()).toEqual([]);

      flood = visitors(server.port, "127.0.0.7", "/login/form", 300);
      // a kill takes what is still on its way to standard output
      await until(() => records().length > 0 && first.rows.includes('"type":"alert"'), 15_000);
      first.child.kill("SIGKILL");
      await once(first.child, "close");
      const second = started();
      await until(() => second.rows.includes('"type":"transaction"'), 15_000);

      const third = started();
      await until(() => third.notices.includes("another earshot (process"), 15_000);
      third.child.kill("SIGTERM");

      const [{ id }] = alerts();
      const [listed, acknowledged, unknown] = await Promise.all([
        earshot("list"),
        earshot("ack", id, "--comment", "seen"),
        earshot("ack", "a-none"),
      ]);
      expect(listed.stdout).toMatch(new RegExp(`^${id} +(firing|resolving) `, "m"));
      expect(acknowledged.stdout).toBe(`acknowledged ${id}\n`);
      expect(unknown).toMatchObject({ status: 2, stdout: "" });

      flood.stop();
      await until(() => alerts().some((alert) => alert.state === "resolved"), 20_000);
      second.child.kill("SIGINT");
      await once(second.child, "close");

      const [firing, resolved] = alerts();
      expect(alerts().map((alert) => alert.state)).toEqual(["firing", "resolved"]);
      expect(resolved.id).toBe(id);
      expect(firing.summary).toMatch(
        /^HIGH requests: \d+ in 2 s, .*; mostly 127\.0\.0\.1:\d+\/login from 127\.0\.0\.7 \(\d+ % of/,
      );
      expect(firing.contributors.find((row) => row.dimension === "client")).toMatchObject({
        key: "127.0.0.7",
        new: true,
      });
      // rows have them too, and a second firing is nowhere
      const rows = (first.rows + second.rows).split("\n").filter((line) => line.includes('"type":"alert"'));
      expect(
        rows.map((line) => (JSON.parse(line) as AlertEvent).state).filter((state) => state === "firing"),
      ).toHaveLength(1);
      expect(second.notices).toMatch(/^alerts: 0 fired, 1 resolved, none open$/m);

      // nothing runs now: the saved state itself
      const silence = await earshot("silence", 'rule == "requests"', "2h");
      expect(silence.stdout).toMatch(/^silenced rule == "requests" for 2 h \(q-\w+\)\n$/);
      const [shown, json, wrong, sample] = await Promise.all([
        earshot("show", id),
        earshot("list", "-o", "json"),
        earshot("relearn", "nothing"),
        earshot("test"),
      ]);
      expect(shown.stdout).toMatch(/^acknowledged .* seen$/m);
      expect(JSON.parse(json.stdout)).toMatchObject({ silences: [{}], rules: ["requests"], durations: { count: 1 } });
      expect(wrong).toMatchObject({ status: 2 });
      expect(sample.stdout).toMatch(/^notify:json:.*told\.ndjson +delivered$/m);
    } finally {
      usual.stop();
      flood?.stop();
      for (const child of children) child.kill("SIGKILL");
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

const noSpace = why || (whyNoNamespace() ?? "");

test.skipIf(noSpace !== "")(
  `an interface that goes down is told, and its coming back; SIGHUP brings other rules${noSpace && ` (SKIPPED: ${noSpace})`}`,
  { timeout: 60_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "earshot-alerts-"));
    const config = join(folder, "earshot.toml");
    const state = join(folder, "state", "alerts.json");
    writeFileSync(config, '[alerts]\nno_data_after = "1s"\n');
    const space = new NetworkNamespace("alerts");
    let rows = "";
    let notices = "";
    const started = () => {
      const args = ["watch", "-i", "left", "--config", config, "--attribution", "none", "-o", "json"];
      const watch = spawn("ip", ["netns", "exec", space.name, process.execPath, MAIN, ...args], {
        env: { ...process.env, EARSHOT_STATE: join(folder, "state") },
      });
      watch.stdout.on("data", (text) => {
        rows += text;
      });
      watch.stderr.on("data", (text) => {
        notices += text;
      });
      return watch;
    };
    let child = started();
    const alerts = () =>
      rows
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as AlertEvent);
    try {
      await until(() => existsSync(state), 15_000);
      space.run("ip", "link", "set", "left", "down");
      await until(() => alerts().length > 0, 15_000);
      expect(alerts()[0]).toMatchObject({ rule: "capture", state: "no-data", severity: "critical" });
      expect(alerts()[0].summary).toMatch(/^NO DATA: the capture has been down for \d s \(interface left is down\)$/);
      // told by the one that comes after a crash
      child.kill("SIGKILL");
      await once(child, "close");
      space.run("ip", "link", "set", "left", "up");
      child = started();
      await until(() => alerts().length > 1, 15_000);
      expect(alerts()[1]).toMatchObject({ id: alerts()[0].id, state: "resolved" });

      const rule = (name: string) => `[[alerts.rules]]\nkind = "baseline"\nname = "${name}"\n`;
      writeFileSync(config, rule("requests") + rule("other"));
      child.kill("SIGHUP");
      await until(() => notices.includes("configuration read again"), 15_000);
      expect(notices).not.toContain("only after a restart");
      writeFileSync(config, '[[alerts.rules]]\nkind = "baseline"\nname = "x"\nscope = "nothing =="\n');
      child.kill("SIGHUP");
      await until(() => notices.includes("is not taken over"), 15_000);
      child.kill("SIGINT");
      await once(child, "close");
      const saved = JSON.parse(readFileSync(state, "utf8")) as { rules: { name: string }[] };
      expect(saved.rules.map(({ name }) => name)).toEqual(["requests", "other"]);
    } finally {
      child.kill("SIGKILL");
      space.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

async function demo(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = await startDemoServer(0);
  return { port: Number(new URL(server.url).port), stop: () => server.close() };
}

/** SIGHUP under the live dashboard, in a real terminal: other rules from now on, and the screen stays. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasTmux, TmuxSession, typescriptNode } from "../../test/support/tmux.ts";

const node = typescriptNode();
const why =
  [
    hasTmux() ? "" : "tmux is not installed",
    node === null ? "needs Node.js 22.18" : "",
    process.geteuid?.() === 0 ? "" : "needs root",
  ].find(Boolean) ?? "";

const rule = (name: string) =>
  `[[alerts.rules]]\nkind = "threshold"\nname = "${name}"\nexpr = "rate(requests[5m]) > 1000000"\n`;

test.skipIf(why !== "")(
  `rules are read again${why && ` (SKIPPED: ${why})`}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "earshot-hangup-"));
    const path = join(folder, "earshot.toml");
    const session = new TmuxSession({ columns: 120, rows: 40 });
    const hangUp = () => process.kill(session.child(), "SIGHUP");
    try {
      writeFileSync(path, rule("first-rule"));
      await session.until("prompt", (screen) => screen.includes("ready>"));
      const watch = `src/cli/main.ts watch --ui -i lo -p 9 --attribution none --config ${path}`;
      session.type(`EARSHOT_STATE=${folder} ${node} ${watch}; echo status $?\n`);
      await session.until("the dashboard", (screen) => screen.includes("nothing lost"));
      session.keys("5");
      await session.until("the first rule", (screen) => screen.includes("first-rule"));
      writeFileSync(path, rule("second-rule"));
      hangUp();
      const shown = await session.until("the second rule", (screen) => screen.includes("second-rule"));
      expect(shown).not.toContain("first-rule");
      writeFileSync(path, "[alerts]\nnonsense = 1\n");
      hangUp();
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(session.screen()).toContain("second-rule");
      session.keys("q");
      const end = await session.until("status", (screen) => /status 0/.test(screen));
      expect(end).toContain("changed: alerts.rules");
      expect(end).toContain("is not taken over, all stays as it was");
    } finally {
      session.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  30_000,
);

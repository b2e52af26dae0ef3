/** `earshot read --ui` in a real terminal: the rules run over the capture's time, the band and the marks are on the graph. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shopCapture } from "../../test/support/alert-capture.ts";
import { hasTmux, TmuxSession, typescriptNode } from "../../test/support/tmux.ts";

const node = typescriptNode();
const why = [hasTmux() ? "" : "tmux is not installed", node === null ? "needs Node.js 22.18" : ""].find(Boolean) ?? "";

test.skipIf(why !== "")(`a capture's alerts in the dashboard${why && ` (SKIPPED: ${why})`}`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "earshot-read-ui-"));
  const capture = join(folder, "shop.pcap");
  writeFileSync(capture, shopCapture({ minutes: 110, flood: [90, 97] }));
  const session = new TmuxSession({ columns: 120, rows: 40 });
  try {
    await session.until("prompt", (screen) => screen.includes("ready>"));
    session.type(`${node} src/cli/main.ts read ${capture} --config none --ui; echo status $?\n`);
    const overview = await session.until("the end of an alert", (screen) => /[▲▼]/.test(screen));
    expect(overview).toContain("usual");
    session.keys("5");
    const alerts = await session.until("alerts", (screen) => /resolved/i.test(screen));
    expect(alerts).toMatch(/requests/);
    session.keys("q");
    await session.until("status", (screen) => /status 0/.test(screen));
  } finally {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

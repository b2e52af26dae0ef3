/** The dashboard in a real terminal: keys, resizing, and a clean terminal on every way out. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasTmux, TmuxSession, typescriptNode } from "../../../test/support/tmux.ts";

const node = typescriptNode();
const missing = [hasTmux() ? "" : "tmux is not installed", node === null ? "needs Node.js 22.18" : ""].filter(
  (why) => why,
);
const name = missing.length === 0 ? "in a terminal" : `in a terminal (SKIPPED: ${missing.join(", ")})`;

describe.skipIf(missing.length > 0)(name, () => {
  let session: TmuxSession;

  beforeEach(async () => {
    session = new TmuxSession({ columns: 80, rows: 24 });
    await session.until("prompt", (screen) => screen.includes("ready>"));
  });

  afterEach(() => session.close());

  async function start(options = ""): Promise<void> {
    session.type(`echo before; ${node} test/support/dashboard-demo.ts --rate 100 ${options}; echo status $?\n`);
    await session.until("the dashboard", (screen) => screen.includes("Requests/s") && screen.includes("nothing lost"));
  }

  /** The terminal is as it was: main screen with its old text, cursor, no mouse, a shell that echoes what is typed. */
  async function expectClean(): Promise<void> {
    await session.until("the prompt again", (screen) => /status \d+/.test(screen));
    expect(session.state("#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{wrap_flag}")).toBe("0 1 0 1");
    session.type("echo still $((6 * 7))\n");
    const screen = await session.until("an echo", (shown) => /^still 42/m.test(shown));
    expect(screen).toContain("before");
    expect(screen).toContain("echo still $((6 * 7))");
    expect(screen).not.toContain("Requests/s");
  }

  const signal = (which: string) => process.kill(session.child(), `SIG${which}`);

  test("keys, screens, resizing, and q leaves a clean terminal", async () => {
    await start("--mouse");
    expect(session.state("#{alternate_on} #{cursor_flag} #{mouse_any_flag}")).toBe("1 0 1");
    session.keys("2");
    await session.until("exchanges", (screen) => screen.includes("method url") && !screen.includes("Requests/s"));
    session.keys("Enter");
    await session.until("detail", (screen) => screen.includes("Timing"));
    session.keys("Escape");
    await session.until("list", (screen) => !screen.includes("Timing"));
    session.keys("?");
    await session.until("help", (screen) => screen.includes("Ctrl-Z"));
    session.keys("1");
    session.resize(200, 60);
    const wide = await session.until(
      "wide",
      (screen) => screen.split("\n")[0].length >= 100 || screen.includes("Bytes on the wire ─────────────────────────"),
    );
    expect(wide.split("\n").length).toBeGreaterThan(55);
    session.resize(80, 24);
    session.keys("f");
    session.type("status == 5xx");
    session.keys("Enter");
    await session.until("filter", (screen) => screen.includes("status == 5xx") && !screen.includes("filter:"));
    session.keys("q");
    await expectClean();
    expect(session.screen()).toContain("demo ended: quit");
  });

  test.each(["TERM", "INT", "HUP", "QUIT"])("SIG%s leaves a clean terminal", async (which) => {
    await start("--mouse");
    signal(which);
    await expectClean();
    expect(session.screen()).toContain(`demo ended: SIG${which}`);
  });

  test("an exception leaves a clean terminal, with its message to read", async () => {
    await start("--throw 2");
    await expectClean();
    expect(session.screen()).toContain("status 1");
  });

  test("Ctrl-Z gives the terminal to the shell, fg takes it back", async () => {
    await start();
    session.keys("C-z");
    await session.until("the shell", (screen) => /ready>\s*$/.test(screen.trimEnd()) && !screen.includes("Requests/s"));
    expect(session.state("#{alternate_on} #{cursor_flag}")).toBe("0 1");
    session.type("fg\n");
    await session.until("the dashboard again", (screen) => screen.includes("Requests/s"));
    expect(session.state("#{alternate_on} #{cursor_flag}")).toBe("1 0");
    session.keys("q");
    await session.until("the prompt", (screen) => screen.includes("demo ended: quit"));
  });

  test("keys come from the terminal also when standard input is a pipe", async () => {
    session.type(`echo before; echo capture | ${node} test/support/dashboard-demo.ts --rate 100; echo status $?\n`);
    await session.until("the dashboard", (screen) => screen.includes("Requests/s"));
    session.keys("?");
    await session.until("help", (screen) => screen.includes("Ctrl-Z"));
    session.keys("q");
    await expectClean();
    expect(session.screen()).toContain("demo ended: quit");
  });

  test("kill -9 leaves no mouse reports and no changed keys: `reset` is all it takes", async () => {
    await start();
    signal("KILL");
    await session.until("status 137", (screen) => screen.includes("status 137"));
    session.type("stty sane; tput rmcup; tput cnorm; echo again\n");
    await session.until("an echo", (screen) => /^again/m.test(screen));
  });
});

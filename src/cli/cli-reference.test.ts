/** docs/cli.md names every command, option and exit code; the built program answers. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Conversation, pcapFile } from "../../test/support/capture-builder.ts";
import { EXIT } from "../core/trouble.ts";
import { withCommands } from "./cli-reference.ts";
import { program } from "./program.ts";

const page = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");

test("docs/cli.md has the commands as they are (run scripts/cli-reference.mjs)", () => {
  expect(page).toBe(withCommands(page));
});

test("every option of every command is named, and every exit code", () => {
  const missing: string[] = [];
  const look = (command: Command, name: string) => {
    for (const option of command.options) {
      if (!option.hidden && !page.includes(option.flags)) missing.push(`${name} ${option.flags}`);
    }
    for (const inner of command.commands) look(inner, `${name} ${inner.name()}`);
  };
  for (const command of program().commands) look(command, command.name());
  expect(missing).toEqual([]);
  for (const code of Object.values(EXIT)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, "m"));
});

const main = new URL("../../dist/cli/main.js", import.meta.url).pathname;
const built = new URL("../../dist/.built", import.meta.url).pathname;
const isCurrent =
  existsSync(main) &&
  existsSync(built) &&
  statSync(built).mtimeMs > statSync(new URL("program.ts", import.meta.url)).mtimeMs;

describe.skipIf(!isCurrent)("the built program (skipped while dist is not built anew)", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "earshot-built-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8", cwd: folder });

  test("counts a capture, refuses a mistake, in the right places", () => {
    const talk = new Conversation().open().client("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    writeFileSync(join(folder, "a.pcap"), pcapFile(talk.server("HTTP/1.1 204 No\r\n\r\n").close().packets));
    const fine = run("top", "a.pcap", "--by", "path", "-o", "csv");
    expect(fine.status).toBe(EXIT.ok);
    expect(fine.stdout.split("\n")[1]).toMatch(/^1,\/a,1,1,/);
    expect(fine.stderr).toContain("1 exchange: 1 complete");
    const wrong = run("top", "a.pcap", "--by", "paht");
    expect([wrong.status, wrong.stdout]).toEqual([EXIT.usage, ""]);
    expect(wrong.stderr).toMatch(/^earshot: .*paht.*Did you mean path\?\n$/);
    expect(run("top", "gone.pcap", "--by", "path").status).toBe(EXIT.badFile);
  });
});

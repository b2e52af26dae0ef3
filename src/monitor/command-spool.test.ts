/** Commands by files: each once, answered, whatever lies in the folder. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT, Trouble } from "../core/trouble.ts";
import { CommandSpool, sendCommand } from "./command-spool.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earshot-spool-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const commands = () => join(folder, "commands");
const put = (name: string, text: string) => {
  mkdirSync(commands(), { recursive: true });
  writeFileSync(join(commands(), name), text);
};

/** Somebody who looks every 20 ms. */
async function serving<T>(apply: (command: unknown) => string, during: () => Promise<T>): Promise<T> {
  const spool = new CommandSpool(folder);
  const timer = setInterval(() => spool.take(apply), 20);
  try {
    return await during();
  } finally {
    clearInterval(timer);
  }
}

const patient = { timeout_ms: 5_000, isThere: () => true };

test("a command is applied once and its answer comes back", async () => {
  const seen: unknown[] = [];
  const answer = await serving(
    (command) => {
      seen.push(command);
      return "done";
    },
    () => sendCommand(folder, { do: "ack", id: "a-1" }, patient),
  );
  expect(answer).toEqual({ ok: true, text: "done", hint: "", exit_code: 0 });
  expect(seen).toEqual([{ do: "ack", id: "a-1" }]);
  expect(readdirSync(commands())).toEqual([]);
  expect(statSync(commands()).mode & 0o777).toBe(0o700);
});

test("trouble comes back as it was", async () => {
  const answer = await serving(
    () => {
      throw new Trouble("no alert a-1 is open", { exitCode: EXIT.usage, hint: "list them" });
    },
    () => sendCommand(folder, {}, patient),
  );
  expect(answer).toEqual({ ok: false, text: "no alert a-1 is open", hint: "list them", exit_code: 2 });
});

test("nobody answers: nothing is left to be done later", async () => {
  expect(await sendCommand(folder, {}, { timeout_ms: 60, isThere: () => true })).toBeNull();
  expect(readdirSync(commands())).toEqual([]);
});

test("whoever looks ends meanwhile: told at once", async () => {
  expect(await sendCommand(folder, {}, { timeout_ms: 60_000, isThere: () => false })).toBeNull();
});

test("commands can be read by their user alone", async () => {
  const sent = sendCommand(folder, { filter: "secret" }, { timeout_ms: 200, isThere: () => true });
  const [name] = readdirSync(commands());
  expect(lstatSync(join(commands(), name)).mode & 0o777).toBe(0o600);
  await sent;
});

test("what is no command is refused, and does not stay", () => {
  put("1.json", "{");
  put("2.json", `"${"x".repeat(70_000)}"`);
  put("3.json", "{}");
  symlinkSync("/etc/passwd", join(commands(), "4.json"));
  put("old.answer", "{}");
  put("young.answer", "{}");
  utimesSync(join(commands(), "old.answer"), 1, 1);
  const seen: unknown[] = [];
  expect(new CommandSpool(folder).take((command) => String(seen.push(command)))).toBe(4);
  expect(seen).toEqual([{}]);
  expect(readdirSync(commands()).sort()).toEqual(["1.answer", "2.answer", "3.answer", "4.answer", "young.answer"]);
});

test("a flood of commands waits its turn", () => {
  for (let index = 100; index < 220; index++) put(`${index}.json`, `${index}`);
  const seen: unknown[] = [];
  const spool = new CommandSpool(folder);
  const take = () => spool.take((command) => String(seen.push(command)));
  expect([take(), take(), take(), take()]).toEqual([50, 50, 20, 0]);
  expect(seen).toEqual(Array.from({ length: 120 }, (_, index) => 100 + index));
});

test("no folder is no command", () => {
  chmodSync(folder, 0o700);
  expect(new CommandSpool(join(folder, "nowhere")).take(() => "")).toBe(0);
});

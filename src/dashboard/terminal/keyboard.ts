/**
 * Where keys come from: standard input when that is the terminal, else the process's controlling terminal, so that
 * `… | earshot read - --ui` can be steered while the capture comes in by standard input.
 */
import { openSync } from "node:fs";
import { ReadStream } from "node:tty";
import { EXIT, Trouble } from "../../core/trouble.ts";
import type { TerminalInput } from "./terminal.ts";

export interface Keyboard {
  readonly input: TerminalInput;
  /** Lets go of it, so that nothing keeps the process alive. */
  close(): void;
}

/** Throws Trouble when there is no terminal to read from. */
export function openKeyboard(stdin: NodeJS.ReadStream = process.stdin): Keyboard {
  if (stdin.isTTY) return { input: stdin, close: () => stdin.unref() };
  try {
    const stream = new ReadStream(openSync("/dev/tty", "r"));
    return { input: stream, close: () => stream.destroy() };
  } catch (error) {
    throw new Trouble("the dashboard has no keyboard: standard input is no terminal, and the process has none", {
      exitCode: EXIT.usage,
      hint: "Run it in a terminal, or leave out --ui.",
      cause: error,
    });
  }
}

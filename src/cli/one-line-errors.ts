/** Mistakes on the command line, as the program tells all mistakes: one line. */
import type { Command, CommanderError } from "commander";
import { EXIT, Trouble } from "../core/trouble.ts";

/**
 * What was asked for is on the screen; only the program's end is left. Not by `process.exit`, which may wait for ever
 * for a thread of Node's that waits for the main one (nodejs/node issue 54918).
 */
export class Told extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("told");
    this.exitCode = exitCode;
  }
}

/** Commander's own errors become one line and exit code 2, like every other mistake of a user. */
export function oneLineErrors(command: Command): Command {
  return command
    .exitOverride((error: CommanderError) => {
      if (error.exitCode === 0) throw new Told(EXIT.ok);
      // a command that needs another behind it has just shown its help
      if (error.code === "commander.help") throw new Told(EXIT.usage);
      const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
      throw new Trouble(message, {
        exitCode: EXIT.usage,
        hint: `see \`earshot ${command.name()} --help\``.replace("earshot earshot", "earshot"),
      });
    })
    .configureOutput({ outputError: () => {} });
}

/** Mistakes on the command line, as the program tells all mistakes: one line. */
import type { Command, CommanderError } from "commander";
import { EXIT, Trouble } from "../core/trouble.ts";

/** Commander's own errors become one line and exit code 2, like every other mistake of a user. */
export function oneLineErrors(command: Command): Command {
  return command
    .exitOverride((error: CommanderError) => {
      if (error.exitCode === 0) process.exit(EXIT.ok);
      // a command that needs another behind it has just shown its help
      if (error.code === "commander.help") process.exit(EXIT.usage);
      const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
      throw new Trouble(message, {
        exitCode: EXIT.usage,
        hint: `see \`earshot ${command.name()} --help\``.replace("earshot earshot", "earshot"),
      });
    })
    .configureOutput({ outputError: () => {} });
}

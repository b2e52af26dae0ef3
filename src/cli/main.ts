#!/usr/bin/env node
/** The program's entry: runs a command, turns trouble into one line and an exit code. */
import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import { EXIT, Trouble } from "../core/trouble.ts";
import { OutputClosed } from "../sink/json/stdout.ts";

// reading makes little garbage, so a small nursery is enough, and it stays in the processor's cache: a capture of
// 370,000 exchanges takes 107 MB instead of 152, and a tenth less time
if (process.argv[2] === "read") setFlagsFromString("--max-semi-space-size=4");

// start-up is mostly compiling: the second run finds it done
enableCompileCache?.();

/** One line: what went wrong, and how to go on. Nothing else belongs on a user's screen. */
function tell(error: unknown): number {
  if (error instanceof OutputClosed || (error as NodeJS.ErrnoException)?.code === "EPIPE") return EXIT.ok;
  if (error instanceof Trouble) {
    process.stderr.write(`earshot: ${error.message}${error.hint === "" ? "" : `; ${error.hint}`}\n`);
    return error.exitCode;
  }
  const shown = process.env.EARSHOT_DEBUG ? (error as Error).stack : (error as Error).message;
  process.stderr.write(`earshot: unexpected error: ${shown} (a bug: please report it)\n`);
  return EXIT.failed;
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed);
});
process.on("uncaughtException", (error) => process.exit(tell(error)));
process.on("unhandledRejection", (error) => process.exit(tell(error)));

try {
  const { checkCommand, program } = await import("./program.ts");
  const root = program();
  checkCommand(root, process.argv.slice(2));
  await root.parseAsync(process.argv);
} catch (error) {
  process.exitCode = tell(error);
}

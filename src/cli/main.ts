#!/usr/bin/env node
/** The program's entry: runs a command, turns trouble into one line and an exit code. */
import { EXIT, Trouble } from "../core/trouble.ts";
import { OutputClosed } from "../sink/json/stdout.ts";
import { cacheFolder } from "./code-cache.ts";
import { Told } from "./one-line-errors.ts";

// reading makes little garbage, so a small nursery is enough, and it stays in the processor's cache: a capture of
// 370,000 exchanges takes 107 MB instead of 152, and a tenth less time. bin/earshot has told Node already
const NURSERY = "--max-semi-space-size=4";
if (process.argv[2] === "read" && !process.execArgv.includes(NURSERY)) {
  process.getBuiltinModule("node:v8").setFlagsFromString(NURSERY);
}

// what is loaded from here on is compiled once; in a folder of the user's own, since a cache is code
const folder = cacheFolder();
if (folder !== null) process.getBuiltinModule("node:module").enableCompileCache(folder);

/** One line: what went wrong, and how to go on. Nothing else belongs on a user's screen. */
function tell(error: unknown): number {
  if (error instanceof OutputClosed || (error as NodeJS.ErrnoException)?.code === "EPIPE") return EXIT.ok;
  if (error instanceof Told) return error.exitCode;
  if (error instanceof Trouble) {
    process.stderr.write(`earshot: ${error.message}${error.hint === "" ? "" : `; ${error.hint}`}\n`);
    return error.exitCode;
  }
  if ((error as NodeJS.ErrnoException)?.syscall === "write") {
    process.stderr.write(`earshot: the output cannot be written: ${(error as Error).message}\n`);
    return EXIT.failed;
  }
  const shown = process.env.EARSHOT_DEBUG ? (error as Error).stack : (error as Error).message;
  process.stderr.write(`earshot: unexpected error: ${shown} (a bug: please report it)\n`);
  return EXIT.failed;
}

// also what nobody waits for: an error of standard output
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

// Writes the commands of docs/cli.md anew from the program. Needs a Node that runs TypeScript.
import { readFileSync, writeFileSync } from "node:fs";
import { withCommands } from "../src/cli/cli-reference.ts";

const page = new URL("../docs/cli.md", import.meta.url);
writeFileSync(page, withCommands(readFileSync(page, "utf8")));

// Writes the tables of docs/configuration.md anew from the schema of the settings. Needs a Node that runs TypeScript.
import { readFileSync, writeFileSync } from "node:fs";
import { withReference } from "../src/cli/config-template.ts";

const page = new URL("../docs/configuration.md", import.meta.url);
writeFileSync(page, withReference(readFileSync(page, "utf8")));

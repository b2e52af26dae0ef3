import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = dirname(fileURLToPath(import.meta.url));
/** Names of tables in `Ledger.evicted`, which are no anomalies. */
const TABLES = ["decode.scopes", "decode.encapsulations", "decode.fragments"];

test("docs/anomalies.md lists every code of this folder, and no other", () => {
  const sources = readdirSync(folder).filter((name) => !name.endsWith(".test.ts"));
  const text = sources.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  const used = new Set([...text.matchAll(/"(decode\.[a-z0-9-]+)"/g)].map((match) => match[1]));
  const page = readFileSync(join(folder, "../../docs/anomalies.md"), "utf8");
  const documented = new Set([...page.matchAll(/`(decode\.[a-z0-9-]+)`/g)].map((match) => match[1]));
  for (const table of TABLES) used.delete(table);
  expect([...documented].sort()).toEqual([...used].sort());
});

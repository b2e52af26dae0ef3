import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "../..");
/** Where codes of the engine are given. */
const FOLDERS = ["flow", "protocol/http1", "protocol/detect", "transaction"];

function codesIn(text: string, quote: string): Set<string> {
  return new Set(
    [...text.matchAll(new RegExp(`${quote}((?:http1|tcp)\\.[a-z0-9.-]+)${quote}`, "g"))].map(([, code]) => code),
  );
}

test("docs/anomalies.md lists every code of the engine, and no other", () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(source, folder)).map((name) => join(source, folder, name)),
  );
  const text = files.filter((file) => !file.endsWith(".test.ts")).map((file) => readFileSync(file, "utf8"));
  const used = codesIn(text.join("\n"), '"');
  const documented = codesIn(readFileSync(join(source, "../docs/anomalies.md"), "utf8"), "`");
  expect(used.size).toBeGreaterThan(30);
  expect([...documented].sort()).toEqual([...used].sort());
});

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = dirname(fileURLToPath(import.meta.url));
const sources = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const text = sources.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
const page = (name: string) => readFileSync(join(folder, "../../../docs", name), "utf8");
const codes = (source: string, quote: string) =>
  new Set([...source.matchAll(new RegExp(`${quote}(tls\\.[a-z0-9-]+)${quote}`, "g"))].map((match) => match[1]));
/** Written as `labels["…"]`. */
const labels = new Set([...text.matchAll(/labels\["(tls\.[a-z0-9-]+)"\]/g)].map((match) => match[1]));

test("docs/anomalies.md lists every code of this folder, and no other", () => {
  const used = [...codes(text, '"')].filter((code) => !labels.has(code));
  expect([...codes(page("anomalies.md"), "`")].sort()).toEqual(used.sort());
});

test("docs/tls.md lists every label", () => {
  expect([...codes(page("tls.md"), "`")].sort()).toEqual([...labels].sort());
});

/** The import rule as a table: a folder imports itself and core, and what stands here beside it. Nothing else. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = dirname(fileURLToPath(import.meta.url));

/** What a folder may import beside itself and core. `*` may import everything. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  source: [],
  decode: [],
  flow: [],
  protocol: [],
  transaction: [],
  enrich: [],
  stats: [],
  filter: [],
  redact: [],
  alert: ["stats", "filter", "redact"],
  detect: ["stats", "filter", "redact"],
  sink: ["stats", "filter", "redact"],
  dashboard: ["stats", "filter", "redact", "alert"],
  store: [],
  monitor: ["*"],
  cli: ["*"],
};

/** Files directly in src/: the doors for plug-in authors, and the list of what ships. */
const TOP_LEVEL = ["plugin.ts", "builtin.ts", "testing.ts", "architecture.test.ts", "testing.test.ts"];

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}

function imports(path: string): string[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => resolve(dirname(path), match[1]));
}

const folderOf = (path: string) => relative(src, path).split(sep)[0];

test("folders import only what the table allows", () => {
  const broken: string[] = [];
  for (const path of sources(src)) {
    if (path.endsWith(".test.ts")) continue;
    const from = folderOf(path);
    if (TOP_LEVEL.includes(from)) continue;
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) broken.push(`${relative(src, path)}: folder ${from} is not in the table`);
    for (const target of imports(path)) {
      const to = folderOf(target);
      if (to === from || to === "core" || allowed?.includes("*") || allowed?.includes(to)) continue;
      broken.push(`${relative(src, path)} imports ${relative(src, target)}`);
    }
  }
  expect(broken).toEqual([]);
});

test("no file of leftovers", () => {
  const vague = /(^|[/\\-])(utils?|common|manager|helpers?|misc)([/\\.-]|$)/;
  expect(sources(src).filter((path) => vague.test(relative(src, path)))).toEqual([]);
});

test("protocols do not import each other", () => {
  const broken: string[] = [];
  for (const path of sources(join(src, "protocol"))) {
    if (path.endsWith(".test.ts")) continue;
    const from = relative(join(src, "protocol"), path).split(sep)[0];
    for (const target of imports(path)) {
      if (folderOf(target) !== "protocol") continue;
      const to = relative(join(src, "protocol"), target).split(sep)[0];
      if (to !== from) broken.push(`${relative(src, path)} imports ${relative(src, target)}`);
    }
  }
  expect(broken).toEqual([]);
});

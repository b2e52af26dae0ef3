// What every start of the program loads: for the build, which puts it into one script, and for the test that keeps it small.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const src = join(dirname(dirname(fileURLToPath(import.meta.url))), "src");

/** What a run of `read` loads, before and after it knows that it is one. */
const EVERY_START = ["cli/program", "cli/read", "source/file/read-captures", "source/file/comments"];
/** Packages that every start needs; all others are loaded from where they are installed. */
export const BUNDLED = ["commander"];

const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^;"]*?\bfrom\s*)?"([^"]+)"/gm;

/** `files`: paths of source files that every start loads; `others`: what they import of Node and of packages. */
export function everyStart() {
  const files = new Set();
  const others = new Set();
  const waiting = EVERY_START.map((name) => join(src, `${name}.ts`));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const [, target] of readFileSync(path, "utf8").matchAll(IMPORT)) {
      if (target.startsWith(".")) waiting.push(resolve(dirname(path), target));
      else others.add(target);
    }
  }
  return { files, others };
}

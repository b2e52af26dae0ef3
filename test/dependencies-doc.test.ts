/** Every dependency has its reason on the page, and nothing stands there that is not used. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../docs/dependencies.md", import.meta.url), "utf8");
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

test("docs/dependencies.md names what package.json has", () => {
  const rows = [...page.matchAll(/^\| ([@\w/.-]+) \|/gm)].map((match) => match[1]).filter((name) => name !== "Package");
  expect(rows.sort()).toEqual(Object.keys(manifest.dependencies).sort());
  for (const name of Object.keys(manifest.devDependencies)) expect(page).toContain(name);
});

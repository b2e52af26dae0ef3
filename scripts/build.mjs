// Builds dist/: tsc checks and writes the types, rolldown puts the code into few files (docs/performance.md, "Start").
// What every start needs becomes one script, whose compiled code is kept between runs (src/cli/code-cache.ts); the rest
// are modules that are loaded when a command asks for them. Nothing is shortened: traces are read by people. Names stay
// the same from build to build, so that a program that runs meanwhile still finds what it loads later.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { rolldown } from "rolldown";
import { BUNDLED, everyStart, src } from "./start-graph.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");

/** What is started from outside: by the shell, by plug-ins, as a thread. */
const ENTRIES = ["cli/main", "cli/code-cache", "plugin", "testing", "monitor/worker/shard-thread"];

/** Packages of many files, or needed by every start: their code goes into ours. Others are loaded where they are. */
const INLINED = [...BUNDLED, "smol-toml", "zod"];

/** `import.meta.url` goes on meaning the place of the module's own file, though its code is in another one. */
const places = {
  name: "places",
  transform(code, id) {
    if (!id.startsWith(src) || !code.includes("import.meta.url")) return null;
    const place = relative(src, id).replace(/\.ts$/, ".js");
    return { code: code.replaceAll("import.meta.url", `__place(${JSON.stringify(place)})`), map: null };
  },
  renderChunk(code, chunk) {
    if (!code.includes("__place(")) return null;
    const url = (_all, place) => {
      const from = posix.relative(posix.dirname(chunk.fileName), place);
      return `new URL(${JSON.stringify(from.startsWith(".") ? from : `./${from}`)}, import.meta.url).href`;
    };
    return { code: code.replaceAll(/__place\("([^"]+)"\)/g, url), map: null };
  },
};

/** commander loads what starts programs, for a kind of command that earshot has none of: 3 ms of every start. */
const withoutChildren = {
  name: "without-children",
  transform(code, id) {
    if (!id.endsWith("/commander/lib/command.js")) return null;
    const line = "const childProcess = require('node:child_process');";
    if (!code.includes(line)) throw new Error("commander loads child_process in another way: see scripts/build.mjs");
    return { code: code.replace(line, "const childProcess = {};"), map: null };
  },
};

/** The chunk of what every start needs, as rolldown names it, and the script that it becomes. */
const START = "start";

/** Writes the code to dist/ and gives the paths of its files. */
async function bundle() {
  const { files } = everyStart();
  const isBundled = (id) => BUNDLED.some((name) => id.includes(`/node_modules/${name}/`));
  const build = await rolldown({
    cwd: root,
    input: Object.fromEntries(ENTRIES.map((name) => [name, join(src, `${name}.ts`)])),
    platform: "node",
    tsconfig: join(root, "tsconfig.json"),
    external: (id) => /^(node:|[a-z@])/.test(id) && !INLINED.includes(id),
    plugins: [places, withoutChildren],
    checks: { ineffectiveDynamicImport: false },
  });
  const { output } = await build.write({
    dir: dist,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    minifyInternalExports: false,
    codeSplitting: { groups: [{ name: START, test: (id) => files.has(id) || isBundled(id) }] },
  });
  await build.close();
  const paths = output.map(({ fileName }) => join(dist, fileName));
  return new Set([...paths, toScript(join(dist, "chunks"))]);
}

/**
 * Only a script can be run from what the engine kept of it after a run. So the module becomes a script that gives its
 * exports, and a module of the same name that runs it. Gives the script's path.
 */
function toScript(folder) {
  const path = join(folder, `${START}.code.js`);
  const module = readFileSync(join(folder, `${START}.js`), "utf8");
  const [, listed] = /^export \{([^}]*)\};?$/m.exec(module);
  const names = listed.split(",").map((item) => item.trim().split(" as "));
  const body = module
    .replace(/^export \{[^}]*\};?$/m, `return { ${names.map(([own, given = own]) => `${given}: ${own}`).join(", ")} };`)
    .replace(/^import (.*) from "(node:[^"]+)";$/gm, (_all, names, from) => builtin(names, from))
    .replaceAll("import.meta.url", "__url")
    .replace(/\bimport\((?=["`])/g, "__import(");
  const code = ascii(`(function (__url, __import) { "use strict"; ${body}\n})`);
  // what was overlooked above is no valid script
  new Script(code, { filename: path });
  writeFileSync(path, code);
  const build = createHash("sha256").update(code).digest("hex").slice(0, 12);
  const exported = names.map(([own, given = own]) => given).join(", ");
  const facade = [
    'import { compiled } from "./code-cache.js";',
    // an older Node fails somewhere inside, with a stack that tells nobody what to do
    'const [major, minor] = process.versions.node.split(".").map(Number);',
    "if (major < 22 || (major === 22 && minor < 18)) {",
    '  const text = "earshot: needs Node 22.18 or newer, and this is ";',
    '  process.stderr.write(text + process.versions.node + "; in a checkout npm start fetches one\\n");',
    "  process.exit(3);",
    "}",
    `const path = \`\${import.meta.dirname}/${START}.code.js\`;`,
    `const run = compiled(path, "${build}");`,
    `export const { ${exported} } = run(import.meta.url, (name) => import(name));`,
    "",
  ];
  writeFileSync(join(folder, `${START}.js`), facade.join("\n"));
  return path;
}

/** Whose code is in ours asks for the licence to go with it. */
function writeLicences() {
  const texts = INLINED.map((name) => [name, readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8")]);
  const intro = "Parts of the files beside this one are of these packages.\n";
  writeFileSync(join(dist, "LICENSES.txt"), [intro, ...texts.map(([name, text]) => `${name}\n\n${text}`)].join("\n\n"));
}

/** `fs, { openSync as open }` as the declaration of a script. */
function builtin(names, from) {
  const [, whole, some] = /^([\w$]+)?(?:, )?(\{.*\})?$/.exec(names);
  const module = `process.getBuiltinModule("${from}")`;
  const parts = [whole && `${whole} = ${module}`, some && `${some.replaceAll(" as ", ": ")} = ${module}`];
  return `const ${parts.filter(Boolean).join(", ")};`;
}

/** One octet a character: quicker to read, and half the memory. Others stand only in texts and patterns. */
function ascii(code) {
  return code.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Code of former builds. */
function removeOthers(folder, wanted) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOthers(path, wanted);
    else if (/\.js(\.map)?$/.test(entry.name) && !wanted.has(path)) rmSync(path);
  }
}

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const types = [tsc, "-p", join(root, "tsconfig.build.json"), "--emitDeclarationOnly"];
const { status } = spawnSync(process.execPath, types, { stdio: "inherit", cwd: root });
if (status !== 0) process.exit(status ?? 1);
removeOthers(dist, await bundle());
writeLicences();
await import("./copy-assets.mjs");

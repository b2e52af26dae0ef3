#!/usr/bin/env node
// Gets this checkout ready and runs it. Plain JavaScript that any Node from 16 on can read, because the Node that
// starts it may be older than the one earshot needs:
//   1. finds Node >= 22.18, else fetches one from the npm registry into .cache/node (no script of it is run);
//   2. installs the locked dependencies when package-lock.json changed;
//   3. builds dist/ when a source file is newer;
//   4. runs:  start | test | check | bench | run ARGS...
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FLOOR = [22, 18];
const FETCHED_NODE = "24.21.0";
/** vitest would write a copy of its configuration into node_modules, which may be another user's. */
const CONFIG_IN_MEMORY = ["--configLoader", "runner"];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, ".cache");

/** One line for a person, and out: what went wrong and how to go on. */
function fail(message) {
  process.stderr.write(`earshot: ${message}\n`);
  process.exit(1);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: "inherit", cwd: root, ...options });
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`);
  return result.signal ? 128 : result.status;
}

function newEnough(version) {
  const [major, minor] = version.replace(/^v/, "").split(".").map(Number);
  return major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1]);
}

/** The path of a Node that is new enough; fetches one from the npm registry when there is none. */
function findNode() {
  if (newEnough(process.version)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const fetched = join(cache, "node", "node_modules", name, "bin", "node");
  if (!existsSync(fetched)) {
    process.stderr.write(
      `earshot: Node ${process.version} is older than ${FLOOR.join(".")}: fetching Node ${FETCHED_NODE} from npm…\n`,
    );
    mkdirSync(join(cache, "node"), { recursive: true });
    writeFileSync(join(cache, "node", "package.json"), '{"private":true}\n');
    const status = npm([
      "install",
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--loglevel=error",
      "--prefix",
      join(cache, "node"),
      `${name}@${FETCHED_NODE}`,
    ]);
    if (status !== 0 || !existsSync(fetched)) {
      fail(`could not fetch Node ${FETCHED_NODE} from npm; install Node ${FLOOR.join(".")} or newer yourself`);
    }
  }
  return fetched;
}

/** npm belongs to the Node that the user has: it is only used to install, its output goes to stderr. */
function npm(args, env = process.env) {
  return run("npm", args, { stdio: ["ignore", 2, 2], env });
}

function installDependencies(node) {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  const stamp = join(root, "node_modules", ".earshot-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  process.stderr.write("earshot: installing dependencies…\n");
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` };
  if (npm(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], env) !== 0) {
    fail("npm ci failed; the lines above say why");
  }
  writeFileSync(stamp, lock);
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) latest = Math.max(latest, newest(path));
    else if (!entry.name.endsWith(".test.ts")) latest = Math.max(latest, statSync(path).mtimeMs);
  }
  return latest;
}

function build(node) {
  const built = join(root, "dist", ".built");
  const sources = Math.max(
    newest(join(root, "src")),
    statSync(join(root, "tsconfig.build.json")).mtimeMs,
    statSync(join(root, "scripts", "build.mjs")).mtimeMs,
    statSync(join(root, "package-lock.json")).mtimeMs,
  );
  if (existsSync(built) && statSync(built).mtimeMs >= sources) return;
  process.stderr.write("earshot: building…\n");
  if (run(node, [join(root, "scripts", "build.mjs")]) !== 0) fail("the build failed");
  writeFileSync(built, "");
}

function tool(node, path, args, env = {}) {
  return run(node, [join(root, "node_modules", path), ...args], {
    env: { ...process.env, ...env, PATH: `${dirname(node)}:${process.env.PATH}` },
  });
}

function earshot(node, args) {
  return run(node, [join(root, "dist", "cli", "main.js"), ...args], { cwd: process.cwd() });
}

function check(node) {
  const lint = tool(node, "@biomejs/biome/bin/biome", ["check", "."]);
  const types = tool(node, "typescript/bin/tsc", ["--noEmit"]);
  return lint || types;
}

const [action = "start", ...rest] = process.argv.slice(2);
const node = findNode();
installDependencies(node);
build(node);
let status = 0;
if (action === "start") status = earshot(node, ["start", ...rest]);
else if (action === "run") status = earshot(node, rest);
else if (action === "test") status = tool(node, "vitest/vitest.mjs", ["run", ...CONFIG_IN_MEMORY, ...rest]);
else if (action === "check") status = check(node);
else if (action === "bench") status = run(node, [join(root, "benchmarks", "run.ts"), ...rest]);
else if (action !== "ready") fail(`unknown action ${action}: start, test, check, bench, ready or run`);
process.exit(status ?? 1);

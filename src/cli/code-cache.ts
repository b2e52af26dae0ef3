/**
 * What the engine made of the program's code, kept for the next start: parsing and compiling what a command needs takes
 * a fifth of a short run. Node's own cache (module.enableCompileCache) keeps only what is compiled when a file is
 * loaded, which is little of it; here it is what was compiled after the command has run for a moment. Only the built
 * program uses this: scripts/build.mjs puts what every start needs into one script, which this compiles.
 *
 * The cache is executable: it is read only from a folder and a file that are the user's own and that nobody else may
 * write. Whatever is wrong with it, the program starts without.
 */
import type { Script } from "node:vm";

// not imported: a module that imports Node's files gets all there is to them, promises and streams too (4 ms)
const fs = process.getBuiltinModule("node:fs");

/** By then a command has compiled what it starts with, and nothing was thrown away again for being idle. */
const KEEP_AFTER_MS = 500;
/** Files, one a command and build; the oldest makes room. */
const MOST_FILES = 32;
/** First octets of a file, by which it is known as whole and as made for this very code by this very Node. */
const HEAD_BYTES = 128;

const HELP = ["help", "--help", "-h", "--version", "-V"];

type Environment = Readonly<Record<string, string | undefined>>;

/** A folder of the user's own, made when it is missing; null where there is none that can be trusted. */
export function cacheFolder(environment: Environment = process.env): string | null {
  const { XDG_CACHE_HOME, HOME, NODE_DISABLE_COMPILE_CACHE } = environment;
  if (NODE_DISABLE_COMPILE_CACHE) return null;
  try {
    const isGiven = XDG_CACHE_HOME?.startsWith("/") === true;
    const home = isGiven ? XDG_CACHE_HOME : HOME;
    // with sudo, HOME may still be that of another: who owns it could put code into a cache of root's
    if (!home?.startsWith("/") || !isOwn(fs.statSync(home))) return null;
    const folder = `${home}${isGiven ? "" : "/.cache"}/earshot`;
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const status = fs.lstatSync(folder);
    return status.isDirectory() && isOwn(status) ? folder : null;
  } catch {
    return null;
  }
}

const GROUP_OR_OTHERS_WRITE = 0o022;

/** The user's, and writable by nobody else. */
function isOwn(status: { readonly uid: number; readonly mode: number }): boolean {
  return status.uid === process.geteuid?.() && (status.mode & GROUP_OR_OTHERS_WRITE) === 0;
}

/**
 * The value of the script in `path`, compiled with what the cache has of it. `build` tells apart what was built,
 * `command` what needs different code.
 */
export function compiled(path: string, build: string, command = commandOf(process.argv)): unknown {
  const folder = cacheFolder();
  const head = `earshot ${build} ${process.version} ${process.arch} `;
  const name = `${command}-${build}-${process.version}.code`;
  const file = folder === null || command === null ? null : `${folder}/${name}`;
  const cachedData = file === null ? undefined : kept(file, head);
  const { Script } = process.getBuiltinModule("node:vm");
  const script = new Script(fs.readFileSync(path, "latin1"), { filename: path, cachedData });
  if (file !== null && !isHelp(process.argv) && (cachedData === undefined || script.cachedDataRejected))
    keepLater(script, file, head);
  return script.runInThisContext();
}

/** Only told about itself: nothing of the command is compiled. */
const isHelp = (argv: readonly string[]) => argv.some((word) => HELP.includes(word));

/** A name for the command that runs; null where it is none. */
function commandOf(argv: readonly string[]): string | null {
  if (!argv[1]?.endsWith("/main.js") && !argv[1]?.endsWith("/earshot")) return "thread";
  const word = HELP.includes(argv[2]) ? "" : (argv[2] ?? "");
  if (word === "" || word.startsWith("-")) return "start";
  return /^[a-z]{1,16}$/.test(word) ? word : null;
}

/** What the file holds, if it is one of `keepLater` that may be trusted. */
function kept(file: string, head: string): Buffer | undefined {
  let descriptor = -1;
  try {
    descriptor = fs.openSync(file, "r");
    if (!isOwn(fs.fstatSync(descriptor))) return undefined;
    const bytes = fs.readFileSync(descriptor);
    const data = bytes.subarray(HEAD_BYTES);
    return bytes.toString("latin1", 0, HEAD_BYTES) === headOf(head, data.length) ? data : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor >= 0) fs.closeSync(descriptor);
  }
}

const headOf = (head: string, length: number) => `${head}${length}\n`.padEnd(HEAD_BYTES).slice(0, HEAD_BYTES);

/** Keeps the code soon, or at the end of a run that ends well before. */
function keepLater(script: Script, file: string, head: string): void {
  let isKept = false;
  const now = () => {
    if (isKept) return;
    isKept = true;
    keep(script.createCachedData(), file, head);
  };
  setTimeout(now, KEEP_AFTER_MS).unref();
  // a mistake ended it: what was compiled is not what the command needs
  process.once("exit", (code) => code === 0 && now());
}

function keep(data: Buffer, file: string, head: string): void {
  const unfinished = `${file}.${process.pid}`;
  try {
    const descriptor = fs.openSync(unfinished, "wx", 0o600);
    fs.writeSync(descriptor, Buffer.concat([Buffer.from(headOf(head, data.length), "latin1"), data]));
    // the name must not reach the disk before what it names
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
    fs.renameSync(unfinished, file);
    makeRoom(file.slice(0, file.lastIndexOf("/")));
  } catch {
    fs.rmSync(unfinished, { force: true });
  }
}

function makeRoom(folder: string): void {
  const files = fs.readdirSync(folder).filter((name) => name.includes(".code"));
  if (files.length <= MOST_FILES) return;
  const byAge = files
    .map((name) => ({ path: `${folder}/${name}`, time: fs.lstatSync(`${folder}/${name}`).mtimeMs }))
    .sort((a, b) => a.time - b.time);
  for (const { path } of byAge.slice(0, files.length - MOST_FILES)) fs.rmSync(path, { force: true });
}

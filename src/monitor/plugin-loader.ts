/**
 * Loads plug-in files: ESM, JavaScript or TypeScript (Node strips the types). `import … from "earshot"` in such a file
 * means this very program, wherever the file lies and however earshot was installed.
 */
import { existsSync, statSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { extname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EXIT, Trouble } from "../core/trouble.ts";
import { firstLine } from "./plugins.ts";

/** `.js` in what is built, `.ts` in a checkout that runs as it is. */
const ending = extname(import.meta.url);
const OWN: Readonly<Record<string, string>> = {
  earshot: new URL(`../plugin${ending}`, import.meta.url).href,
  "earshot/testing": new URL(`../testing${ending}`, import.meta.url).href,
};

let hooked = false;

function serveOwnModules(): void {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      const own = OWN[specifier];
      return own === undefined ? next(specifier, context) : { url: own, shortCircuit: true };
    },
  });
}

/** Gives what the file exports as default. `folder`: what a relative path starts from. Throws Trouble. */
export async function loadPlugin(named: string, folder: string): Promise<unknown> {
  const path = pathOf(named, folder);
  serveOwnModules();
  try {
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return module.default;
  } catch (error) {
    throw new Trouble(`plug-in ${named}: cannot be loaded: ${firstLine(error)}${placeIn(error, path)}`, {
      exitCode: EXIT.badFile,
      hint: hintFor(error),
      cause: error,
    });
  }
}

/** A path, or the name of an installed package. */
function pathOf(named: string, folder: string): string {
  const path = isAbsolute(named) ? named : resolve(folder, named);
  if (existsSync(path)) {
    if (statSync(path).isFile()) return path;
    throw new Trouble(`plug-in ${named}: is not a file`, { exitCode: EXIT.badFile, hint: "name the file itself" });
  }
  if (/^(?:@[\w.-]+\/)?[\w-][\w.-]*$/.test(named) && extname(named) === "") {
    try {
      return createRequire(join(resolve(folder), "noop.js")).resolve(named);
    } catch {}
  }
  throw new Trouble(`plug-in ${named}: no such file`, {
    exitCode: EXIT.badFile,
    hint: `looked for ${path}`,
  });
}

/** `, line 12` where the error tells, for mistakes in the file itself. */
function placeIn(error: unknown, path: string): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const at = stack.indexOf(path);
  const line = at < 0 ? null : /^:(\d+)/.exec(stack.slice(at + path.length));
  return line === null ? "" : `, line ${line[1]}`;
}

function hintFor(error: unknown): string {
  const code = (error as NodeJS.ErrnoException)?.code;
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") return "a plug-in is a .js, .mjs or .ts file";
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    return "use types only: no enums, namespaces or parameter properties";
  if (code === "ERR_MODULE_NOT_FOUND") return "install what it imports beside it";
  return "";
}

/** Where the configuration is: which file, and whether the environment sets something. Reads no setting itself. */
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { EXIT, Trouble } from "../core/trouble.ts";

export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working folder. */
  readonly folder: string;
  /** Where `/etc` is: tests have their own. */
  readonly system?: string;
}

export const FILE_NAME = "earshot.toml";

/** Variables that are no settings. */
export const OTHER_VARIABLES: readonly string[] = ["EARSHOT_CONFIG", "EARSHOT_DEBUG", "EARSHOT_STATE"];

export const here = (): Surroundings => ({ environment: process.env, folder: process.cwd() });

/** Files looked for, first to last. */
export function searchPath({ environment, folder, system = "/etc" }: Surroundings): string[] {
  const home = environment.XDG_CONFIG_HOME || (environment.HOME ? join(environment.HOME, ".config") : null);
  return [
    join(folder, FILE_NAME),
    ...(home === null ? [] : [join(home, "earshot", FILE_NAME)]),
    join(system, "earshot", FILE_NAME),
  ];
}

/** The file to read: the one named (`none` for none at all), else the first that is there; null for none. */
export function findConfigFile(given: string | undefined, around: Surroundings): string | null {
  const named = given ?? (around.environment.EARSHOT_CONFIG || undefined);
  if (named === "none") return null;
  if (named !== undefined) {
    const path = resolve(around.folder, named);
    if (existsSync(path)) return path;
    throw new Trouble(`configuration ${named}: no such file`, {
      exitCode: EXIT.badFile,
      hint: given === undefined ? "EARSHOT_CONFIG names it" : "`earshot config init` makes one",
    });
  }
  const found = searchPath(around).find((path) => existsSync(path)) ?? null;
  if (found !== null && found === join(around.folder, FILE_NAME)) checkOwner(found);
  return found;
}

/** A file that happens to lie here may name plug-ins, which are run: nobody else may put it there. */
function checkOwner(path: string): void {
  const { uid, mode } = statSync(path);
  const own = process.getuid?.();
  if (own === undefined || ((uid === own || uid === 0) && (mode & 0o002) === 0)) return;
  const why = (mode & 0o002) === 0 ? "belongs to another user" : "can be written by everyone";
  throw new Trouble(`./${FILE_NAME} ${why}: it is not read`, {
    exitCode: EXIT.permission,
    hint: `name it if you mean it: --config ${FILE_NAME}; or --config none`,
  });
}

/** Does the environment set anything? */
export function isConfiguredByEnvironment({ environment }: Surroundings): boolean {
  return Object.keys(environment).some((name) => name.startsWith("EARSHOT_") && !OTHER_VARIABLES.includes(name));
}

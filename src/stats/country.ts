/**
 * Country of an address from a MaxMind database's bytes: `CH`. Answers are kept, since the same clients come again.
 * Whoever has the file (the command line) reads it; nothing is opened here.
 */
import { isIP } from "node:net";
import { Reader, type Response } from "maxmind";
import { EXIT, Trouble } from "../core/trouble.ts";

/** ISO 3166-1 alpha-2, upper case; null when the database does not tell (private addresses, for one). */
export type CountryLookup = (ip: string) => string | null;

const CACHED = 8_192;

interface CountryRecord {
  /** ip-location-db. */
  readonly country_code?: string;
  /** GeoLite2 and what follows it. */
  readonly country?: { readonly iso_code?: string };
}

/** Throws Trouble when the bytes are no such database. `name` is the file's, for the message. */
export function countryLookup(database: Uint8Array, name = "the country database"): CountryLookup {
  const reader = open(database, name);
  const cache = new Map<string, string | null>();
  return (ip) => {
    const cached = cache.get(ip);
    if (cached !== undefined) return cached;
    if (cache.size >= CACHED) cache.clear();
    const found = read(reader, ip);
    cache.set(ip, found);
    return found;
  };
}

function open(database: Uint8Array, name: string) {
  try {
    return new Reader<CountryRecord & Response>(Buffer.from(database.buffer, database.byteOffset, database.length));
  } catch (error) {
    const hint = "Give a MaxMind country database (.mmdb).";
    throw new Trouble(`${name} is not readable as one`, { exitCode: EXIT.badFile, hint, cause: error });
  }
}

function read(reader: { get(ip: string): CountryRecord | null }, ip: string): string | null {
  if (isIP(ip) === 0) return null;
  try {
    const record = reader.get(ip);
    return record?.country_code ?? record?.country?.iso_code ?? null;
  } catch {
    // an IPv6 address against an IPv4 database: not told
    return null;
  }
}

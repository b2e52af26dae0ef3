/**
 * SIGHUP: reads the configuration again while live traffic is watched, and takes over what can be taken over: filters,
 * names to redact, log files that others renamed, and whatever the caller adds (alert rules). What cannot is told (docs/configuration.md).
 */
import { isDeepStrictEqual } from "node:util";
import type { WatchedSession } from "../monitor/watched-run.ts";
import type { RedactOptions } from "../redact/schema.ts";
import { loadSettings } from "./config.ts";
import { findConfigFile, here, isConfiguredByEnvironment, type Surroundings } from "./config-file.ts";
import { settingsList } from "./config-reference.ts";
import type { Settings } from "./config-schema.ts";
import { filterTests, type RunOptions } from "./run-options.ts";

/** Parts of the configuration that a running session takes over; each may be a table or a setting. */
const TAKEN = ["filters", "output.filter", "redact.allow", "redact.deny", "redact.hash_key"];

export interface ReloadOptions {
  readonly options: RunOptions & { readonly config?: string };
  readonly session: Pick<WatchedSession, "refilter" | "reredact" | "reopenFiles">;
  readonly onNotice: (line: string) => void;
  /** Takes over more of it; gives the paths it took. Throws Trouble when it cannot. */
  readonly take?: (settings: Settings, before: Settings | undefined) => readonly string[];
  readonly around?: Surroundings;
}

/** Gives what to do at each SIGHUP. */
export function reloader({ options, session, onNotice, take, around }: ReloadOptions): () => void {
  let current = options.settings;
  return () => {
    session.reopenFiles();
    const now = around ?? here();
    try {
      if (findConfigFile(options.config, now) === null && !isConfiguredByEnvironment(now)) {
        onNotice("log files are opened anew; there is no configuration to read");
        return;
      }
      const { settings, notices } = loadSettings(options.config, now);
      const texts = filtersOf(options, settings) ?? [];
      const filters = filterTests({ settings, filter: texts });
      const taken = [...TAKEN, ...(take?.(settings, current) ?? [])];
      session.refilter(filters, { texts, named: settings.filters });
      session.reredact(redactionOf(options, settings));
      for (const line of notices) onNotice(line);
      onNotice(told(current, settings, taken));
      current = settings;
    } catch (error) {
      // whatever it is: a file that is wrong must not end a run that is right
      onNotice(`the configuration is not taken over, all stays as it was: ${(error as Error).message}`);
    }
  };
}

/** A filter that came as a flag stays. */
function filtersOf(options: RunOptions, settings: Settings): readonly string[] | undefined {
  const ofFlag = options.filter !== undefined && options.filter !== options.settings?.output.filter;
  return ofFlag ? options.filter : settings.output.filter;
}

/** A key that came as a flag stays. */
function redactionOf(options: RunOptions, { redact }: Settings): Omit<RedactOptions, "reveal"> {
  const before = options.settings?.redact.hash_key ?? null;
  const ofFlag = options.hashSecrets !== undefined && options.hashSecrets !== before;
  return { allow: redact.allow, deny: redact.deny, hash_key: ofFlag ? options.hashSecrets : redact.hash_key };
}

function told(before: Settings | undefined, now: Settings, taken: readonly string[]): string {
  const changed = settingsList()
    .map(({ path }) => path)
    .filter((path) => !path.includes("[") && !isDeepStrictEqual(valueAt(before, path), valueAt(now, path)));
  const waiting = changed.filter((path) => !taken.some((part) => path === part || path.startsWith(`${part}.`)));
  const done = changed.length === 0 ? "nothing changed" : `changed: ${changed.join(", ")}`;
  const later = waiting.length === 0 ? "" : `; only after a restart: ${waiting.join(", ")}`;
  return `configuration read again, log files opened anew; ${done}${later}`;
}

/** As written: what is not set is not changed. */
function valueAt(settings: Settings | undefined, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((table, key) => (table as Record<string, unknown> | undefined)?.[key], settings?.raw);
}

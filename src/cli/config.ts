/**
 * Reads the configuration: a TOML file, `EARSHOT_*` of the environment over it, checked by the schema. Gives Settings;
 * mistakes are Trouble with file, line and key. (Flags win over both: config-apply.ts.)
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parse, TomlError } from "smol-toml";
import type { z } from "zod";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { checkNamedFilters } from "../filter/filter.ts";
import { findConfigFile, isConfiguredByEnvironment, OTHER_VARIABLES, type Surroundings } from "./config-file.ts";
import { lineOf } from "./config-lines.ts";
import { type Setting, settingsList } from "./config-reference.ts";
import { configSchema, type Origin, type Settings } from "./config-schema.ts";

type Raw = Record<string, unknown>;
type Path = readonly (string | number)[];

export interface Loaded {
  readonly settings: Settings;
  /** Doubtful things that are no mistakes. */
  readonly notices: readonly string[];
}

/** Throws Trouble. `given`: what `--config` says. */
export function loadSettings(given: string | undefined, around: Surroundings): Loaded {
  const path = findConfigFile(given, around);
  const text = path === null ? "" : read(path);
  const raw = path === null ? {} : parseToml(path, text);
  const origins = new Map<string, Origin>();
  for (const leaf of leaves(raw)) origins.set(leaf, "file");
  const notices = takeEnvironment(raw, origins, around);
  const place = new Places(path, text, origins);
  const result = configSchema.safeParse(raw);
  if (!result.success) throw trouble(result.error.issues, place);
  checkFilters(result.data.filters, place);
  const folder = path === null ? around.folder : dirname(path);
  return { settings: { ...result.data, path, folder, raw, origins }, notices };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === "EACCES";
    throw new Trouble(`${path}: cannot be read: ${(error as Error).message}`, {
      exitCode: denied ? EXIT.permission : EXIT.badFile,
      cause: error,
    });
  }
}

function parseToml(path: string, text: string): Raw {
  try {
    return parse(text) as Raw;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0].replace(/^Invalid TOML document: /, "");
    throw new Trouble(`${path}, line ${error.line}, column ${error.column}: ${printable(what)}`, {
      exitCode: EXIT.usage,
      hint: "the file is TOML: see `earshot config init`",
    });
  }
}

/** Paths of what was set: lists and what is in them count as one. */
function* leaves(value: Raw, before = ""): Generator<string> {
  for (const [key, inner] of Object.entries(value)) {
    const path = before === "" ? key : `${before}.${key}`;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner)) yield* leaves(inner as Raw, path);
    else yield path;
  }
}

// ---- the environment

function takeEnvironment(raw: Raw, origins: Map<string, Origin>, around: Surroundings): string[] {
  // the list of settings takes longer to make than a small capture to read
  if (!isConfiguredByEnvironment(around)) return [];
  const { environment } = around;
  const known = new Map(settingsList().flatMap((setting) => (setting.variable ? [[setting.variable, setting]] : [])));
  const notices: string[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("EARSHOT_") || text === undefined || OTHER_VARIABLES.includes(name)) continue;
    const setting = known.get(name);
    if (setting === undefined) {
      // others set such names too (service links of Kubernetes): only what looks like a slip is told
      const meant = nearest(name, known.keys());
      if (meant !== null) notices.push(`environment: ${printable(name)} is no setting (did you mean ${meant}?)`);
      continue;
    }
    put(raw, setting.path.split("."), settingValue(text, setting));
    origins.set(setting.path, "environment");
  }
  return notices;
}

function put(raw: Raw, path: readonly string[], value: unknown): void {
  let table = raw;
  for (const key of path.slice(0, -1)) {
    const inner = table[key];
    table = (typeof inner === "object" && inner !== null ? inner : (table[key] = {})) as Raw;
  }
  table[path[path.length - 1]] = value;
}

/** What a text means depends on the setting; the schema judges what comes out. */
function settingValue(text: string, { type }: Setting): unknown {
  if (type.startsWith("list")) {
    return text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }
  if (type === "true or false") {
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    return /^(false|0|no|off)$/i.test(text) ? false : text;
  }
  const isNumber = /^(whole )?number/.test(type) && text.trim() !== "" && Number.isFinite(Number(text));
  return isNumber ? Number(text) : text;
}

// ---- mistakes

/** Where a setting was written: `earshot.toml, line 3`, or the variable's name. */
class Places {
  private readonly path: string | null;
  private readonly text: string;
  private readonly origins: ReadonlyMap<string, Origin>;

  constructor(path: string | null, text: string, origins: ReadonlyMap<string, Origin>) {
    this.path = path;
    this.text = text;
    this.origins = origins;
  }

  of(path: Path): string {
    const name = path.filter((part) => typeof part === "string").join(".");
    if (this.origins.get(name) === "environment")
      return `environment, EARSHOT_${name.replaceAll(".", "_").toUpperCase()}`;
    const line = lineOf(this.text, path);
    return line === null ? `${this.path}` : `${this.path}, line ${line}`;
  }
}

function trouble(issues: readonly z.core.$ZodIssue[], places: Places): Trouble {
  const lines = issues.flatMap((issue) => issueLines(issue, places));
  const [first, ...others] = lines;
  const more = others.map((line) => `\n  ${line}`).join("");
  return new Trouble(first + more, { exitCode: EXIT.usage, hint: "docs/configuration.md has every setting" });
}

function issueLines(issue: z.core.$ZodIssue, places: Places): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key] as Path;
      const meant = nearest(key, keysAt(issue.path as Path));
      const name = nameOf(path);
      return `${places.of(path)}: there is no setting \`${name}\`${meant === null ? "" : ` (did you mean \`${meant}\`?)`}`;
    });
  }
  const path = issue.path as Path;
  return [`${places.of(path)}: ${nameOf(path)}: ${messageOf(issue)}`];
}

/** zod says `Invalid input` of what may be several things: the reference says of which type it should be. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "custom" || issue.code === "invalid_format") return printable(issue.message);
  const dotted = issue.path.filter((part) => typeof part === "string").join(".");
  const setting = settingsList().find(({ path }) => path.replaceAll(/\[[^\]]*\]/g, "") === dotted);
  if (setting !== undefined && (issue.code === "invalid_type" || issue.code === "invalid_union")) {
    return `expected ${setting.type.replaceAll("`", "")}`;
  }
  return printable(issue.message.replace(/^Invalid (input|option): /, "").replaceAll('"', ""));
}

/** `alerts.rules[2].window`, counted from 1 as people do. */
function nameOf(path: Path): string {
  return printable(
    path.map((part, index) => (typeof part === "number" ? `[${part + 1}]` : index === 0 ? part : `.${part}`)).join(""),
  );
}

/** Names of settings beside each other in a table. */
function keysAt(path: Path): string[] {
  const table = path.filter((part) => typeof part === "string").join(".");
  const before = table === "" ? "" : `${table}.`;
  const keys = settingsList()
    .map((setting) => setting.path.replaceAll(/\[[^\]]*\]/g, ""))
    .filter((name) => name.startsWith(before))
    .map((name) => name.slice(before.length).split(".")[0]);
  return [...new Set(keys)];
}

function checkFilters(filters: Readonly<Record<string, string>>, places: Places): void {
  for (const name of Object.keys(filters)) {
    try {
      checkNamedFilters({ ...filters, [name]: filters[name] });
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      const wrong = /filter @([\w-]+)/.exec(error.message)?.[1] ?? name;
      const where = places.of(["filters", wrong]);
      throw new Trouble(`${where}: ${error.message}`, { exitCode: EXIT.usage, hint: error.hint, cause: error });
    }
  }
}

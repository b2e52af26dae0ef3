/** `earshot config show|check|init|path` */
import { writeFileSync } from "node:fs";
import { AlertEngine } from "../alert/engine.ts";
import { alertConfig } from "../alert/schema.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { compileFilter } from "../filter/filter.ts";
import { parseOutputSpec } from "../sink/output/spec.ts";
import { loadSettings } from "./config.ts";
import { FILE_NAME, findConfigFile, here, type Surroundings, searchPath } from "./config-file.ts";
import { type Setting, settingsList } from "./config-reference.ts";
import type { Settings } from "./config-schema.ts";
import { configTemplate, tomlValue } from "./config-template.ts";
import type { Out } from "./live-screen.ts";
import { pluginsOf } from "./run-plugins.ts";
import { choice } from "./values.ts";

export interface ConfigOptions {
  readonly config?: string;
  readonly output?: string;
  readonly force?: boolean;
}

const notice = (line: string) => process.stderr.write(`earshot: ${line}\n`);

/** Names whose values are secrets, whatever holds them. */
const SECRET = /(^|[._])(hash_key|secret|headers|password|token)($|[._[])/;
const HIDDEN = "[REDACTED]";

/** What holds, and where it comes from. */
export function showConfig(options: ConfigOptions, out: Out = process.stdout, around: Surroundings = here()): void {
  const format = choice("-o", ["toml", "json"] as const)(options.output ?? "toml");
  const { settings, notices } = loadSettings(options.config, around);
  for (const line of notices) notice(line);
  const shown = settingsList()
    .filter(({ path }) => !path.includes("["))
    .map((setting) => ({ setting, ...effective(setting, settings) }));
  if (format === "json") {
    const plain = shown.map(({ setting, value, origin }) => ({ setting: setting.path, value, origin }));
    out.write(`${plain.map((one) => JSON.stringify(one)).join("\n")}\n`);
    return;
  }
  const lines = shown.map(({ setting, value, origin }) =>
    value === null ? `# ${setting.path} is not set` : `${setting.path} = ${tomlValue(value)}  # ${origin}`,
  );
  out.write(`# ${settings.path ?? "no file"}\n${lines.join("\n")}\n`);
}

function effective(
  { path, preset }: Setting,
  settings: Settings,
): { readonly value: unknown; readonly origin: string } {
  const raw = path
    .split(".")
    .reduce<unknown>((table, key) => (table as Record<string, unknown> | undefined)?.[key], settings.raw);
  if (raw === undefined) return { value: preset, origin: "preset" };
  return { value: hidden(raw, path), origin: settings.origins.get(path) ?? "file" };
}

function hidden(value: unknown, path: string): unknown {
  if (SECRET.test(path)) return HIDDEN;
  if (Array.isArray(value)) return value.map((one) => hidden(one, path));
  if (typeof value !== "object" || value === null) return typeof value === "string" ? withoutUserinfo(value) : value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, hidden(one, `${path}.${key}`)]));
}

/** Addresses of receivers hold their keys: Slack's in the path, others' before the host. */
function withoutUserinfo(text: string): string {
  return text.replace(/(https?:\/\/)(?:[^/\s@]*@)?([^/\s?]+)\/?[^\s]*/g, `$1$2/${HIDDEN}`);
}

/** Everything that can be found out without running: settings, filters, outputs, rules, plug-ins. Throws Trouble. */
export async function checkConfig(
  file: string | undefined,
  options: ConfigOptions,
  out: Out = process.stdout,
  around: Surroundings = here(),
): Promise<void> {
  const { settings, notices } = loadSettings(file ?? options.config, around);
  const at = settings.path ?? "environment";
  const inside = <T>(name: string, check: () => T): T => {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      throw new Trouble(`${at}: ${name}: ${error.message}`, { exitCode: EXIT.usage, hint: error.hint, cause: error });
    }
  };
  const compile = (text: string) => {
    const filter = compileFilter(text, { named: settings.filters });
    return (event: Parameters<typeof filter.matches>[0]) => filter.matches(event);
  };
  for (const text of settings.output.filter) inside("output.filter", () => compile(text));
  for (const text of settings.output.outputs) {
    if (!text.startsWith("plugin:")) inside("output.outputs", () => parseOutputSpec(text));
  }
  inside("alerts", () => new AlertEngine(alertConfig(settings.raw.alerts as object), { emit: () => {}, compile }));
  for (const { filter } of settings.notify) if (filter !== null) inside("notify", () => compile(filter));
  const plugins = await pluginsOf({ settings });
  for (const line of notices) notice(line);
  const loaded = plugins.names.length === 0 ? "" : `, plug-ins ${plugins.names.join(", ")}`;
  out.write(`${at}: right (${settings.origins.size} set${loaded})\n`);
}

/** Writes a file with every setting as a comment. */
export function initConfig(file: string | undefined, options: ConfigOptions, out: Out = process.stdout): void {
  const path = file ?? FILE_NAME;
  try {
    writeFileSync(path, configTemplate(), { flag: options.force ? "w" : "wx", mode: 0o600 });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new Trouble(exists ? `${path} is already there` : `${path} cannot be written: ${(error as Error).message}`, {
      exitCode: exists ? EXIT.usage : EXIT.permission,
      hint: exists ? "--force writes over it" : "",
    });
  }
  out.write(`${path} written: every setting is in it as a comment\n`);
}

/** The file that is read, or where it would be looked for. */
export function showConfigPath(options: ConfigOptions, out: Out = process.stdout, around: Surroundings = here()): void {
  const path = findConfigFile(options.config, around);
  if (path !== null) {
    out.write(`${path}\n`);
    return;
  }
  notice(`no configuration file; looked for ${searchPath(around).join(", ")}`);
  process.exitCode = EXIT.failed;
}

/** Plug-ins of a run: those of `--plugin` and of the configuration, loaded once, behind what ships. */
import { builtin } from "../builtin.ts";
import { Registry } from "../monitor/plugins.ts";
import type { OverviewOptions } from "../stats/overview.ts";
import type { RunOptions } from "./run-options.ts";

/** The registry of a run; made at the first call, and the same afterwards. Throws Trouble for a file that is no plug-in. */
export async function pluginsOf(
  options: Pick<RunOptions, "plugin" | "plugins" | "settings">,
  overview: OverviewOptions = {},
): Promise<Registry> {
  if (options.plugins !== undefined) return options.plugins;
  const registry = new Registry().addBuiltin(await builtin(overview));
  const named = [
    ...(options.settings?.plugins ?? []).map((path) => ({ path, folder: options.settings!.folder })),
    ...(options.plugin ?? []).map((path) => ({ path, folder: process.cwd() })),
  ];
  if (named.length === 0) return registry;
  const { loadPlugin } = await import("../monitor/plugin-loader.ts");
  for (const { path, folder } of named) registry.add(await loadPlugin(path, folder), path);
  return registry;
}

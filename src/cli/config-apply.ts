/** Settings become options of a command, where no flag says otherwise. */
import type { Command } from "commander";
import type { Settings } from "./config-schema.ts";

/** Setting, and the option (as commander names it) that it stands for. */
const CAPTURE: readonly (readonly [setting: string, option: string])[] = [
  ["capture.interfaces", "interface"],
  ["capture.ports", "port"],
  ["capture.bpf", "bpf"],
  ["capture.snaplen", "snaplen"],
  ["capture.buffer", "buffer"],
  ["capture.promiscuous", "promiscuous"],
  ["capture.workers", "workers"],
  ["capture.attribution", "attribution"],
  ["capture.runtime_sockets", "runtimeSocket"],
];
const OUTPUT: readonly (readonly [setting: string, option: string])[] = [
  ["output.columns", "columns"],
  ["output.filter", "filter"],
  ["output.min_latency", "minLatency"],
  ["output.max_body_size", "maxBodySize"],
  ["output.capture_request", "captureRequest"],
  ["output.capture_response", "captureResponse"],
  ["output.color", "color"],
  ["output.summary", "summary"],
  ["redact.reveal", "reveal"],
  ["redact.hash_key", "hashSecrets"],
];
/** Only for commands whose output is rows. */
const ROWS: readonly (readonly [setting: string, option: string])[] = [["output.outputs", "output"]];
const WITH_ROWS = ["watch", "read"];

export function applySettings(command: Command, settings: Settings): void {
  const ofFiles = command.args.length > 0;
  const rows = WITH_ROWS.includes(command.name()) && command.opts().ui !== true;
  const list = [...(ofFiles ? [] : CAPTURE), ...OUTPUT, ...(rows ? ROWS : [])];
  const offered = new Set(command.options.map((option) => option.attributeName()));
  for (const [setting, option] of list) {
    if (!offered.has(option) || !settings.origins.has(setting)) continue;
    if (command.getOptionValueSource(option) === "cli") continue;
    const value = at(settings, setting);
    if (value !== null) command.setOptionValueWithSource(option, value, "config");
  }
  if (offered.has("interval") && settings.origins.has("dashboard.refresh")) {
    const given = command.getOptionValueSource("interval") === "cli" || ofFiles;
    if (!given) command.setOptionValueWithSource("interval", settings.dashboard.refresh / 1e6, "config");
  }
  command.setOptionValue("settings", settings);
}

function at(settings: Settings, path: string): unknown {
  return path.split(".").reduce<unknown>((table, key) => (table as Record<string, unknown>)[key], settings);
}

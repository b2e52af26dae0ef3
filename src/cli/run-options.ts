/** Options that every command about traffic has: read once, turned into what a Session needs. */
import { hostname } from "node:os";
import { type Command, Option } from "commander";
import type { Ledger } from "../core/ledger.ts";
import type { Enricher, Sink } from "../core/roles.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import type { Attribution, AttributionMode } from "../enrich/attribution.ts";
import { type ProcessSelection, parsePid } from "../enrich/process/selector.ts";
import { isAlertField } from "../filter/field-table.ts";
import { compileFilter } from "../filter/filter.ts";
import { processTests } from "../monitor/choosing.ts";
import type { Registry } from "../monitor/plugins.ts";
import type { EventTest, SessionOptions } from "../monitor/session.ts";
import { Redactor } from "../redact/redactor.ts";
import type { RedactOptions } from "../redact/schema.ts";
import { checkOutputs, type OutputSpec, parseOutputSpec } from "../sink/output/spec.ts";
import { parseColumns } from "../sink/table/table.ts";
import { compileSelection } from "../sink/tracee/select.ts";
import type { Settings } from "./config-schema.ts";
import { choice, integer, list, milliseconds, several, size_bytes, truth } from "./values.ts";

export interface RunOptions {
  readonly output?: readonly string[];
  readonly columns?: string;
  readonly captureRequest: boolean;
  readonly captureResponse: boolean;
  readonly minLatency: number;
  readonly maxBodySize: number;
  readonly filter?: readonly string[];
  readonly color: boolean;
  readonly quiet?: boolean;
  readonly summary: boolean;
  readonly reveal?: boolean;
  readonly hashSecrets?: string;
  readonly attribution?: AttributionMode;
  /** `--runtime-socket` */
  readonly runtimeSocket?: readonly string[];
  readonly pid?: readonly string[];
  readonly comm?: readonly string[];
  readonly user?: readonly string[];
  readonly container?: readonly string[];
  readonly follow?: readonly string[];
  readonly traceeFormat: "legacy" | "v1beta1";
  readonly traceeExtra?: boolean;
  readonly events?: readonly string[];
  readonly scope?: readonly string[];
  readonly fields?: string;
  readonly sort?: string;
  readonly maxEntries?: number;
  /** `--plugin` */
  readonly plugin?: readonly string[];
  /** `--alerts`, `--no-alerts`; absent for neither. */
  readonly alerts?: boolean;
  /** What those are, once loaded. */
  readonly plugins?: Registry;
  /** The configuration file and the environment; absent where there are none. */
  readonly settings?: Settings;
}

/** Adds the options to a command; their order is that of `--help`. */
export function addRunOptions(command: Command): Command {
  command
    .optionsGroup("Output:")
    .option(
      "-o, --output <spec>",
      "table, json, tracee, ig-columns, combined, csv, template=…; FORMAT=PATH for a file; repeatable",
      several,
    )
    .option("--columns <names>", "columns of the table: a,b,c or +x,-y")
    .option("--capture-request <bool>", "show requests", truth("--capture-request"), true)
    .option("--capture-response <bool>", "show responses", truth("--capture-response"), true)
    .option("--max-body-size <bytes>", "keep this much of each body (0: none)", size_bytes("--max-body-size"), 0)
    .option("--no-color", "no colours (also NO_COLOR)")
    .option("--quiet", "no rows: only the summary")
    .option("--no-summary", "no summary at the end");
  addChoosingOptions(command);
  addPrivacyOptions(command);
  addSettingsOptions(command);
  return addForeignOptions(command);
}

export function addSettingsOptions(command: Command): Command {
  return command
    .optionsGroup("Configuration:")
    .option("--config <file>", "configuration file instead of earshot.toml (see `earshot config`)")
    .option("--plugin <file>", "plug-in to load, JavaScript or TypeScript; repeatable", several);
}

/** Which exchanges: for everything that shows or counts them. */
export function addChoosingOptions(command: Command): Command {
  return command
    .optionsGroup("Choosing:")
    .option(
      "--filter <expression>",
      "show what matches, e.g. 'status >= 500 and host == \"shop\"'; repeatable",
      several,
    )
    .option("--min-latency <ms>", "show exchanges that took at least this long", milliseconds("--min-latency"), 0)
    .option("--pid <pid>", "client or server process; repeatable", list)
    .option("--comm <name>", "process name, * for anything; repeatable", list)
    .option("--user <name>", "user name or number; repeatable", list)
    .option("--container <name>", "container name or id; repeatable", list)
    .option("--follow <pid>", "a process and its descendants; repeatable", list);
}

export function addPrivacyOptions(command: Command): Command {
  return command
    .optionsGroup("Privacy:")
    .option("--reveal", "show secrets as they were sent")
    .option("--hash-secrets <key>", "add a keyed hash to redacted values, to tell sessions apart");
}

function addForeignOptions(command: Command): Command {
  return command
    .optionsGroup("Formats of other tools:")
    .addOption(
      new Option("--tracee-format <name>", "envelope of -o tracee").choices(["legacy", "v1beta1"]).default("legacy"),
    )
    .option("--tracee-extra", "add what Tracee leaves out (query, raw target, trailers), clearly named")
    .option("--events <names>", "Tracee events: a,b or -a, or a condition; repeatable", several)
    .option("--scope <test>", "Tracee scope filter, e.g. comm=curl; repeatable", several)
    .option("--fields <names>", "Inspektor Gadget columns: a,b or +x,-y")
    .option("--sort <fields>", "Inspektor Gadget order: field or -field")
    .option("--max-entries <n>", "Inspektor Gadget: rows at most", integer("--max-entries", 0, 1_000_000));
}

export const attributionOption = () =>
  new Option("--attribution <mode>", "how processes are found: auto, ebpf, proc or none")
    .argParser(choice("--attribution", ["auto", "ebpf", "proc", "none"] as const))
    .default("auto");

export const runtimeSocketOption = () =>
  new Option(
    "--runtime-socket <path>",
    "container runtime to ask for names, in place of the usual ones; repeatable",
  ).argParser(several);

/** What a Session needs, from options; the parts that a command adds itself come in `own`. */
export function sessionOptions(
  options: RunOptions,
  own: Pick<SessionOptions, "live" | "ledger" | "redactor" | "enrichers" | "onOutputClosed" | "onNotice"> &
    Partial<SessionOptions>,
): SessionOptions {
  if (!options.captureRequest && !options.captureResponse) {
    throw new Trouble("--capture-request and --capture-response are both false: nothing would be shown", {
      exitCode: EXIT.usage,
    });
  }
  const reveal = options.reveal ?? false;
  const outputs = outputsOf(options);
  return {
    outputs,
    table: tableOptions(options, reveal, outputs),
    formats: formatSettings(options, reveal, own.live),
    captureRequest: options.captureRequest,
    captureResponse: options.captureResponse,
    minLatency_ms: options.minLatency,
    maxBodyBytes: options.maxBodySize,
    tests: processTests(selectionOf(options), own.live),
    filters: filterTests(options),
    ...own,
  };
}

function tableOptions(options: RunOptions, reveal: boolean, outputs: readonly OutputSpec[]): SessionOptions["table"] {
  // standard output is looked at only for a table: Node takes a while to open it
  const shown = outputs.some(({ format }) => format === "table");
  return {
    width: (shown && process.stdout.columns) || Number(process.env.COLUMNS) || 160,
    color: shown && options.color && wantsColor(),
    columns: options.columns === undefined ? null : parseColumns(options.columns),
    notice: reveal ? "secrets are shown (--reveal)" : undefined,
  };
}

/** For runs with alerts, which look at every exchange: what was too fast for a row is left out behind them, not before. */
export function withoutGate(base: SessionOptions): SessionOptions {
  const { minLatency_ms, tests } = base;
  if (minLatency_ms === 0) return base;
  const slow: EventTest = (event) => {
    if (event.type !== "transaction") return true;
    const time = event.latency_ms.total ?? event.latency_ms.ttfb;
    return time !== null && time >= minLatency_ms;
  };
  return { ...base, minLatency_ms: 0, tests: [...tests, slow] };
}

/** Loads the plug-ins of a run that names any. Throws Trouble for a file that is none. */
export async function loadPlugins(options: RunOptions): Promise<Registry | undefined> {
  const named = (options.plugin?.length ?? 0) + (options.settings?.plugins.length ?? 0);
  const wanted = options.output?.some(isPluginOutput) ?? false;
  if (options.plugins !== undefined || (named === 0 && !wanted)) return options.plugins;
  return (await import("./run-plugins.ts")).pluginsOf(options);
}

export const PLUGIN_OUTPUT = "plugin:";

function isPluginOutput(spec: string): boolean {
  return spec.startsWith(PLUGIN_OUTPUT);
}

/** What plug-ins add to a session. */
export function pluginParts(
  options: RunOptions,
  plugins: Registry | undefined,
): { readonly enrichers: readonly Enricher[]; readonly sinks: readonly Sink[] } {
  if (plugins === undefined) return { enrichers: [], sinks: [] };
  const names = (options.output ?? []).filter(isPluginOutput).map((spec) => spec.slice(PLUGIN_OUTPUT.length));
  return { enrichers: plugins.enrichers, sinks: [...new Set(names)].map((name) => plugins.sink(name)) };
}

/** The one place where secrets are hidden, made from the options. */
export function redactorOf(options: Pick<RunOptions, "reveal" | "hashSecrets" | "settings">): Redactor {
  return new Redactor(redactionOf(options));
}

export function redactionOf(options: Pick<RunOptions, "reveal" | "hashSecrets" | "settings">): RedactOptions {
  const { allow, deny } = options.settings?.redact ?? {};
  return { reveal: options.reveal ?? false, hash_key: options.hashSecrets ?? null, allow, deny };
}

function outputsOf(options: RunOptions): OutputSpec[] {
  const given = options.output?.filter((text) => !isPluginOutput(text));
  if (options.quiet) {
    const files = (given ?? [])
      .map((text) => parseOutputSpec(text))
      .filter((spec) => spec.destination.kind !== "stdout");
    return files;
  }
  const specs = (given ?? ["table"]).map((text) => parseOutputSpec(text));
  checkOutputs(specs);
  return specs;
}

export function wantsColor(): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR) return true;
  return process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

function formatSettings(options: RunOptions, reveal: boolean, live: boolean): SessionOptions["formats"] {
  return {
    reveal,
    tracee: traceeSettings(options, live),
    ig: {
      fields: options.fields,
      sort: options.sort,
      maxEntries: options.maxEntries,
      captureRequest: options.captureRequest,
      captureResponse: options.captureResponse,
      minLatency_ms: options.minLatency,
    },
  };
}

function traceeSettings(options: RunOptions, live: boolean): SessionOptions["formats"]["tracee"] {
  return {
    format: options.traceeFormat,
    // of a capture file nobody knows the host
    hostName: live ? hostname() : "",
    policies: [],
    extra: options.traceeExtra ?? false,
    selection: compileSelection({ events: options.events ?? [], scope: options.scope ?? [] }),
  };
}

/** What `--filter` or the configuration asks for. */
export function filterTests(options: Pick<RunOptions, "filter" | "settings">): EventTest[] {
  const tests: EventTest[] = [];
  for (const text of options.filter ?? []) {
    const filter = compileFilter(text, { named: options.settings?.filters });
    // what is said of exchanges does not choose alerts
    const ofAlerts = filter.fields.some(isAlertField);
    tests.push((event) => filter.matches(event) || (event.type === "alert" && !ofAlerts));
  }
  return tests;
}

/** Which processes, as plain data. */
export function selectionOf(options: RunOptions): ProcessSelection {
  return {
    pid: options.pid?.map((text) => parsePid(text, "--pid")),
    comm: options.comm,
    user: options.user,
    container: options.container,
    follow: options.follow?.map((text) => parsePid(text, "--follow")),
  };
}

/** Processes at the ends of flows: by the kernel when live, from a file's comments otherwise. */
export async function openAttribution(
  mode: AttributionMode,
  ledger: Ledger,
  redactor: Redactor,
  onNotice: (line: string) => void,
  runtimeSockets?: readonly string[],
): Promise<Attribution> {
  const { createAttribution, RUNTIMES_READY_MS } = await import("../enrich/attribution.ts");
  const redactArguments = (args: readonly string[]) => redactor.arguments(args);
  const attribution = createAttribution({ mode, ledger, onNotice, redactArguments, runtimeSockets });
  // packets are kept in the ring meanwhile
  await attribution.ready(RUNTIMES_READY_MS);
  return attribution;
}

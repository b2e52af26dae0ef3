/**
 * `earshot alerts …`: the alerts of this host. What is running is told by its command folder; when nothing runs, the
 * saved state is changed as it lies on disk.
 */
import { readFileSync } from "node:fs";
import { durationLines } from "../alert/backtest.ts";
import { type AlertCommand, applyAlertCommand } from "../alert/command.ts";
import { alertListLines, alertShowLines, silenceLines } from "../alert/list.ts";
import { SavedAlerts } from "../alert/saved.ts";
import { alertConfig } from "../alert/schema.ts";
import { parseState } from "../alert/state.ts";
import { EXIT, Trouble } from "../core/trouble.ts";
import { MILLISECOND } from "../core/units.ts";
import { SAVE_COMMAND, type SavedState, statePath } from "../monitor/alert-watch.ts";
import { sendCommand } from "../monitor/command-spool.ts";
import { stateFolder, writePrivate } from "../monitor/state-folder.ts";
import { lockHolder, StateLock } from "../monitor/state-lock.ts";
import { notifyTest } from "../sink/notify/notify.ts";
import { filterCompiler, writtenAlerts } from "./alert-run.ts";
import { loadSettings } from "./config.ts";
import { here } from "./config-file.ts";
import type { Settings } from "./config-schema.ts";
import type { Out } from "./live-screen.ts";
import { plainTable } from "./plain-table.ts";
import { redactorOf } from "./run-options.ts";
import { choice } from "./values.ts";

export interface AlertsOptions {
  readonly config?: string;
  readonly output?: string;
  readonly comment?: string;
  readonly rules?: boolean;
}

/** A running earshot looks twice a second; under load it may be late. */
const ANSWER_MS = 5_000;

const notice = (line: string) => process.stderr.write(`earshot: ${line}\n`);
const format = (options: AlertsOptions) => choice("-o", ["table", "json"] as const)(options.output ?? "table");
const present = () => Date.now() * MILLISECOND;

export async function listAlerts(options: AlertsOptions, out: Out = process.stdout): Promise<void> {
  const settings = settingsOf(options);
  const as = format(options);
  const folder = stateFolder();
  const state = await freshState(folder);
  if (state === null) {
    if (as === "json") out.write(`${JSON.stringify({ alerts: [], durations: null, silences: [], rules: [] })}\n`);
    else out.write("No alerts.\n");
    notice(`nothing is saved in ${folder}: no earshot has watched with alerts as this user`);
    return;
  }
  const saved = desk(state, settings);
  const redactor = redactorOf({ settings });
  const alerts = saved.alerts().map((alert) => ({ ...alert, event: redactor.event(alert.event) }));
  if (as === "json") {
    const plain = { alerts, durations: saved.durations(), silences: saved.silences(), rules: saved.rules() };
    out.write(`${JSON.stringify(plain)}\n`);
    return;
  }
  if (options.rules) {
    out.write(
      `${plainTable(
        ["rule"],
        saved.rules().map((name) => [name]),
      )}\n`,
    );
    return;
  }
  const silences = saved.silences();
  const lines = [
    ...alertListLines(alerts, present()),
    ...(alerts.length === 0 ? [] : ["", ...durationLines(saved.durations())]),
    ...(silences.length === 0 ? [] : ["", "Silences:", ...silenceLines(silences, present())]),
  ];
  out.write(`${lines.join("\n")}\n`);
}

export async function showAlert(id: string, options: AlertsOptions, out: Out = process.stdout): Promise<void> {
  const settings = settingsOf(options);
  const as = format(options);
  const state = await freshState(stateFolder());
  const alert = state === null ? null : desk(state, settings).alert(id);
  if (alert === null) throw noAlert(id);
  const shown = { ...alert, event: redactorOf({ settings }).event(alert.event) };
  out.write(`${as === "json" ? JSON.stringify(shown) : alertShowLines(shown, present()).join("\n")}\n`);
}

function noAlert(id: string): Trouble {
  return new Trouble(`there is no alert ${id}`, { hint: "`earshot alerts list` shows those that are" });
}

/** Acknowledge, silence, remove a silence, learn anew. */
export async function tellAlerts(
  command: AlertCommand,
  options: AlertsOptions,
  out: Out = process.stdout,
): Promise<void> {
  const settings = settingsOf(options);
  const folder = stateFolder();
  const told = lockHolder(folder) === null ? null : await send(folder, command);
  out.write(`${told ?? change(folder, command, settings)}\n`);
}

/** Asks the running earshot; null when it ended meanwhile. Throws Trouble with its answer when it will not. */
async function send(folder: string, command: unknown): Promise<string | null> {
  const isThere = () => lockHolder(folder) !== null;
  let answer: Awaited<ReturnType<typeof sendCommand>>;
  try {
    answer = await sendCommand(folder, command, { timeout_ms: ANSWER_MS, isThere });
  } catch (error) {
    throw unreachable(folder, error);
  }
  if (answer === null) {
    const pid = lockHolder(folder)?.pid;
    if (pid === undefined) return null;
    throw new Trouble(`the running earshot (process ${pid}) does not answer`, { hint: "try again" });
  }
  if (!answer.ok) throw new Trouble(answer.text, { exitCode: answer.exit_code, hint: answer.hint });
  return answer.text;
}

/** Nothing runs: changes what is saved, while nothing can begin to run on it. */
function change(folder: string, command: AlertCommand, settings: Settings): string {
  if (readState(folder) === null) {
    throw new Trouble(`nothing is saved in ${folder}, and no earshot runs on it`, {
      hint: "start `earshot watch --alerts`, or name the folder with EARSHOT_STATE",
    });
  }
  let lock: ReturnType<typeof StateLock.take>;
  try {
    lock = StateLock.take(folder);
  } catch (error) {
    throw unreachable(folder, error);
  }
  if (!(lock instanceof StateLock))
    throw new Trouble("an earshot has just started on this state", { hint: "try again" });
  try {
    const saved = desk(readState(folder) as SavedState, settings);
    const text = applyAlertCommand(saved, command);
    writePrivate(statePath(folder), JSON.stringify(saved.serialize()));
    return text;
  } finally {
    lock.release();
  }
}

/** What is saved, after a running earshot has saved it anew; null when there is nothing. */
async function freshState(folder: string): Promise<SavedState | null> {
  const holder = lockHolder(folder);
  if (holder !== null) {
    try {
      await send(folder, SAVE_COMMAND);
    } catch (error) {
      notice(`${(error as Error).message}: this may be some seconds old`);
    }
  }
  return readState(folder);
}

function readState(folder: string): SavedState | null {
  const path = statePath(folder);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw unreachable(folder, error);
  }
  const state = parseState(text) as SavedState | null;
  if (state !== null) return state;
  throw new Trouble(`${path} is no state of this version`, {
    exitCode: EXIT.badFile,
    hint: "the next `earshot watch --alerts` replaces it",
  });
}

function unreachable(folder: string, error: unknown): Trouble {
  return new Trouble(`${folder}: ${(error as Error).message}`, {
    exitCode: EXIT.permission,
    hint: "run this as the user that earshot runs as",
    cause: error,
  });
}

function desk(state: SavedState, settings: Settings): SavedAlerts<SavedState> {
  const { retention } = alertConfig(writtenAlerts({ settings }));
  return new SavedAlerts(state, { compile: filterCompiler({ settings }), retention, now: present() });
}

/** Sends a sample through every notifier that is configured, and says how each went. */
export async function testNotifiers(options: AlertsOptions, out: Out = process.stdout): Promise<void> {
  const settings = settingsOf(options);
  const as = format(options);
  if (!settings.notify.some(({ enabled }) => enabled)) {
    throw new Trouble("nobody is to be notified", {
      exitCode: EXIT.usage,
      hint: "add a [[notify]] to earshot.toml (docs/alerts.md)",
    });
  }
  const redactor = redactorOf({ settings });
  const parts = { redact: redactor.event.bind(redactor), compile: filterCompiler({ settings }) };
  const results = await notifyTest(settings.notify, parts, present());
  const rows = results.map(({ notifier, ok, error }) => [notifier, ok ? "delivered" : `failed: ${error}`]);
  out.write(`${as === "json" ? JSON.stringify(results) : plainTable(["notifier", "result"], rows)}\n`);
  if (results.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
}

function settingsOf(options: AlertsOptions): Settings {
  const { settings, notices } = loadSettings(options.config, here());
  for (const line of notices) notice(line);
  return settings;
}

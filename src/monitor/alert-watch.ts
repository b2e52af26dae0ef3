/**
 * Alerts on running traffic: the engine, its clock, its memory on disk, so that what was learned and what is open
 * survive a restart, and what people tell it while it runs. The engine is pure; this is where it meets time and files.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { applyAlertCommand } from "../alert/command.ts";
import type { Predicate } from "../alert/context.ts";
import { AlertEngine } from "../alert/engine.ts";
import { LossDeltas } from "../alert/loss-delta.ts";
import { lengthText } from "../alert/messages.ts";
import type { AlertConfig } from "../alert/schema.ts";
import { type EngineSnapshot, parseState } from "../alert/state.ts";
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { MILLISECOND, type Micros, SECOND } from "../core/units.ts";
import { CommandSpool } from "./command-spool.ts";
import { writePrivate } from "./state-folder.ts";
import { StateLock } from "./state-lock.ts";

export interface AlertWatchOptions {
  readonly config: AlertConfig;
  readonly ledger: Ledger;
  readonly compile: (filter: string) => Predicate;
  /** Folder of the saved state; null keeps nothing. */
  readonly folder: string | null;
  /** What is captured, as text: what was learned of other traffic is not used. */
  readonly capture: string;
  readonly emit: (event: AlertEvent) => void;
  readonly onNotice: (line: string) => void;
  /** The present, for tests. */
  readonly now?: Micros;
}

/** The saved state as it lies on disk. */
export interface SavedState extends EngineSnapshot {
  readonly capture?: string;
}

/** `{ "do": "save" }`: what is on disk is to be of now, because somebody wants to read it. */
export const SAVE_COMMAND = { do: "save" } as const;
/** What a crash may lose of what was learned; records are saved before anybody can have read them. */
const SAVE_EVERY: Micros = 30 * SECOND;
/** Saves for records are at least this far apart. */
const SAVE_PAUSE: Micros = SECOND;
const LOOK_EVERY: Micros = SECOND / 2;

export class AlertWatch {
  engine: AlertEngine;
  /** False: another earshot keeps the state of this folder. */
  readonly keeps: boolean;
  private readonly options: AlertWatchOptions;
  private readonly lock: StateLock | null;
  private readonly spool: CommandSpool | null;
  private readonly losses = new LossDeltas();
  private lastSave: Micros = 0;
  private nextLook: Micros = 0;
  private saveFailed = false;
  private unsaved = false;
  private fired = 0;
  private resolved = 0;

  constructor(options: AlertWatchOptions) {
    this.options = options;
    this.lock = this.takeLock();
    this.keeps = this.lock !== null;
    this.spool = this.keeps ? new CommandSpool(options.folder as string) : null;
    this.engine = this.fresh();
    this.restore(options.now ?? Date.now() * MILLISECOND);
  }

  observe(event: EarshotEvent): void {
    this.engine.observe(event);
    if (this.unsaved) this.saveRecords();
  }

  /** Capture time has come to `now`; called some times a second. */
  advance(now: Micros): void {
    this.engine.observeLedger(this.losses.next(this.options.ledger), now);
    this.engine.advance(now);
    if (now >= this.nextLook || now < this.nextLook - LOOK_EVERY) {
      this.nextLook = now + LOOK_EVERY;
      if (this.spool !== null && this.spool.take((command) => this.apply(command)) > 0) return;
    }
    if (this.unsaved) this.saveRecords();
    else if (now >= this.lastSave + SAVE_EVERY || now < this.lastSave) this.save();
  }

  /** Other rules from now on; those that watch the same go on where they are. Throws Trouble, and changes nothing. */
  reconfigure(config: AlertConfig, compile: AlertWatchOptions["compile"]): void {
    const saved = this.engine.serialize();
    const engine = this.fresh({ config, compile });
    engine.restore(saved, saved.now ?? this.options.now ?? Date.now() * MILLISECOND);
    this.engine = engine;
    this.save();
  }

  /** The capture went down, or came back. */
  capture(state: "up" | "down", now: Micros, reason: string | null): void {
    this.engine.observeCapture(state, now, reason);
  }

  close(): void {
    this.save();
    this.lock?.release();
  }

  /** One line for the end of a run. */
  summary(): string {
    const open = this.engine.alerts().filter(({ resolved_us }) => resolved_us === null);
    const now = this.engine.now ?? 0;
    const named = open.slice(0, 3).map(({ event, active_us }) => `${event.rule} for ${lengthText(now - active_us)}`);
    const more = open.length > named.length ? ", …" : "";
    const still = open.length === 0 ? "none open" : `${open.length} open (${named.join(", ")}${more})`;
    const learning = this.engine
      .status()
      .filter(({ state, m }) => state === "learning" || (state === "not-covered" && m === null))
      .map(({ rule, group, windows, windows_wanted }) =>
        group === null ? `${rule}, window ${Math.min(windows + 1, windows_wanted)} of ${windows_wanted}` : rule,
      );
    const learns = learning.length === 0 ? "" : `; learning: ${[...new Set(learning)].slice(0, 5).join(", ")}`;
    return `alerts: ${this.fired} fired, ${this.resolved} resolved, ${still}${learns}`;
  }

  private apply(command: unknown): string {
    const text =
      (command as { do?: unknown } | null)?.do === "save" ? "saved" : applyAlertCommand(this.engine, command);
    this.save();
    return text;
  }

  private fresh({ config, compile }: Pick<AlertWatchOptions, "config" | "compile"> = this.options): AlertEngine {
    const { ledger } = this.options;
    return new AlertEngine(config, {
      emit: (event) => this.emit(event),
      ...{ compile, clock: "live", ledger, utcOffset: localOffset_min },
    });
  }

  private emit(event: AlertEvent): void {
    this.unsaved = true;
    if (event.state === "firing" && event.reopened === 0) this.fired++;
    if (event.state === "resolved") this.resolved++;
    this.options.emit(event);
  }

  private takeLock(): StateLock | null {
    const { folder, onNotice } = this.options;
    if (folder === null) return null;
    try {
      const lock = StateLock.take(folder);
      if (lock instanceof StateLock) return lock;
      onNotice(
        `alerts: another earshot (process ${lock.pid}) keeps the state in ${folder}; this one saves nothing and notifies nobody (EARSHOT_STATE names another folder)`,
      );
    } catch (error) {
      onNotice(`alerts: cannot keep anything in ${folder}: ${(error as Error).message}`);
    }
    return null;
  }

  private get path(): string | null {
    return this.options.folder === null ? null : statePath(this.options.folder);
  }

  private restore(now: Micros): void {
    const text = this.path === null ? null : readText(this.path);
    if (text === null) return;
    try {
      const saved = parseState(text) as SavedState | null;
      if (saved === null) throw new Error("not a saved state");
      this.engine.restore(this.usable(saved), now);
    } catch (error) {
      // a damaged file, or one of another version: nothing of it can be trusted
      this.engine = this.fresh();
      const why = process.env.EARSHOT_DEBUG ? ` (${(error as Error).stack})` : "";
      this.options.onNotice(`alerts: ${this.path} is damaged or of another version; learning begins anew${why}`);
    }
  }

  /** Without what was learned of other traffic. */
  private usable(saved: SavedState): EngineSnapshot {
    const { capture, onNotice } = this.options;
    if (saved.capture === undefined || saved.capture === capture) return saved;
    onNotice(`alerts: learned of ${saved.capture}, and this is ${capture}: learning begins anew`);
    return { ...saved, rules: [] };
  }

  private saveRecords(): void {
    const now = this.engine.now as Micros;
    if (now < this.lastSave || now >= this.lastSave + SAVE_PAUSE) this.save();
  }

  private save(): void {
    if (!this.keeps) return;
    this.unsaved = false;
    this.lastSave = this.engine.now ?? 0;
    try {
      const state: SavedState = { ...this.engine.serialize(), capture: this.options.capture };
      writePrivate(this.path as string, JSON.stringify(state));
    } catch (error) {
      if (!this.saveFailed) this.options.onNotice(`alerts: cannot save what was learned: ${(error as Error).message}`);
      this.saveFailed = true;
    }
  }
}

export const statePath = (folder: string): string => join(folder, "alerts.json");

/** Minutes that local time is ahead of UTC. */
export const localOffset_min = (time: Micros): number => -new Date(time / MILLISECOND).getTimezoneOffset();

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

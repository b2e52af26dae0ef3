/**
 * Alerts on running traffic: the engine, its clock, and its memory on disk, so that what was learned and what is open
 * survive a restart. The engine is pure; this is where it meets time and files.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Predicate } from "../alert/context.ts";
import { AlertEngine } from "../alert/engine.ts";
import { LossDeltas } from "../alert/loss-delta.ts";
import type { AlertConfig } from "../alert/schema.ts";
import { parseState } from "../alert/state.ts";
import type { AlertEvent, EarshotEvent } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { MILLISECOND, type Micros, SECOND } from "../core/units.ts";

export interface AlertWatchOptions {
  readonly config: AlertConfig;
  readonly ledger: Ledger;
  readonly compile: (filter: string) => Predicate;
  /** Folder of the saved state; null keeps nothing. */
  readonly folder: string | null;
  readonly emit: (event: AlertEvent) => void;
  readonly onNotice: (line: string) => void;
}

const STATE_FILE = "alerts.json";
/** What a crash may lose of what was learned. */
const SAVE_EVERY: Micros = 30 * SECOND;

export class AlertWatch {
  engine: AlertEngine;
  private readonly options: AlertWatchOptions;
  private readonly losses = new LossDeltas();
  private nextSave: Micros = 0;
  private saveFailed = false;

  constructor(options: AlertWatchOptions) {
    this.options = options;
    this.engine = this.fresh();
    this.restore();
  }

  private fresh(): AlertEngine {
    const { config, emit, compile, ledger } = this.options;
    const utcOffset = (time: Micros) => -new Date(time / MILLISECOND).getTimezoneOffset();
    return new AlertEngine(config, { emit, compile, clock: "live", ledger, utcOffset });
  }

  observe(event: EarshotEvent): void {
    this.engine.observe(event);
  }

  /** Capture time has come to `now`; called some times a second. */
  advance(now: Micros): void {
    this.engine.observeLedger(this.losses.next(this.options.ledger), now);
    this.engine.advance(now);
    if (now < this.nextSave) return;
    this.nextSave = now + SAVE_EVERY;
    this.save();
  }

  close(): void {
    this.save();
  }

  private get path(): string | null {
    return this.options.folder === null ? null : join(this.options.folder, STATE_FILE);
  }

  private restore(): void {
    if (this.path === null) return;
    let text: string;
    try {
      text = readFileSync(this.path, "utf8");
    } catch {
      return;
    }
    try {
      const saved = parseState(text);
      if (saved === null) throw new Error("not a saved state");
      this.engine.restore(saved, Date.now() * MILLISECOND);
    } catch (error) {
      // a damaged file, or one of another version: nothing of it can be trusted
      this.engine = this.fresh();
      this.options.onNotice(`alerts: ${this.path} is of no use (${(error as Error).message}); learning begins anew`);
    }
  }

  /** Written beside and renamed, so that a crash leaves the old one or the new one. */
  private save(): void {
    if (this.path === null) return;
    try {
      mkdirSync(this.options.folder!, { recursive: true, mode: 0o700 });
      writeFileSync(`${this.path}.new`, JSON.stringify(this.engine.serialize()), { mode: 0o600 });
      renameSync(`${this.path}.new`, this.path);
    } catch (error) {
      if (!this.saveFailed) this.options.onNotice(`alerts: cannot save what was learned: ${(error as Error).message}`);
      this.saveFailed = true;
    }
  }
}

/** Where state is kept: `$EARSHOT_STATE`, else the usual place of the user or, for root, of the system. */
export function stateFolder(): string {
  const { EARSHOT_STATE, XDG_STATE_HOME, HOME } = process.env;
  if (EARSHOT_STATE) return EARSHOT_STATE;
  if (process.getuid?.() === 0) return "/var/lib/earshot";
  return join(XDG_STATE_HOME || join(HOME ?? "/tmp", ".local", "state"), "earshot");
}

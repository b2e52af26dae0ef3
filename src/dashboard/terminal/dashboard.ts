/**
 * The terminal dashboard: feeds the model, draws its view when something changed, and turns keys into actions. At most
 * ten frames a second for a person's keys, fewer for traffic alone, none when nothing changed.
 */
import type { EarshotEvent } from "../../core/event.ts";
import type { Ledger } from "../../core/ledger.ts";
import { MILLISECOND, type Micros } from "../../core/units.ts";
import type { Action } from "../model/action.ts";
import type { RuleStatus } from "../model/alerts.ts";
import type { FilterLanguage } from "../model/filter.ts";
import { filterLanguage } from "../model/language.ts";
import { DashboardModel, type Limits, type SourceInfo } from "../model/model.ts";
import { type Command, meaningOf } from "./bindings.ts";
import { encodeFrame } from "./encode.ts";
import { Frame, type Size } from "./frame.ts";
import { type Key, KeyParser } from "./keys.ts";
import type { ViewContext } from "./panels/view-context.ts";
import { style } from "./style.ts";
import { Terminal, type TerminalInput, type TerminalOutput, type TerminalProcess } from "./terminal.ts";
import { type Environment, type Theme, themeFor } from "./theme.ts";
import { layoutOf, view } from "./view.ts";

/** Shortest time between frames (milliseconds): after a key, and for traffic alone. */
const KEY_FRAME_MS = 100;
const TRAFFIC_FRAME_MS = 250;
/** What follows an escape byte within this time belongs to it. */
const ESCAPE_MS = 40;

export interface DashboardOptions {
  readonly source: SourceInfo;
  readonly input: TerminalInput;
  readonly output: TerminalOutput;
  readonly environment: Environment;
  readonly process?: TerminalProcess;
  /** Named filters of the configuration, for the filter line. */
  readonly named?: Readonly<Record<string, string>>;
  readonly language?: FilterLanguage;
  readonly limits?: Partial<Limits>;
  readonly mouse?: boolean;
  /** SIGHUP does not end it: the caller reads its configuration again. */
  readonly keepsOnHangup?: boolean;
  /** The clock, for live sources (tests bring their own). */
  readonly now?: () => Micros;
  /** Called before each frame: the place to hand over a fresh ledger and rule states. */
  readonly beforeFrame?: (dashboard: Dashboard) => void;
  /**
   * The person is done (`quit`), a signal came (its name) or the terminal went away (`closed`). The terminal is already
   * as it was; the caller stops the capture and exits.
   */
  readonly onQuit: (reason: string) => void;
}

export interface Dashboard {
  readonly model: DashboardModel;
  event(event: EarshotEvent): void;
  ledger(ledger: Ledger): void;
  alerts(rules: readonly RuleStatus[]): void;
  dispatch(action: Action): void;
  stop(): void;
}

/** Shows the dashboard until `stop` or until its person quits. */
export function startDashboard(options: DashboardOptions): Dashboard {
  const dashboard = new TerminalDashboard(options);
  dashboard.start();
  return dashboard;
}

class TerminalDashboard implements Dashboard {
  readonly model: DashboardModel;
  private readonly options: DashboardOptions;
  private readonly theme: Theme;
  private readonly terminal: Terminal;
  private readonly keys = new KeyParser();
  private readonly now: () => Micros;
  /** What the terminal shows; null when that is not known. */
  private shownFrame: Frame | null = null;
  private shownRevision = -1;
  private lastFrame_ms = 0;
  private frameTimer: NodeJS.Timeout | null = null;
  private escapeTimer: NodeJS.Timeout | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(options: DashboardOptions) {
    this.options = options;
    this.now = options.now ?? (() => Date.now() * MILLISECOND);
    this.theme = themeFor(options.environment);
    this.model = new DashboardModel({
      source: options.source,
      language: options.language ?? filterLanguage(options.named),
      limits: options.limits,
    });
    this.terminal = new Terminal(
      options.input,
      options.output,
      options.process ?? (process as unknown as TerminalProcess),
      {
        data: (bytes) => this.data(bytes),
        redraw: () => this.redraw(),
        gone: (reason) => this.quit(reason),
      },
      { leftAlone: options.keepsOnHangup ? ["SIGHUP"] : [] },
    );
  }

  start(): void {
    this.terminal.start();
    if (this.options.mouse === true) this.terminal.setMouse(true);
    this.ticker = setInterval(() => this.frame(), TRAFFIC_FRAME_MS);
    this.frame();
  }

  event(event: EarshotEvent): void {
    this.model.event(event);
  }

  ledger(ledger: Ledger): void {
    this.model.ledgerIs(ledger);
  }

  alerts(rules: readonly RuleStatus[]): void {
    this.model.rulesAre(rules);
  }

  dispatch(action: Action): void {
    this.model.dispatch(action);
    this.soon();
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    for (const timer of [this.frameTimer, this.escapeTimer, this.ticker]) if (timer !== null) clearTimeout(timer);
    this.terminal.stop();
  }

  private data(bytes: Uint8Array): void {
    if (this.escapeTimer !== null) clearTimeout(this.escapeTimer);
    this.escapeTimer = null;
    for (const key of this.keys.push(bytes)) this.key(key);
    if (!this.keys.waiting) return;
    this.escapeTimer = setTimeout(() => {
      for (const key of this.keys.flush()) this.key(key);
    }, ESCAPE_MS);
  }

  private key(key: Key): void {
    if (this.stopped) return;
    const meaning = meaningOf(key, this.model.ui, this.shownFrame);
    if (meaning === null) return;
    if ("command" in meaning) this.command(meaning.command);
    else for (const action of "actions" in meaning ? meaning.actions : [meaning.action]) this.dispatch(action);
  }

  private command(command: Command): void {
    if (command === "quit") this.quit("quit");
    else if (command === "suspend") this.terminal.stopJob();
    else if (command === "redraw") this.redraw();
    else {
      this.terminal.setMouse(!this.terminal.mouse);
      this.model.revision++;
      this.soon();
    }
  }

  private quit(reason: string): void {
    if (this.stopped) return;
    this.stop();
    this.options.onQuit(reason);
  }

  private redraw(): void {
    this.shownFrame = null;
    this.shownRevision = -1;
    this.soon();
  }

  /** A frame as soon as the last one is old enough. */
  private soon(): void {
    if (this.frameTimer !== null || this.stopped) return;
    const wait = Math.max(0, this.lastFrame_ms + KEY_FRAME_MS - performance.now());
    this.frameTimer = setTimeout(() => {
      this.frameTimer = null;
      this.frame();
    }, wait);
  }

  private frame(): void {
    if (this.stopped || !this.terminal.ready) return;
    if (performance.now() - this.lastFrame_ms < KEY_FRAME_MS - 1) {
      this.soon();
      return;
    }
    const { model } = this;
    model.tick(model.source.kind === "live" ? this.now() : model.now);
    this.options.beforeFrame?.(this);
    if (model.revision === this.shownRevision) return;
    const { size } = this.terminal;
    model.dispatch({
      type: "layout",
      ...layoutOf(size, model.ui.screen),
      scrollLimit: this.shownFrame?.scrollLimit ?? Number.MAX_SAFE_INTEGER,
    });
    const next = this.draw(size);
    this.terminal.write(encodeFrame(this.shownFrame, next, this.theme));
    this.shownFrame = next;
    this.shownRevision = model.revision;
    this.lastFrame_ms = performance.now();
  }

  private draw(size: Size): Frame {
    const context: ViewContext = {
      model: this.model,
      mouse: this.terminal.mouse,
      utcOffset_s: -60 * new Date().getTimezoneOffset(),
    };
    try {
      return view(context, size);
    } catch (error) {
      // panels guard themselves; this is the last resort
      const frame = new Frame(size);
      frame.pane().put(0, 0, `internal error in the dashboard: ${String(error)}`, style("bad"));
      frame.pane().put(0, 1, "the capture goes on; q quits");
      return frame;
    }
  }
}

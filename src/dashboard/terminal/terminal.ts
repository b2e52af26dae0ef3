/**
 * The terminal itself: raw mode and alternate screen while the dashboard is shown, and back to how it was on every way
 * out: quitting, signals, exceptions, exit, a closed output, and stopping (Ctrl-Z) until the shell brings it back.
 * `kill -9` leaves no chance; what it leaves behind (`reset` or `stty sane` repairs it) is kept small: no mouse reports
 * unless asked for, no changed key codes, no scroll region.
 */

/** What is needed of stdin. */
export interface TerminalInput {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: "data", listener: (bytes: Buffer) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  removeListener(event: string, listener: (...values: never[]) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** What is needed of stdout. */
export interface TerminalOutput {
  readonly columns?: number;
  readonly rows?: number;
  readonly writableNeedDrain?: boolean;
  write(text: string): boolean;
  on(event: "resize" | "error" | "drain", listener: (error?: Error) => void): unknown;
  removeListener(event: string, listener: (...values: never[]) => void): unknown;
}

/** What is needed of the process: signals and last words. */
export interface TerminalProcess {
  readonly pid: number;
  on(event: string, listener: (...values: never[]) => void): unknown;
  removeListener(event: string, listener: (...values: never[]) => void): unknown;
  kill(pid: number, signal: string): unknown;
}

export interface TerminalEvents {
  data(bytes: Uint8Array): void;
  /** The screen must be drawn anew: it was resized, or came back from the shell. */
  redraw(): void;
  /** Over: a signal's name, or `closed` when the terminal went away. The terminal is already as it was. */
  gone(reason: string): void;
}

const ALTERNATE_SCREEN = "\x1b[?1049h";
const MAIN_SCREEN = "\x1b[?1049l";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const NO_BRACKETED_PASTE = "\x1b[?2004l";
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
const MOUSE_ON = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF = "\x1b[?1006l\x1b[?1000l";
const PLAIN = "\x1b[0m";
const END_SYNCHRONIZED = "\x1b[?2026l";

const ENTER = ALTERNATE_SCREEN + HIDE_CURSOR + NO_BRACKETED_PASTE + NO_WRAP + PLAIN;
const LEAVE = END_SYNCHRONIZED + MOUSE_OFF + PLAIN + WRAP + SHOW_CURSOR + MAIN_SCREEN;

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export interface TerminalOptions {
  /** Signals that somebody else answers, and that do not end it. */
  readonly leftAlone?: readonly string[];
}

export class Terminal {
  private readonly input: TerminalInput;
  private readonly output: TerminalOutput;
  private readonly process: TerminalProcess;
  private readonly events: TerminalEvents;
  private readonly ending: readonly string[];
  private readonly undo: (() => void)[] = [];
  private shown = false;
  private broken = false;
  mouse = false;

  constructor(
    input: TerminalInput,
    output: TerminalOutput,
    process: TerminalProcess,
    events: TerminalEvents,
    { leftAlone = [] }: TerminalOptions = {},
  ) {
    this.input = input;
    this.output = output;
    this.process = process;
    this.events = events;
    this.ending = ENDING.filter((signal) => !leftAlone.includes(signal));
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.output.columns || 80, rows: this.output.rows || 24 };
  }

  /** False while the terminal is slower than we are: a frame more would only queue up. */
  get ready(): boolean {
    return this.shown && !this.broken && this.output.writableNeedDrain !== true;
  }

  start(): void {
    this.listen(this.output, "error", () => this.lost());
    this.listen(this.output, "resize", () => this.events.redraw());
    this.listen(this.input, "data", (bytes: Buffer) => this.events.data(bytes));
    this.listen(this.input, "end", () => this.lost());
    for (const signal of this.ending) this.listen(this.process, signal, () => this.end(signal));
    this.listen(this.process, "SIGTSTP", () => this.suspend());
    this.listen(this.process, "SIGCONT", () => this.resume());
    // the monitor hears of an exception before it is printed, and does not change what happens next
    this.listen(this.process, "uncaughtExceptionMonitor", () => this.leave());
    this.listen(this.process, "exit", () => this.leave());
    this.enter();
    this.input.resume();
  }

  write(text: string): void {
    if (this.broken || text === "") return;
    try {
      this.output.write(text);
    } catch {
      this.lost();
    }
  }

  setMouse(on: boolean): void {
    this.mouse = on;
    this.write(on ? MOUSE_ON : MOUSE_OFF);
  }

  /** As Ctrl-Z does outside raw mode: the whole job stops, and the shell has the terminal. */
  stopJob(): void {
    this.leave();
    // 0 is our process group: a wrapper (npm, sudo) must stop with us, or the shell would wait for it
    this.process.kill(0, "SIGTSTP");
  }

  /** Puts the terminal back and lets go of it. */
  stop(): void {
    this.leave();
    for (const undo of this.undo.splice(0)) undo();
    this.input.pause();
  }

  private enter(): void {
    if (this.shown || this.broken) return;
    this.shown = true;
    this.setRaw(true);
    this.write(ENTER + (this.mouse ? MOUSE_ON : ""));
  }

  /** Safe at any time, any number of times. */
  private leave(): void {
    if (!this.shown) return;
    this.write(LEAVE);
    this.shown = false;
    this.setRaw(false);
  }

  private setRaw(raw: boolean): void {
    try {
      this.input.setRawMode?.(raw);
    } catch {
      // the terminal is gone (EIO): there is nothing to put back
    }
  }

  private suspend(): void {
    this.leave();
    this.process.kill(this.process.pid, "SIGSTOP");
  }

  private resume(): void {
    if (this.shown) return;
    this.enter();
    this.events.redraw();
  }

  private end(reason: string): void {
    this.leave();
    this.events.gone(reason);
  }

  private lost(): void {
    if (this.broken) return;
    this.broken = true;
    this.shown = false;
    this.setRaw(false);
    this.events.gone("closed");
  }

  private listen(
    target: { on(event: never, listener: never): unknown; removeListener(event: string, listener: never): unknown },
    event: string,
    listener: (...values: never[]) => void,
  ): void {
    target.on(event as never, listener as never);
    this.undo.push(() => target.removeListener(event, listener as never));
  }
}

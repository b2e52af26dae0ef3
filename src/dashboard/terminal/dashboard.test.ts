/** The dashboard's dealings with its terminal, on a made-up one: frames, signals, a closed output. */
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { transaction } from "../../../test/support/event.ts";
import { VirtualScreen } from "../../../test/support/virtual-screen.ts";
import { MILLISECOND, SECOND } from "../../core/units.ts";
import { type Dashboard, startDashboard } from "./dashboard.ts";
import type { TerminalInput, TerminalOutput, TerminalProcess } from "./terminal.ts";
import { canShowDashboard, themeFor } from "./theme.ts";

class FakeInput extends EventEmitter {
  raw = false;
  paused = true;
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  resume(): void {
    this.paused = false;
  }
  pause(): void {
    this.paused = true;
  }
}

class FakeOutput extends EventEmitter {
  columns = 80;
  rows = 24;
  writableNeedDrain = false;
  failing = false;
  readonly writes: string[] = [];
  write(text: string): boolean {
    if (this.failing) throw new Error("EPIPE");
    this.writes.push(text);
    return true;
  }
  get all(): string {
    return this.writes.join("");
  }
}

class FakeProcess extends EventEmitter {
  readonly pid = 99;
  readonly kills: [number, string][] = [];
  kill(pid: number, signal: string): void {
    this.kills.push([pid, signal]);
  }
}

const LEFT = "\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

describe("the dashboard in its terminal", () => {
  let input: FakeInput;
  let output: FakeOutput;
  let process: FakeProcess;
  let reasons: string[];
  let dashboard: Dashboard;

  beforeEach(() => {
    vi.useFakeTimers({
      now: 1_700_000_000_000,
      toFake: ["setTimeout", "setInterval", "clearTimeout", "clearInterval", "Date", "performance"],
    });
    input = new FakeInput();
    output = new FakeOutput();
    process = new FakeProcess();
    reasons = [];
    vi.advanceTimersByTime(1_000);
    dashboard = startDashboard({
      source: { kind: "live", name: "eth0", revealed: false },
      input: input as unknown as TerminalInput,
      output: output as unknown as TerminalOutput,
      process: process as unknown as TerminalProcess,
      environment: { TERM: "xterm-256color", LANG: "C.UTF-8" },
      onQuit: (reason) => reasons.push(reason),
    });
  });

  afterEach(() => {
    dashboard.stop();
    vi.useRealTimers();
  });

  const press = (text: string) => input.emit("data", Buffer.from(text));
  const shown = () => {
    const screen = new VirtualScreen(output.columns, output.rows);
    screen.write(output.all);
    return screen.text;
  };

  test("enters, draws, and q puts everything back", () => {
    expect(input.raw).toBe(true);
    expect(output.writes[0]).toBe("\x1b[?1049h\x1b[?25l\x1b[?2004l\x1b[?7l\x1b[0m");
    expect(shown()).toContain("Requests/s");
    press("q");
    expect(output.writes.at(-1)).toBe(LEFT);
    expect(input.raw).toBe(false);
    expect(input.paused).toBe(true);
    expect(reasons).toEqual(["quit"]);
    for (const emitter of [input, output, process]) expect(emitter.eventNames()).toEqual([]);
    press("q");
    vi.advanceTimersByTime(5_000);
    expect(output.writes.at(-1)).toBe(LEFT);
  });

  test("at most ten frames a second, each one write, none when nothing changed", () => {
    const before = output.writes.length;
    for (let step = 0; step < 100; step++) {
      press("j");
      dashboard.event(transaction({ time_us: (1_700_000_001_000 + step * 10) * MILLISECOND }));
      vi.advanceTimersByTime(10);
    }
    expect(output.writes.length - before).toBeGreaterThan(4);
    expect(output.writes.length - before).toBeLessThanOrEqual(11);
    dashboard.stop();
    const quiet = output.writes.length;
    vi.advanceTimersByTime(10_000);
    expect(output.writes.length).toBe(quiet);
  });

  test("an idle dashboard only moves its clock", () => {
    vi.advanceTimersByTime(2_000);
    const before = output.writes.length;
    vi.advanceTimersByTime(10_000);
    const sent = output.writes.slice(before);
    expect(sent.length).toBeLessThanOrEqual(10);
    for (const frame of sent) expect(frame.length).toBeLessThan(400);
  });

  test("a terminal that does not keep up is waited for", () => {
    output.writableNeedDrain = true;
    const before = output.writes.length;
    for (let second = 0; second < 5; second++) {
      dashboard.event(transaction({ time_us: 1_700_000_002 * SECOND }));
      vi.advanceTimersByTime(1_000);
    }
    expect(output.writes.length).toBe(before);
    output.writableNeedDrain = false;
    vi.advanceTimersByTime(1_000);
    expect(output.writes.length).toBeGreaterThan(before);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])("%s", (signal) => {
    process.emit(signal);
    expect(output.writes.at(-1)).toBe(LEFT);
    expect(input.raw).toBe(false);
    expect(reasons).toEqual([signal]);
  });

  test("an exception and an exit put the terminal back first", () => {
    process.emit("uncaughtExceptionMonitor", new Error("x"));
    expect(output.writes.at(-1)).toBe(LEFT);
    const count = output.writes.length;
    process.emit("exit", 1);
    expect(output.writes.length).toBe(count);
  });

  test("Ctrl-Z stops the job; SIGCONT enters again and draws all of it", () => {
    press("\x1a");
    expect(output.writes.at(-1)).toBe(LEFT);
    expect(process.kills).toEqual([[0, "SIGTSTP"]]);
    process.emit("SIGTSTP");
    expect(process.kills.at(-1)).toEqual([99, "SIGSTOP"]);
    process.emit("SIGCONT");
    expect(input.raw).toBe(true);
    vi.advanceTimersByTime(200);
    expect(output.writes.at(-1)).toContain("\x1b[2J");
    expect(reasons).toEqual([]);
  });

  test("an output that is gone ends it without another write", () => {
    output.failing = true;
    dashboard.event(transaction({ time_us: 1_700_000_002 * SECOND }));
    vi.advanceTimersByTime(1_000);
    expect(reasons).toEqual(["closed"]);
    output.failing = false;
    const count = output.writes.length;
    dashboard.stop();
    vi.advanceTimersByTime(1_000);
    expect(output.writes.length).toBe(count);
  });

  test("an error of the output (EPIPE, EIO) ends it too", () => {
    output.emit("error", new Error("EPIPE"));
    expect(reasons).toEqual(["closed"]);
  });

  test("a resize is drawn at once, all of it", () => {
    vi.advanceTimersByTime(150);
    output.columns = 120;
    output.rows = 40;
    output.emit("resize");
    vi.advanceTimersByTime(1);
    expect(output.writes.at(-1)).toContain("\x1b[2J");
    expect(shown()).toContain("Requests/s");
  });

  test("an escape alone goes back after a moment; an arrow does not", () => {
    press("?");
    vi.advanceTimersByTime(150);
    expect(dashboard.model.ui.overlay?.kind).toBe("help");
    press("\x1b");
    expect(dashboard.model.ui.overlay?.kind).toBe("help");
    vi.advanceTimersByTime(50);
    expect(dashboard.model.ui.overlay).toBeNull();
    press("?");
    press("\x1b");
    press("[A");
    vi.advanceTimersByTime(100);
    expect(dashboard.model.ui.overlay?.kind).toBe("help");
  });

  test("letters are commands, but text in the filter line", () => {
    press("f");
    press("q?");
    expect(dashboard.model.ui.input?.text).toBe("q?");
    press("\x03");
    expect(dashboard.model.ui.input).toBeNull();
    expect(reasons).toEqual([]);
    press("\x03");
    expect(reasons).toEqual(["quit"]);
  });

  test("the mouse is off until asked for; a click opens what it is on", () => {
    expect(output.all).not.toContain("\x1b[?1000h");
    press("m");
    expect(output.all).toContain("\x1b[?1000h\x1b[?1006h");
    dashboard.event(transaction({ time_us: 1_700_000_001 * SECOND }));
    vi.advanceTimersByTime(300);
    const lines = shown().split("\n");
    const row = lines.findIndex((line) => line.includes("GET"));
    const column = lines[row].indexOf("GET");
    const click = `\x1b[<0;${column + 1};${row + 1}M`;
    press(click);
    press(click);
    expect(dashboard.model.ui.overlay?.kind).toBe("exchange");
    vi.advanceTimersByTime(200);
    press(`\x1b[<0;${lines[1].indexOf("Alerts") + 1};2M`);
    expect(dashboard.model.ui.screen).toBe("alerts");
  });
});

test("the environment decides about colours and characters", () => {
  const theme = (environment: Record<string, string>) => themeFor({ LANG: "C.UTF-8", ...environment });
  expect(theme({ TERM: "xterm-256color", COLORTERM: "truecolor" }).colours).toBe("truecolor");
  expect(theme({ TERM: "xterm-256color" }).colours).toBe("256");
  expect(theme({ TERM: "xterm" }).colours).toBe("16");
  expect(theme({ TERM: "xterm-256color", COLORTERM: "truecolor", NO_COLOR: "1" }).colours).toBe("none");
  expect(theme({ TERM: "xterm-256color", NO_COLOR: "" }).colours).toBe("256");
  expect(theme({ TERM: "linux" })).toMatchObject({ colours: "16", unicode: false, synchronized: false });
  expect(themeFor({ TERM: "xterm", LC_ALL: "C" }).unicode).toBe(false);
  expect(themeFor({ TERM: "xterm" }).unicode).toBe(true);
  expect(canShowDashboard({ TERM: "dumb" }, true)).toBe(false);
  expect(canShowDashboard({}, true)).toBe(false);
  expect(canShowDashboard({ TERM: "xterm" }, false)).toBe(false);
  expect(canShowDashboard({ TERM: "xterm" }, true)).toBe(true);
});

/** Ctrl-C and `kill`: the first asks for a clean end with its summary, the second ends at once. */

import { closeSync, openSync } from "node:fs";

export interface Stop {
  readonly signal: AbortSignal;
  /** Ends the run for another reason: a limit was reached, the output's reader is gone. */
  now(reason: string): void;
  readonly reason: string | null;
  /** What SIGHUP means for a run that can read its configuration again; it ends any other. */
  onReload: (() => void) | null;
  dispose(): void;
}

const isTerminal = () => Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);

/** A terminal that was closed sends SIGHUP too: then there is nobody left to run for. */
function terminalIsThere(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

export function stopOnSignals(): Stop {
  const controller = new AbortController();
  let reason: string | null = null;
  const now = (why: string) => {
    if (reason !== null) return;
    reason = why;
    controller.abort();
  };
  let onReload: Stop["onReload"] = null;
  let hadTerminal = false;
  const onSignal = (name: NodeJS.Signals) => {
    if (name === "SIGHUP" && onReload !== null && (!hadTerminal || terminalIsThere())) {
      onReload();
      return;
    }
    if (reason !== null) process.exit(name === "SIGINT" ? 130 : 143);
    now(name);
  };
  const names: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, onSignal);
  const stop: Stop = {
    signal: controller.signal,
    now,
    get onReload() {
      return onReload;
    },
    set onReload(reload) {
      onReload = reload;
      // asked now, while it is there, and only by runs that need to know: asking takes a while
      hadTerminal = isTerminal();
    },
    get reason() {
      return reason;
    },
    dispose() {
      for (const name of names) process.off(name, onSignal);
    },
  };
  return stop;
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

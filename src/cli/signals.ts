/** Ctrl-C and `kill`: the first asks for a clean end with its summary, the second ends at once. */

export interface Stop {
  readonly signal: AbortSignal;
  /** Ends the run for another reason: a limit was reached, the output's reader is gone. */
  now(reason: string): void;
  readonly reason: string | null;
  dispose(): void;
}

export function stopOnSignals(): Stop {
  const controller = new AbortController();
  let reason: string | null = null;
  const now = (why: string) => {
    if (reason !== null) return;
    reason = why;
    controller.abort();
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (reason !== null) process.exit(name === "SIGINT" ? 130 : 143);
    now(name);
  };
  const names: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    now,
    get reason() {
      return reason;
    },
    dispose() {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

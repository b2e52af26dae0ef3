/**
 * The world is wrong: a flag, a file, a permission. Thrown at the edges only and shown as one line: what, where, how to
 * fix it. (The wire being wrong is an anomaly, counted in the ledger; we being wrong is an assertion.)
 */

/** Process exit codes; docs/exit-codes in docs/cli.md. */
export const EXIT = { ok: 0, failed: 1, usage: 2, permission: 3, badFile: 4, unsupported: 5 } as const;

export class Trouble extends Error {
  override readonly name = "Trouble";
  readonly exitCode: number;
  /** How to fix it, one sentence; may be empty. */
  readonly hint: string;

  constructor(message: string, options: { exitCode?: number; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint ?? "";
  }
}

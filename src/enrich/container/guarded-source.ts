/** A source that is left alone for a while after it failed: twice as long each time, up to a minute. Remembers why. */
import type { Answers, Asked, NameSource, PathAsked, RuntimeAnswer } from "./runtime-answer.ts";
import { type SourceTrouble, troubleOf } from "./source-trouble.ts";

const MAX_PAUSE_MS = 60_000;

export class GuardedSource {
  readonly source: NameSource;
  private readonly pause_ms: number;
  private failures = 0;
  private notBefore = 0;
  /** Of the last time it was asked; null when it answered, undefined when it was not asked yet. */
  trouble: SourceTrouble | null | undefined;
  /** Containers it knew. */
  answers = 0;

  constructor(source: NameSource, pause_ms: number) {
    this.source = source;
    this.pause_ms = pause_ms;
  }

  /** null also when it failed, or failed a short while ago: `trouble` tells. */
  async ask(asked: Asked, counted = true): Promise<RuntimeAnswer | null> {
    const answer = await this.guard(() => this.source.ask(asked));
    if (answer !== null && counted) this.answers++;
    return answer;
  }

  async askPath(asked: PathAsked): Promise<RuntimeAnswer | null> {
    return this.source.askPath ? this.guard(async () => (await this.source.askPath?.(asked)) ?? null) : null;
  }

  /** Empty also when it failed, or has no list. */
  async list(): Promise<Answers> {
    return (await this.guard(async () => (await this.source.list?.()) ?? null)) ?? new Map();
  }

  private async guard<Value>(ask: () => Promise<Value>): Promise<Value | null> {
    if (performance.now() < this.notBefore) return null;
    try {
      const value = await ask();
      this.failures = 0;
      this.trouble = null;
      return value;
    } catch (error) {
      this.trouble = troubleOf(error as Error);
      this.notBefore = performance.now() + Math.min(this.pause_ms * 2 ** this.failures, MAX_PAUSE_MS);
      this.failures = Math.min(this.failures + 1, 20);
      return null;
    }
  }
}

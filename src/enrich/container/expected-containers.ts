/**
 * Containers that are known before a process of theirs is met: those that run at the start, and each one while it is made.
 * So the first exchange of each has its name. Bounded; what is not known here in time is asked for later.
 */
import type { GuardedSource } from "./guarded-source.ts";
import { NewContainers } from "./new-containers.ts";
import { isComplete, merge, type RuntimeAnswer } from "./runtime-answer.ts";
import type { FilePlaces } from "./runtime-files.ts";

const MAX_KEPT = 2_048;
/** Asked about at the same time. */
const MAX_ASKING = 16;

export interface Expected {
  readonly answer: RuntimeAnswer;
  readonly source: GuardedSource;
}

export class ExpectedContainers {
  private readonly kept = new Map<string, Expected>();
  private readonly sources: readonly GuardedSource[];
  private readonly onTold: (id: string, expected: Expected) => boolean;
  private newcomers: NewContainers | null = null;
  private asking = 0;

  /** `onTold` says whether it had been waiting for this container: what it takes is not kept. */
  constructor(sources: readonly GuardedSource[], onTold: (id: string, expected: Expected) => boolean) {
    this.sources = sources;
    this.onTold = onTold;
  }

  /** Resolves when what runs is known. */
  async start({ tasks, storages }: FilePlaces): Promise<void> {
    this.newcomers ??= new NewContainers(tasks, storages, (id) => this.ask(id));
    await Promise.all(
      this.sources.map(async (source) => {
        for (const [id, answer] of await source.list()) this.told(id, { answer, source });
      }),
    );
  }

  /** Gives what is known, once. */
  take(id: string): Expected | undefined {
    const found = this.kept.get(id);
    this.kept.delete(id);
    return found;
  }

  close(): void {
    this.newcomers?.close();
  }

  private ask(id: string): void {
    if (this.asking >= MAX_ASKING || this.kept.has(id)) return;
    this.asking++;
    void this.askAll(id).finally(() => {
      this.asking--;
    });
  }

  private async askAll(id: string): Promise<void> {
    const asked = { id, podUid: null };
    let known: RuntimeAnswer | null = null;
    for (const source of this.sources) {
      const answer = await source.ask(asked, false);
      if (answer !== null) this.told(id, { answer, source });
      known = merge(known, answer);
      if (isComplete(known, asked)) return;
    }
  }

  private told(id: string, expected: Expected): void {
    if (this.onTold(id, expected)) return;
    const before = this.kept.get(id);
    if (before === undefined && this.kept.size >= MAX_KEPT) this.kept.delete(this.kept.keys().next().value!);
    this.kept.set(id, before ? { ...before, answer: merge(before.answer, expected.answer)! } : expected);
  }
}

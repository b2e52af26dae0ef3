/**
 * What was seen before, bounded: values seen once wait in a fifth of the memory, values seen again live in the rest, so
 * that a flood of values that never come back cannot push out the known ones. In each part the least recently seen goes
 * first. Pure.
 */

export interface MemorySnapshot {
  readonly known: readonly string[];
  readonly once: readonly string[];
}

export class FirstSeenMemory {
  readonly #onceLimit: number;
  readonly #knownLimit: number;
  readonly #known = new Set<string>();
  readonly #once = new Set<string>();

  constructor(limit: number) {
    this.#onceLimit = Math.max(1, Math.floor(limit / 5));
    this.#knownLimit = limit - this.#onceLimit;
  }

  get size(): number {
    return this.#known.size + this.#once.size;
  }

  /** True when the value is new. `forgot` is called when an old one had to go. */
  see(value: string, forgot: () => void): boolean {
    const known = this.#known.delete(value);
    const again = known || this.#once.delete(value);
    (again ? this.#known : this.#once).add(value);
    if (this.#once.size > this.#onceLimit) dropOldest(this.#once, forgot);
    if (this.#known.size > this.#knownLimit) dropOldest(this.#known, forgot);
    return !again;
  }

  serialize(): MemorySnapshot {
    return { known: [...this.#known], once: [...this.#once] };
  }

  restore(saved: MemorySnapshot): void {
    for (const value of saved.known.slice(-this.#knownLimit)) this.#known.add(value);
    for (const value of saved.once.slice(-this.#onceLimit)) this.#once.add(value);
  }
}

function dropOldest(values: Set<string>, forgot: () => void): void {
  for (const value of values) {
    values.delete(value);
    forgot();
    return;
  }
}

/**
 * Memory that many small owners share: each takes what it needs and gives it back; when all is taken, the next one is
 * refused, counts it, and makes do. Bounds what a flood of half-sent messages can hold, however many flows there are.
 */
export class Budget {
  private left: number;
  private readonly onRefused: () => void;

  /** `octets` in all; `onRefused` counts what did not get any. */
  constructor(octets: number, onRefused: () => void = () => {}) {
    this.left = octets;
    this.onRefused = onRefused;
  }

  take(octets: number): boolean {
    if (octets > this.left) {
      this.onRefused();
      return false;
    }
    this.left -= octets;
    return true;
  }

  give(octets: number): void {
    this.left += octets;
  }

  /** Octets that nobody has. */
  get free(): number {
    return this.left;
  }
}

/** Octets of openings and heads that wait for more, of all flows together. */
export const WAITING_BYTES = 32 << 20;

/**
 * A limit on the time that looking around in /proc may take: a share of wall time with a small reserve, so that a flood
 * of new connections costs answers, not the processor. Times in milliseconds of a monotonic clock.
 */
const clock = () => performance.now();

export class Budget {
  private readonly share: number;
  private readonly reserve: number;
  private left: number;
  private last = clock();

  /** `share` of wall time, e.g. 0.1, and at most `reserve` milliseconds at once. */
  constructor(share: number, reserve: number) {
    this.share = share;
    this.reserve = reserve;
    this.left = reserve;
  }

  /** Is there time left? */
  get open(): boolean {
    const now = clock();
    this.left = Math.min(this.reserve, this.left + (now - this.last) * this.share);
    this.last = now;
    return this.left > 0;
  }

  /** Runs `work` on this budget. A long piece of work may overdraw it: the debt is paid before the next one. */
  spend<Result>(work: () => Result): Result {
    const start = clock();
    try {
      return work();
    } finally {
      this.left -= clock() - start;
    }
  }
}

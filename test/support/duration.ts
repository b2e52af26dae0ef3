/** Time that work takes, for tests of growth: the best of three, as other programs may hold the processor meanwhile. */

/** Milliseconds of the fastest of up to three runs; the first that is under `enough_ms` is the last. */
export function fastest_ms(work: () => void, enough_ms: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3 && best >= enough_ms; run++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

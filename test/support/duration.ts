/** Time that work takes, for tests of growth: the best of three, as other programs may hold the processor meanwhile. */

/** Milliseconds of the fastest of up to three runs; the first that is under `enough_ms` is the last. */
export function fastest_ms(work: () => void, enough_ms: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3 && best >= enough_ms; run++) {
    const [start, before] = [performance.now(), cpu_ms()];
    work();
    best = Math.min(best, performance.now() - start, cpu_ms() - before);
  }
  return best;
}

/** Milliseconds that this process has had a processor: what others do meanwhile does not count. */
export function cpu_ms(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

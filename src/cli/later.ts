/** Waiting for long: Node's timers take 24.8 days at most, and fire at once when given more. */

const LONGEST_MS = 2 ** 31 - 1;

/** Calls `act` after so many seconds, of any number. Gives what calls it off. */
export function later(seconds: number, act: () => void): () => void {
  const end = performance.now() + seconds * 1000;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = end - performance.now();
    timer = left <= LONGEST_MS ? setTimeout(act, left) : setTimeout(wait, LONGEST_MS);
  };
  wait();
  return () => clearTimeout(timer);
}

/** As `setInterval` takes it: within what a timer can. */
export function interval_ms(seconds: number, least_s: number): number {
  return Math.min(LONGEST_MS, Math.max(least_s, seconds) * 1000);
}

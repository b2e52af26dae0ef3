/**
 * Latencies of one time bucket as a fixed row of counters: bounds grow by 7 %, so a quantile is within 3.5 % of the
 * truth, from 10 µs to 100 s. One addition per exchange, and rows add up, which is what the time series need: thousands
 * of small histograms in one flat array.
 */

const GROWTH = 1.07;
const LOWEST_MS = 0.01;
const SCALE = 1 / Math.log(GROWTH);

/** Counters in a row. The first holds all below 10 µs, the last all above 100 s. */
export const LATENCY_ROW = Math.ceil(Math.log(100_000 / LOWEST_MS) * SCALE) + 2;

/** The counter a latency falls in. */
export function latencySlot(latency_ms: number): number {
  if (!(latency_ms > LOWEST_MS)) return 0;
  return Math.min(LATENCY_ROW - 1, 1 + Math.floor(Math.log(latency_ms / LOWEST_MS) * SCALE));
}

/** Middle of a counter's range (milliseconds). */
function slotMiddle(slot: number): number {
  return slot === 0 ? LOWEST_MS : LOWEST_MS * GROWTH ** (slot - 0.5);
}

/** The given quantiles (0 to 1, ascending) of a row, in milliseconds; null when nothing was counted. */
export function quantiles(row: ArrayLike<number>, wanted: readonly number[]): (number | null)[] {
  let total = 0;
  for (let slot = 0; slot < LATENCY_ROW; slot++) total += row[slot];
  if (total === 0) return wanted.map(() => null);
  const found: number[] = [];
  let seen = 0;
  for (let slot = 0; slot < LATENCY_ROW && found.length < wanted.length; slot++) {
    seen += row[slot];
    while (found.length < wanted.length && seen >= Math.max(1, Math.ceil(wanted[found.length] * total))) {
      found.push(slotMiddle(slot));
    }
  }
  return found;
}

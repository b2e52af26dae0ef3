/** Robust figures: median and median absolute deviation. Takes and gives plain numbers. */

/** Makes the median absolute deviation of normal values an estimate of their standard deviation. */
export const MAD_TO_SIGMA = 1.4826;

/** Middle of the values; mean of the middle two when their number is even. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function mad(values: readonly number[], center = median(values)): number {
  return median(values.map((value) => Math.abs(value - center)));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Value that a share of the values does not exceed (nearest rank); NaN for none. */
export function nearestRank(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Centre and spread: median and MAD; mean and standard deviation when most values are zero but not all. */
export function centreAndSpread(values: readonly number[]): { m: number; s: number } {
  const m = median(values);
  if (m !== 0) return { m, s: MAD_TO_SIGMA * mad(values, m) };
  const average = mean(values);
  return { m: average, s: Math.sqrt(mean(values.map((value) => (value - average) ** 2))) };
}

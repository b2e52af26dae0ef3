/** Two pieces of one TCP stream: do they differ where both have octets of the same place? */

/**
 * `kept` holds `length` octets from `keptStart` on, the first of sequence number `keptSequence`; `bytes[start, end)` come
 * with `sequence`.
 * Numbers are modulo 2^32.
 */
export function octetsDiffer(
  kept: Uint8Array,
  length: number,
  keptSequence: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  sequence: number,
  keptStart = 0,
): boolean {
  const shift = (sequence - keptSequence) | 0;
  const stop = Math.min(end - start, length - shift);
  for (let at = Math.max(0, -shift); at < stop; at++)
    if (bytes[start + at] !== kept[keptStart + at + shift]) return true;
  return false;
}

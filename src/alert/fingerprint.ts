/** What a rule's learning depends on, as one short text: a saved state with another one is not used. */

/** The same for the same values in the same order. */
export function fingerprint(...parts: unknown[]): string {
  return JSON.stringify(parts);
}

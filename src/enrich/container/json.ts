/** JSON of untrusted origin: whatever it is, looking into it gives nothing rather than an error. */

export type Plain = Readonly<Record<string, unknown>>;

/** null for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** An object or a list to look into; empty for everything else. */
export function plain(value: unknown): Plain {
  return typeof value === "object" && value !== null ? (value as Plain) : {};
}

/**
 * What a cell looks like, said by meaning and not by colour: a tone and attributes in one small number. Themes
 * (theme.ts) turn tones into colours for the terminal at hand. No tone sets a background, so the dashboard looks right on
 * dark and on light terminals alike.
 */

export const TONES = [
  "plain",
  "muted",
  "accent",
  "good",
  "info",
  "warn",
  "bad",
  "client",
  "violet",
  "low",
  "middle",
  "high",
] as const;
export type Tone = (typeof TONES)[number];

/** A tone's number in the low bits, attributes above. */
export type Style = number;

const TONE_MASK = 0x1f;
export const BOLD = 0x20;
export const DIM = 0x40;
export const REVERSE = 0x80;
export const UNDERLINE = 0x100;

const NUMBERS = new Map<string, number>(TONES.map((tone, index) => [tone, index]));

export const PLAIN: Style = 0;

export function style(tone: Tone, attributes = 0): Style {
  return NUMBERS.get(tone)! | attributes;
}

export function toneOf(value: Style): Tone {
  return TONES[value & TONE_MASK] ?? "plain";
}

/** The tone for an HTTP status; null is an exchange without a response. */
export function statusTone(status: number | null): Tone {
  if (status === null || status >= 500) return "bad";
  if (status >= 400) return "warn";
  if (status >= 300) return "info";
  return status >= 200 ? "good" : "violet";
}

/** A selected row: one bar in the terminal's own colours turned around, whatever its cells were. */
export function selectedLook(look: Style): Style {
  return REVERSE | (look & BOLD);
}

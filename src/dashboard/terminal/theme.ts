/**
 * Tones as colours for the terminal at hand: 24-bit, 256, 16 or none, chosen from the environment. Colours are of
 * middle lightness, so that they can be read on a dark and on a light background; none is ever a background.
 */
import { BOLD, DIM, REVERSE, type Style, type Tone, toneOf, UNDERLINE } from "./style.ts";

export type Colours = "none" | "16" | "256" | "truecolor";

export interface Theme {
  readonly colours: Colours;
  /** False where only ASCII can be shown: boxes and graphs are drawn from what ASCII has. */
  readonly unicode: boolean;
  /** Wraps each frame so that terminals that know DEC mode 2026 show it at once; others ignore it. */
  readonly synchronized: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** [24-bit red, green, blue; number of the 256 palette; SGR colour of the 16]. */
const COLOURS: Readonly<
  Record<Tone, readonly [red: number, green: number, blue: number, of256: number, of16: number]>
> = {
  plain: [0, 0, 0, 0, 39],
  muted: [128, 134, 144, 245, 90],
  accent: [22, 142, 178, 31, 36],
  good: [34, 154, 84, 35, 32],
  info: [58, 124, 222, 68, 34],
  warn: [196, 132, 8, 172, 33],
  bad: [219, 66, 66, 167, 31],
  client: [142, 112, 206, 98, 35],
  violet: [182, 92, 190, 133, 35],
  low: [24, 148, 160, 37, 36],
  middle: [58, 124, 222, 68, 34],
  high: [146, 102, 214, 98, 35],
};

/** What the environment says the terminal can do. */
export function themeFor(environment: Environment): Theme {
  const term = environment["TERM"] ?? "";
  return {
    colours: coloursFor(environment, term),
    unicode: term !== "linux" && term !== "vt100" && localeIsUnicode(environment),
    synchronized: term !== "linux" && term !== "vt100",
  };
}

/** Whether a terminal can hold the dashboard at all: it must be able to move its cursor. */
export function canShowDashboard(environment: Environment, isTerminal: boolean): boolean {
  const term = environment["TERM"] ?? "";
  return isTerminal && term !== "dumb" && term !== "";
}

function coloursFor(environment: Environment, term: string): Colours {
  // no-color.org: present and not empty means no colour, whatever else is set
  if (environment["NO_COLOR"]) return "none";
  if (term === "dumb" || term === "vt100") return "none";
  const declared = environment["COLORTERM"]?.toLowerCase();
  if (declared === "truecolor" || declared === "24bit" || term.endsWith("-direct")) return "truecolor";
  return term.includes("256color") ? "256" : "16";
}

/** A locale that says nothing is taken as UTF-8, which is what terminals of today speak. */
function localeIsUnicode(environment: Environment): boolean {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  return locale === "" || /utf-?8/i.test(locale);
}

function colourCode(tone: Tone, colours: Colours): string {
  if (tone === "plain" || colours === "none") return "";
  const [red, green, blue, of256, of16] = COLOURS[tone];
  if (colours === "truecolor") return `;38;2;${red};${green};${blue}`;
  return colours === "256" ? `;38;5;${of256}` : `;${of16}`;
}

/** The SGR sequence (ECMA-48 section 8.3.117) that sets a style from any other. */
export function sgr(look: Style, theme: Theme): string {
  let codes = "0";
  if (look & BOLD) codes += ";1";
  // without colour, what is muted must still step back
  if (look & DIM || (theme.colours === "none" && toneOf(look) === "muted")) codes += ";2";
  if (look & UNDERLINE) codes += ";4";
  if (look & REVERSE) codes += ";7";
  return `\x1b[${codes}${colourCode(toneOf(look), theme.colours)}m`;
}

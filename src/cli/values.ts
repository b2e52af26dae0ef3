/** Values of options as people write them, read into numbers; a mistake is one line that names the option. */
import { EXIT, Trouble } from "../core/trouble.ts";

function wrong(option: string, text: string, hint: string): Trouble {
  return new Trouble(`${option}: \`${text}\` is not understood`, { exitCode: EXIT.usage, hint });
}

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `30s`, `1.5h`, `250ms`, or a bare number of seconds. Gives seconds. */
export function duration_s(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)?$/.exec(text.trim());
    if (match === null) throw wrong(option, text, "write a duration such as 30s, 5m or 250ms");
    return Number(match[1]) * SECONDS[match[2] ?? "s"];
  };
}

const SIZES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  kib: 1 << 10,
  mib: 1 << 20,
  gib: 1 << 30,
};

/** `64MiB`, `10kB`, `4096`. Gives octets. */
export function size_bytes(option: string): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b?)$/i.exec(text.trim());
    const factor = match === null ? undefined : SIZES[match[2].toLowerCase()];
    if (match === null || factor === undefined) throw wrong(option, text, "write a size such as 64MiB, 10kB or 4096");
    return Math.round(Number(match[1]) * factor);
  };
}

/** A whole number in a range. */
export function integer(option: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text.trim()) || value < low || value > high) {
      throw wrong(option, text, `write a whole number from ${low} to ${high}`);
    }
    return value;
  };
}

/** A number that is not negative, in milliseconds; `250`, `1.5`, or with a unit. Gives milliseconds. */
export function milliseconds(option: string): (text: string) => number {
  return (text) => {
    if (/^\d+(\.\d+)?$/.test(text.trim())) return Number(text);
    if (/^\d+(\.\d+)?(us|ms|s|m)$/.test(text.trim())) return duration_s(option)(text) * 1000;
    throw wrong(option, text, "write milliseconds such as 100, or 1.5s");
  };
}

/** `true`, `false`, `1`, `0`, `yes`, `no`; a bare option means true. */
export function truth(option: string): (text: string) => boolean {
  return (text) => {
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    if (/^(false|0|no|off)$/i.test(text)) return false;
    throw wrong(option, text, "write true or false");
  };
}

/** One of a few words. */
export function choice<Word extends string>(option: string, words: readonly Word[]): (text: string) => Word {
  return (text) => {
    if (!words.includes(text as Word)) throw wrong(option, text, `write one of ${words.join(", ")}`);
    return text as Word;
  };
}

/** Collects an option that may be given several times, or with commas. */
export function list(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(",").map((word) => word.trim())].filter((word) => word !== "");
}

/** Collects an option that may be given several times; commas belong to the value. */
export function several(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

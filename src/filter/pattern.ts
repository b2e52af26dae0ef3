/**
 * Patterns of `matches` and `~`: RE2 syntax, found anywhere in the text. Matching time grows only linearly with the
 * text, so that neither a hostile pattern nor a hostile request can hang the monitor.
 */
import { createRequire } from "node:module";
import type { RE2JS } from "re2js";

let loaded: typeof RE2JS | null = null;

/** The engine, loaded by the first pattern: few runs have one, and it takes 5 ms. */
export function re2(): typeof RE2JS {
  loaded ??= (createRequire(import.meta.url)("re2js") as { readonly RE2JS: typeof RE2JS }).RE2JS;
  return loaded;
}

/** Size of the compiled program that is accepted: `(a{1000}){1000}` is short to write and not to run. */
const PROGRAM_LIMIT = 20_000;

const PLAIN = /^[\w/ :;,@%&=<>!~'"-]*$/;

/** A test for texts, or what is wrong with the pattern. */
export function compilePattern(pattern: string): ((text: string) => boolean) | string {
  // a pattern without any operator is a substring: some 50 times quicker
  if (PLAIN.test(pattern)) return (text) => text.includes(pattern);
  if (pattern[0] === "^" && PLAIN.test(pattern.slice(1))) {
    const start = pattern.slice(1);
    return (text) => text.startsWith(start);
  }
  try {
    const compiled = re2().compile(pattern);
    if (compiled.programSize() > PROGRAM_LIMIT) return "the pattern is too large";
    return (text) => compiled.test(text);
  } catch (error) {
    return error instanceof Error ? error.message : "not an RE2 pattern";
  }
}

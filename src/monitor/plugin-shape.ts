/** Is what a file exports a plug-in? Takes anything; gives it typed, or throws Trouble that names the part that is wrong. */
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import type { Plugin } from "../core/roles.ts";
import { EXIT, Trouble } from "../core/trouble.ts";

interface PartShape {
  /** Texts beside the name. */
  readonly texts?: readonly string[];
  readonly functions: readonly string[];
  readonly optional: readonly string[];
}

const PARTS: Readonly<Record<string, PartShape>> = {
  statistics: { texts: ["unit"], functions: ["create", "observe", "merge", "report"], optional: [] },
  enrichers: {
    functions: [],
    optional: ["flowOpened", "interfaceOpened", "flowComment", "flowUsed", "kernelTimes", "enrich", "close"],
  },
  detectors: { functions: ["inspect"], optional: [] },
  sinks: { functions: ["write"], optional: ["close"] },
  protocols: { functions: ["detect", "open"], optional: ["search"] },
};
const KEYS = ["name", "start", ...Object.keys(PARTS)];

/** Names stand on command lines: `--by plugin:NAME`, `-o plugin:NAME`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const HINT = "export default definePlugin({ name, … }); see docs/plugins.md";

export function checkPlugin(exported: unknown, origin: string): Plugin {
  const wrong = (what: string, hint = HINT) =>
    new Trouble(`plug-in ${printable(origin)}: ${what}`, { exitCode: EXIT.usage, hint });
  if (exported === undefined) throw wrong("has no default export");
  if (!isObject(exported)) throw wrong(`its default export is ${kindOf(exported)}, not a plug-in`);
  checkName(exported.name, "name", wrong);
  for (const key of Object.keys(exported)) {
    if (KEYS.includes(key)) continue;
    const near = nearest(key, KEYS);
    throw wrong(`\`${printable(key)}\` is no part of a plug-in${near === null ? "" : ` (did you mean \`${near}\`?)`}`);
  }
  checkFunction(exported, "start", "start", true, wrong);
  for (const [part, shape] of Object.entries(PARTS)) checkParts(exported[part], part, shape, wrong);
  return exported as unknown as Plugin;
}

type Wrong = (what: string, hint?: string) => Trouble;

function checkParts(list: unknown, part: string, shape: PartShape, wrong: Wrong): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) throw wrong(`\`${part}\` is ${kindOf(list)}, not a list`);
  list.forEach((one, index) => {
    const where = `${part}[${index}]`;
    if (!isObject(one)) throw wrong(`\`${where}\` is ${kindOf(one)}, not an object`);
    checkName(one.name, `${where}.name`, wrong);
    for (const text of shape.texts ?? []) {
      if (typeof one[text] !== "string") throw wrong(`\`${where}.${text}\` is ${kindOf(one[text])}, not a text`);
    }
    for (const name of shape.functions) checkFunction(one, name, `${where}.${name}`, false, wrong);
    for (const name of shape.optional) checkFunction(one, name, `${where}.${name}`, true, wrong);
  });
}

function checkName(name: unknown, where: string, wrong: Wrong): void {
  if (name === undefined) throw wrong(`\`${where}\` is missing`, "every plug-in and every part of one has a name");
  if (typeof name === "string" && NAME.test(name)) return;
  throw wrong(`\`${where}\` is no name`, "use letters, digits, `-`, `_` and `.`, at most 64");
}

function checkFunction(
  of: Readonly<Record<string, unknown>>,
  name: string,
  where: string,
  optional: boolean,
  wrong: Wrong,
): void {
  if (typeof of[name] === "function" || (optional && of[name] === undefined)) return;
  throw wrong(`\`${where}\` is ${kindOf(of[name])}, not a function`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The commands and their options as the page docs/cli.md has them: read from the program itself. */
import type { Command } from "commander";
import { program } from "./program.ts";

const BEGIN = "<!-- commands: written by scripts/cli-reference.mjs -->";
const END = "<!-- end of commands -->";

/** The page with its commands as they are now. */
export function withCommands(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no lines ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${commandTexts(program(), "earshot").join("\n")}\n${page.slice(end)}`;
}

/** A text for each command, those inside others too. */
function commandTexts(of: Command, name: string): string[] {
  return of.commands.flatMap((command) => {
    const path = `${name} ${command.name()}`;
    if (command.commands.length > 0) return [heading(command, path), ...commandTexts(command, path)];
    return [`${heading(command, path)}${optionTables(command)}`];
  });
}

function heading(command: Command, path: string): string {
  const given = command.registeredArguments.map((argument) => {
    const text = `${argument.name()}${argument.variadic ? "…" : ""}`;
    return argument.required ? ` ${text.toUpperCase()}` : ` [${text.toUpperCase()}]`;
  });
  return `### \`${path}${given.join("")}\`\n\n${sentence(command.description())}\n`;
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

interface Shown {
  readonly flags: string;
  readonly description: string;
  readonly group: string;
}

function optionTables(command: Command): string {
  const groups = new Map<string, Shown[]>();
  for (const option of command.options) {
    if (option.hidden) continue;
    const group = (option.helpGroupHeading ?? "").replace(/:$/, "");
    const shown = { flags: option.flags, description: described(option), group };
    groups.set(group, [...(groups.get(group) ?? []), shown]);
  }
  return [...groups].map(([group, options]) => table(group, options)).join("");
}

function described(option: Command["options"][number]): string {
  const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
  const preset = option.defaultValue;
  const shown = preset === undefined || preset === true || preset === false ? "" : `; preset \`${String(preset)}\``;
  return `${option.description}${choices}${shown}`;
}

function table(group: string, options: readonly Shown[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = options.map(({ flags, description }) => `| \`${cell(flags)}\` | ${cell(description)} |`);
  return `\n| ${group || "Option"} | |\n|---|---|\n${rows.join("\n")}\n`;
}

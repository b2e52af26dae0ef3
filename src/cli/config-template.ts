/** A configuration file with every setting as a comment, and the reference page: both are made of the list of settings. */
import { type Setting, settingsList } from "./config-reference.ts";

const isListed = ({ path }: Setting) => path.includes("[");

/** A value as TOML writes it. */
export function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const inner = Object.entries(value).map(([key, one]) => `${tomlKey(key)} = ${tomlValue(one)}`);
    return inner.length === 0 ? "{}" : `{ ${inner.join(", ")} }`;
  }
  return JSON.stringify(value);
}

export function tomlKey(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
}

const INTRODUCTION = `# earshot.toml: every setting, with what holds when it is not set.
# Take the # away in front of what you change; \`earshot config check\` says whether it is right.
`;

const EXAMPLES = `
# [filters]
# slow = "latency > 1s"
# bad = "status == 5xx or @slow"

# [[alerts.rules]]
# kind = "baseline"
# name = "requests"

# [[notify]]
# kind = "webhook"
# url = "http://127.0.0.1:9000/alerts"
`;

/** What \`earshot config init\` writes. */
export function configTemplate(): string {
  const plain = settingsList().filter((setting) => !isListed(setting) && setting.variable !== null);
  const tables = new Map<string, Setting[]>();
  for (const setting of plain) {
    const table = setting.path.split(".").slice(0, -1).join(".");
    tables.set(table, [...(tables.get(table) ?? []), setting]);
  }
  const parts = [...tables].map(([table, settings]) => {
    const heading = table === "" ? "" : `\n[${table}]\n`;
    return heading + settings.map(templateLine).join("");
  });
  return INTRODUCTION + parts.join("") + EXAMPLES;
}

function templateLine({ path, preset, description, type }: Setting): string {
  const key = path.split(".").at(-1)!;
  const about = description === "" ? "" : `# ${description.replaceAll("`", "")}\n`;
  return `${about}# ${key} = ${preset === null ? `…  (${type.replaceAll("`", "")})` : tomlValue(preset)}\n`;
}

/** Tables of the reference page, one for each part of the file. */
export function referenceTables(): string {
  const sections = new Map<string, Setting[]>();
  for (const setting of settingsList()) {
    const section = sectionOf(setting);
    sections.set(section, [...(sections.get(section) ?? []), setting]);
  }
  return [...sections].map(([section, settings]) => referenceTable(section, settings)).join("\n");
}

/** `alerts.rules[baseline].window` is in `alerts.rules[baseline]`, `capture.ports` in `capture`. */
function sectionOf({ path }: Setting): string {
  const list = path.lastIndexOf("]");
  if (list >= 0) return path.slice(0, list + 1);
  return path.includes(".") ? path.split(".")[0] : "";
}

function referenceTable(section: string, settings: readonly Setting[]): string {
  const described = settings.some(({ description }) => description !== "");
  const heading = section === "" ? "### At the top" : `### \`${headingOf(section)}\``;
  const titles = ["Setting", "Value", "Preset", ...(described ? ["Meaning"] : [])];
  const rows = settings.map((setting) => [
    `\`${section === "" ? setting.path : setting.path.slice(section.length + 1)}\``,
    setting.type,
    setting.preset === null ? "" : `\`${tomlValue(setting.preset)}\``,
    ...(described ? [setting.description] : []),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return `${heading}\n\n${line(titles)}${line(titles.map(() => "---"))}${rows.map(line).join("")}`;
}

/** `[[alerts.rules]] kind = "baseline"`, `[capture]` */
function headingOf(section: string): string {
  const kind = /^(.*)\[([^\]]+)\]$/.exec(section);
  return kind === null ? `[${section}]` : `[[${kind[1]}]] kind = "${kind[2]}"`;
}

const BEGIN = "<!-- settings: written by scripts/config-reference.mjs -->";
const END = "<!-- end of settings -->";

/** The reference page with its tables as the schema has them now. */
export function withReference(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page has no lines ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${referenceTables()}\n${page.slice(end)}`;
}

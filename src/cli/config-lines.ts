/**
 * On which line of a TOML text a setting stands: the parser gives values without places. Takes the text and a path of
 * keys and list places; gives the line of the deepest part of it that is written, from 1.
 */

type Path = readonly (string | number)[];

interface Entry {
  readonly path: Path;
  readonly line: number;
}

export function lineOf(text: string, path: Path): number | null {
  let best: Entry | null = null;
  for (const entry of entries(text)) {
    if (entry.path.length > path.length || !entry.path.every((part, index) => part === path[index])) continue;
    if (best === null || entry.path.length > best.path.length) best = entry;
  }
  return best?.line ?? null;
}

/** Every table header and key, with its full path. */
function* entries(text: string): Generator<Entry> {
  const lists = new Map<string, number>();
  let table: Path = [];
  let inside: string | null = null;
  let depth = 0;
  for (const [index, line] of text.split("\n").entries()) {
    if (inside !== null) {
      if (line.includes(inside)) inside = null;
      continue;
    }
    const open = depth > 0;
    const header = open ? null : /^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?/.exec(line);
    if (header !== null) {
      table = tablePath(keysOf(header[2]), header[1] === "[[", lists);
      yield { path: table, line: index + 1 };
      continue;
    }
    const key = open ? null : /^\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=/.exec(line);
    if (key !== null) yield { path: [...table, ...keysOf(key[1])], line: index + 1 };
    const rest = key === null ? line : line.slice(key[0].length);
    inside = multiline(rest);
    if (inside === null) depth = Math.max(0, depth + balance(rest));
  }
}

/** Places in lists of tables are counted as they come. */
function tablePath(keys: readonly string[], isList: boolean, lists: Map<string, number>): Path {
  const path: (string | number)[] = [];
  keys.forEach((key, index) => {
    path.push(key);
    const name = JSON.stringify(path);
    const last = index === keys.length - 1;
    if (last && isList) lists.set(name, (lists.get(name) ?? -1) + 1);
    const place = lists.get(name);
    if (place !== undefined) path.push(place);
  });
  return path;
}

function keysOf(dotted: string): string[] {
  return [...dotted.matchAll(/"([^"]*)"|'([^']*)'|([\w-]+)/g)].map((match) => match[1] ?? match[2] ?? match[3]);
}

/** The quotes that a value opens and does not close on its line. */
function multiline(value: string): string | null {
  const quotes = /"""|'''/.exec(value)?.[0];
  return quotes === undefined || value.split(quotes).length % 2 === 1 ? null : quotes;
}

/** Brackets that a value opens, less those it closes; not those in texts and comments. */
function balance(value: string): number {
  const bare = value.replace(/"(?:\\.|[^"\\])*"|'[^']*'/g, "").replace(/#.*/, "");
  return (bare.match(/[[{]/g)?.length ?? 0) - (bare.match(/[\]}]/g)?.length ?? 0);
}

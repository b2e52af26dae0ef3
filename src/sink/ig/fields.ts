/** Names of the row's fields, how they are found, and how they look as columns. */
import { formatEndpoint } from "../../core/address.ts";
import { EXIT, Trouble } from "../../core/trouble.ts";
import { nearest } from "../../filter/mistake.ts";
import { type Leaf, rowOf, type Tree } from "./row.ts";

export interface Column {
  readonly name: string;
  readonly title: string;
  /** Shorter values are filled up to this. */
  readonly width: number;
  /** Longer values are cut to this. */
  readonly max: number;
  readonly right: boolean;
}

/** Endpoints of IPv6 are longer than their column; rather a row out of line than half an address. */
const ENDPOINT_MAX = 52;

/** Widths and sides of the contract; titles as the gadget's page prints them. */
const KNOWN: readonly (readonly [name: string, title: string, width: number, right: boolean])[] = [
  ["timestamp", "TIMESTAMP", 35, false],
  ["proc.comm", "COMM", 16, false],
  ["proc.pid", "PID", 8, false],
  ["src", "SRC", 22, false],
  ["dst", "DST", 22, false],
  ["proto", "PROTO", 8, false],
  ["method", "METHOD", 8, false],
  ["host", "HOST", 32, false],
  ["path", "PATH", 64, false],
  ["status_code", "STATUS", 6, true],
  ["latency_ms", "LATENCY", 10, true],
  // hidden unless asked for
  ["content_length", "CONTENT_LENGTH", 14, true],
  ["user_agent", "USER_AGENT", 64, false],
];
const VISIBLE = KNOWN.slice(0, 11).map(([name]) => name);

/** Short names of the gadget's own description. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  comm: "proc.comm",
  pid: "proc.pid",
  tid: "proc.tid",
  uid: "proc.creds.uid",
  gid: "proc.creds.gid",
};

/** All names: leaves, and the endpoints as a whole. */
export const FIELD_NAMES: ReadonlyMap<string, Leaf> = (() => {
  const names = new Map<string, Leaf>([
    ["src", ""],
    ["dst", ""],
  ]);
  const walk = (tree: Tree, prefix: string) => {
    for (const [key, value] of Object.entries(tree)) {
      if (typeof value === "object") walk(value, `${prefix}${key}.`);
      else names.set(prefix + key, value);
    }
  };
  const nobody = { client: null, server: null };
  const nowhere = { ip: "", port: 0 };
  // the shape is the same for every event
  walk(
    rowOf(
      {
        ...{
          type: "tls",
          time: "",
          time_us: 0,
          id: "",
          version: null,
          cipher: null,
          server_name: null,
          alpn_offered: [],
        },
        ...{
          alpn: null,
          ja3: null,
          ja3s: null,
          ja4: null,
          certificates: [],
          resumed: null,
          outcome: "gap",
          alert: null,
        },
        ...{ handshake_ms: null, duration_ms: 0, process: nobody, anomalies: [] },
        flow: { id: 0, client: nowhere, server: nowhere, interface: null, vlan: null, encapsulation: null },
        bytes: { in: 0, out: 0, in_retransmitted: 0, out_retransmitted: 0 },
        quality: { midstream: false, gap_bytes: 0, truncated: false },
      },
      { captureRequest: true, captureResponse: true, minLatency_ms: 0 },
    ) as Tree,
    "",
  );
  return names;
})();

function usage(flag: string, text: string, message: string, hint: string): Trouble {
  return new Trouble(`${flag} ${text}: ${message}`, { exitCode: EXIT.usage, hint });
}

/** The full name of a field; throws Trouble when there is none. */
export function fieldName(flag: string, text: string, written: string): string {
  const name = SHORT_NAMES[written] ?? written;
  if (FIELD_NAMES.has(name)) return name;
  const near = nearest(written, [...FIELD_NAMES.keys(), ...Object.keys(SHORT_NAMES)]);
  const meant = near === null ? "" : ` (did you mean \`${near}\`?)`;
  throw usage(
    flag,
    text,
    `there is no field \`${written}\`${meant}`,
    `fields are ${[...FIELD_NAMES.keys()].join(", ")}`,
  );
}

export function valueAt(row: Tree, name: string): Leaf {
  if (name === "src" || name === "dst") {
    const { addr, port } = row[name] as { addr: string; port: number };
    return formatEndpoint({ ip: addr, port });
  }
  let value: Leaf | Tree = row;
  for (const key of name.split(".")) value = (value as Tree)[key];
  return value as Leaf;
}

function columnOf(name: string): Column {
  const known = KNOWN.find(([one]) => one === name);
  if (known !== undefined) {
    const [, title, width, right] = known;
    return { name, title, width, max: name === "src" || name === "dst" ? ENDPOINT_MAX : width, right };
  }
  const title = name.toUpperCase();
  const width = Math.max(title.length, 16);
  return { name, title, width, max: width, right: typeof FIELD_NAMES.get(name) !== "string" };
}

/** `--fields a,b` names the columns; `+x,-y` adds to and takes from those shown otherwise. Null: those. */
export function parseFields(text: string | null): readonly Column[] {
  if (text === null) return VISIBLE.map(columnOf);
  const parts = text
    .replace(/^http:/, "")
    .split(",")
    .filter(Boolean);
  const isChange = parts.some((part) => /^[+-]/.test(part));
  const names = isChange ? [...VISIBLE] : [];
  for (const part of parts) {
    const name = fieldName("--fields", text, part.replace(/^[+-]/, ""));
    const at = names.indexOf(name);
    if (part.startsWith("-")) {
      if (at >= 0) names.splice(at, 1);
    } else if (at < 0) names.push(name);
  }
  if (names.length === 0) throw usage("--fields", text, "no field is left", "name at least one");
  return names.map(columnOf);
}

/** `--sort f,-g`: by f, then by g from large to small. */
export function parseSort(text: string): (a: Tree, b: Tree) => number {
  const keys = text
    .replace(/^http:/, "")
    .split(",")
    .filter(Boolean)
    .map((part) => ({ name: fieldName("--sort", text, part.replace(/^-/, "")), sign: part.startsWith("-") ? -1 : 1 }));
  return (a, b) => {
    for (const { name, sign } of keys) {
      const left = valueAt(a, name);
      const right = valueAt(b, name);
      if (left !== right) return left < right ? -sign : sign;
    }
    return 0;
  };
}

/**
 * `--events` and `--scope` in Tracee's words: which events come out, for whom. Values with commas between are one or the
 * other; several conditions must all hold; what is not known meets no condition, `!=` neither.
 */
import { EXIT, Trouble } from "../../core/trouble.ts";
import { nearest } from "../../filter/mistake.ts";
import { dataField, dataFieldNames, EVENT_SCOPE_FIELDS, type FilterField, SCOPE_FIELDS, type Value } from "./fields.ts";
import { EVENT_NAMES, type EventName, type TraceeMessage } from "./message.ts";

export type Selection = (name: EventName, message: TraceeMessage) => boolean;

/** Tracee's sets; without `--events` the default set is meant. */
const SETS: Readonly<Record<string, readonly EventName[]>> = {
  default: ["net_packet_http_request", "net_packet_http_response"],
  network_events: EVENT_NAMES,
};

function mistake(flag: string, text: string, message: string, hint: string): Trouble {
  return new Trouble(`${flag} ${text}: ${message}`, { exitCode: EXIT.usage, hint });
}

type Operator = "=" | "!=" | "<" | ">" | "<=" | ">=";
const CONDITION = /^([^=!<>]+)(!=|<=|>=|=|<|>)(.*)$/s;

/** `abc`, `abc*`, `*abc`, `*abc*`. */
function textTest(pattern: string): (value: string) => boolean {
  const core = pattern.replace(/^\*|\*$/g, "");
  const starts = pattern.endsWith("*") && pattern.length > 1;
  const ends = pattern.startsWith("*");
  if (starts && ends) return (value) => value.includes(core);
  if (starts) return (value) => value.startsWith(core);
  if (ends) return (value) => value.endsWith(core);
  return (value) => value === pattern;
}

const COMPARE: Readonly<Record<Operator, (value: number, bound: number) => boolean>> = {
  "=": (value, bound) => value === bound,
  "!=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  ">": (value, bound) => value > bound,
  "<=": (value, bound) => value <= bound,
  ">=": (value, bound) => value >= bound,
};

function valueTest(flag: string, text: string, kind: FilterField["kind"], operator: Operator, written: string) {
  if (kind === "number") {
    if (!/^-?\d+$/.test(written)) throw mistake(flag, text, `\`${written}\` is not a number`, "compare with a number");
    const bound = Number(written);
    return (value: Value) => COMPARE[operator](Number(value), bound);
  }
  if (operator !== "=" && operator !== "!=") {
    throw mistake(flag, text, `\`${operator}\` is for numbers`, "texts are compared with = and !=, with * at the ends");
  }
  const test = textTest(written);
  return (value: Value) => test(String(value));
}

function condition(flag: string, text: string, field: FilterField, operator: Operator, values: string): Selection {
  const tests = values.split(",").map((value) => valueTest(flag, text, field.kind, operator, value));
  const anyPasses = (all: readonly Value[]) => all.some((value) => tests.some((test) => test(value)));
  return (name, message) => {
    const all = field.read(message, name);
    if (all.length === 0) return false;
    return operator === "!=" ? !anyPasses(all) : anyPasses(all);
  };
}

/** Flags of `--scope` that need no value. */
const SCOPE_WORDS: Readonly<Record<string, Selection>> = {
  container: (_, { process }) => process?.container !== undefined,
  "not-container": (_, { process }) => process !== null && process.container === undefined,
  "container=started": (_, { process }) => process?.container !== undefined,
};
const SCOPE_UNSUPPORTED = /^(?:follow$|tree|container=new$|pid=new$|uts|!container)/;

function scopeCondition(text: string): Selection {
  if (Object.hasOwn(SCOPE_WORDS, text)) return SCOPE_WORDS[text];
  if (SCOPE_UNSUPPORTED.test(text)) {
    throw new Trouble(`--scope ${text}: not supported, it needs Tracee's own tracing of tasks`, {
      exitCode: EXIT.unsupported,
      hint: "scope by uid, pid, mntns, pidns, comm, executable, container or not-container",
    });
  }
  const match = CONDITION.exec(text);
  if (match === null) {
    throw mistake("--scope", text, "no condition", "write as comm=curl, uid=0 or not-container");
  }
  const [, name, operator, values] = match;
  const field = Object.hasOwn(SCOPE_FIELDS, name) ? SCOPE_FIELDS[name] : null;
  if (field === null) throw unknownField("--scope", text, name, Object.keys(SCOPE_FIELDS));
  return condition("--scope", text, field, operator as Operator, values);
}

function unknownField(flag: string, text: string, name: string, names: readonly string[]): Trouble {
  const near = nearest(name, names);
  const meant = near === null ? "" : ` (did you mean \`${near}\`?)`;
  return mistake(flag, text, `there is no \`${name}\`${meant}`, `fields are ${names.join(", ")}`);
}

/** `net_packet_http*`, `tag=network_events`, `default`: the events meant. */
function eventsNamed(text: string, written: string): readonly EventName[] {
  const set = written.startsWith("tag=") ? written.slice("tag=".length) : written;
  if (Object.hasOwn(SETS, set)) return SETS[set];
  const test = textTest(written);
  const found = EVENT_NAMES.filter(test);
  if (found.length > 0) return found;
  const near = nearest(written, EVENT_NAMES);
  const meant = near === null ? "" : ` (did you mean \`${near}\`?)`;
  throw mistake("--events", text, `no event is called \`${written}\`${meant}`, `events are ${EVENT_NAMES.join(", ")}`);
}

/** `EVENT.data.FIELD=…` and `EVENT.scope.FIELD=…`; EVENT may be a pattern, or `event` for all. */
function eventCondition(text: string): { events: readonly EventName[]; holds: Selection; selects: boolean } {
  const match = CONDITION.exec(text) as RegExpExecArray;
  const [, path, operator, values] = match;
  const parts = /^([^.]+)\.(data|args|scope)\.(.+)$/.exec(path);
  if (parts === null) {
    throw mistake("--events", text, "no condition", "write as net_packet_http_request.data.http_request.method=GET");
  }
  const [, event, where, name] = parts;
  const events = event === "event" ? EVENT_NAMES : eventsNamed(text, event);
  const fields = new Map<EventName, Selection>();
  for (const one of events) {
    const scope = Object.hasOwn(EVENT_SCOPE_FIELDS, name) ? EVENT_SCOPE_FIELDS[name] : null;
    const field = where === "scope" ? scope : dataField(one, name);
    if (field !== null) fields.set(one, condition("--events", text, field, operator as Operator, values));
  }
  if (fields.size === 0) {
    const names = where === "scope" ? Object.keys(EVENT_SCOPE_FIELDS) : [...new Set(events.flatMap(dataFieldNames))];
    throw unknownField("--events", text, name, names);
  }
  // an event without such a field cannot meet the condition
  return { events, holds: (one, message) => fields.get(one)?.(one, message) ?? false, selects: event !== "event" };
}

/** Reads all `--events` and `--scope` of a command line; throws Trouble on a mistake. */
export function compileSelection(options: {
  readonly events: readonly string[];
  readonly scope: readonly string[];
}): Selection {
  const shown = new Set<EventName>();
  const hidden = new Set<EventName>();
  const conditions: { readonly events: ReadonlySet<EventName>; readonly holds: Selection }[] = [];
  for (const flag of options.events) {
    if (CONDITION.test(flag) && !flag.startsWith("tag=")) {
      const { events, holds, selects } = eventCondition(flag);
      conditions.push({ events: new Set(events), holds });
      if (selects) for (const event of events) shown.add(event);
      continue;
    }
    for (const part of flag.split(",").map((one) => one.trim())) {
      const isExclusion = part.startsWith("-");
      for (const event of eventsNamed(flag, isExclusion ? part.slice(1) : part))
        (isExclusion ? hidden : shown).add(event);
    }
  }
  if (shown.size === 0) for (const event of SETS["default"]) shown.add(event);
  for (const event of hidden) shown.delete(event);
  const scopes = options.scope.map(scopeCondition);
  return (name, message) =>
    shown.has(name) &&
    scopes.every((holds) => holds(name, message)) &&
    conditions.every(({ events, holds }) => !events.has(name) || holds(name, message));
}

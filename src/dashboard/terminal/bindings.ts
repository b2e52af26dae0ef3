/** Keys as actions. What a key means depends on whether a line is being typed; `null` means nothing here. */
import { type Action, SCREENS } from "../model/action.ts";
import type { Ui } from "../model/ui.ts";
import type { ClickTarget, Frame } from "./frame.ts";
import type { Key, KeyName } from "./keys.ts";

/** What only the terminal can do. */
export type Command = "quit" | "suspend" | "redraw" | "mouse";

export type Meaning =
  | { readonly action: Action }
  | { readonly actions: readonly Action[] }
  | { readonly command: Command };

const ERRORS = "status == 5xx or not exists status";

const LETTERS: Readonly<Record<string, Meaning>> = {
  q: { command: "quit" },
  m: { command: "mouse" },
  "?": { action: { type: "help" } },
  " ": { action: { type: "pause" } },
  p: { action: { type: "pause" } },
  k: { action: { type: "move", by: -1 } },
  j: { action: { type: "move", by: 1 } },
  g: { action: { type: "edge", to: "first" } },
  G: { action: { type: "edge", to: "last" } },
  h: { action: { type: "focus", on: "top" } },
  l: { action: { type: "focus", on: "exchanges" } },
  s: { action: { type: "sort" } },
  S: { action: { type: "reverse" } },
  F: { action: { type: "follow" } },
  f: { action: { type: "input-open", kind: "filter" } },
  "/": { action: { type: "input-open", kind: "search" } },
  n: { action: { type: "search-next", by: -1 } },
  N: { action: { type: "search-next", by: 1 } },
  e: { action: { type: "filter-set", text: ERRORS } },
  x: { action: { type: "clear" } },
  ",": { action: { type: "cursor", by: -1 } },
  ".": { action: { type: "cursor", by: 1 } },
  "<": { action: { type: "cursor", by: -10 } },
  ">": { action: { type: "cursor", by: 10 } },
  z: { action: { type: "zoom", by: 1 } },
  Z: { action: { type: "zoom", by: -1 } },
  "]": { action: { type: "dimension", by: 1 } },
  "[": { action: { type: "dimension", by: -1 } },
};

const NAMES: Readonly<Partial<Record<KeyName, Meaning>>> = {
  "ctrl-c": { command: "quit" },
  "ctrl-z": { command: "suspend" },
  "ctrl-l": { command: "redraw" },
  f1: { action: { type: "help" } },
  up: { action: { type: "move", by: -1 } },
  down: { action: { type: "move", by: 1 } },
  left: { action: { type: "focus", on: "top" } },
  right: { action: { type: "focus", on: "exchanges" } },
  "page-up": { action: { type: "page", by: -1 } },
  "page-down": { action: { type: "page", by: 1 } },
  "ctrl-b": { action: { type: "page", by: -1 } },
  "ctrl-f": { action: { type: "page", by: 1 } },
  home: { action: { type: "edge", to: "first" } },
  end: { action: { type: "edge", to: "last" } },
  enter: { action: { type: "open" } },
  escape: { action: { type: "back" } },
  backspace: { action: { type: "back" } },
  tab: { action: { type: "dimension", by: 1 } },
  "shift-tab": { action: { type: "dimension", by: -1 } },
};

const TYPING: Readonly<Partial<Record<KeyName, Meaning>>> = {
  "ctrl-c": { action: { type: "input-cancel" } },
  "ctrl-z": { command: "suspend" },
  "ctrl-l": { command: "redraw" },
  enter: { action: { type: "input-accept" } },
  escape: { action: { type: "input-cancel" } },
  tab: { action: { type: "input-complete", by: 1 } },
  "shift-tab": { action: { type: "input-complete", by: -1 } },
  down: { action: { type: "input-complete", by: 1 } },
  up: { action: { type: "input-complete", by: -1 } },
  left: { action: { type: "input-move", to: "left" } },
  right: { action: { type: "input-move", to: "right" } },
  home: { action: { type: "input-move", to: "start" } },
  end: { action: { type: "input-move", to: "end" } },
  "ctrl-a": { action: { type: "input-move", to: "start" } },
  "ctrl-e": { action: { type: "input-move", to: "end" } },
  backspace: { action: { type: "input-delete", what: "before" } },
  delete: { action: { type: "input-delete", what: "after" } },
  "ctrl-w": { action: { type: "input-delete", what: "word" } },
  "ctrl-u": { action: { type: "input-delete", what: "all" } },
};

export function meaningOf(key: Key, ui: Ui, frame: Frame | null): Meaning | null {
  switch (key.type) {
    case "click":
      return clicked(key.x, key.y, frame);
    case "wheel":
      return { action: { type: "move", by: 3 * key.by } };
    case "key":
      return (ui.input === null ? NAMES : TYPING)[key.name] ?? null;
    case "text":
      if (ui.input !== null) return { action: { type: "input-text", text: key.text } };
      return screenKey(key.text) ?? LETTERS[key.text] ?? null;
  }
}

function screenKey(text: string): Meaning | null {
  const screen = /^[1-9]$/.test(text) ? SCREENS[Number(text) - 1] : undefined;
  return screen === undefined ? null : { action: { type: "screen", screen } };
}

/** The topmost target under a click: what was registered last lies on top. A row of a list takes the focus along. */
function clicked(x: number, y: number, frame: Frame | null): Meaning | null {
  const inside = (target: ClickTarget) =>
    x >= target.x && x < target.x + target.width && y >= target.y && y < target.y + target.height;
  const target = frame?.clicks.findLast(inside);
  if (target === undefined) return null;
  const { action } = target;
  if (action.type !== "select") return { action };
  return { actions: [{ type: "focus", on: typeof action.row === "string" ? "top" : "exchanges" }, action] };
}

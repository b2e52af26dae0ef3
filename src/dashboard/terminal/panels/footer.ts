/** The last line: keys that work here, or the line being typed with its proposals and mistakes. */
import type { Input, Ui } from "../../model/ui.ts";
import type { Pane } from "../frame.ts";
import { BOLD, REVERSE, type Style, style, UNDERLINE } from "../style.ts";
import { cutTo, textWidth } from "../width.ts";
import type { ViewContext } from "./view-context.ts";

type Hint = readonly [key: string, what: string];

export function footer(pane: Pane, { model, mouse }: ViewContext): void {
  const { ui } = model;
  let x = 1;
  // the two keys that everybody needs keep their place at the right; in a line they would be typed
  const end = ui.input === null ? pane.width - 17 : pane.width;
  if (ui.input === null) {
    pane.runs(end, 0, [
      [" ?", style("accent", BOLD)],
      [" help ", style("muted")],
      [" q", style("accent", BOLD)],
      [" quit ", style("muted")],
    ]);
  }
  if (ui.notice !== null) x = pane.put(x, 0, cutTo(ui.notice, end - x - 2), style("warn", BOLD)) + 2;
  for (const [key, what] of hints(ui, model.source.kind === "file", mouse)) {
    if (x + key.length + what.length + 1 > end) return;
    x = pane.put(x, 0, key, style("accent", BOLD));
    x = pane.put(x, 0, ` ${what}  `, style("muted"));
  }
}

function hints(ui: Ui, file: boolean, mouse: boolean): readonly Hint[] {
  if (ui.input !== null) {
    const take: readonly Hint[] = [
      ["Enter", ui.input.kind === "filter" ? "filter" : "search"],
      ["Esc", "leave it"],
    ];
    return ui.input.kind === "filter" ? [["Tab", "next proposal"], ...take, ["Ctrl-U", "empty"]] : take;
  }
  if (ui.overlay !== null)
    return [
      ["Esc", "back"],
      ["↑↓", "scroll"],
    ];
  const cursor: Hint[] = file ? [[", .", "time"]] : [];
  switch (ui.screen) {
    case "overview":
      return [...cursor, ...listHints(ui), ["Tab", "dimension"], ["← →", "lists"], ["z", "zoom"], mouseHint(mouse)];
    case "exchanges":
      return [...cursor, ...listHints(ui), ["n N", "next hit"], ["e", "errors"], ["x", "all"], mouseHint(mouse)];
    case "top":
      return [["Tab", "dimension"], ["Enter", "exchanges behind it"], ...cursor, ["f", "filter"]];
    case "tls":
    case "alerts":
      return [
        ["Enter", "open"],
        ["↑↓", "move"],
        ["1", "overview"],
      ];
    default:
      return [
        ["↑↓", "scroll"],
        ["1", "overview"],
      ];
  }
}

function listHints(ui: Ui): readonly Hint[] {
  return [
    ["Enter", "open"],
    ["f", "filter"],
    ["/", "search"],
    ["Space", ui.paused === null ? "pause" : "go on"],
    ["s", "sort"],
  ];
}

function mouseHint(mouse: boolean): Hint {
  return ["m", mouse ? "mouse off" : "mouse on"];
}

/** The line being typed. `above` takes proposals and mistakes. Returns nothing: the cursor is drawn as a cell. */
export function inputLine(pane: Pane, above: Pane, input: Input): void {
  const label = input.kind === "filter" ? " filter: " : " search: ";
  const start = pane.put(0, 0, label, style("accent", BOLD));
  pane.put(start, 0, " ".repeat(Math.max(0, pane.width - start)));
  // a long line is shown from where its cursor is in sight
  const room = pane.width - start - 1;
  const before = lastColumns(input.text.slice(0, input.cursor), room);
  const hidden = input.cursor - before.length;
  const x = pane.put(start, 0, before, lookOf(input));
  const at = String.fromCodePoint(input.text.codePointAt(input.cursor) ?? 0x20);
  const behind = pane.put(x, 0, at, lookOf(input) | REVERSE);
  pane.put(behind, 0, input.text.slice(input.cursor + at.length), lookOf(input));
  if (input.mistake !== null) markMistake(pane, start, input, hidden);
  explain(above, start, input);
}

function lookOf(input: Input): Style {
  return input.mistake === null ? 0 : style("warn");
}

/** The end of a text that fits. */
function lastColumns(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(characters.join("")) > columns) characters.splice(0, 8);
  return characters.join("");
}

function markMistake(pane: Pane, start: number, input: Input, hidden: number): void {
  const column = start + textWidth(input.text.slice(hidden, Math.max(hidden, input.mistake!.column)));
  if (column < pane.width)
    pane.part(column, 0, 1, 1).restyle(0, (look) => style("bad", BOLD | UNDERLINE) | (look & REVERSE));
}

/** Rows that the proposals and the message need above the line. */
export function inputRows(input: Input): number {
  return Math.min(8, input.completions.length) + (input.mistake === null ? 0 : 2);
}

function explain(pane: Pane, start: number, input: Input): void {
  pane.clear();
  let y = pane.height - 1;
  if (input.mistake !== null && y >= 1) {
    const column = Math.min(pane.width - 2, start + textWidth(input.text.slice(0, input.mistake.column)));
    pane.put(column, y--, "▲", style("bad", BOLD));
    const message = cutTo(input.mistake.message, pane.width - 2);
    pane.put(Math.max(1, Math.min(column, pane.width - textWidth(message) - 1)), y--, message, style("bad"));
  }
  const shown = Math.max(0, y + 1);
  const first = Math.max(0, Math.min(input.chosen - shown + 1, input.completions.length - shown));
  for (let row = 0; row < shown; row++) {
    const proposal = input.completions[first + row];
    if (proposal === undefined) break;
    const chosen = first + row === input.chosen;
    const end = pane.put(start, row, ` ${proposal.text} `, chosen ? style("accent", BOLD | REVERSE) : style("accent"));
    if (proposal.note !== "") pane.put(Math.max(end + 1, start + 24), row, proposal.note, style("muted"));
  }
}

/** The two lines at the top: what is watched and how it goes, and the screens to choose from. */
import { SECOND } from "../../../core/units.ts";
import { SCREENS, type Screen } from "../../model/action.ts";
import type { SourceInfo } from "../../model/model.ts";
import { percent, rate, runtime } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, REVERSE, type Style, style } from "../style.ts";
import { cutTo } from "../width.ts";
import type { ViewContext } from "./view-context.ts";

export const SCREEN_TITLES: Readonly<Record<Screen, string>> = {
  overview: "Overview",
  exchanges: "Exchanges",
  top: "Top",
  tls: "HTTPS",
  alerts: "Alerts",
  ledger: "Ledger",
};

export function header(pane: Pane, context: ViewContext): void {
  firstLine(pane, context);
  screenLine(pane, context);
}

function firstLine(pane: Pane, { model }: ViewContext): void {
  const { source, startTime, now, ui } = model;
  const marks: [string, Style][] = [];
  if (source.revealed) marks.push([" SECRETS SHOWN ", style("bad", BOLD | REVERSE)]);
  if (ui.paused !== null) marks.push([" PAUSED ", style("warn", BOLD | REVERSE)]);
  const firing = model.alerts.open.filter((record) => record.last.state === "firing").length;
  if (firing > 0) marks.push([` ${firing} FIRING `, style("bad", BOLD | REVERSE)]);
  let end = pane.width;
  for (const [text, look] of marks) end = pane.putRight(end, 0, text, look) - 1;

  const recent = lastSeconds(model);
  const state = source.kind === "live" ? "live" : "file";
  pane.part(0, 0, end, 1).runs(0, 0, [
    [" earshot ", style("accent", BOLD)],
    [` ${cutTo(shortName(source), Math.max(12, Math.floor(pane.width / 4)))} `, BOLD],
    [`${state} ${runtime(startTime === null ? 0 : now - startTime)}`, style("muted")],
    ["  ", 0],
    [rate(recent.perSecond), BOLD],
    [` req/s${model.span !== null ? " at the cursor" : source.kind === "live" ? "" : " on average"}`, style("muted")],
    ["  ", 0],
    [percent(recent.failedShare), style(recent.failedShare > 0 ? "bad" : "good", BOLD)],
    [" failed", style("muted")],
    ["  ", 0],
    [source.revealed ? "" : "redacted", style("muted")],
  ]);
}

/** Files go by their last names: where they lie matters less than what is in them. */
function shortName(source: SourceInfo): string {
  if (source.kind === "live") return source.name;
  const names = source.name.split(", ").map((path) => path.slice(path.lastIndexOf("/") + 1));
  return names.length === 1 ? names[0] : `${names[0]} +${names.length - 1}`;
}

/** Live: the last ten whole seconds. A file: all of it, or the column under the time cursor. */
export function lastSeconds(model: ViewContext["model"]): { perSecond: number; failedShare: number } {
  const { source, now, startTime, whole, span } = model;
  const end = Math.floor(now / SECOND) * SECOND;
  const start = Math.max(end - 10 * SECOND, Math.floor((startTime ?? end) / SECOND) * SECOND);
  const slice =
    span !== null
      ? whole.between(span.from, span.to)
      : source.kind === "live"
        ? model.recent.between(start, Math.max(end, start + SECOND))
        : whole.between(whole.start, whole.end);
  const length = Math.max(slice.end - slice.start, source.kind === "live" ? SECOND : whole.width);
  return {
    perSecond: (slice.requests * SECOND) / length,
    failedShare: slice.requests === 0 ? 0 : slice.failed / slice.requests,
  };
}

function screenLine(pane: Pane, { model }: ViewContext): void {
  let x = 1;
  for (const [index, screen] of SCREENS.entries()) {
    const chosen = model.ui.screen === screen;
    const label = ` ${index + 1} ${SCREEN_TITLES[screen]} `;
    const end = pane.put(x, 1, label, chosen ? style("accent", BOLD | REVERSE) : style("muted"));
    pane.onClick(1, { type: "screen", screen }, x, end - x);
    x = end + 1;
  }
}

/** Alerts: one line that is always in sight, and a screen with every rule's state, what is open, and what was. */
import { MILLISECOND, type Micros, SECOND } from "../../../core/units.ts";
import type { AlertRecord, RuleState, RuleStatus } from "../../model/alerts.ts";
import { box } from "../draw.ts";
import { amount, clock, dateAndClock, milliseconds, percent, size, span, UNKNOWN } from "../format.ts";
import type { Pane } from "../frame.ts";
import { BOLD, type Style, style, type Tone } from "../style.ts";
import { type Column, drawTable } from "../table.ts";
import { textWidth } from "../width.ts";
import { type Line, pair } from "./lines.ts";
import type { ViewContext } from "./view-context.ts";

const MUTED = style("muted");

/** Colour and mark of each state; the word itself always stands beside them. */
const STATES: Readonly<Record<RuleState, readonly [mark: string, tone: Tone]>> = {
  learning: ["◆", "info"],
  normal: ["●", "good"],
  pending: ["●", "warn"],
  firing: ["▲", "bad"],
  resolving: ["▼", "violet"],
  dismissed: ["✓", "good"],
  suspect: ["●", "warn"],
  "no-data": ["○", "muted"],
};

function ruleName(rule: { rule: string; scope: string | null; group: string | null }): string {
  const scope = rule.scope === null || rule.scope === "" ? "" : ` ${rule.scope}`;
  return rule.rule + scope + (rule.group === null ? "" : ` [${rule.group}]`);
}

/** What a rule is doing in a few words: `learning, 95 s left`, `412 in 120 s, usual 250 (+65 %)`. */
export function ruleSentence(rule: RuleStatus): string {
  if (rule.state === "learning") {
    return rule.learning_left_s === null ? "learning" : `learning, ${span(rule.learning_left_s * SECOND)} left`;
  }
  if (rule.value === null) return rule.state;
  const now = inUnit(rule.unit, rule.value) + (rule.window_s === null ? "" : ` in ${rule.window_s} s`);
  if (rule.usual === null) return `${rule.state}, ${now}`;
  const usual = inUnit(rule.unit, rule.usual.middle);
  return `${rule.state}, ${now}, usual ${usual}${deviation(rule.value, rule.usual.middle)}`;
}

function deviation(value: number, usual: number): string {
  if (usual === 0) return "";
  const share = (value - usual) / usual;
  return ` (${share < 0 ? "−" : "+"}${percent(Math.abs(share))})`;
}

function inUnit(unit: string, value: number): string {
  switch (unit) {
    case "%":
      return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} %`;
    case "ms":
      return milliseconds(value);
    case "bytes":
      return size(value);
    default:
      return amount(value);
  }
}

/** Rules that need attention first. */
const URGENCY: readonly RuleState[] = [
  "firing",
  "resolving",
  "pending",
  "no-data",
  "suspect",
  "dismissed",
  "learning",
  "normal",
];

export function alertStrip(pane: Pane, context: ViewContext): void {
  const { alerts } = context.model;
  const rules = [...alerts.rules].sort((a, b) => URGENCY.indexOf(a.state) - URGENCY.indexOf(b.state));
  let x = pane.put(0, 0, " alerts ", style("muted", BOLD));
  pane.onClick(0, { type: "screen", screen: "alerts" });
  if (rules.length === 0) {
    const open = alerts.open[0];
    if (open !== undefined) pane.put(x, 0, `▲ ${open.last.summary}`, style("bad", BOLD));
    else pane.put(x, 0, "no rule is watched", MUTED);
    return;
  }
  const full = rules.map((rule) => `${ruleName(rule)} ${ruleSentence(rule)}`);
  const fits = full.reduce((sum, text) => sum + textWidth(text) + 4, x) <= pane.width;
  for (const [index, rule] of rules.entries()) {
    const [mark, tone] = STATES[rule.state];
    // the most urgent one is told in full, the others as room allows
    const text = fits || index === 0 ? full[index] : `${ruleName(rule)} ${brief(rule)}`;
    if (index > 0 && x + textWidth(text) + 2 > pane.width - (index < rules.length - 1 ? 4 : 0)) {
      pane.put(x, 0, `+${rules.length - index}`, MUTED);
      return;
    }
    const attention = rule.state === "firing" ? style("bad", BOLD) : rule.state === "normal" ? MUTED : style(tone);
    x = pane.put(x, 0, `${mark} `, style(tone, BOLD));
    x = pane.put(x, 0, text, attention) + 2;
  }
}

function brief(rule: RuleStatus): string {
  if (rule.state !== "learning" || rule.learning_left_s === null) return rule.state;
  return `learning ${span(rule.learning_left_s * SECOND)}`;
}

const RULE_COLUMNS: readonly Column<RuleStatus>[] = [
  {
    title: "state",
    width: 12,
    from: 0,
    text: (rule) => `${STATES[rule.state][0]} ${rule.state}`,
    look: (rule) => style(STATES[rule.state][1], BOLD),
  },
  { title: "rule", width: 0, from: 0, text: ruleName },
  { title: "now", width: 12, from: 0, right: true, text: (rule) => known(rule.unit, rule.value) },
  { title: "usual", width: 12, from: 0, right: true, text: (rule) => known(rule.unit, rule.usual?.middle ?? null) },
  {
    title: "limits",
    width: 22,
    from: 70,
    right: true,
    text: ({ usual, unit }) => (usual === null ? UNKNOWN : `${known(unit, usual.low)} – ${known(unit, usual.up)}`),
  },
  {
    title: "window",
    width: 9,
    from: 0,
    right: true,
    text: ({ window_s: window }) => (window === null ? "" : span(window * SECOND)),
  },
  {
    title: "learning",
    width: 15,
    from: 90,
    right: true,
    text: ({ learning_left_s: left }) => (left === null ? "" : `${span(left * SECOND)} left`),
    look: () => style("info"),
  },
];

function known(unit: string, value: number | null): string {
  return value === null ? UNKNOWN : inUnit(unit, value);
}

/** The unit of an alert's values; plain numbers when its rule is gone. */
function unitOf(record: AlertRecord, { model }: ViewContext): string {
  return model.alerts.rules.find(({ rule }) => rule === record.last.rule)?.unit ?? "";
}

function recordLook(record: AlertRecord): Style {
  if (!record.open) return record.last.state === "resolved" ? style("good") : MUTED;
  if (record.last.state === "firing") return style("bad", BOLD);
  return style(record.last.state === "resolving" ? "violet" : "warn");
}

function lengthOf(record: AlertRecord, now: Micros): string {
  return span((record.end ?? now) - record.start) + (record.open ? " …" : "");
}

const RECORD_COLUMNS: readonly Column<AlertRecord>[] = [
  { title: "began", width: 9, from: 0, text: (record, zone) => clock(record.start, zone), look: () => MUTED },
  { title: "state", width: 10, from: 0, text: (record) => record.last.state, look: recordLook },
  {
    title: "lasted",
    width: 13,
    from: 0,
    right: true,
    text: (record, { model }) => lengthOf(record, model.now),
  },
  { title: "severity", width: 10, from: 90, text: ({ last }) => last.severity, look: severityLook },
  { title: "summary", width: 0, from: 0, text: ({ last }) => last.summary },
  {
    title: "peak",
    width: 10,
    from: 100,
    right: true,
    text: (record, context) => known(unitOf(record, context), record.last.peak),
  },
];

function severityLook({ last }: AlertRecord): Style {
  return style(last.severity === "critical" ? "bad" : last.severity === "warning" ? "warn" : "info");
}

/** The newest alerts, for the overview of a large screen. */
export function alertHistory(pane: Pane, context: ViewContext, focused: boolean): void {
  const { model } = context;
  const records = model.alertRecords();
  const inside = box(pane, "Alerts", durationsText(context), focused);
  if (records.length === 0) {
    inside.put(1, 0, "no alert so far", MUTED);
    return;
  }
  drawTable(
    inside,
    {
      columns: RECORD_COLUMNS,
      length: records.length,
      at: (index) => records[index],
      selected: Math.max(
        0,
        records.findIndex((record) => record.id === model.ui.alert),
      ),
      focused,
      click: (index) => ({ type: "select", row: records[index].id }),
    },
    context,
  );
}

function durationsText({ model }: ViewContext): string {
  const { count, open, mean_ms: mean, max_ms: max } = model.alerts.durations();
  if (count === 0) return "";
  const parts = [`${count}${open > 0 ? `, ${open} open` : ""}`];
  if (mean !== null && max !== null) {
    parts.push(`mean ${span(mean * MILLISECOND)}`, `longest ${span(max * MILLISECOND)}`);
  }
  return parts.join(" · ");
}

export function alertScreen(pane: Pane, context: ViewContext): void {
  const { rules } = context.model.alerts;
  const height = Math.max(3, Math.min(rules.length + 3, Math.floor(pane.height / 2)));
  const inside = box(pane.part(0, 0, pane.width, height), "Rules", `${rules.length}`);
  if (rules.length === 0) inside.put(1, 0, "no rule is watched", MUTED);
  drawTable(
    inside,
    {
      columns: RULE_COLUMNS,
      length: rules.length,
      at: (index) => rules[index],
      selected: 0,
      focused: false,
      titled: rules.length > 0,
      click: () => ({ type: "screen", screen: "alerts" }),
    },
    context,
  );
  alertHistory(pane.part(0, height, pane.width, pane.height - height), context, true);
}

/** Lines of an alert's own page. */
export function alertLines(record: AlertRecord, context: ViewContext): Line[] {
  const { last } = record;
  const when = (time: string | null) =>
    time === null ? UNKNOWN : dateAndClock(Date.parse(time) * MILLISECOND, context);
  const unit = unitOf(record, context);
  const lines: Line[] = [
    [[last.summary, BOLD]],
    [],
    pair("state", `${last.state}, ${last.severity}`),
    pair("rule", ruleName(last)),
    pair("began", when(last.active_at)),
    pair("fired", when(last.fired_at)),
    pair("last breach", when(last.last_breach_at)),
    pair("resolved", when(last.resolved_at)),
    pair("lasted", lengthOf(record, context.model.now)),
    pair("value", `${known(unit, last.value)} in ${last.window_s} s, peak ${known(unit, last.peak)}`),
  ];
  if (last.baseline !== null) {
    const { m, low, up, mode, windows } = last.baseline;
    lines.push(
      pair(
        "usual",
        `${inUnit(unit, m)}, limits ${inUnit(unit, low)} – ${inUnit(unit, up)} (${mode}, ${windows} windows learned)`,
      ),
    );
  }
  const { quality } = last;
  if (quality.suspect || quality.dropped > 0 || quality.gap_bytes > 0) {
    lines.push(
      pair("capture", `${amount(quality.dropped)} packets dropped, ${amount(quality.gap_bytes)} octets missing`),
    );
  }
  if (last.contributors.length > 0) lines.push([], [["Behind it", BOLD]]);
  for (const who of last.contributors) {
    lines.push(
      pair(
        `  ${who.dimension}`,
        `${who.key}  ${inUnit(unit, who.now)} now, ${who.new ? "never seen before" : `usual ${inUnit(unit, who.usual)}`}, ${percent(who.share_of_excess)} of the excess`,
      ),
    );
  }
  if (last.samples.length > 0) lines.push([], pair("examples", last.samples.join(" ")));
  return lines;
}
